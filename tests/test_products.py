"""Matrix products in machine code, against NumPy's in float64."""

import ctypes
import itertools

import numpy as np
import pytest

from plainnet.engines.compiled.assembly import Module, Value, whole
from plainnet.engines.compiled.machine import Code
from plainnet.engines.compiled.products import Matrix, product, scratch_numbers

FORMS = ("a @ b", "a.T @ b", "a @ b.T")
COUNTS = (1, 2, 3, 5, 8, 17, 64, 70)
DTYPES = {"float": np.float32, "double": np.float64}


def compiled(type, form, m, n, k, at_run_time):
    """Code with f(a, b, c, scratch, examples), whose first four arguments are addresses; and the size of scratch."""
    module = Module()
    addresses = [Value("ptr", f"%{name}") for name in ("a", "b", "c", "scratch")]
    examples = Value("i64", "%examples")
    f = module.function("f", (*addresses, examples), private=False)
    rows, terms = whole(m), whole(k)
    if at_run_time:
        rows, terms = (rows, examples) if form == "a.T @ b" else (examples, terms)
    a = Matrix(addresses[0], whole(1), whole(m)) if form == "a.T @ b" else Matrix(addresses[0], whole(k), whole(1))
    b = Matrix(addresses[1], whole(1), whole(k)) if form == "a @ b.T" else Matrix(addresses[1], whole(n), whole(1))
    product(f, type, rows, whole(n), terms, a, b, Matrix(addresses[2], whole(n), whole(1)), addresses[3])
    f.give()
    return Code(str(module)), scratch_numbers(whole(n), whole(k), b)


def check(type, form, m, n, k, at_run_time):
    dtype = DTYPES[type]
    rng = np.random.default_rng(m + 100 * n + 10_000 * k)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    code, size = compiled(type, form, m, n, k, at_run_time)
    f = code.function("f", None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
    c, scratch = np.full((m + 1, n), 7, dtype), np.full(size + 1, 7, dtype)
    given = [np.ascontiguousarray(x) for x in (a.T if form == "a.T @ b" else a, b.T if form == "a @ b.T" else b)]
    f(*(x.ctypes.data for x in (*given, c, scratch)), k if form == "a.T @ b" else m)
    a, b = a.astype(np.float64), b.astype(np.float64)
    bound = (k + 1) * np.finfo(dtype).eps * (np.abs(a) @ np.abs(b))
    assert (np.abs(c[:m] - a @ b) <= bound).all()
    assert (c[m] == 7).all()
    assert scratch[size] == 7


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("type", DTYPES)
@pytest.mark.parametrize("at_run_time", [False, True])
def test_every_element_is_the_sum_of_its_products(type, form, at_run_time):
    shapes = list(itertools.product(COUNTS, repeat=3))
    for m, n, k in shapes[:: 1 + len(shapes) // 60]:
        check(type, form, m, n, k, at_run_time)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("type", DTYPES)
@pytest.mark.parametrize(("m", "n", "k"), [(128, 784, 10), (300, 520, 700)])
def test_large_products(type, form, m, n, k):
    check(type, form, m, n, k, at_run_time=True)
