"""Find the nearest bleed kit that can be reached now, and where the gaps are."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locator.analysis.backtest import Backtest, backtest
    from locator.analysis.choosing import Question
    from locator.analysis.coverage import Coverage, coverage
    from locator.analysis.fetch import Answer, Availability, Fetch
    from locator.analysis.goal import Goal
    from locator.analysis.nearest import nearest
    from locator.analysis.siting import Plan, plan
    from locator.errors import LocatorError
    from locator.facts import Facts
    from locator.places import Gazetteer, Position
    from locator.registry.snapshot import Snapshot
    from locator.settings import Settings
    from locator.travel.standard import Standard

__all__ = [
    "Answer",
    "Availability",
    "Backtest",
    "Coverage",
    "Facts",
    "Fetch",
    "Gazetteer",
    "Goal",
    "LocatorError",
    "Plan",
    "Position",
    "Question",
    "Settings",
    "Snapshot",
    "Standard",
    "backtest",
    "coverage",
    "nearest",
    "plan",
]

_HOMES = {
    "Answer": "locator.analysis.fetch",
    "Availability": "locator.analysis.fetch",
    "Backtest": "locator.analysis.backtest",
    "Coverage": "locator.analysis.coverage",
    "Facts": "locator.facts",
    "Fetch": "locator.analysis.fetch",
    "Gazetteer": "locator.places",
    "Goal": "locator.analysis.goal",
    "LocatorError": "locator.errors",
    "Plan": "locator.analysis.siting",
    "Position": "locator.places",
    "Question": "locator.analysis.choosing",
    "Settings": "locator.settings",
    "Snapshot": "locator.registry.snapshot",
    "Standard": "locator.travel.standard",
    "backtest": "locator.analysis.backtest",
    "coverage": "locator.analysis.coverage",
    "nearest": "locator.analysis.nearest",
    "plan": "locator.analysis.siting",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line can then say that Ctrl-C ended the import."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOMES[name]), name)
