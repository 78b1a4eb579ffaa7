"""Processes that call what they are sent: a Python of its own for each contestant, so that none disturbs another.

Each is an ordinary `python -m`, as a user starts one, and no child of multiprocessing: a library that knows itself in
such a child takes fewer threads there, as plainnet does.
"""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
"""The folder in which `benchmarks` is a package."""


class Failed(Exception):
    """What was asked of a process ended in an exception there, or the process ended."""


class Process:
    """A Python that waits for calls; a context manager that ends it. `environment` adds to this process's own."""

    def __init__(self, **environment: str) -> None:
        self.python = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, once it has done what it was asked."""
        self.python.communicate()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what `function(*arguments)` returns there."""
        assert self.python.stdin is not None
        assert self.python.stdout is not None
        try:
            pickle.dump((function, arguments), self.python.stdin)
            self.python.stdin.flush()
            succeeded, result = pickle.load(self.python.stdout)
        except (EOFError, BrokenPipeError):
            raise Failed(f"its process ended with exit code {self.python.wait()}") from None
        if not succeeded:
            raise Failed(result)
        return result


def answer_calls() -> None:
    """Answer what comes on standard input, until it is closed; standard output is for the answers alone."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints goes to standard error
        while True:
            try:
                function, arguments = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            try:
                reply = True, function(*arguments)
            except Exception as error:  # whatever it is, whoever asked decides
                reply = False, f"{type(error).__name__}: {error}".splitlines()[0]
            pickle.dump(reply, answers)
            answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C comes to all of them; the one that asks speaks of it
        answer_calls()
