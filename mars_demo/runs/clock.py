"""A clock that separates the time of training from the time that JAX spends compiling."""

from __future__ import annotations

import time

import jax.monitoring

_COMPILING = "/jax/core/compile/"
"""The prefix of JAX's events for tracing, lowering and compiling."""

_spans: list[tuple[float, float]] = []
"""Start and end of each compilation of this process, in seconds: ascending, not overlapping."""


def _note(event: str, start_time: float, end_time: float, **_: object) -> None:
    if not event.startswith(_COMPILING):
        return
    while _spans and _spans[-1][1] > start_time:  # events nest; the inner one ends first
        start_time = min(start_time, _spans.pop()[0])
    _spans.append((start_time, end_time))


jax.monitoring.register_event_time_span_listener(_note)


def compiled_seconds() -> float:
    """Seconds that this process has spent tracing and compiling so far."""
    return sum(end - start for start, end in _spans)


class Clock:
    """Measures the seconds since it was made; those of compiling are counted separately."""

    def __init__(self):
        self._started, self._compiled = time.perf_counter(), compiled_seconds()

    def read(self) -> tuple[float, float]:
        """`(training, compiling)` in seconds; training includes all that is not compiling."""
        compiling = compiled_seconds() - self._compiled
        return time.perf_counter() - self._started - compiling, compiling
