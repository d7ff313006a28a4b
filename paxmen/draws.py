"""Random draws without sorting, from 32-bit words."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

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


def digits(
    words: Array, radices: Sequence[int | Array], groups: tuple[tuple[int, ...], ...]
) -> list[Array]:
    """Independent uniform integers, one below each radix; uint32, the shape of a word.

    Args:
        words: uint32 (len(groups), ...), uniform.
        radices: the digits', numbers or uint32 arrays of the shape of a word.
        groups: as `group_radices` splits the largest that the radices may be.
    """
    drawn = []
    left = iter(radices)
    for word, group in zip(words, groups, strict=True):
        for radix in itertools.islice(left, len(group)):
            drawn.append(word % radix)
            word = word // radix
    return drawn


def subset(words: Array, sizes: Array, count: int, groups: tuple[tuple[int, ...], ...]) -> Array:
    """uint32, the shape of `sizes`: `count` of the bits 0..size-1, every set equally likely.

    Floyd's method (Bentley and Floyd, CACM 30(9), 1987): for j = size - count, ..., size - 1 draw t
    from 0..j and add t, or j if t is already in.

    Args:
        words: uint32 (len(groups), ...), uniform.
        sizes: uint32 (...), each at least `count`.
        groups: of `subset_groups`.
    """
    one = jnp.uint32(1)
    lasts = [sizes - (count - i) for i in range(count)]
    chosen = jnp.zeros_like(sizes)
    for last, drawn in zip(lasts, digits(words, [j + 1 for j in lasts], groups), strict=True):
        bit = one << drawn
        chosen |= jnp.where(chosen & bit == 0, bit, one << last)
    return chosen


def subset_groups(largest: int, count: int) -> tuple[tuple[int, ...], ...]:
    """The words that `subset` needs for sizes up to `largest`; no set is favoured by 1e-4."""
    return group_radices(tuple(range(largest - count + 1, largest + 1)))


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
