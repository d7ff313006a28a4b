"""Random numbers: uniform, in order, and as many as were counted."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

import aerojax
from aerojax.draws import Draws, draw_words
from aerojax.env import _count_words
from aerojax.rules import step as rules
from aerojax.rules.flight import Command
from aerojax.rules.spawn import spawn


def test_numbers_are_uniform_and_never_the_upper_end():
    numbers = Draws(draw_words(jax.random.key(0), 20_000)).uniform((20_000,), -2.0, 3.0)
    assert numbers.dtype == jnp.float32
    assert kstest(np.asarray(numbers), "uniform", (-2, 5)).pvalue > 1e-3
    ends = Draws(jnp.array([0, 2**32 - 1], jnp.uint32)).uniform((2,))
    assert ends[0] == 0
    assert 1 - 1e-6 < ends[1] < 1


def test_each_word_is_given_out_once():
    words = draw_words(jax.random.key(1), 12)
    whole = Draws(words).uniform((12,))
    draws = Draws(words)
    parts = [draws.uniform(()), draws.uniform((2, 3)), draws.uniform((5,))]
    np.testing.assert_array_equal(jnp.concatenate([p.reshape(-1) for p in parts]), whole)
    assert draws.used == 12


def test_a_batch_axis_follows():
    words = draw_words(jax.random.key(2), 6)
    one = Draws(words).uniform((2, 3))
    many = Draws(jnp.stack([words, words[::-1]], axis=-1)).uniform((2, 3))
    assert many.shape == (2, 3, 2)
    np.testing.assert_array_equal(many[..., 0], one)


def test_places_are_uniform_in_a_disc():
    x, y = Draws(draw_words(jax.random.key(3), 20_000)).in_disc((10_000,), 500.0)
    distance, angle = np.hypot(x, y), np.arctan2(y, x)
    assert kstest((distance / 500) ** 2, "uniform").pvalue > 1e-3
    assert kstest(angle, "uniform", (-math.pi, 2 * math.pi)).pvalue > 1e-3


@pytest.mark.parametrize("name", ["escort_4_vs_3", "hide_and_seek_4_vs_2", "waypoint_5"])
def test_as_many_words_are_drawn_as_are_used(name):
    """A rule that took more would get empty slices, and fail; one that took fewer would waste."""
    config = dataclasses.replace(
        aerojax.make(name).config, stochastic_sensors=True, stochastic_guns=True, link_dropout=0.1
    )
    spawn_words, step_words, _ = _count_words(config)

    def play(fresh, words):
        starts, steps = Draws(fresh), Draws(words)
        state = spawn(config, config.fleet, starts)
        stick = jnp.zeros((config.num_agents,))
        rules.play(config, config.fleet, state, Command(stick, stick, stick), steps)
        assert (starts.used, steps.used) == (spawn_words, step_words)
        return state

    sizes = [jax.ShapeDtypeStruct((n,), jnp.uint32) for n in (spawn_words, step_words)]
    jax.eval_shape(play, *sizes)
