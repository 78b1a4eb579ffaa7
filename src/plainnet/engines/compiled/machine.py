"""LLVM IR made into machine code for this processor, by llvmlite.

Nothing is kept on disk: half of the time to the first step is spent before there is any IR to look up, and machine code
from a file would have to be trusted. The process keeps its last code, for the fits of a cross-validation.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache, lru_cache
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import llvmlite.binding as llvm  # type: ignore[import-untyped]

if llvm.llvm_version_info < (20,):
    raise ImportError(f"llvmlite {llvmlite.__version__} is too old; the compiled engine needs 0.45 or newer")

EFFORT = 1
"""The effort of the code generator, from 0 to 3. 0 is twice as fast and its code up to six times as slow as that of 1;
2 and 3 take 5 to 10 % longer for code that is no faster, as the vectors and the unrolling are ours."""

ATTRIBUTES = '\nattributes #0 = { nounwind "prefer-vector-width"="512" }\n'

KEPT = 8
"""Texts whose code is kept; each takes about a megabyte."""


@cache
def features() -> dict[str, bool]:
    """Return what this processor can do, in LLVM's words; nothing where LLVM cannot tell."""
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:
        return {}


@cache
def registers() -> tuple[int, int]:
    """Return the bytes of a vector register of this processor, and how many there are."""
    if features().get("avx512f"):
        return 64, 32
    if features().get("avx"):
        return 32, 16
    return 16, 32 if llvm.get_process_triple().startswith(("aarch64", "arm64")) else 16


def target() -> Any:
    """Return LLVM's description of this processor; each compiler takes one as its own, and frees it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    listed = ",".join(f"{'+' if there else '-'}{name}" for name, there in sorted(features().items()))
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=listed, opt=EFFORT, jit=True
    )


@lru_cache(maxsize=KEPT)
def _compiled(text: str) -> Any:
    module = llvm.parse_assembly(text + ATTRIBUTES)
    module.verify()  # under a hundredth of the time; the code generator takes a mistake for an end of the process
    engine = llvm.create_mcjit_compiler(module, target())
    engine.finalize_object()
    return engine


@cache
def _processor() -> tuple[str, ...]:
    """Return what the code generator knows of this processor."""
    version = ".".join(map(str, llvm.llvm_version_info))
    return version, llvm.get_host_cpu_name(), *(name for name, there in sorted(features().items()) if there)


class Code:
    """Functions in machine code."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.engine = _compiled(text)

    @property
    def identity(self) -> tuple[str, ...]:
        """Return what the machine code depends on: processors for which it differs may round differently."""
        return hashlib.sha256(self.text.encode()).hexdigest(), *_processor()

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """Return a function as ctypes calls it, with the interpreter lock released."""
        function = ctypes.CFUNCTYPE(result, *arguments)(self.engine.get_function_address(name))
        function.engine = self.engine  # type: ignore[attr-defined]  # whose end is the end of the code
        return function


def assembly(text: str) -> str:
    """Return the machine code of LLVM IR as text, in the assembly language of this processor."""
    module = llvm.parse_assembly(text + ATTRIBUTES)
    written: str = target().emit_assembly(module)
    return written
