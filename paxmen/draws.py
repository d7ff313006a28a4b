"""Random draws without sorting, from 32-bit words."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

# A word modulo m favours the low residues by at most m / 2**32 of their probability. Digits share
# a word only while that stays below 1e-4.
_LARGEST_PRODUCT = 2**32 // 10_000


def group_radices(radices: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Splits mixed-radix digits into groups, one 32-bit word each."""
    groups: list[tuple[int, ...]] = []
    product = _LARGEST_PRODUCT + 1
    for radix in radices:
        product *= radix
        if product <= _LARGEST_PRODUCT:
            groups[-1] += (radix,)
        else:
            groups.append((radix,))
            product = radix
    return tuple(groups)


def digits(words: Array, groups: tuple[tuple[int, ...], ...]) -> list[Array]:
    """Independent uniform integers, one below each radix; int32 ().

    Args:
        words: uint32 (len(groups),), uniform.
        groups: radices as `group_radices` splits them.
    """
    drawn = []
    for word, group in zip(words, groups, strict=True):
        for radix in group:
            drawn.append((word % radix).astype(jnp.int32))
            word = word // radix
    return drawn


def three_of_fifteen(word: Array) -> Array:
    """uint32, the shape of `word`: three of the bits 0..14, every set equally likely.

    Floyd's method (Bentley and Floyd, CACM 30(9), 1987): for j = 12, 13, 14 draw t from 0..j and
    add t, or j if t is already in. The favour of a set is below 2730 / 2**32 = 6.4e-7.
    """
    one = jnp.uint32(1)
    chosen = one << (word % 13)
    second = one << (word // 13 % 14)
    chosen |= jnp.where(chosen & second == 0, second, one << 13)
    third = one << (word // (13 * 14) % 15)
    return chosen | jnp.where(chosen & third == 0, third, one << 14)


def distinct(ranks: Array) -> Array:
    """int32 (k,): distinct numbers, every ordered choice equally likely.

    The ranks are a Lehmer code: each names one of the numbers that those before it left over.

    Args:
        ranks: int32 (k,), the i-th uniform below `size - i`.
    """
    numbers, order = ranks, jnp.arange(len(ranks), dtype=jnp.int32)
    for i in reversed(range(len(ranks) - 1)):
        numbers += ((order > i) & (numbers >= numbers[i])).astype(jnp.int32)
    return numbers
