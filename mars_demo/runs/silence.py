"""Importing JaxMARL without its announcements."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silence() -> Iterator[None]:
    """Swallows what is printed to stdout meanwhile.

    `contextlib.redirect_stdout` is not enough: while it is imported, JaxMARL 0.2 puts
    `sys.__stdout__` and `sys.__stderr__` in place of whatever they were redirected to.
    """
    before = sys.stdout, sys.stderr, sys.__stdout__
    with open(os.devnull, "w") as nothing:
        sys.stdout = sys.__stdout__ = nothing  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            sys.stdout, sys.stderr, sys.__stdout__ = before  # pyright: ignore[reportAttributeAccessIssue]
