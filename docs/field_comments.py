"""Shows the comment behind a field as its docstring: shapes and units stand there."""

import io
import linecache
import tokenize
from typing import Any

from griffe import Attribute, Docstring, Extension


class FieldComments(Extension):
    """`x: Array  # float32 (N,), m` is shown with "float32 (N,), m"."""

    def on_attribute_instance(self, *, attr: Attribute, **_: Any) -> None:
        if attr.docstring is None and attr.parent is not None and attr.parent.is_class:
            comment = _comment(linecache.getline(str(attr.filepath), attr.endlineno or 0))
            if comment and not comment.startswith(("pyright:", "noqa")):
                attr.docstring = Docstring(comment, lineno=attr.lineno, parent=attr)


def _comment(line: str) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip()).readline))
    except (tokenize.TokenError, IndentationError):  # the last line of a longer statement
        return ""
    return next((t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT), "")
