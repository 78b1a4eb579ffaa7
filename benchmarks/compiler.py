"""The compiled engine's own parts, beside a C compiler, BLAS and NumPy: the tables of docs/how/engines.md.

Run `python benchmarks/compiler.py steps`, `products` or `functions`. Each measures CPU seconds of one thread, in turns,
and prints a table in Markdown; `steps` needs gcc.
"""

import ctypes
import itertools
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite
import numpy as np
import threadpoolctl

import plainnet as pn
from plainnet.engines.compiled import compiling, driver, emission, machine, products, shown, step
from plainnet.engines.compiled.assembly import TYPES, Module, Value, number, whole
from plainnet.engines.compiled.compiled_engine import CompiledEngine
from plainnet.engines.compiled.loops import Buffer, Extent
from plainnet.engines.compiled.lowering import lower
from plainnet.engines.compiled.products import Matrix
from plainnet.engines.job import Job
from plainnet.losses import CrossEntropy, MeanSquaredError
from plainnet.tracing import ShapeDtype, simplify, trace

NETWORKS = {
    "XOR 3-4-1, 4 rows": ((3, 4, 1), 4),
    "30-64-32-2, 32 rows": ((30, 64, 32, 2), 32),
    "64-128-64-10, 64 rows": ((64, 128, 64, 10), 64),
    "784-256-128-10, 128 rows": ((784, 256, 128, 10), 128),
}
ROUNDS = 7
C_COMPILER = ("gcc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


def in_turns(contestants: Sequence[Callable[[int], object]], seconds: float = 0.1) -> list[float]:
    """Return the median CPU seconds of one turn of each, where a call makes so many turns."""
    counts = []
    for call in contestants:
        count, took = 1, 0.0
        while took < seconds / 4:
            count *= 2
            took = timed(lambda call=call, count=count: call(count))  # type: ignore[misc]
        counts.append(max(1, int(count * seconds / took)))
    rounds = [
        [timed(lambda: call(count)) / count for call, count in zip(contestants, counts, strict=True)]  # noqa: B023
        for _ in range(ROUNDS)
    ]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def timed(call: Callable[[], object]) -> float:
    """Return the CPU seconds of this thread."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def table(*rows: Sequence[object]) -> None:
    """Print a table whose first row is its head."""
    for i, row in enumerate(rows):
        print("| " + " | ".join(map(str, row)) + " |")
        if i == 0:
            print("| --- |" + " ---: |" * (len(row) - 1))


def digits(value: float) -> str:
    """Return three digits."""
    return f"{float(f'{value:.3g}'):,.{max(0, 2 - math.floor(math.log10(value)))}f}"


# Steps: the parts of compiling, and the same loops by a C compiler


def steps() -> None:
    """Compile and run one training step of each network; each row comes from a process of its own."""
    head = ("network", "trace", "lower", "write", "LLVM", "all, ms", "step, µs", "gcc, ms", "its step, µs")
    rows = [
        subprocess.check_output([sys.executable, __file__, name], text=True).strip().split(";") for name in NETWORKS
    ]
    table(head, *rows)


def step_row(name: str) -> str:
    """Return the figures of one network."""
    sizes, rows = NETWORKS[name]
    spent: dict[str, float] = {}
    for part, module, function in [
        ("trace", step, "trace"), ("trace", step, "simplify"), ("lower", step, "lower"), ("write", driver, "write"),
        ("LLVM", machine, "_compiled"),
    ]:  # fmt: skip
        setattr(module, function, counted(part, getattr(module, function), spent))
    job = job_of(sizes, rows)
    whole_time = timed(lambda: compiling.compiled(job))
    engine = CompiledEngine(job)
    begun = time.perf_counter()
    run_c = built_by_c(job)
    c_time = time.perf_counter() - begun
    ours, theirs = in_turns([engine.run, run_c])
    parts = [f"{1e3 * spent[part]:.0f}" for part in ("trace", "lower", "write", "LLVM")]
    return ";".join(
        [name, *parts, f"{1e3 * whole_time:.0f}", digits(1e6 * ours), f"{1e3 * c_time:.0f}", digits(1e6 * theirs)]
    )


def counted(part: str, function: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    """Return a function that adds its CPU seconds to those of its part."""

    def call(*arguments: Any, **more: Any) -> Any:
        began = time.thread_time()
        result = function(*arguments, **more)
        spent[part] = spent.get(part, 0.0) + time.thread_time() - began
        return result

    return call


def job_of(sizes: Sequence[int], rows: int) -> Job:
    """Return a job of one batch: sigmoid and squared error in float64 for one output, else relu and cross-entropy."""
    single = sizes[-1] == 1
    inner, outer, dtype = ("sigmoid", "sigmoid", "float64") if single else ("relu", "softmax", "float32")
    layers = [pn.Dense(units, inner) for units in sizes[1:-1]]
    net = pn.Network(*layers, pn.Dense(sizes[-1], outer), input_size=sizes[0], seed=1, dtype=dtype)
    random = np.random.default_rng(0)
    X = random.standard_normal((rows, sizes[0])).astype(dtype)
    y = random.random((rows, 1)).astype(dtype) if single else random.integers(sizes[-1], size=rows)
    loss = MeanSquaredError() if single else CrossEntropy()
    return Job(net, loss, pn.SGD(1e-3), X, y, None, None, False, 10**9)


def built_by_c(job: Job) -> Callable[[int], None]:
    """Return the loops of `plainnet xor --code loops`, made into machine code by a C compiler, as so many steps."""
    real = {"float32": "float", "float64": "double"}[job.network.dtype.name]
    targets = {"int64": "long long"}.get(job.targets.dtype.name, real)
    code = (
        shown.step_as_loops(job)
        + f"""
void run(const {real} *x, const {targets} *y, {real} *p, {real} *g, {real} *r, long steps)
{{
    for (long i = 0; i < steps; i++) {{
        forward_and_back(x, y, p, g, r);
        update(p, g, r, 0.001);
    }}
}}
"""
    )
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "step.c"), Path(folder, "step.so")
        source.write_text(code, encoding="utf-8")
        subprocess.run([*C_COMPILER, str(source), "-o", str(library), "-lm"], check=True)
        run = ctypes.CDLL(str(library)).run
    parameters = job.network.parameters.copy()
    arrays = (job.inputs, job.targets, parameters, np.zeros_like(parameters), np.zeros(8))
    return lambda count: run(*(pointer(array) for array in arrays), ctypes.c_long(count))


def pointer(array: Any) -> ctypes.c_void_p:
    """Return the address of an array's numbers."""
    return ctypes.c_void_p(array.ctypes.data)


# Products: own kernels and BLAS, both called from the same machine code


def products_table() -> None:
    """Multiply the matrices of each network's step, in float32."""
    threadpoolctl.threadpool_limits(1, "blas")
    rows = []
    for name, (sizes, batch) in {**NETWORKS, "1024-2048-1024-10, 256 rows": ((1024, 2048, 1024, 10), 256)}.items():
        total = [0.0, 0.0]
        for form, m, n, k in forms(sizes, batch):
            ours, blas = in_turns([product(form, m, n, k, False), product(form, m, n, k, True)], 0.05)
            total = [total[0] + ours, total[1] + blas]
            rate = [f"{digits(1e6 * t)} ({2e-9 * m * n * k / t:.0f})" for t in (ours, blas)]
            rows.append((name, f"{form}, {m} × {n} × {k}", *rate, f"{blas / ours:.2f}"))
        rows.append((name, "all", *(digits(1e6 * t) for t in total), f"{total[1] / total[0]:.2f}"))
    table(("network", "product, m × n × k", "own, µs (GFLOP/s)", "OpenBLAS, µs (GFLOP/s)", "times as fast"), *rows)


def forms(sizes: Sequence[int], batch: int) -> list[tuple[str, int, int, int]]:
    """Return the products of one training step."""
    found = []
    for i, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        found += [("x @ w", batch, units, inputs), ("x.T @ δ", inputs, units, batch)]
        found += [("δ @ w.T", batch, inputs, units)] if i else []
    return found


def product(form: str, m: int, n: int, k: int, by_blas: bool) -> Callable[[int], None]:
    """Return a function that computes a product so many times."""
    module = Module()
    a, b, c, scratch = (Value("ptr", f"%{name}") for name in ("a", "b", "c", "scratch"))
    times = Value("i64", "%times")
    f = module.function("run", (a, b, c, scratch, times), private=False)
    left = Matrix(a, whole(1), whole(m)) if form == "x.T @ δ" else Matrix(a, whole(k), whole(1))
    right = Matrix(b, whole(1), whole(k)) if form == "δ @ w.T" else Matrix(b, whole(n), whole(1))
    with f.loop(whole(0), times):
        if by_blas:
            turned = [112 if matrix.row.name == "1" and matrix.column.name != "1" else 111 for matrix in (left, right)]
            one, zero = number("float", 1), number("float", 0)
            long = [m if turned[0] == 112 else k, k if turned[1] == 112 else n]
            f.do(
                f"call void inttoptr (i64 {sgemm()} to ptr)(i32 101, i32 {turned[0]}, i32 {turned[1]}, i64 {m}, "
                f"i64 {n}, i64 {k}, {one}, {a}, i64 {long[0]}, {b}, i64 {long[1]}, {zero}, {c}, i64 {n})"
            )
        else:
            target = Matrix(c, whole(n), whole(1))
            products.product(f, "float", whole(m), whole(n), whole(k), left, right, target, scratch, max(m, k))
    f.give()
    run = machine.Code(str(module)).function("run", None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
    random = np.random.default_rng(0)
    room = products.scratch_numbers("float", whole(m), whole(n), whole(k), right, max(m, k))
    numbers = [random.standard_normal(size).astype("f4") for size in (m * k, k * n, m * n, room + 64)]
    return lambda count: run(*(pointer(array) for array in numbers), count)


def sgemm() -> int:
    """Return the address of sgemm in NumPy's BLAS."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    names = [name for name in ("scipy_cblas_sgemm64_", "cblas_sgemm64_", "cblas_sgemm") if hasattr(library, name)]
    found = ctypes.cast(getattr(library, names[0]), ctypes.c_void_p).value
    assert found
    return found


# Functions: own polynomials and NumPy's


def functions() -> None:
    """Compute 4,096 numbers by each function."""
    rows = []
    for name in ("exp", "expm1", "tanh", "log", "log1p"):
        times = []
        for dtype in ("float32", "float64"):
            function, x = getattr(np, name), np.random.default_rng(0).uniform(0.1, 2, 4096).astype(dtype)
            out = np.empty_like(x)

            def by_numpy(count: int, function: Any = function, x: Any = x, out: Any = out) -> None:
                for _ in range(count):
                    function(x, out=out)

            own = elementwise(function, x, out)
            times += [f"{1e9 * t / len(x):.2f}" for t in in_turns([own, by_numpy], 0.02)]
        rows.append((name, *times))
    table(("ns a number", "float32", "NumPy", "float64", "NumPy"), *rows)


def elementwise(function: Callable[..., Any], x: Any, out: Any) -> Callable[[int], None]:
    """Return machine code that computes out = function(x) so many times."""
    graph = simplify(trace(lambda x: function(x), ShapeDtype(x.shape, x.dtype)))
    extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
    given = Buffer("x", 0, (Extent(len(x)),), x.dtype)
    program = lower(
        graph, {graph.arguments[0]: given}, [(graph.result, Buffer("out", 0, given.extents, x.dtype))], extents
    )
    module = Module()
    addresses = {name: Value("ptr", f"%{name}") for name in ("x", "out")}
    once = module.function("once", [*addresses.values()])
    emission.write(once, program, addresses, {}, whole(0), machine.registers()[0])
    once.give()
    f = module.function("run", [*addresses.values(), Value("i64", "%times")], private=False)
    with f.loop(whole(0), Value("i64", "%times")):
        f.call("once", "void", *addresses.values())
    f.give()
    assert TYPES[x.dtype.name]
    run = machine.Code(str(module)).function("run", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    return lambda count: run(pointer(x), pointer(out), count)


if __name__ == "__main__":
    asked = sys.argv[1]
    if asked in NETWORKS:
        print(step_row(asked))
    else:
        print(f"llvmlite {llvmlite.__version__}, NumPy {np.__version__}, Python {platform.python_version()}\n")
        {"steps": steps, "products": products_table, "functions": functions}[asked]()
