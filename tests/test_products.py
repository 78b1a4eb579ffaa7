"""Matrix products in machine code, against NumPy's in float64."""

import ctypes
import itertools

import numpy as np
import pytest

from plainnet.engines.compiled import product_kernels, products
from plainnet.engines.compiled.assembly import Module, Value, whole
from plainnet.engines.compiled.machine import Code
from plainnet.engines.compiled.products import Matrix, product, scratch_numbers

FORMS = ("a @ b", "a.T @ b", "a @ b.T")
COUNTS = (1, 2, 3, 5, 8, 17, 64, 70)
DTYPES = {"float": np.float32, "double": np.float64}


class Product:
    """A product of one form and shape in machine code."""

    def __init__(self, type, form, m, n, k, at_run_time, most=None):
        self.dtype, self.form = DTYPES[type], form
        module = Module()
        parameters = [Value("ptr", f"%{name}") for name in ("a", "b", "c", "scratch")]
        examples = Value("i64", "%examples")
        f = module.function("f", (*parameters, examples), private=False)
        rows, terms = whole(m), whole(k)
        if at_run_time:
            rows, terms = (rows, examples) if form == "a.T @ b" else (examples, terms)
        strides = (whole(1), whole(m)) if form == "a.T @ b" else (whole(k), whole(1))
        a = Matrix(parameters[0], *strides)
        strides = (whole(1), whole(k)) if form == "a @ b.T" else (whole(n), whole(1))
        b = Matrix(parameters[1], *strides)
        c = Matrix(parameters[2], whole(n), whole(1))
        most = most or (k if form == "a.T @ b" else m)
        product(f, type, rows, whole(n), terms, a, b, c, parameters[3], most)
        f.give()
        self.code = Code(str(module))
        self.function = self.code.function("f", None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
        self.scratch = scratch_numbers(type, rows, whole(n), terms, b, most)

    def __call__(self, a, b):
        """a @ b, for which the matrices are laid out as the form says; nothing beside the result is written."""
        m, k = a.shape
        result, scratch = np.full((m + 1, b.shape[1]), 7, self.dtype), np.full(self.scratch + 1, 7, self.dtype)
        a = np.asarray(a, self.dtype, "F" if self.form == "a.T @ b" else "C")
        b = np.asarray(b, self.dtype, "F" if self.form == "a @ b.T" else "C")
        addresses = (x.ctypes.data for x in (a, b, result, scratch))
        self.function(*addresses, k if self.form == "a.T @ b" else m)
        assert (result[m] == 7).all()
        assert scratch[self.scratch] == 7
        return result[:m]


def matrices(m, n, k, type):
    rng = np.random.default_rng(m + 100 * n + 10_000 * k)
    return rng.normal(size=(m, k)).astype(DTYPES[type]), rng.normal(size=(k, n)).astype(DTYPES[type])


def check(type, form, m, n, k, at_run_time):
    a, b = matrices(m, n, k, type)
    found = Product(type, form, m, n, k, at_run_time)(a, b)
    a, b = a.astype(np.float64), b.astype(np.float64)
    bound = (k + 1) * np.finfo(DTYPES[type]).eps * (np.abs(a) @ np.abs(b))
    assert (np.abs(found - a @ b) <= bound).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("type", DTYPES)
@pytest.mark.parametrize("at_run_time", [False, True])
def test_every_element_is_the_sum_of_its_products(type, form, at_run_time):
    shapes = list(itertools.product(COUNTS, repeat=3))
    for m, n, k in shapes[::17]:
        check(type, form, m, n, k, at_run_time)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("type", DTYPES)
@pytest.mark.parametrize(("m", "n", "k"), [(128, 784, 10), (300, 128, 700), (521, 150, 530)])
def test_large_products_are_computed_in_pieces(type, form, m, n, k):
    check(type, form, m, n, k, at_run_time=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("registers", [(16, 16), (16, 32), (32, 16)])
def test_products_on_processors_with_other_registers(registers, form, monkeypatch):
    for module in (products, product_kernels):
        monkeypatch.setattr(module, "registers", lambda: registers)
    for m, n, k in ((5, 3, 4), (17, 11, 8), (33, 41, 20), (300, 70, 515)):
        for type in DTYPES:
            check(type, form, m, n, k, at_run_time=True)


@pytest.mark.parametrize("form", ["a @ b", "a @ b.T"])
def test_a_smaller_last_batch_gives_the_same_bits(form):
    for m, n, k in ((32, 20, 30), (300, 100, 600)):
        a, b = matrices(m, n, k, "float")
        multiply = Product("float", form, m, n, k, at_run_time=True)
        whole_batch = multiply(a, b)
        for rows in (1, 3, 10, 29):
            np.testing.assert_array_equal(multiply(a[:rows], b), whole_batch[:rows])


def test_products_of_one_network_share_their_kernels():
    module = Module()
    f = module.function("f", [Value("ptr", "%p"), Value("i64", "%rows")], private=False)
    p, rows = f.parameters
    for n in (256, 128, 64, 32):
        k, one = 2 * n, whole(1)
        straight, columns, units = Matrix(p, whole(k), one), Matrix(p, one, whole(k)), Matrix(p, whole(n), one)
        product(f, "float", rows, whole(n), whole(k), straight, units, units, p, 64)
        product(f, "float", whole(k), whole(n), rows, columns, units, units, p, 64)
        product(f, "float", rows, whole(k), whole(n), units, Matrix(p, one, whole(n)), straight, p, 64)
    f.give()
    assert len(module.functions) <= 4
