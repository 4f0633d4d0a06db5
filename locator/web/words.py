"""Write figures in words, for every template."""

import datetime as dt
from collections.abc import Mapping

from locator.analysis.fetch import Checked, Fetch, Span
from locator.registry.schema import Status
from locator.travel.directions import Route

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


# what a status means for somebody who would go for the kit
_CONDITIONS = {
    Status.PLANNED: "Planned",
    Status.AGREED: "Agreed, not yet put up",
    Status.INSTALLED: "Installed",
    Status.IN_USE: "Taken for a casualty",
    Status.NEEDS_RESTOCK: "Waits for new contents",
    Status.DAMAGED: "Reported damaged",
    Status.MISSING: "Reported missing",
    Status.OBSTRUCTED: "Cannot be reached",
    Status.UNCONFIRMED: "Named, but not said to be installed",
    Status.WITHDRAWN: "Withdrawn",
}
# these come from the kit's custody, not from its source
_RECORDED = (Status.IN_USE, Status.NEEDS_RESTOCK, Status.DAMAGED, Status.MISSING)


def condition(kit: Mapping[str, object]) -> str:
    """Say in a sentence what is known of a kit's state."""
    status = Status(str(kit["status"]))
    if status in _RECORDED or not kit["reported"]:
        return f"{_CONDITIONS[status]}."
    return f"{_CONDITIONS[status]} when reported in {kit['reported']}."


def last_check(fetch: Fetch) -> str:
    """Say what the last check tells."""
    day = fetch.kit["last_checked"]
    if not isinstance(day, dt.date):
        return "never checked"
    if fetch.standing.checked is Checked.LONG_AGO:
        return f"not checked since {date(day)}"
    if fetch.standing.checked is Checked.EXPIRED:
        return f"last checked {date(day)}, but its contents have expired"
    return f"last checked {date(day)}"


def date(day: dt.date) -> str:
    """Write a day: ``4 July 2026``."""
    return f"{day.day} {day:%B %Y}"


def line(route: Route) -> str:
    """Write the line of a route for the map's script: latitude and longitude by turns."""
    return " ".join(f"{lat:.5f},{lon:.5f}" for lon, lat in route.line)


FILTERS = {
    "condition": condition,
    "last_check": last_check,
    "line": line,
    "clock": clock,
    "metres": metres,
    "minutes": minutes,
    "month": month,
    "percent": percent,
}
