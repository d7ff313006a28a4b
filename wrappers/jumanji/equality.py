"""What an object was configured with, as a value that compares equal."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any

import jax
import numpy as np


def configuration(x: Any, ignore: Collection[str] = ()) -> Hashable:
    """A hashable value that is equal for objects of the same type with the same attributes.

    Numbers, text, arrays, tuples, lists and dicts count by their values, and objects by their
    attributes. What has none, as a function, counts by identity: two that look alike may differ.

    Args:
        x: the object.
        ignore: names of attributes that do not count, of `x` and of all inside it.
    """
    if x is None or isinstance(x, bool | int | float | str | bytes):
        return type(x), x
    if isinstance(x, jax.Array | np.ndarray | np.generic):
        values = np.asarray(x)
        return "array", values.shape, values.dtype.str, values.tobytes()
    if isinstance(x, Mapping):
        return type(x), tuple((key, configuration(value, ignore)) for key, value in x.items())
    if isinstance(x, tuple | list):
        return type(x), tuple(configuration(value, ignore) for value in x)
    if isinstance(x, type) or not getattr(x, "__dict__", None):
        return type(x), _Same(x)
    counted = {name: value for name, value in sorted(vars(x).items()) if name not in ignore}
    return type(x), configuration(counted, ignore)


class _Same:
    """Equal for the same object only; it keeps the object, so that nothing takes its place."""

    def __init__(self, x: Any) -> None:
        self._x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._x is self._x

    def __hash__(self) -> int:
        return id(self._x)
