"""A scene as a file: GIF, WebP, MP4, a page, Tacview's ACMI, or one frame as PNG or SVG."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrappers.atomic import replacing
from wrappers.nearest_first import nearest_first
from wrappers.viewing.acmi import acmi_text
from wrappers.viewing.frames import render_frame, render_frames
from wrappers.viewing.replay import replay_page
from wrappers.viewing.scene import Scene, check_frame, check_scene
from wrappers.viewing.svg import render_svg

_SMOOTH = 24  # least pictures a second of a film in which gliding looks smooth
_LAST_SECONDS = 1.5  # how long the last picture stays
_COLOURS, _COMMON_COLOURS = 255, 64  # of a GIF; its 256th is "as before"
_AS_BEFORE = 255
_PALETTE_SAMPLES = 8  # pictures
_ALIKE = 31  # of 255: libwebp drops pictures that differ by less, at any quality


def save_scene(
    scene: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    theme: str = "dark",
    frame: int | None = None,
) -> Path:
    """Writes a scene to a file, in the format of its suffix.

    `.gif` and `.webp` have a picture for each frame, `.mp4` several, so that marks glide. `.html`
    is one self-contained page with a scrubber, which follows the reader's theme and shows the
    episode in three dimensions if the scene has a `space`. `.acmi` is such an episode for Tacview.
    `.png` and `.svg` show one frame.

    Args:
        scene: what to draw; `wrappers.viewing.scene` describes it.
        path: the file. One that exists is replaced only when the new one is complete.
        theme: "dark" or "light".
        frame: which frame a `.png` or `.svg` shows, the first if left out.

    Returns:
        the path.

    Raises:
        ValueError: an unknown suffix, a frame that the scene does not have or that the format does
            not take, or a fault of the scene.
        OSError: the file cannot be written.
        ImportError: pygame is missing, for a picture or film, or ffmpeg, for MP4; the message says
            how to install it.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        valid = ", ".join(nearest_first(suffix, _WRITERS))
        raise ValueError(f"{path.name!r} has no suffix of a known format; valid: {valid}")
    checked = check_scene(scene)
    write = _WRITERS[suffix]
    if suffix in _STILLS:
        check_frame(checked, frame or 0)
        write = partial(write, frame=frame or 0)
    elif frame is not None:
        raise ValueError(f"a {suffix} file has all frames; one is for {' and '.join(_STILLS)}")
    with _replacing(path) as temporary:
        write(checked, temporary, theme)
    return path


def save_acmi(scene: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Writes an episode in three dimensions for Tacview, as ACMI 2.2 text.

    Args:
        scene: an episode with a `space`, such as AeroJAX's.
        path: the file; its name ends with `.acmi`.

    Returns:
        the path.

    Raises:
        ValueError: another suffix, a scene without `space`, or a fault of the scene.
        OSError: the file cannot be written.
    """
    if Path(path).suffix.lower() != ".acmi":
        raise ValueError(f"{Path(path).name!r} does not end with '.acmi'")
    return save_scene(scene, path)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file that replaces `path` if nothing fails.

    Raises:
        OSError: names `path`.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with replacing(path) as temporary:  # fails now rather than after the drawing
            yield temporary
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error


def _write_gif(scene: Scene, path: Path, theme: str) -> None:
    pictures = list(render_frames(scene, theme=theme))
    palette = _palette(pictures)
    indexed = [
        np.asarray(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE))
        for picture in pictures
    ]
    changes = [indexed[0]]
    for before, now in pairwise(indexed):
        change = np.where(now == before, np.uint8(_AS_BEFORE), now)
        if (change == changes[-1]).all():  # Pillow would make one picture of both
            change[0, 0] = now[0, 0]
        changes.append(change)
    _write_animation(
        path,
        [_image(change, palette) for change in changes],
        _durations(len(changes), scene["rate"], unit=10),
        transparency=_AS_BEFORE,
        disposal=1,  # leave the picture, and draw the next one over it
        optimize=False,
    )


def _write_webp(scene: Scene, path: Path, theme: str) -> None:
    frames = list(render_frames(scene, theme=theme))
    pictures, opacity = [Image.fromarray(frames[0])], 255
    for before, now in pairwise(frames):
        # libwebp merges two pictures that are alike; the opacity of a corner keeps them apart.
        alike = np.abs(now.astype(np.int16) - before).max() <= _ALIKE
        opacity = 509 - opacity if alike else 255
        pictures.append(_with_corner(now, opacity))
    durations = _durations(len(pictures), scene["rate"], unit=1)
    _write_animation(path, pictures, durations, quality=80, method=0)


def _with_corner(picture: NDArray[np.uint8], opacity: int) -> Image.Image:
    image = Image.fromarray(picture)
    if opacity < 255:
        image.putalpha(255)
        image.putpixel((0, 0), (*picture[0, 0].tolist(), opacity))
    return image


def _durations(pictures: int, rate: float, unit: int) -> list[int]:
    """Milliseconds of each picture in whole units, rounded so that errors do not add up."""
    starts = np.round(np.arange(pictures) * 1000 / (rate * unit)).astype(int) * unit
    return [*np.diff(starts).tolist(), round(1000 * _LAST_SECONDS)]


def _write_animation(
    path: Path, pictures: list[Image.Image], durations: list[int], **options: Any
) -> None:
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **options
    )


def _palette(pictures: list[NDArray[np.uint8]]) -> Image.Image:
    """One palette for all pictures: the most common colours exactly, and a spread of the others."""
    sample = np.unique(np.linspace(0, len(pictures) - 1, _PALETTE_SAMPLES).astype(int))
    red, green, blue = np.concatenate([pictures[i].reshape(-1, 3) for i in sample]).T.astype(int)
    colours, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    colours = colours[np.argsort(-counts)]
    rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1).astype(np.uint8)
    spread = Image.fromarray(rgb[None]).quantize(
        _COLOURS - _COMMON_COLOURS, method=Image.Quantize.MAXCOVERAGE
    )
    palette = Image.new("P", (1, 1))
    palette.putpalette([*rgb[:_COMMON_COLOURS].ravel().tolist(), *(spread.getpalette() or [])])
    return palette


def _image(indices: NDArray[np.uint8], palette: Image.Image) -> Image.Image:
    image = Image.fromarray(indices)
    image.putpalette(palette.getpalette() or [])
    return image


def _write_mp4(scene: Scene, path: Path, theme: str) -> None:
    ffmpeg = _ffmpeg()
    between = max(1, math.ceil(_SMOOTH / scene["rate"]))
    pictures = render_frames(scene, theme=theme, between=between)
    first = next(pictures)
    linger = f"tpad=stop_mode=clone:stop_duration={_LAST_SECONDS}"
    writer = ffmpeg.write_frames(
        str(path),
        size=(first.shape[1], first.shape[0]),
        fps=scene["rate"] * between,
        output_params=f"-preset veryfast -crf 18 -movflags +faststart -vf {linger}".split(),
        ffmpeg_log_level="error",
    )
    with warnings.catch_warnings():
        # JAX warns of any fork; this one runs ffmpeg at once and touches nothing of JAX's.
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        writer.send(None)
    try:
        for picture in chain([first], pictures):
            writer.send(picture)
    finally:
        writer.close()


def _ffmpeg() -> Any:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # missing, or without a program for this system
        raise ImportError(
            'MP4 needs ffmpeg: pip install "paxmen-aerojax[video]", or write .gif or .html'
        ) from None
    return imageio_ffmpeg


def _write_html(scene: Scene, path: Path, theme: str) -> None:
    del theme  # the page follows its reader's
    path.write_text(replay_page(scene), encoding="utf-8")


def _write_png(scene: Scene, path: Path, theme: str, frame: int) -> None:
    Image.fromarray(render_frame(scene, frame, theme=theme)).save(path, optimize=True)


def _write_svg(scene: Scene, path: Path, theme: str, frame: int) -> None:
    path.write_text(render_svg(scene, frame, theme=theme), encoding="utf-8")


def _write_acmi(scene: Scene, path: Path, theme: str) -> None:
    del theme  # Tacview has its own
    path.write_text(acmi_text(scene), encoding="utf-8-sig")


_WRITERS: dict[str, Callable[..., None]] = {
    ".acmi": _write_acmi,
    ".gif": _write_gif,
    ".html": _write_html,
    ".mp4": _write_mp4,
    ".png": _write_png,
    ".svg": _write_svg,
    ".webp": _write_webp,
}
_STILLS = (".png", ".svg")
