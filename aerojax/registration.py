"""The environments by name."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Unpack

from aerojax.config import Changes, Config, nearest_first
from aerojax.scenarios import get_config

if TYPE_CHECKING:
    from aerojax.env import AeroJAX


def make(scenario: str | Config, **changes: Unpack[Changes]) -> AeroJAX:
    """Makes an environment.

        >>> aerojax.make("identical_5_vs_5", opponents="selfplay", actions="continuous")

    Args:
        scenario: a name of `list_scenarios()`, or a configuration of one's own.
        **changes: fields of `Config` that differ, such as `actions`, `opponents`, `obstacles`,
            `stochastic_sensors`, `link_dropout` or `control`. A scenario that they change is called
            by its name and a star, such as `identical_5_vs_5*`, unless they give it another name.

    Raises:
        TypeError: no field of `Config` has that name.
        ValueError: no scenario has that name, or an impossible value.
    """
    config = scenario if isinstance(scenario, Config) else get_config(scenario)
    if not isinstance(scenario, Config):
        config = dataclasses.replace(config, name=scenario)
    fields = [field.name for field in dataclasses.fields(Config)]
    for name in changes:
        if name not in fields:
            raise TypeError(
                f"unknown argument {name!r}; valid: {', '.join(nearest_first(name, fields))}"
            )
    from aerojax.env import AeroJAX

    changed = dataclasses.replace(config, **changes)
    if not isinstance(scenario, Config) and changed != config and "name" not in changes:
        changed = dataclasses.replace(changed, name=f"{scenario}*")
    return AeroJAX(changed)
