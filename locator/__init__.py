"""Find the nearest bleed kit that can be reached now, and where the gaps are."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locator.analysis.coverage import Coverage, coverage
    from locator.analysis.fetch import Answer, Availability, Fetch
    from locator.analysis.nearest import nearest
    from locator.errors import LocatorError
    from locator.facts import Facts
    from locator.places import Gazetteer, Position
    from locator.registry.snapshot import Snapshot
    from locator.settings import Settings

__all__ = [
    "Answer",
    "Availability",
    "Coverage",
    "Facts",
    "Fetch",
    "Gazetteer",
    "LocatorError",
    "Position",
    "Settings",
    "Snapshot",
    "coverage",
    "nearest",
]

_HOMES = {
    "Answer": "locator.analysis.fetch",
    "Availability": "locator.analysis.fetch",
    "Coverage": "locator.analysis.coverage",
    "Facts": "locator.facts",
    "Fetch": "locator.analysis.fetch",
    "Gazetteer": "locator.places",
    "LocatorError": "locator.errors",
    "Position": "locator.places",
    "Settings": "locator.settings",
    "Snapshot": "locator.registry.snapshot",
    "coverage": "locator.analysis.coverage",
    "nearest": "locator.analysis.nearest",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line can then say that Ctrl-C ended the import."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOMES[name]), name)
