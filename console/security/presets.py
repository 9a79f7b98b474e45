"""Ready-made levels of security. A Customer that differs from all of them has its own. Promise: P08."""

from dataclasses import dataclass
from typing import Any

from console.policies.choices import Choices, choices_of, defaults
from console.policies.models import InForce


@dataclass(frozen=True)
class Preset:
    """One level: its name, what it is for, and what differs from the standard one."""

    name: str
    label: str
    text: str
    values: dict[str, Any]

    @property
    def choices(self) -> Choices:
        """All choices of this level, within what the installation allows."""
        values = {**defaults(), **self.values}
        values["sign_in_tries"] = min(values["sign_in_tries"], defaults()["sign_in_tries"])
        return Choices(**values)


PRESETS: tuple[Preset, ...] = (
    Preset("standard", "Standard", "What every new account begins with: new browsers are confirmed by mail.", {}),
    Preset(
        "strict",
        "Strict",
        "For accounts whose administrators are worth attacking: they and the managers need a second factor, and new"
        " places are confirmed.",
        {
            "confirm_new_networks": True,
            "remember_browser_days": 60,
            "factor_required": "administrators",
            "session_idle_minutes": 60,
            "session_absolute_hours": 12,
            "session_binding": "log",
            "password_characters": 14,
            "password_history": 5,
            "sign_in_tries": 7,
        },
    ),
    Preset(
        "maximum",
        "Maximum",
        "For regulated data: everyone needs a second factor, sessions are short and stay in their network.",
        {
            "confirmation": "always",
            "confirm_new_networks": True,
            "remember_browser_days": 30,
            "network_days": 30,
            "factor_required": "everyone",
            "session_idle_minutes": 15,
            "session_absolute_hours": 8,
            "sessions_at_once": 3,
            "session_binding": "enforce",
            "password_characters": 16,
            "password_history": 12,
            "sign_in_tries": 5,
            "reasons_required": True,
        },
    ),
)


def preset(name: str) -> Preset | None:
    """The preset of that name."""
    return next((item for item in PRESETS if item.name == name), None)


def preset_in_force(policy: InForce) -> Preset | None:
    """The preset that this version is, or None where the Customer has a mix of its own."""
    chosen = choices_of(policy)
    return next((item for item in PRESETS if item.choices == chosen), None)
