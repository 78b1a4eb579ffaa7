"""LLVM IR made into machine code for this processor, by llvmlite."""

from __future__ import annotations

import ctypes
from functools import cache, lru_cache
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]


def target() -> Any:
    """Return LLVM's description of this processor; each compiler takes one as its own, and frees it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )


@cache
def registers() -> tuple[int, int]:
    """Return the bytes of a vector register of this processor, and how many there are."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    if features.get("avx"):
        return 32, 16
    return 16, 32 if llvm.get_process_triple().startswith(("aarch64", "arm64")) else 16


class Code:
    """Functions in machine code; they stay valid as long as this object lives."""

    def __init__(self, text: str) -> None:
        module = llvm.parse_assembly(text + ATTRIBUTES)
        module.verify()
        self.engine = llvm.create_mcjit_compiler(module, target())
        self.engine.finalize_object()

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """Return a function as ctypes calls it, with the interpreter lock released."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.engine.get_function_address(name))


@lru_cache(maxsize=32)
def compiled(text: str) -> Code:
    """Return the machine code of a module; the last ones are kept, for the next training of the same structure."""
    return Code(text)


ATTRIBUTES = '\nattributes #0 = { nounwind "prefer-vector-width"="512" }\n'
