"""Serve the page for an emergency: what to do first, and the kits near a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from flask import Blueprint, Response, make_response, render_template, request

from locator import geodesy
from locator.analysis.fetch import Answer, Fetch
from locator.analysis.nearest import nearest
from locator.analysis.reach import FETCH_S
from locator.errors import InputError
from locator.places import Position
from locator.web import addresses, pictures
from locator.web.here import facts, now
from locator.web.words import gettext as _
from locator.web.words import metres, spelt
from locator.wording import Sentence

blueprint = Blueprint("emergency", __name__)

# a phone's own estimate is never better than this indoors, whatever it says
BEST_ACCURACY_M = 5.0
WORST_ACCURACY_M = 50_000.0
CHOICES = 12
# kits farther than this, and more kits than this, are folded away
FARTHEST_RUN_S = 900.0
SHOWN = 3
# a place known less exactly than this is not to be read out as coordinates
EXACT_M = 100.0
# who is this near to a street stands in it
_IN_STREET_M = 30.0
# kinds of positions that have no name to show
_DEVICE, _PICKED = "device", "picked"


class People(StrEnum):
    """Who is with the casualty, as the page asks."""

    TWO = "two"
    ALONE = "alone"


@blueprint.get("/")
def home() -> str:
    """Show what to do first, and the questions how many you are and where."""
    shown = addresses.of("emergency.home")
    return render_template("public/home.html", people="", addresses=shown)


@blueprint.post("/")
def find() -> Response:
    """Answer with the kits near a place that was typed, located or chosen on the map.

    The place comes in the body of the request only, so that it is in no address, log or
    browser history.
    """
    people = _people()
    typed = request.form.get("place", "")
    if request.form.get("on") == "map":
        return make_response(_choosing(people, typed))
    try:
        found = _positions()
    except InputError as error:
        told = error.sentence
        page = render_template("public/home.html", error=told, typed=typed, people=people)
        return make_response(page, error.http_status)
    position = found[0]
    if len(found) > 1 or not position.sure:
        page = render_template(
            "public/home.html",
            choices=found[:CHOICES],
            more=len(found) > CHOICES,
            typed=typed,
            people=people,
        )
        return make_response(page)
    return make_response(_answered(position, people))


def _people() -> str:
    said = request.form.get("people", "")
    return said if said in set(People) else ""


def _choosing(people: str, typed: str) -> str:
    """Show the map on which the place can be chosen, at the place that is known so far."""
    try:
        start = _positions()[0]
    except InputError:
        start = None
    return render_template(
        "public/home.html",
        choosing=True,
        start=start,
        people=people,
        typed=typed,
        picture=pictures.kits_picture(),
    )


def _answered(position: Position, people: str) -> str:
    known = facts()
    answer = nearest(known.snapshot(), position, known.travel, at=now())
    meant = _meant(answer)
    verdict = _verdict(answer, people, meant)
    kept = (meant, verdict.kit)
    reachable, far_reachable = _near_and_far(answer.reachable, kept)
    closing, far_closing = _near_and_far(answer.closing, kept)
    unknown, far_unknown = _near_and_far(answer.unknown, kept)
    return render_template(
        "public/home.html",
        answer=answer,
        verdict=verdict,
        reachable=reachable,
        closing=closing,
        unknown=unknown,
        farther=[*far_reachable, *far_closing, *far_unknown],
        tell=_what_to_tell(answer),
        exact=position.precision_m <= EXACT_M,
        placed=position.precision_m <= known.settings.standard_m,
        people=people,
        # what is sent again when something else is asked about the same place
        here=_as_form(position),
        typed="" if position.kind in (_DEVICE, _PICKED) else request.form["place"],
        meter_s=FETCH_S,
        picture=pictures.kits_picture(),
    )


def _positions() -> list[Position]:
    known = facts()
    lat, lon = request.form.get("lat", ""), request.form.get("lon", "")
    if not lat and not lon:
        return known.gazetteer.resolve(request.form.get("place", ""))
    try:
        at = float(lon), float(lat)
        accuracy = float(request.form.get("accuracy") or BEST_ACCURACY_M)
    except ValueError as error:
        msg = Sentence(
            "The location that was sent is not a number. Type a postcode or a street instead."
        )
        raise InputError(msg) from error
    if not accuracy <= WORST_ACCURACY_M:
        msg = Sentence("The phone does not know where it is. Type a postcode or a street instead.")
        raise InputError(msg)
    kind = _PICKED if request.form.get("how") == _PICKED else _DEVICE
    label = "your location" if kind == _DEVICE else "the place you chose"
    here = Position(*at, max(accuracy, BEST_ACCURACY_M), label, kind)
    return [known.gazetteer.noted_if_outside(here)]


def _as_form(position: Position) -> Mapping[str, str]:
    if position.kind not in (_DEVICE, _PICKED):
        # as it was typed: a label has more decimals, and would make a rough place exact
        return {"place": request.form["place"]}
    return {
        "lat": f"{position.lat:.6f}",
        "lon": f"{position.lon:.6f}",
        "accuracy": f"{position.precision_m:.0f}",
        "how": position.kind,
    }


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the answer means for whoever is beside a casualty.

    ``stay`` says that nobody should be sent: to press and pack comes before all kits. ``kit`` is
    the one that it speaks of, to be named and unfolded.
    """

    level: str
    headline: str
    advice: str
    stay: bool = False
    kit: Fetch | None = None


def _verdict(answer: Answer, people: str, meant: Fetch | None) -> _Verdict:
    known = facts()
    number = known.area.emergency_number
    if people == People.ALONE:
        headline = _("Do not go for a kit. Stay and press.")
        advice = _("Tell %(number)s that you are alone, and where you are.", number=number)
        return _Verdict("alone", headline, advice, stay=True)
    if not any(_in_reach(f) for f in (*answer.reachable, *answer.closing, *answer.unknown)):
        return _far()
    if answer.position.precision_m > known.settings.standard_m:
        headline = _("We only know roughly where you are.")
        advice = _("Use your location, or correct the place. Ask %(number)s.", number=number)
        return _Verdict("far", headline, advice)
    ask = _(
        "Ask %(number)s first. Send somebody only if another person stays and presses.",
        number=number,
    )
    if people == People.TWO:
        ask = _("Ask %(number)s first. One stays and presses, one fetches the kit.", number=number)
    return _of_kits(answer, meant, ask) or _far()


class _Chance(IntEnum):
    """How surely a kit can be here in time, the surest first."""

    WALKING = 0
    RUNNING = 1
    PERHAPS = 2
    NONE = 3


def _chance(fetch: Fetch) -> _Chance:
    useful_s = facts().settings.useful_fetch_s
    if fetch.walk is not None and fetch.walk.high_s <= useful_s:
        return _Chance.WALKING
    if fetch.run is not None and fetch.run.high_s <= useful_s:
        return _Chance.RUNNING
    return _Chance.PERHAPS if _in_reach(fetch) else _Chance.NONE


def _meant(answer: Answer) -> Fetch | None:
    """Choose the kit to speak of: the surest to be here in time, the nearest among equals.

    Nothing is promised of a kit that somebody has just called gone.
    """
    return min((f for f in answer.reachable if not f.doubt), key=_chance, default=None)


def _promise(chance: _Chance) -> str:
    minutes = f"{facts().settings.useful_fetch_s / 60:g}"
    return {
        _Chance.WALKING: _("A kit could be here within %(minutes)s minutes.", minutes=minutes),
        _Chance.RUNNING: _(
            "A kit could be here within %(minutes)s minutes if somebody runs.", minutes=minutes
        ),
        _Chance.PERHAPS: _(
            "A kit may be near, but not surely within %(minutes)s minutes.", minutes=minutes
        ),
        _Chance.NONE: "",
    }[chance]


def _of_kits(answer: Answer, meant: Fetch | None, ask: str) -> _Verdict | None:
    chance = _Chance.NONE if meant is None else _chance(meant)
    if promise := _promise(chance):
        level = "near" if chance is _Chance.WALKING else "run"
        return _Verdict(level, promise, ask, kit=meant)
    if doubted := next((f for f in answer.reachable if f.doubt and _in_reach(f)), None):
        headline = _("Something may be wrong with the kit nearby.")
        return _Verdict("far", headline, ask, kit=doubted)
    if closing := next((f for f in answer.closing if _in_reach(f)), None):
        headline = _("The kit nearby is about to shut.")
        return _Verdict("far", headline, ask, kit=closing)
    if any(_in_reach(f) for f in answer.unknown):
        return _Verdict("far", _("No kit nearby is known to be open now."), ask)
    return None


def _in_reach(fetch: Fetch) -> bool:
    """Tell whether a runner may be back with a kit in time, if all goes well."""
    return fetch.run is not None and fetch.run.low_s <= facts().settings.useful_fetch_s


def _far() -> _Verdict:
    headline = _("We know of no kit that is close enough.")
    number = facts().area.emergency_number
    advice = _("Stay and press. Send somebody only if %(number)s says so.", number=number)
    return _Verdict("far", headline, advice, stay=True)


def _near_and_far(
    fetches: tuple[Fetch, ...], kept: tuple[Fetch | None, ...]
) -> tuple[list[Fetch], list[Fetch]]:
    """Divide kits into the few worth reading now, with those to be kept, and the rest."""
    near = [f for f in fetches if f.run and f.run.low_s <= FARTHEST_RUN_S]
    worth = [f for i, f in enumerate(near) if i < SHOWN or any(f is k for k in kept)]
    return worth, [f for f in fetches if f not in worth]


@dataclass(frozen=True, slots=True)
class _Line:
    """One way to say on the phone where somebody is.

    ``groups`` are the parts in which ``value`` is read out, ``aloud`` how it is spelt.
    """

    name: str
    groups: tuple[str, ...]
    aloud: str = ""
    note: str = ""


def _what_to_tell(answer: Answer) -> list[_Line]:
    """Say where the casualty is in the ways that a 999 operator can use."""
    position = answer.position
    lines = []
    if position.kind not in (_DEVICE, _PICKED, "point"):
        aloud = spelt(position.label) if position.kind == "postcode" else ""
        lines.append(_Line(_("Place"), (position.label,), aloud))
    if position.precision_m > EXACT_M:
        return lines
    if position.kind != "street":
        lines.extend(_road(answer))
    gazetteer = facts().gazetteer
    postcode = gazetteer.nearest_postcode(position.lon, position.lat)
    if postcode and position.kind != "postcode":
        lines.append(_Line(_("Nearest postcode"), tuple(postcode.split()), spelt(postcode)))
    grid = geodesy.grid_reference(position.lon, position.lat)
    lines.append(_Line(_("Grid reference"), tuple(grid.split()), spelt(grid)))
    code = geodesy.plus_code(position.lon, position.lat)
    lines.append(_Line(_("Plus code"), (code[:4], code[4:]), spelt(f"{code[:4]} {code[4:]}")))
    at = [f"{value:.5f}" for value in (position.lat, position.lon)]
    # thousandths and what is finer are said apart
    groups = (at[0][:-2], f"{at[0][-2:]},", at[1][:-2], at[1][-2:])
    lines.append(_Line(_("Latitude, longitude"), groups))
    return lines


def _road(answer: Answer) -> list[_Line]:
    """Name the road and the town, from the streets that are loaded or from the gazetteer."""
    here, gazetteer = answer.position, facts().gazetteer
    town = gazetteer.nearest_settlement(here.lon, here.lat)
    walked = next(
        (f.route for f in (*answer.reachable, *answer.closing, *answer.unknown) if f.route), None
    )
    if walked and walked.steps and walked.to_street_m <= _IN_STREET_M:
        name = walked.steps[0].label.name
        if name:
            said = f"{name}, {town.label}" if town else name
            return [_Line(_("Road"), (said,))]
    street = gazetteer.nearest_street(here.lon, here.lat)
    if street is not None:
        far = geodesy.geodesic_m(here.lon, here.lat, street.lon, street.lat)
        note = _("The middle of this road is about %(distance)s away.", distance=metres(float(far)))
        return [_Line(_("Nearest road we know"), (street.label,), note=note)]
    if town is not None:
        return [_Line(_("Nearest town or village"), (town.label,))]
    return []
