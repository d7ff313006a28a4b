"""The screen in which a person steers one agent over a map, step by step or in real time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pygame

from mars_demo.play.game import Game
from mars_demo.play.hooks import Moves
from wrappers.viewing.close_up import CloseUp
from wrappers.viewing.overlay import FAINT, GOOD, HELP_HEIGHT, INK, PAPER, keys_line, put, veil
from wrappers.viewing.scene_view import SceneView
from wrappers.viewing.window import QUIT_KEYS

KEPT = 4  # latest states, from which pictures are drawn: a dot glows for three steps when eaten
_GLIDE = 0.12  # s that an agent's move from one cell to the next is shown for
_REPEAT_AFTER, _REPEAT = 0.35, 0.13  # s: when a held key begins to repeat, and its period
_ACROSS = 11  # cells across the agent's own view
_BAR = 40  # pixels
_SIDE = 16


class GridScreen:
    """A `wrappers.viewing.window.Screen` in which a person moves one agent of a grid world.

    Args:
        game: the game.
        moves: the actions of the keys.
        mates: a short description of the team-mates.
        rate: steps a second; 0 means that each key press is a step.
        seed: seed of the first episode.
        yardstick: returns what a score is compared with; it is called once, on another thread.
    """

    def __init__(
        self,
        game: Game,
        moves: Moves,
        mates: str,
        rate: float,
        seed: int,
        yardstick: Callable[[], str],
    ) -> None:
        self.game, self.rate = game, rate
        self.over, self.whole, self.help = False, False, True
        self._mates = mates
        self._moves = moves
        self._seeds = itertools.count(seed)
        self._held: list[int] = []  # keys of moves, the latest last
        self._tapped: int | None = None
        self._until_repeat = 0.0
        self._keys = {
            "Arrows": "move",
            "Space": self._moves.act_name,
            ".": "wait",
            "V": "whole map",
            "R": "again",
            "H": "help",
            "Q": "quit",
        }
        if rate:
            del self._keys["."]
        self._warm_up(seed)
        self._begin()
        self._thread = ThreadPoolExecutor(1)
        self._yardstick = self._thread.submit(yardstick)

    def handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.KEYUP and event.key in self._held:
            self._held.remove(event.key)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()  # the window gets no event for their release
        if event.type != pygame.KEYDOWN:
            return
        if event.key in QUIT_KEYS:
            self.over = True
        elif event.key == pygame.K_r:
            self._begin()
        elif event.key == pygame.K_v:
            self.whole = not self.whole
        elif event.key == pygame.K_h:
            self.help = not self.help
        elif (action := self._action(event.key)) is not None:
            self._held.append(event.key)
            if not self.rate:
                self._step(action)
                self._until_repeat = _REPEAT_AFTER
            else:
                self._tapped = action

    def advance(self, seconds: float) -> None:
        self._since += seconds
        held = self._action(self._held[-1]) if self._held else None
        if not self.rate:
            self._until_repeat -= seconds
            if held is not None and self._until_repeat <= 0:
                self._step(held)
                self._until_repeat = _REPEAT
        elif self._since >= 1 / self.rate:
            wanted = self._tapped if self._tapped is not None else held
            self._tapped = None
            self._step(self._moves.wait if wanted is None else wanted)

    def paint(self, size: tuple[int, int]) -> pygame.Surface:
        picture = pygame.Surface(size)
        picture.fill(PAPER)
        below = _BAR + HELP_HEIGHT * self.help
        glide = min(self._since / (min(_GLIDE, 0.8 / self.rate) if self.rate else _GLIDE), 1.0)
        time = max(self.game.step - 1 + glide, 0.0)
        view = self._whole if self.whole else self._sight
        picture.blit(view.paint(time, (size[0], size[1] - below)), (0, 0))
        self._paint_bar(picture, size[1] - below + _BAR // 2)
        if self.help:
            keys_line(picture, self._keys, _SIDE, size[0] - _SIDE, size[1] - HELP_HEIGHT // 2 - 2)
        if self.game.done:
            told = f"{self._score_name}: {self.game.score:g}"
            lines = [f"{told},  return {self.game.reward:.1f}", "R: again    Q: quit"]
            if self._yardstick.done():  # nobody plays faster than that, or the line is missing
                lines.insert(1, self._yardstick.result())
            veil(picture, "The episode is over", lines, GOOD)
        return picture

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def _score_name(self) -> str:
        return self.game.task.score_name.removesuffix(" an episode")

    def _begin(self) -> None:
        self.game.start(next(self._seeds))
        self._since = 1.0
        self._tapped = None
        self._held.clear()
        whole, sight = self._scenes()
        self._whole = SceneView(whole, keys=False)
        self._sight = CloseUp(sight, sight["legend"][0]["marks"][-1], _ACROSS)

    def _warm_up(self, seed: int) -> None:
        """Plays a few steps, so that everything is compiled before the person plays."""
        self.game.start(seed)
        for _ in range(KEPT):
            self._scenes()
            self.game.act(np.int32(self._moves.wait))

    def _step(self, action: int) -> None:
        if self.game.done:
            return
        self.game.act(np.int32(action))
        self._since = 0.0
        for view, scene in zip((self._whole, self._sight), self._scenes(), strict=True):
            view.scene["frames"].append(scene["frames"][-1])

    def _scenes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Scenes of the latest states: of the whole world, and of what the agent sees.

        They have no readouts, since those would only cover the latest states.
        """
        return self.game.scene() | {"readouts": {}}, self.game.agent_scene() | {"readouts": {}}

    def _action(self, key: int) -> int | None:
        moves = self._moves
        return {
            pygame.K_UP: moves.up,
            pygame.K_w: moves.up,
            pygame.K_DOWN: moves.down,
            pygame.K_s: moves.down,
            pygame.K_RIGHT: moves.right,
            pygame.K_d: moves.right,
            pygame.K_LEFT: moves.left,
            pygame.K_a: moves.left,
            pygame.K_SPACE: moves.act,
            pygame.K_PERIOD: moves.wait,
        }.get(key)

    def _paint_bar(self, picture: pygame.Surface, middle: int) -> None:
        game = self.game
        facts = {
            "step": f"{game.step} / {game.task.episode_length}",
            self._score_name: f"{game.score:g}",
            "return": f"{game.reward:.1f}",
            "you are": game.agent,
            "the others": self._mates,
        }
        left = _SIDE
        for label, value in facts.items():
            left = put(picture, label, 17, FAINT, midleft=(left, middle)).right + 7
            left = put(picture, value, 22, INK, midleft=(left, middle)).right + 24
