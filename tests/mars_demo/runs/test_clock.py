"""The clock of a run: training and compiling apart, and no moment counted twice."""

import jax
import pytest

from mars_demo.runs import clock


@pytest.fixture
def now(monkeypatch):
    """Sets the time."""

    def set_time(seconds):
        monkeypatch.setattr("time.perf_counter", lambda: seconds)

    monkeypatch.setattr(clock, "_spans", [])
    set_time(100.0)
    return set_time


def test_what_is_compiled_within_another_is_counted_once(now):
    running = clock.Clock()
    for start, end in [(2.0, 3.0), (3.0, 4.0), (1.0, 5.0), (7.0, 9.0)]:  # each as it ends
        clock._note("/jax/core/compile/jaxpr_trace_duration", start, end)
    clock._note("/jax/something_else", 10.0, 20.0)
    now(110.0)
    assert running.read() == (4.0, 6.0)


def test_what_was_compiled_before_is_not_counted(now):
    clock._note("/jax/core/compile/backend_compile_duration", 0.0, 50.0)
    running = clock.Clock()
    now(101.0)
    assert running.read() == (1.0, 0.0)


def test_jax_tells_of_what_it_compiles():
    before = clock.compiled_seconds()
    jax.jit(lambda x: 2.0 * x)(1.0)
    assert clock.compiled_seconds() > before
