"""Draws the moving pictures of these pages anew, with the teams that ship with the package.

    python docs/pictures.py

writes into docs/figures, for each team, an animation for dark and one for light pages, and into
docs/replays the page that plays the same episode.
"""

from pathlib import Path

import jax
from PIL import Image

from mars_demo.evaluate import record
from mars_demo.pretrained import load_pretrained
from wrappers import render_frames, save_scene

DOCS = Path(__file__).parent
TEAMS = {"paxmen-4": 0, "aerojax/identical_5_vs_5": 0}  # with the seed of a good episode
BOARD = 448  # pixels: sharp enough on a phone, and half of them on a page
LAST_SECONDS = 1.5  # for which the last picture stays


def main() -> None:
    for name, seed in TEAMS.items():
        team = load_pretrained(name)
        task = team.trainer.task
        played = record(task, team.policy(), jax.random.key(seed))
        scene = task.scene(team.trainer.env, played.states, played.rewards, team.title)
        stem = name.rpartition("/")[2]
        print(save_scene(scene, DOCS / "replays" / f"{stem}.html"))
        for theme in ("dark", "light"):
            print(animate(scene, theme, DOCS / "figures" / f"{stem}-{theme}.webp"))


def animate(scene: dict, theme: str, path: Path) -> Path:
    """`save_scene` in the size of a page, and packed as small as WebP can."""
    first, *others = map(Image.fromarray, render_frames(scene, theme=theme, board=BOARD))
    durations = [round(1000 / scene["rate"])] * len(others) + [round(1000 * LAST_SECONDS)]
    first.save(
        path, save_all=True, append_images=others, duration=durations, loop=0, quality=60, method=6
    )
    return path


if __name__ == "__main__":
    main()
