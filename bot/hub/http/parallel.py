"""Run one function on many items at once."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Parallel:
    """A pool of threads that work in copies of the caller's context, so that meters count their requests."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hub")

    def __call__(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return the results in the items' order. The first error is raised after all running calls have ended."""
        todo = list(items)
        if len(todo) == 1:
            return [work(todo[0])]
        under_way: list[Future[Result]] = []
        try:
            under_way += [self._pool.submit(contextvars.copy_context().run, work, item) for item in todo]
            return [future.result() for future in under_way]
        except BaseException:
            for future in under_way:
                future.cancel()
            wait(under_way)
            raise

    def close(self) -> None:
        """End the threads after their running calls."""
        self._pool.shutdown(cancel_futures=True)
