"""Pictures, films, replays and windows of scenes, for any environment with a `scene` method."""


def check_pygame() -> None:
    """Raises ImportError where pygame, which draws pictures and windows, is missing."""
    try:
        import pygame  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"pictures and windows need pygame, which has no wheel for every Python ({error}): "
            "pip install pygame, or write .svg or .html"
        ) from None
