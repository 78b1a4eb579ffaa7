"""Two things that Numba lacks: calls of C functions by address, and numbers that two threads share."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

INT32, INT64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def gemm(
    typing: Any, address: Any, transposes: Any, m: Any, n: Any, k: Any,
    a: Any, lda: Any, b: Any, ldb: Any, c: Any, ldc: Any, one: Any,
) -> Any:  # fmt: skip
    """C ← A B by the BLAS routine at `address`; a, b, c are addresses, `one` is 1 in the matrices' number type.

    `transposes` is 0, 1 (A is stored transposed) or 2 (B is). BLAS counts in columns: see `products`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, transposes, m, n, k, a, lda, b, ldb, c, ldc, one = arguments
        number = one.type

        def reference(value: Any) -> Any:
            with builder.goto_entry_block():  # once a call of the kernel: in a loop the stack would grow each time
                place = builder.alloca(value.type)
            builder.store(value, place)
            return place

        def letter(transposed: Any) -> Any:
            byte = ir.IntType(8)
            return reference(builder.select(transposed, byte(ord("T")), byte(ord("N"))))

        def whole(value: Any) -> Any:
            return reference(builder.trunc(value, INT32))

        def pointer(value: Any) -> Any:
            return builder.inttoptr(value, number.as_pointer())

        passed = [
            letter(builder.icmp_signed("==", transposes, INT64(1))),
            letter(builder.icmp_signed("==", transposes, INT64(2))),
            *map(whole, (m, n, k)),
            reference(one),
            pointer(a),
            whole(lda),
            pointer(b),
            whole(ldb),
            reference(ir.Constant(number, 0.0)),
            pointer(c),
            whole(ldc),
        ]
        function = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
        builder.call(builder.inttoptr(address, function.as_pointer()), passed)
        return context.get_dummy_value()

    whole_numbers = [types.int64] * 11
    return types.void(*whole_numbers, one), generate


@intrinsic
def next_uint32(typing: Any, function: Any, state: Any) -> Any:
    """Return the next 32 random bits of a NumPy bit generator, given the addresses of its function and its state."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function, state = arguments
        kind = ir.FunctionType(INT32, [ir.IntType(8).as_pointer()])
        pointer = builder.inttoptr(function, kind.as_pointer())
        bits = builder.call(pointer, [builder.inttoptr(state, ir.IntType(8).as_pointer())])
        return builder.zext(bits, INT64)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def give_way(typing: Any, function: Any) -> Any:
    """Let other threads of the machine run, by the C function at this address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(INT32, [])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def shared_load(typing: Any, address: Any) -> Any:
    """Return a number that another thread may have written; all it wrote before is seen too."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], INT64.as_pointer()), "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def shared_store(typing: Any, address: Any, value: Any) -> Any:
    """Write a number that another thread may load; all written before is seen with it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, value = arguments
        builder.store_atomic(value, builder.inttoptr(address, INT64.as_pointer()), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
