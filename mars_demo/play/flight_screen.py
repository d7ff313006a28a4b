"""The screen in which a person flies one aircraft in real time, seen from behind it."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

import numpy as np
import pygame

from mars_demo.play.game import Game
from mars_demo.play.hooks import Flight
from mars_demo.play.pilot_input import PilotInput
from wrappers.viewing.body_pose import is_alive
from wrappers.viewing.chase_view import ChaseView
from wrappers.viewing.instruments import LINE, shade
from wrappers.viewing.overlay import (
    BAD,
    FAINT,
    GOOD,
    HELP_HEIGHT,
    INK,
    PAPER,
    keys_line,
    put,
    veil,
)
from wrappers.viewing.radar import paint_radar
from wrappers.viewing.sprites import Colour
from wrappers.viewing.terrain import FIRE
from wrappers.viewing.window import QUIT_KEYS

KEPT = 8  # latest states, from which trails and explosions are drawn
_NEWS_SECONDS = 4.0
_SIDE = 16
_KEYS = {
    "Arrows": "turn, climb",
    "Shift Ctrl": "thrust",
    "M": "map",
    "V": "cockpit",
    "P": "pause",
    "R": "again",
    "H": "help",
    "Q": "quit",
}


class FlightScreen:
    """A `wrappers.viewing.window.Screen` in which a person flies.

    The picture is one step late: it interpolates between the last two states.

    Args:
        game: the game; its environment's scene has a `space`.
        flight: how the aircraft is flown.
        mates: a short description of the team-mates.
        rate: steps a second.
        seed: seed of the first episode.
    """

    def __init__(self, game: Game, flight: Flight, mates: str, rate: float, seed: int) -> None:
        self.game, self.rate = game, rate
        self.over, self.paused, self.map, self.help = False, False, False, True
        self._mates = mates
        self._flight = flight
        self._seeds = itertools.count(seed)
        game.start(seed)
        game.act(np.zeros(3, np.float32))  # compiles the step, so that the first one is not delayed
        self._begin()

    @property
    def time(self) -> float:
        """The time that is shown, in frames of the latest states."""
        return len(self.game.states) - 2 + min(self._since * self.rate, 1.0)

    def handle(self, event: pygame.event.Event) -> None:
        self.sticks.handle(event)
        if event.type != pygame.KEYDOWN:
            return
        if event.key in QUIT_KEYS:
            self.over = True
        elif event.key == pygame.K_r:
            self._begin()
        elif event.key == pygame.K_p:
            self.paused = not self.paused
        elif event.key == pygame.K_m:
            self.map = not self.map
        elif event.key == pygame.K_v:
            self._chase.from_nose = not self._chase.from_nose
        elif event.key == pygame.K_h:
            self.help = not self.help

    def advance(self, seconds: float) -> None:
        if self.paused:
            return
        self._clock += seconds
        self.sticks.advance(seconds)
        self._since += seconds
        if self._since * self.rate >= 1 and not self.game.done:
            # A slow machine skips the time that it could not show.
            self._since = (self._since * self.rate) % 1.0 / self.rate
            self._step()

    def paint(self, size: tuple[int, int]) -> pygame.Surface:
        picture = pygame.Surface(size)
        picture.fill(PAPER)
        height = size[1] - HELP_HEIGHT * self.help
        if self.map:
            self._paint_map(picture, height)
        else:
            picture.blit(self._chase.paint(self.time, (size[0], height)), (0, 0))
            self._paint_stick(picture, size[0] // 2, height - 46)
        self._paint_facts(picture)
        self._paint_news(picture)
        if self.help:
            keys_line(picture, _KEYS, _SIDE, size[0] - _SIDE, size[1] - HELP_HEIGHT // 2)
        if self.game.done and self._since * self.rate >= 1:
            self._paint_end(picture)
        elif self.paused:
            veil(picture, "Paused", ["P: continue"])
        return picture

    def close(self) -> None:
        """Nothing is left open."""

    def _begin(self) -> None:
        self.game.start(next(self._seeds))
        self.sticks = PilotInput()
        self._news: deque[tuple[float, str, Colour]] = deque(maxlen=5)
        self._clock = self._since = 0.0
        scene = self._scene()
        names = [body["name"] for body in scene["space"]["bodies"]]
        self._own = names.index(self.game.agent)
        self._chase = ChaseView(scene, self._own, self._flight.step_seconds)
        self._step()

    def _step(self) -> None:
        self.game.act(self.sticks.command)
        self._chase.scene = self._scene()
        self._add_news()
        bodies = self._bodies
        if not is_alive(bodies[self._chase.body], self.time):
            team = [k for k, body in enumerate(bodies) if body["colour"] == self._colour]
            living = [k for k in team if is_alive(bodies[k], self.time)]
            self._chase.body = living[0] if living else self._own

    @property
    def _bodies(self) -> list[dict[str, Any]]:
        return self._chase.scene["space"]["bodies"]

    @property
    def _colour(self) -> str:
        return self._bodies[self._own]["colour"]

    def _scene(self) -> dict[str, Any]:
        return self.game.scene()

    def _add_news(self) -> None:
        """Adds a line for each aircraft lost in this step, and each hit by or on one's own."""
        last = len(self.game.states) - 1
        bodies, shots = self._bodies, self._chase.scene["space"]["shots"]
        for index, body in enumerate(bodies):
            if body["died"] == last:
                ours = body["colour"] == self._colour
                who = "you are" if index == self._own else f"{body['name']} is"
                self._news.append((self._clock, f"{who} down", BAD if ours else GOOD))
        for shooter, target, first, end in shots:
            if shooter == self._own and first == last == end:
                words = f"your gun hits {bodies[target]['name']}"
                self._news.append((self._clock, words, FIRE))
            if target == self._own and first == last == end:
                words = f"{bodies[shooter]['name']} hits you"
                self._news.append((self._clock, words, BAD))

    def _paint_map(self, picture: pygame.Surface, height: int) -> None:
        scene = self._chase.scene
        colours = self._chase.colours
        middle, radius = (picture.get_width() // 2, height // 2), height // 2 - 16
        paint_radar(picture, scene["space"], colours, self.time, self._chase.body, middle, radius)

    def _paint_facts(self, picture: pygame.Surface) -> None:
        game = self.game
        facts = self._flight.instruments(game.env, game.states[-1], game.agent)
        if game.score:
            facts[game.task.score_name] = f"{game.score:.3g}"
        facts["you are"] = game.agent
        facts["the others"] = self._mates
        shade(picture, pygame.Rect(12, 12, 200, 14 + 20 * len(facts)))
        for row, (label, value) in enumerate(facts.items()):
            top = 20 + 20 * row
            put(picture, label, 16, FAINT, topleft=(22, top + 2))
            put(picture, value, 18, LINE, topleft=(108, top))

    def _paint_news(self, picture: pygame.Surface) -> None:
        middle, top = picture.get_width() // 2, 170 if self.map else 92

        def write(words: str, colour: Colour, opacity: float) -> None:
            if self.map:
                put(picture, words, 22, colour, opacity, topleft=(22, top))
            else:
                put(picture, words, 22, colour, opacity, midtop=(middle, top))

        for when, words, colour in reversed(self._news):
            age = (self._clock - when) / _NEWS_SECONDS
            if age < 1:
                write(words, colour, 1 - age**2)
                top += 26
        if self._chase.body != self._own:
            write(f"you are down; behind {self._bodies[self._chase.body]['name']}", INK, 1.0)

    def _paint_stick(self, picture: pygame.Surface, x: int, y: int) -> None:
        """Draws the positions of stick and throttle."""
        half, sticks = 32, self.sticks
        box = pygame.Rect(x - half, y - half, 2 * half, 2 * half)
        shade(picture, box)
        pygame.draw.rect(picture, FAINT, box, 1, border_radius=4)
        place = x + round(0.85 * half * sticks.turn), y - round(0.85 * half * sticks.climb)
        pygame.draw.circle(picture, LINE, place, 5)
        bar = pygame.Rect(box.right + 10, box.top, 10, 2 * half)
        shade(picture, bar)
        filled = round(bar.height * (sticks.throttle + 1) / 2)
        pygame.draw.rect(picture, LINE, (bar.x, bar.bottom - filled, bar.width, filled))
        pygame.draw.rect(picture, FAINT, bar, 1)

    def _paint_end(self, picture: pygame.Surface) -> None:
        game, space = self.game, self._chase.scene["space"]
        place = game.env.agents.index(game.agent)
        won, lost = (bool(game.info.get(end, np.zeros(99))[place]) for end in ("win", "lose"))
        alive = [body for body in space["bodies"] if body["died"] is None]
        ours = sum(body["colour"] == self._colour for body in alive)
        headline, colour = "The episode is over", INK
        if won or lost:
            headline, colour = ("Victory", GOOD) if won else ("Defeat", BAD)
        lines = [
            f"after {game.step * self._flight.step_seconds:.0f} s,  return {game.reward:.2f}",
            f"left in the air: {ours} of your team, {len(alive) - ours} of theirs",
            "R: again    Q: quit",
        ]
        veil(picture, headline, lines, colour)
