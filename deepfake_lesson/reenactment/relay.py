"""Stages that work at the same time and hand over through queues of one: late items are dropped."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any


class Slot:
    """A queue of one: what is newer takes the place of what still waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: list[Any] = []
        self._closed = False

    def put(self, item: Any) -> bool:
        """Hand an item over; False if nobody will take it any more."""
        with self._changed:
            self._items = [item]
            self._changed.notify_all()
            return not self._closed

    def close(self) -> None:
        """Say that nothing more comes, or that nothing more is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closed)
                if not self._items:
                    return
                item = self._items.pop()
            yield item


def relay(
    items: Generator[Any, None, None], stages: Sequence[Callable[[Any], Any]]
) -> Iterator[Any]:
    """The items after all stages, the source and each stage in a thread of its own.

    Order stays. An error of source or stage is raised here after everything has stopped; closing
    this generator stops everything too, and `items` is closed in its own thread.
    """
    slots = [Slot() for _ in range(len(stages) + 1)]
    errors: list[BaseException] = []

    def feed() -> None:
        with closing(items):
            for item in items:
                if not slots[0].put(item):
                    return

    def work(stage: Callable[[Any], Any], before: Slot, after: Slot) -> None:
        for item in before:
            if not after.put(stage(item)):
                return

    def guarded(function: Callable, after: Slot, *arguments) -> None:
        try:
            function(*arguments)
        except BaseException as error:
            errors.append(error)
        finally:
            after.close()

    works = [(feed, slots[0])]
    for stage, before, after in zip(stages, slots[:-1], slots[1:], strict=True):
        works.append((work, after, stage, before, after))
    threads = [threading.Thread(target=guarded, args=each, daemon=True) for each in works]
    for thread in threads:
        thread.start()
    try:
        yield from slots[-1]
    finally:
        for slot in slots:
            slot.close()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
