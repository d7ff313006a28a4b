"""Draws the pictures of episodes and mazes in these pages.

    python docs/pictures.py

writes into docs/figures, for each team that ships with the package, an animation for dark and one
for light pages, the classic mazes of PaxMen, generated ones, and nine scenarios of AeroJAX; and
into docs/replays the pages that play the animations' episodes, and the one in which visitors play.
"""

from pathlib import Path

import jax
import numpy as np
from PIL import Image

import aerojax
import paxmen
from mars_demo.evaluation.episodes import record, scripted_policy
from mars_demo.evaluation.pretrained import load_pretrained
from mars_demo.play.page import write_page
from mars_demo.tasks.registry import get_task
from wrappers import record as record_scene
from wrappers import render_frame, render_frames, save_scene

DOCS = Path(__file__).parent
TEAMS = {  # with the seed of a good episode, and what it shows
    "paxmen-4": (0, "A team that learned"),
    "aerojax/identical_5_vs_5": (0, "Blue learned to fight"),
}
BOARD = 448  # pixels: as large as a phone shows it
LAST_SECONDS = 1.5  # for which the last picture stays
MOMENTS = {  # of scenarios, the benchmark's seven first, in steps, when there is something to see
    "waypoint_5": 30,
    "pursuit_3_vs_1": 24,
    "identical_5_vs_5": 18,
    "special_5_vs_5": 30,
    "search_4": 90,
    "escort_4_vs_3": 40,
    "hide_and_seek_4_vs_2": 16,
    "identical_10_vs_10": 16,
    "waypoint_5_vs_5": 30,
}


def main(docs: Path = DOCS) -> None:
    for folder in ("figures", "replays"):
        (docs / folder).mkdir(exist_ok=True)
    for name, (seed, title) in TEAMS.items():
        team = load_pretrained(name)
        task = team.trainer.task
        played = record(task, team.policy(), jax.random.key(seed))
        scene = team.trainer.env.scene(played.states, played.rewards, title=title)
        stem = name.rpartition("/")[2]
        print(save_scene(scene, docs / "replays" / f"{stem}.html"))
        for theme in ("dark", "light"):
            print(animate(scene, theme, docs / "figures" / f"{stem}-{theme}.webp"))
    print(write_page("paxmen-4", None, None, docs / "replays" / "play-paxmen-4.html"))
    print(tile(mazes(), 4, docs / "figures" / "mazes.webp"))
    print(tile([crowd()], 1, docs / "figures" / "paxmen-generated-16.webp"))
    levels = paxmen.make("paxmen-generated-8").config.mazes[:8].scene()
    print(tile([still(levels, 0, 768)], 1, docs / "figures" / "generated.webp"))
    print(tile(moments(), 3, docs / "figures" / "scenarios.webp"))


def animate(scene: dict, theme: str, path: Path) -> Path:
    """`save_scene` in the size of a page, and packed as small as WebP can."""
    first, *others = map(Image.fromarray, render_frames(scene, theme=theme, board=BOARD))
    durations = [round(1000 / scene["rate"])] * len(others) + [round(1000 * LAST_SECONDS)]
    first.save(
        path, save_all=True, append_images=others, duration=durations, loop=0, quality=40, method=6
    )
    return path


def crowd() -> np.ndarray:
    """Sixteen agents, steered by the planner, as they reach their rooms."""
    task = get_task("paxmen-generated-16")
    played = record(task, scripted_policy(task), jax.random.key(0))
    scene = task.make().scene(played.states, played.rewards, title="paxmen-generated-16, planner")
    return render_frame(scene | {"legend": []}, 24, board=960)


def mazes() -> list[np.ndarray]:
    """The four layouts of each size."""
    pictures = []
    for name in ("paxmen-4", "paxmen-5", "paxmen-6"):
        env = paxmen.make(name)
        starts = {}
        for seed in range(100):
            _, state = env.reset(jax.random.key(seed))
            starts.setdefault(int(state.layout_id), state)
        for layout in range(4):
            states = jax.tree.map(lambda leaf: leaf[None], starts[layout])
            scene = env.scene(states, title=f"{name}, layout {layout}")
            pictures.append(still(scene, 0, 224))
    return pictures


def moments() -> list[np.ndarray]:
    """Scenarios, flown by scripts."""
    pictures = []
    for name, step in MOMENTS.items():
        env = aerojax.make(name, actions="continuous")
        script = env.config.objective.script

        def fly(key, obs, state, env=env, script=script):
            return env.script_actions(state, script)

        scene = record_scene(env, jax.random.key(0), fly, title=name)
        pictures.append(still(scene, min(step, len(scene["frames"]) - 1), 352))
    return pictures


def still(scene: dict, frame: int, board: int) -> np.ndarray:
    """A frame with its title and nothing else around it."""
    return render_frame(scene | {"readouts": {}, "legend": []}, frame, board=board)


def tile(pictures: list[np.ndarray], columns: int, path: Path) -> Path:
    """Pictures side by side, row by row."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), tuple(pictures[0][0, 0].tolist()))
    for index, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (index % columns * width, index // columns * height))
    sheet.save(path, quality=80, method=6)
    return path


if __name__ == "__main__":
    main()
