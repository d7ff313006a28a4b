"""How long a run has been training, and how long JAX has been compiling meanwhile."""

from __future__ import annotations

import time

import jax.monitoring

_COMPILING = "/jax/core/compile/"
"""What JAX's events of tracing, lowering and compiling begin with."""

_spans: list[tuple[float, float]] = []
"""When this process has been compiling: seconds, ascending, none within another."""


def _note(event: str, start_time: float, end_time: float, **_: object) -> None:
    if not event.startswith(_COMPILING):
        return
    while _spans and _spans[-1][1] > start_time:  # that was within this, and ended before it
        start_time = min(start_time, _spans.pop()[0])
    _spans.append((start_time, end_time))


jax.monitoring.register_event_time_span_listener(_note)


def compiled_seconds() -> float:
    """Seconds for which this process has been tracing and compiling so far."""
    return sum(end - start for start, end in _spans)


class Clock:
    """Seconds since it was made, those of compiling apart."""

    def __init__(self):
        self._started, self._compiled = time.perf_counter(), compiled_seconds()

    def read(self) -> tuple[float, float]:
        """Seconds of training (and all that goes with it), and of compiling."""
        compiling = compiled_seconds() - self._compiled
        return time.perf_counter() - self._started - compiling, compiling
