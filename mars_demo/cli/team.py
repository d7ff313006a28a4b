"""The commands for a trained team: `eval`, `render`, `watch`, `play` and `export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from mars_demo.evaluation.episodes import Trained, on_task, trained_run
from mars_demo.learning.config import check_number
from mars_demo.runs.folder import RunError
from mars_demo.tasks.registry import get_task
from wrappers.viewing import check_pygame


@dataclass(frozen=True)
class _Played:
    """The options that `eval`, `render` and `watch` share: which team plays, and how."""

    folder: Annotated[Positional[Path | None], tyro.conf.arg(metavar="RUN")] = None
    """A run's folder."""
    pretrained: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Instead: a team that ships with the package, or the JSON file of an exported one."""
    task: Annotated[str | None, tyro.conf.arg(metavar="TASK")] = None
    """Another task than the team's own, such as one with unseen levels."""
    greedy: bool = False
    """Take the likeliest action instead of sampling."""
    seed: int = 0
    """Seed of the episodes."""

    def team(self) -> Trained:
        """The team of these options, on their task.

        Raises:
            ValueError, RunError, CheckpointError: there is no such team, or not for this task.
        """
        team = self._trained()
        return team if self.task is None else on_task(team, get_task(self.task))

    def _trained(self) -> Trained:
        from mars_demo.evaluation.pretrained import list_pretrained, load_pretrained

        check_number("seed", self.seed, 0, 2**32 - 1)
        if self.folder is not None and self.pretrained is None:
            return trained_run(self.folder)
        if self.pretrained is not None and self.folder is None:
            return load_pretrained(self.pretrained)
        names = ", ".join(list_pretrained())
        raise ValueError(f"give either a run's folder or --pretrained, with one of: {names}")


@dataclass(frozen=True)
class Eval(_Played):
    """Play whole episodes with a trained team, the random policy and the task's script."""

    episodes: int = 256
    """Episodes to play with each policy."""

    def run(self) -> None:
        from mars_demo.cli.demo import compare_policies, format_scores

        check_number("episodes", self.episodes, 1, 10**6)
        team = self.team()
        scores = compare_policies(team, self.episodes, self.seed, self.greedy)
        print(format_scores(team.trainer.task, scores))


@dataclass(frozen=True)
class Render(_Played):
    """Play one episode with a trained team and draw it. Without a format: GIF and HTML."""

    gif: bool = False
    """Write an animated GIF."""
    mp4: bool = False
    """Write an MP4 video (needs the extra `video`)."""
    html: bool = False
    """Write a self-contained page with a scrubber."""
    acmi: bool = False
    """Write AeroJAX's episode for Tacview."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Where to write [the run's folder, or demo/TASK]."""

    def run(self) -> None:
        from mars_demo.cli.demo import default_formats, render

        chosen = [name for name in ("gif", "mp4", "html", "acmi") if getattr(self, name)]
        team = self.team()
        out = self.out or self.folder or Path("demo") / team.trainer.task.name
        for path in render(team, chosen or default_formats(), out, self.seed, self.greedy):
            print(path)


@dataclass(frozen=True)
class Watch(_Played):
    """Watch a trained team in a window, episode after episode. H shows the keys."""

    def run(self) -> None:
        check_pygame()
        from mars_demo.play.watch import watch
        from wrappers.viewing.window import NoDisplayError

        team = self.team()
        try:
            watch(team, self.seed, self.greedy)
        except NoDisplayError as error:
            raise RunError(f"{error}: mars-demo render draws a trained team's episode") from None


@dataclass(frozen=True)
class Play:
    """Play one agent yourself, with scripted or trained team-mates. H shows the keys."""

    task: Annotated[Positional[str], tyro.conf.arg(metavar="TASK")]
    """A task that a person can play: any of PaxMen or AeroJAX."""
    mates: Annotated[str | None, tyro.conf.arg(metavar="TEAM")] = None
    """The policy of the others: script, a pretrained team, or a run's folder [a pretrained team of
    the task if there is one, else script]."""
    agent: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """The agent that you play [the first]."""
    opponents: Annotated[str | None, tyro.conf.arg(metavar="SCRIPT")] = None
    """The script of the opponents, such as circle, pursuit, ace [as in the task]."""
    rate: Annotated[float | None, tyro.conf.arg(metavar="STEPS")] = None
    """Steps a second [PaxMen: a step for each key; AeroJAX: 2, which is real time]."""
    gamepad: bool = False
    """Fly with a gamepad, too."""
    seed: int = 0
    """Seed of the first episode."""
    page: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Instead of a window: write an HTML page in which anyone plays with the trained team."""

    def run(self) -> None:
        options = {name: value for name, value in vars(self).items() if name != "page"}
        if self.page is not None:
            self._write_page(self.page)
            return
        check_pygame()
        from mars_demo.play.playing import PlayOptions, play
        from wrappers.viewing.window import NoDisplayError

        try:
            play(PlayOptions(**options))
        except NoDisplayError as error:
            raise RunError(f"{error}: mars-demo render draws a trained team's episode") from None

    def _write_page(self, path: Path) -> None:
        from mars_demo.play.page import write_page

        if self.opponents is not None or self.rate is not None or self.gamepad:
            raise RunError("a page has no opponents, rate or gamepad; leave these options out")
        print(write_page(self.task, self.mates, self.agent, path))


@dataclass(frozen=True)
class Export:
    """Write a run's trained team as files of its own: parameters, configuration, score."""

    folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A run's folder."""
    path: Annotated[Positional[Path], tyro.conf.arg(metavar="FILE")]
    """The JSON file to write; the parameters go next to it, as safetensors."""
    episodes: int = 1024
    """Episodes to play for the score in the file."""

    def run(self) -> None:
        from mars_demo.evaluation.pretrained import export_team

        check_number("episodes", self.episodes, 1, 10**6)
        for path in export_team(self.folder, self.path, self.episodes):
            print(path)
