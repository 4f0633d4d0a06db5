"""Write figures in words, for every template."""

import datetime as dt

from locator.analysis.fetch import Span

_HOUR_MIN = 60


def minutes(span: Span) -> str:
    """Write a span as whole minutes: ``4 to 6 min``; nobody waits for longer than an hour."""
    low, high = span.minutes
    if low > _HOUR_MIN:
        return "over an hour"
    return f"{low} min" if low == high else f"{low} to {high} min"


def metres(value: float) -> str:
    """Write a distance as a person would say it: 128 m, 350 m, 1.2 km."""
    if value < 1000:  # noqa: PLR2004  # metres in a kilometre
        return f"{round(value, -1) if value >= 100 else round(value):.0f} m"  # noqa: PLR2004
    return f"{value / 1000:.1f} km"


def month(text: str) -> str:
    """Write ``2025-01`` as ``January 2025``."""
    return f"{dt.date.fromisoformat(f'{text}-01'):%B %Y}"


def clock(moment: dt.datetime) -> str:
    """Write a local time: ``Sat 4 Jul, 23:30``."""
    return f"{moment:%a} {moment.day} {moment:%b}, {moment:%H:%M}"


def percent(share: float) -> str:
    """Write a share as whole percent."""
    return f"{share:.0%}"


FILTERS = {
    "clock": clock,
    "metres": metres,
    "minutes": minutes,
    "month": month,
    "percent": percent,
}
