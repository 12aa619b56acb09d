"""Stages that work at the same time, each a few items ahead of the next."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from time import perf_counter
from typing import TypeVar

Item = TypeVar("Item")
END = object()


def ahead(items: Iterable[Item], most: int = 3) -> Iterator[Item]:
    """The same items, fetched in a thread of their own, up to `most` before they are asked for.

    Order and errors stay; closing this generator closes `items` and ends the thread.
    """
    with closing(item for item in items) as items, ThreadPoolExecutor(1, "ahead") as worker:
        try:
            waiting = deque(worker.submit(next, items, END) for _ in range(most))
            while (item := waiting.popleft().result()) is not END:
                waiting.append(worker.submit(next, items, END))
                yield item
        finally:
            worker.shutdown(cancel_futures=True)


class Stopwatch:
    """Seconds of work for each stage; stages that work at the same time each count in full."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += perf_counter() - start

    def each(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """The same items, while the time that they take to come is counted."""
        items = iter(items)
        while True:
            with self(stage):
                item = next(items, END)
            if item is END:
                return
            yield item
