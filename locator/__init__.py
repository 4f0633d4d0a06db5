"""Find the nearest bleed kit that can be reached now, and where the gaps are."""

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
