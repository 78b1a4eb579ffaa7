"""Exported C files compiled and run: what several test modules use."""

import ctypes
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wdouble-promotion", "-pedantic", "-Werror"]

COMPILERS = {name: [found] for name in ("gcc", "clang", "cc") if (found := shutil.which(name))}
if find_spec("ziglang"):
    COMPILERS.setdefault("clang", [sys.executable, "-m", "ziglang", "cc"])
CC = next(iter(COMPILERS.values()), None)

needs_compiler = pytest.mark.skipif(CC is None, reason="no C compiler (gcc, clang or cc) is installed")


def library(path, *options, compiler=None):
    """The functions of a C file, compiled with warnings as errors."""
    made = path.with_suffix(".so")
    command = [
        *(compiler or CC),
        "-std=c99",
        *WARNINGS,
        "-O2",
        "-shared",
        "-fPIC",
        *options,
        str(path),
        "-o",
        str(made),
    ]
    done = subprocess.run([*command, "-lm"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(made))


def program(path, *options):
    """Return the function that runs the file's own `main` on lines of text."""
    made = path.with_suffix(".exe")
    macro = re.search(r"#ifdef (\w+_MAIN)", path.read_text(encoding="utf-8"))[1]
    command = [*CC, "-std=c99", *WARNINGS, f"-D{macro}", *options, str(path), "-o", str(made), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    def run(text):
        done = subprocess.run([str(made)], input=text, capture_output=True, encoding="utf-8", check=True)
        return done.stdout.splitlines()

    return run


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def predicted(functions, net, X, *scratch, prefix="net"):
    """What the function net_predict makes of each row."""
    predict = getattr(functions, f"{prefix}_predict")
    X, outputs = np.ascontiguousarray(X, net.dtype), np.empty((len(X), net.output_size), net.dtype)
    for row, into in zip(X, outputs, strict=True):
        predict(pointer(row), pointer(into), *scratch)
    return outputs


def exported(net, folder):
    path = folder / "net.c"
    net.export(path)
    return path


def assert_few_last_places(actual, expected, places, scale=1.0):
    """Compare in units of the last place of the expected numbers or of `scale`, whichever is larger."""
    with np.errstate(invalid="ignore"):
        unit = np.finfo(expected.dtype).eps * np.maximum(np.abs(expected), scale)
        wrong = np.isfinite(expected) & ~(np.abs(actual - expected) <= places * unit)
    assert not wrong.any(), (actual[wrong], expected[wrong])
    np.testing.assert_array_equal(actual[~np.isfinite(expected)], expected[~np.isfinite(expected)])
