"""Text of LLVM IR to machine code: here, in threads and in forked processes, and for other processors."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import llvmlite.binding as llvm
import pytest

from plainnet.engines.compiled import machine, mathematics, product_kernels, products
from plainnet.engines.compiled.assembly import Module, Value, vector, whole
from plainnet.engines.compiled.products import Matrix, product


def adding(n):
    """The code of f(x) = x + n."""
    module = Module()
    f = module.function("f", [Value("i64", "%x")], "i64", private=False)
    f.give(f.add(f.parameters[0], whole(n)))
    return machine.Code(str(module))


def sum_of(n):
    return adding(n).function("f", ctypes.c_int64, ctypes.c_int64)(1)


def test_code_of_a_text_is_made_once():
    first = adding(1).function("f", ctypes.c_int64, ctypes.c_int64)
    assert adding(1).engine is adding(1).engine
    for n in range(2 * machine.KEPT):
        assert sum_of(n) == n + 1
    assert first(1) == 2


def test_a_mistake_is_an_error():
    with pytest.raises(RuntimeError, match="parsing"):
        machine.Code("define i64 @f() {\n ret float 0.0\n}")
    with pytest.raises(RuntimeError, match="dominate"):
        machine.Code("define i64 @f(i64 %x) {\n %y = add i64 %z, 1\n %z = add i64 %x, 1\n ret i64 %y\n}")


def test_threads_compile_at_once():
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sum_of, range(100, 164))) == list(range(101, 165))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_compiles_and_runs_what_is_compiled():
    before = adding(1000)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(sum_of, [1000, 1001]) == [1001, 1002]
    assert before.function("f", ctypes.c_int64, ctypes.c_int64)(1) == 1001


def everything(bytes_in_register):
    """A module with all functions and some products, for vector registers of that size."""
    module = Module()
    for kind, size in (("float", 4), ("double", 8)):
        for lanes in sorted({1, bytes_in_register // size, 2 * bytes_in_register // size, 64 // size}):
            type = vector(kind, lanes)
            for name, write in (*mathematics.FUNCTIONS.items(), *mathematics.BINARY.items()):
                count = 2 if name in mathematics.BINARY else 1
                pointers = [Value("ptr", f"%p{i}") for i in range(count + 1)]
                f = module.function(f"use.{name}.{kind}.{lanes}", pointers, private=False)
                f.store(write(f, *(f.load(type, p) for p in pointers[1:])), pointers[0])
                f.give()
        a, b, c, scratch = (Value("ptr", f"%{name}") for name in ("a", "b", "c", "scratch"))
        f = module.function(f"product.{kind}", [a, b, c, scratch], private=False)
        for m, n, k in ((4, 2, 3), (33, 65, 17)):
            left, right = Matrix(a, whole(k), whole(1)), Matrix(b, whole(n), whole(1))
            product(f, kind, whole(m), whole(n), whole(k), left, right, Matrix(c, whole(n), whole(1)), scratch, m)
        f.give()
    return str(module)


PROCESSORS = [
    ("x86_64-unknown-linux-gnu", "x86-64", 16, 16),
    ("x86_64-pc-windows-msvc", "haswell", 32, 16),
    ("x86_64-apple-macosx", "skylake-avx512", 64, 32),
    ("aarch64-unknown-linux-gnu", "generic", 16, 32),
    ("aarch64-pc-windows-msvc", "generic", 16, 32),
    ("arm64-apple-macosx", "apple-m1", 16, 32),
]


@pytest.mark.parametrize(("triple", "cpu", "size", "count"), PROCESSORS, ids=[f"{p[0]}-{p[1]}" for p in PROCESSORS])
def test_code_for_other_processors(triple, cpu, size, count, monkeypatch):
    for module in (products, product_kernels):
        monkeypatch.setattr(module, "registers", lambda: (size, count))
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    maker = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=machine.EFFORT, jit=True)
    module = llvm.parse_assembly(everything(size) + machine.ATTRIBUTES)
    module.triple = triple
    assert len(maker.emit_object(module)) > 10_000


def test_an_old_llvmlite_is_named():
    script = (
        "import llvmlite, llvmlite.binding as llvm\n"
        "llvm.llvm_version_info, llvmlite.__version__ = (15, 0, 7), '0.44.0'\n"
        "import plainnet.engines.compiled.machine\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "llvmlite 0.44.0 is too old; the compiled engine needs 0.45 or newer" in ended.stderr


def test_a_processor_that_llvm_does_not_know(monkeypatch):
    def unknown():
        raise RuntimeError("failed to get host cpu features.")

    monkeypatch.setattr(llvm, "get_host_cpu_features", unknown)
    machine.features.cache_clear()
    machine.registers.cache_clear()
    try:
        assert machine.registers()[0] == 16
        assert sum_of(2000) == 2001
    finally:
        machine.features.cache_clear()
        machine.registers.cache_clear()
