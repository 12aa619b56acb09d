"""Stages that overlap keep order, errors and manners."""

import threading
import time

import pytest

from deepfake_lesson.pipeline import Stopwatch, ahead


def slow(items, seconds, log=None):
    try:
        for item in items:
            time.sleep(seconds)
            yield item
    finally:
        if log is not None:
            log.append("closed")


def test_items_keep_their_order():
    assert list(ahead(slow(range(50), 0))) == list(range(50))


def test_stages_work_at_the_same_time():
    start = time.perf_counter()
    for _ in ahead(slow(ahead(slow(range(20), 0.02)), 0.02)):
        time.sleep(0.02)
    assert time.perf_counter() - start < 0.9 * 20 * 0.06


def test_an_error_comes_where_it_belongs():
    def broken():
        yield 1
        raise ValueError("broken")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_closing_ends_the_stages_before_and_their_threads():
    log, threads = [], threading.active_count()
    items = ahead(slow(ahead(slow(range(1000), 0.001, log)), 0.001, log))
    next(items)
    items.close()
    assert log == ["closed", "closed"]
    assert threading.active_count() == threads


def test_no_more_than_a_few_items_are_fetched_ahead():
    fetched = []
    items = ahead((fetched.append(k) or k for k in range(100)), most=3)
    next(items)
    time.sleep(0.1)
    assert 2 <= len(fetched) <= 5
    items.close()


def test_stopwatch_adds_up_by_stage():
    watch = Stopwatch()
    with watch("blend"):
        time.sleep(0.02)
    assert list(watch.each("decode", slow(range(3), 0.02))) == [0, 1, 2]
    assert 0.02 <= watch.seconds["blend"] < 0.06 <= watch.seconds["decode"] < 0.2
