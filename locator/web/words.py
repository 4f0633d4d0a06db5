"""Write figures, times and ways in the reader's words, for every template."""

import datetime as dt
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

import flask_babel
from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, get_datetime_format
from babel.numbers import format_decimal, format_percent
from flask_babel import get_locale
from flask_babel import lazy_gettext as _

from locator.analysis.fetch import SOON_S, Availability, Checked, Fetch, Span
from locator.analysis.reach import FETCH_S
from locator.registry.schema import Finding, Status
from locator.travel.directions import (
    ASIDE_M,
    BRIEF_M,
    NOT_STREETS,
    WINDS,
    Route,
    Step,
    Turn,
    is_number,
    paced,
    wind,
)
from locator.travel.network import Label
from locator.web.here import facts, now
from locator.web.languages import SOURCE
from locator.wording import Figure, Sentence

_HOUR_MIN = 60
_MINUTE_S = 60
_KM = 1000


def gettext(message: str, **values: object) -> str:
    """Say a sentence in the reader's language."""
    return str(flask_babel.gettext(message, **values))


def said(text: str | Figure) -> str:
    """Say in the reader's language what a lower floor tells; other texts stay as they are."""
    if isinstance(text, Figure):
        return _figure(text)
    if not isinstance(text, Sentence):
        return text
    values = {name: _value(value) for name, value in text.values.items()}
    return gettext(text.pattern, **values)


def is_translatable(text: str) -> bool:
    """Whether :func:`said` can say a text in other languages than English."""
    return isinstance(text, Sentence)


def _value(value: object) -> object:
    if isinstance(value, Figure):
        return _figure(value)
    if isinstance(value, float):
        return format_decimal(value, locale=_locale())
    return said(value) if isinstance(value, str) else value


def _figure(figure: Figure) -> str:
    locale = _locale()
    if _is_english(locale):
        return str(figure)
    decimals, value = int(figure.form.rstrip("f%")[-1]), float(figure)
    if figure.form.endswith("%"):
        rounded = round(value, decimals + 2)
        return format_percent(rounded, locale=locale, decimal_quantization=False)
    pattern = "#,##0" + "." * bool(decimals) + "0" * decimals
    signed = f"+{pattern};-{pattern}" if figure.form.startswith("+") else pattern
    return format_decimal(value, signed, locale=locale)


def _locale() -> Locale:
    return get_locale() or Locale(SOURCE)


def _is_english(locale: Locale) -> bool:
    return str(locale.language) == SOURCE


def minutes(span: Span) -> str:
    """Write a span as whole minutes: ``4 to 6 min``; nobody waits for longer than an hour."""
    low, high = span.minutes
    if low > _HOUR_MIN:
        return gettext("over an hour")
    if low == high:
        return gettext("%(number)s min", number=low)
    return gettext("%(low)s to %(high)s min", low=low, high=high)


def in_time(span: Span) -> str:
    """Say how a fetch stands against the minutes in which somebody may bleed to death."""
    short, long = (f"{seconds / 60:g}" for seconds in FETCH_S)
    if span.high_s <= FETCH_S[0]:
        return gettext("back within %(number)s minutes", number=short)
    if span.high_s <= FETCH_S[1]:
        return gettext("back within %(number)s minutes", number=long)
    if span.low_s <= FETCH_S[1]:
        return gettext("perhaps not back within %(number)s minutes", number=long)
    return gettext("not back within %(number)s minutes", number=long)


def metres(value: float) -> str:
    """Write a distance as a person would say it: 128 m, 350 m, 1.2 km."""
    if value < _KM:
        number = f"{round(value, -1) if value >= 100 else round(value):.0f}"  # noqa: PLR2004
        return gettext("%(number)s m", number=number)
    return gettext("%(number)s km", number=_one_decimal(value / _KM))


def _one_decimal(value: float) -> str:
    return format_decimal(round(value, 1), "0.0", locale=_locale())


def month(text: str) -> str:
    """Write ``2025-01`` as ``January 2025``."""
    locale, day = _locale(), dt.date.fromisoformat(f"{text}-01")
    if _is_english(locale):
        return format_date(day, "MMMM y", locale=locale)
    return format_skeleton("yMMMM", day, locale=locale)


def clock(moment: dt.datetime) -> str:
    """Write a local time: ``Sat 4 Jul, 23:30``."""
    locale = _locale()
    if _is_english(locale):
        return format_datetime(moment, "EEE d MMM, HH:mm", locale=locale)
    day = format_skeleton("MMMEd", moment, locale=locale)
    joined = str(get_datetime_format("medium", locale=locale))
    return joined.replace("{1}", day).replace("{0}", hour(moment))


def hour(moment: dt.datetime) -> str:
    """Write the time of a day: ``22:14``."""
    return format_datetime(moment, "HH:mm", locale=_locale())


def number(value: float) -> str:
    """Write how many: ``12,903``."""
    return format_decimal(round(value), "#,##0", locale=_locale())


def about(value: float) -> str:
    """Write about how many, to the next ten: ``about 1,230``."""
    return gettext("about %(number)s", number=number(round(value, -1)))


def percent(share: float) -> str:
    """Write a share as whole percent."""
    return format_percent(round(share, 2), locale=_locale())


# what a status means for somebody who would go for the kit, and the same by a dated report
_CONDITIONS = {
    Status.PLANNED: _("Planned."),
    Status.AGREED: _("Agreed, not yet put up."),
    Status.INSTALLED: _("Installed."),
    Status.IN_USE: _("Taken for a casualty."),
    Status.NEEDS_RESTOCK: _("Waits for new contents."),
    Status.DAMAGED: _("Reported damaged."),
    Status.MISSING: _("Reported missing."),
    Status.OBSTRUCTED: _("Cannot be reached."),
    Status.UNCONFIRMED: _("Named, but not said to be installed."),
    Status.WITHDRAWN: _("Withdrawn."),
}
# the other states come from the kit's custody, not from its source
_WHEN_REPORTED = {
    Status.PLANNED: _("Planned when reported in %(when)s."),
    Status.AGREED: _("Agreed, not yet put up when reported in %(when)s."),
    Status.INSTALLED: _("Installed when reported in %(when)s."),
    Status.OBSTRUCTED: _("Cannot be reached when reported in %(when)s."),
    Status.UNCONFIRMED: _("Named, but not said to be installed when reported in %(when)s."),
    Status.WITHDRAWN: _("Withdrawn when reported in %(when)s."),
}


def condition(kit: Mapping[str, object]) -> str:
    """Say in a sentence what is known of a kit's state."""
    status = Status(str(kit["status"]))
    if status in _WHEN_REPORTED and kit["reported"]:
        return str(_WHEN_REPORTED[status]) % {"when": kit["reported"]}
    return str(_CONDITIONS[status])


class _Doubt(Protocol):
    @property
    def finding(self) -> Finding: ...
    @property
    def at(self) -> dt.datetime: ...


_DOUBTS = {
    Finding.USED: _("Somebody told us at %(time)s that it was taken. We have not confirmed that."),
    Finding.DAMAGED: _(
        "Somebody told us at %(time)s that it is damaged. We have not confirmed that."
    ),
    Finding.MISSING: _(
        "Somebody told us at %(time)s that it is not there. We have not confirmed that."
    ),
    Finding.OBSTRUCTED: _(
        "Somebody told us at %(time)s that one cannot get to it. We have not confirmed that."
    ),
}
_OTHER_DOUBT = _(
    "Somebody told us at %(time)s that something here is wrong. We have not confirmed that."
)


def doubt(told: _Doubt) -> str:
    """Say what a stranger told of a kit in the last hours."""
    zone = facts().calendar.zone
    local = told.at.astimezone(zone)
    when = hour(local) if local.date() == now().astimezone(zone).date() else clock(local)
    return str(_DOUBTS.get(told.finding, _OTHER_DOUBT)) % {"time": when}


def soon(left: int) -> str:
    """Say that something shuts in so many minutes."""
    said = flask_babel.ngettext(
        "Shuts in %(minutes)s minute.", "Shuts in %(minutes)s minutes.", left, minutes=left
    )
    return str(said)


def shuts_soon(fetch: Fetch) -> str:
    """Say of what is open that it shuts within a quarter of an hour; else nothing."""
    until = fetch.opening.until
    if until is None or fetch.availability is not Availability.OPEN:
        return ""
    # two times of one zone subtract as wall clocks, an hour off when the clocks change
    left_s = until.timestamp() - now().timestamp()
    return soon(max(int(left_s // _MINUTE_S), 0)) if left_s <= SOON_S else ""


def last_check(fetch: Fetch) -> str:
    """Say what the last check tells."""
    day = fetch.kit["last_checked"]
    if not isinstance(day, dt.date):
        return gettext("never checked")
    if fetch.standing.checked is Checked.LONG_AGO:
        return gettext("not checked since %(day)s", day=date(day))
    if fetch.standing.checked is Checked.EXPIRED:
        return gettext("last checked %(day)s, but its contents have expired", day=date(day))
    return gettext("last checked %(day)s", day=date(day))


def date(day: dt.date) -> str:
    """Write a day: ``4 July 2026``."""
    locale = _locale()
    return format_date(day, "d MMMM y" if _is_english(locale) else "long", locale=locale)


def line(route: Route) -> str:
    """Write the line of a route for the map's script: latitude and longitude by turns."""
    return " ".join(f"{lat:.5f},{lon:.5f}" for lon, lat in route.line)


_WINDS_SAID = {
    Turn.NORTH: _("north"),
    Turn.NORTH_EAST: _("north-east"),
    Turn.EAST: _("east"),
    Turn.SOUTH_EAST: _("south-east"),
    Turn.SOUTH: _("south"),
    Turn.SOUTH_WEST: _("south-west"),
    Turn.WEST: _("west"),
    Turn.NORTH_WEST: _("north-west"),
}
_INTO = {
    Turn.ON: _("Go on along %(street)s, %(far)s"),
    Turn.BEAR_LEFT: _("Bear left into %(street)s, %(far)s"),
    Turn.BEAR_RIGHT: _("Bear right into %(street)s, %(far)s"),
    Turn.LEFT: _("Turn left into %(street)s, %(far)s"),
    Turn.RIGHT: _("Turn right into %(street)s, %(far)s"),
    Turn.BACK: _("Turn back along %(street)s, %(far)s"),
}
_STAY_ON = {
    Turn.BEAR_LEFT: _("Bear left to stay on %(street)s, %(far)s"),
    Turn.BEAR_RIGHT: _("Bear right to stay on %(street)s, %(far)s"),
    Turn.LEFT: _("Turn left to stay on %(street)s, %(far)s"),
    Turn.RIGHT: _("Turn right to stay on %(street)s, %(far)s"),
}
# a flight of steps is taken, with a name or without
_TAKE = {
    Turn.ON: _("Go on and take %(street)s, %(far)s"),
    Turn.BEAR_LEFT: _("Bear left and take %(street)s, %(far)s"),
    Turn.BEAR_RIGHT: _("Bear right and take %(street)s, %(far)s"),
    Turn.LEFT: _("Turn left and take %(street)s, %(far)s"),
    Turn.RIGHT: _("Turn right and take %(street)s, %(far)s"),
    Turn.BACK: _("Turn back and take %(street)s, %(far)s"),
}
_KINDS = {
    "street": _("a street"),
    "road": _("the road"),
    "service road": _("the service road"),
    "footpath": _("the footpath"),
    "track": _("the track"),
    "bridleway": _("the bridleway"),
    "cycle path": _("the cycle path"),
    "steps": _("the steps"),
    "square": _("the edge of the square"),
    "car park": _("the edge of the car park"),
    "platform": _("the platform"),
    "pier": _("the pier"),
    "lift": _("the lift"),
    "fast road": _("the fast road (danger: keep off the carriageway)"),
}
_THERE = {
    "": _("The kit is there"),
    "left": _("The kit is there, on the left"),
    "right": _("The kit is there, on the right"),
}
_OFF_THE_WAY = {
    "": _("The kit is about %(far)s off the way"),
    "left": _("The kit is about %(far)s off the way, on the left"),
    "right": _("The kit is about %(far)s off the way, on the right"),
}


def steps(route: Route) -> list[str]:
    """Say a way in the reader's language, as :attr:`Route.spoken` does in English."""
    if not route.steps or route.metres < BRIEF_M:
        return [_beside(route)]
    passed = [None, *(step.label for step in route.steps)]
    said = [_step(step, before) for before, step in zip(passed, route.steps, strict=False)]
    if route.to_street_m > ASIDE_M:
        first = gettext(
            "Get to %(street)s, about %(far)s to the %(wind)s",
            street=_street(route.steps[0].label),
            far=_paced(route.to_street_m),
            wind=_WINDS_SAID[wind(route.to_street)],
        )
        said.insert(0, first)
    if route.from_street_m > ASIDE_M:
        said.append(str(_OFF_THE_WAY[route.end]) % {"far": _paced(route.from_street_m)})
    else:
        said.append(str(_THERE[route.end]))
    return said


def _beside(route: Route) -> str:
    if route.metres < BRIEF_M:
        return gettext("The kit is where you are")
    far, towards = _paced(route.metres), _WINDS_SAID[wind(route.bearing)]
    return gettext("The kit is about %(far)s away, to the %(wind)s", far=far, wind=towards)


def _step(step: Step, before: Label | None) -> str:
    said = {"street": _street(step.label), "far": _paced(step.metres)}
    if step.turn in WINDS:
        towards = _WINDS_SAID[step.turn]
        return gettext("Go %(wind)s along %(street)s, %(far)s", wind=towards, **said)
    if step.label.kind == "steps":
        return str(_TAKE[step.turn]) % said
    stays = before is not None and before.name and before.name == step.label.name
    if stays and step.turn in _STAY_ON:
        return str(_STAY_ON[step.turn]) % said
    return str(_INTO[step.turn]) % said


def _street(label: Label) -> str:
    name, kind = label.name, label.kind
    if not name:
        return str(_KINDS[kind]) if kind in _KINDS else gettext("the way")
    if kind == "fast road":
        return gettext("the fast road %(name)s (danger: keep off the carriageway)", name=name)
    if kind in NOT_STREETS:
        return gettext("%(kind)s (%(name)s)", kind=_KINDS[kind], name=name)
    return gettext("the %(number)s", number=name) if is_number(name) else name


def _paced(length_m: float) -> str:
    number, unit = paced(length_m)
    if unit == "m":
        return gettext("%(number)s m", number=f"{number:.0f}")
    return gettext("%(number)s km", number=_one_decimal(number))


# the letters as the emergency services say them (ITU, Radio Regulations, appendix 14)
_SPELT = {
    word[0]: word
    for word in (
        *("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf"),
        *("Hotel", "India", "Juliett", "Kilo", "Lima", "Mike", "November"),
        *("Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform"),
        *("Victor", "Whiskey", "X-ray", "Yankee", "Zulu"),
    )
}


def spelt(text: str) -> str:
    """Spell a code as one says it on the phone: ``NN1 1DE``, ``November November 1, 1 Delta …``."""
    groups = [
        " ".join(_SPELT.get(letter, "plus" if letter == "+" else letter) for letter in group)
        for group in text.upper().split()
    ]
    return ", ".join(groups)


def phone_maps(kit: Mapping[str, object]) -> str:
    """Write an address that opens a kit in the phone's own maps."""
    at = f"{kit['latitude']:.6f},{kit['longitude']:.6f}"
    return f"geo:{at}?q={at}({quote(str(kit['name']), safe='')})"


FILTERS = {
    "about": about,
    "clock": clock,
    "condition": condition,
    "date": date,
    "doubt": doubt,
    "in_time": in_time,
    "last_check": last_check,
    "line": line,
    "metres": metres,
    "minutes": minutes,
    "month": month,
    "number": number,
    "percent": percent,
    "phone_maps": phone_maps,
    "said": said,
    "shuts_soon": shuts_soon,
    "spelt": spelt,
    "steps": steps,
}
