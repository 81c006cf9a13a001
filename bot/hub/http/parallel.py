"""Doing the same for many things at once."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew:
    """A few threads, each working in a copy of its caller's context, so that meters count what they do."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hub")

    def __call__(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """The results in the items' order. The first error is raised once nothing is under way any more."""
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
        """End the threads once they are done."""
        self._pool.shutdown(cancel_futures=True)
