"""Write figures as a reader of a report expects them."""

import datetime as dt
import math

from locator.maps.plan import called

# a number and its unit, or a sign, stay on one line
_NBSP = "\u00a0"
_KM = 1_000.0
_NONE = "–"


def share(value: float | None, digits: int = 1) -> str:
    """Write a share as percent: ``31.4 %``; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{100 * value:.{digits}f}{_NBSP}%"


def number(value: float | None, digits: int = 0) -> str:
    """Write a number with commas: ``22,834``."""
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{value:,.{digits}f}"


def pounds(value: float | None) -> str:
    """Write an amount of money: ``£5,850``; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return _NONE
    return f"£{value:,.0f}"


def metres(value: float | None) -> str:
    """Write a distance: 128 m, 350 m, 1.2 km."""
    if value is None or not math.isfinite(value):
        return _NONE
    if value < _KM:
        return f"{value:.0f}{_NBSP}m"
    return f"{value / _KM:.1f}{_NBSP}km"


def points(value: float | None) -> str:
    """Write a difference of shares in percentage points: ``+4.2``."""
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{100 * value:+.1f}".replace("-", "−")


def month(text: str) -> str:
    """Write ``2025-01`` as ``January 2025``."""
    return f"{dt.date.fromisoformat(f'{text}-01'):%B %Y}"


def day(moment: dt.date) -> str:
    """Write a day: ``4 July 2026``."""
    return f"{moment.day} {moment:%B %Y}"


def listed(names: list[str]) -> str:
    """Write a list as one reads it out: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def capital(text: str) -> str:
    """Begin with a capital letter; the others stay as they are."""
    return text[:1].upper() + text[1:]


FILTERS = {
    "capital": capital,
    "called": called,
    "day": day,
    "listed": listed,
    "metres": metres,
    "month": month,
    "number": number,
    "points": points,
    "pounds": pounds,
    "share": share,
}
