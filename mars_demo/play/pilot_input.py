"""Turns events of a keyboard or gamepad into a pilot's command: turn, climb, throttle."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from mars_demo.runs.folder import RunError

_PUSH, _RELEASE = 5.0, 8.0  # a second: speed of the stick under a held key, and of its return
_THRUST = 1.2  # a second: speed of the throttle
_START_THROTTLE = 0.2  # 60 % thrust
_DEAD_ZONE = 0.12  # of a gamepad's stick
_AXES = {0: "turn", 1: "climb"}  # of a gamepad: left stick, back is up
# A gamepad's shoulder buttons, right for more thrust, in the numbering of the two common kinds.
_BUTTONS = {5: 1.0, 4: -1.0, 10: 1.0, 9: -1.0}
_KEYS = {
    pygame.K_RIGHT: ("turn", 1.0),
    pygame.K_d: ("turn", 1.0),
    pygame.K_LEFT: ("turn", -1.0),
    pygame.K_a: ("turn", -1.0),
    pygame.K_UP: ("climb", 1.0),
    pygame.K_w: ("climb", 1.0),
    pygame.K_DOWN: ("climb", -1.0),
    pygame.K_s: ("climb", -1.0),
    pygame.K_LSHIFT: ("thrust", 1.0),
    pygame.K_RSHIFT: ("thrust", 1.0),
    pygame.K_LCTRL: ("thrust", -1.0),
    pygame.K_RCTRL: ("thrust", -1.0),
}


def open_gamepad() -> pygame.joystick.JoystickType:
    """Opens the first gamepad, which sends events as long as the returned object exists.

    Raises:
        RunError: no gamepad is connected.
    """
    pygame.joystick.init()
    if not pygame.joystick.get_count():
        raise RunError(
            "no gamepad is connected; connect one, or fly by keyboard: leave out --gamepad"
        )
    return pygame.joystick.Joystick(0)


class PilotInput:
    """A stick and a throttle that are moved by events and by time.

    A held key moves the stick, which returns to its centre after the key's release. A gamepad sets
    the stick's position directly. The throttle keeps its position.
    """

    def __init__(self) -> None:
        self.turn, self.climb, self.throttle = 0.0, 0.0, _START_THROTTLE
        self._held: list[int] = []
        self._buttons: set[int] = set()
        self._tilt = {"turn": 0.0, "climb": 0.0}  # a gamepad's

    @property
    def command(self) -> NDArray[np.float32]:
        """float32 (3,): turn, climb, throttle."""
        return np.array([self.turn, self.climb, self.throttle], np.float32)

    def handle(self, event: pygame.event.Event) -> None:
        """Handles an event of a key, a button or a gamepad's stick."""
        if event.type == pygame.KEYDOWN and event.key in _KEYS:
            self._held.append(event.key)
        elif event.type == pygame.KEYUP and event.key in self._held:
            self._held.remove(event.key)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()  # the window gets no event for their release
        elif event.type == pygame.JOYAXISMOTION and event.axis in _AXES:
            tilt = event.value if abs(event.value) > _DEAD_ZONE else 0.0
            self._tilt[_AXES[event.axis]] = max(-1.0, min(1.0, tilt))
        elif event.type == pygame.JOYBUTTONDOWN and event.button in _BUTTONS:
            self._buttons.add(event.button)
        elif event.type == pygame.JOYBUTTONUP:
            self._buttons.discard(event.button)

    def advance(self, seconds: float) -> None:
        """Moves stick and throttle by the time that has passed."""
        for name in ("turn", "climb"):
            wanted = self._tilt[name] or self._pressed(name)
            now = getattr(self, name)
            way = (_PUSH if wanted else _RELEASE) * seconds
            setattr(self, name, now + max(-way, min(way, wanted - now)))
        push = self._pressed("thrust") + sum(_BUTTONS[b] for b in self._buttons)
        self.throttle = max(-1.0, min(1.0, self.throttle + _THRUST * seconds * push))

    def _pressed(self, name: str) -> float:
        """-1, 0 or 1; if two opposite keys are held, that of the key pressed last."""
        pressed = [_KEYS[key][1] for key in self._held if _KEYS[key][0] == name]
        return pressed[-1] if pressed else 0.0
