"""A thread makes the next call while the result of the last one is used."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


def ahead(calls: Iterable[Callable[[], T]]) -> Generator[T, None, None]:
    """Yield the result of each call in turn; while it is used, a thread makes the next call.

    An error of a call comes out when its result is asked for. A single call is made at once, without a thread. A
    generator that is closed early does not wait for the call that is being made: Python may close it in a finalizer,
    where a Ctrl-C that came meanwhile would be lost.
    """
    each = iter(calls)
    first, second = next(each, None), next(each, None)
    if first is None:
        return
    if second is None:
        yield first()
        return
    from concurrent.futures import ThreadPoolExecutor  # only pieces of large data pay for this import

    executor, is_done = ThreadPoolExecutor(1, "plainnet-reading"), False
    try:
        pending = executor.submit(first)
        following: Callable[[], T] | None = second
        while following is not None:
            result = pending.result()
            pending = executor.submit(following)
            yield result
            del result
            following = next(each, None)
        yield pending.result()
        is_done = True
    finally:
        executor.shutdown(wait=is_done, cancel_futures=True)
