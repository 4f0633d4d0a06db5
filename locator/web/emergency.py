"""Serve the page for an emergency: what to do first, and the kits near a place."""

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request

from locator import geodesy
from locator.analysis.fetch import Answer, Fetch
from locator.analysis.nearest import nearest
from locator.errors import InputError
from locator.places import Position
from locator.web import pictures
from locator.web.here import facts, now

blueprint = Blueprint("emergency", __name__)

# a phone's own estimate is never better than this indoors, whatever it says
_BEST_ACCURACY_M = 5.0
_WORST_ACCURACY_M = 50_000.0
_CHOICES = 12
# kits farther than this, and more kits than this, are folded away
_FARTHEST_RUN_S = 900.0
_SHOWN = 3
# a place known less exactly than this is not to be read out as coordinates
_EXACT_M = 100.0


@blueprint.get("/")
def home() -> str:
    """Show what to do first, and the question where you are."""
    return render_template("public/home.html")


@blueprint.post("/")
def find() -> Response:
    """Answer with the kits near a place that was typed or located.

    The place comes in the body of the request only, so that it is in no address, log or
    browser history.
    """
    try:
        found = _positions()
    except InputError as error:
        typed = request.form.get("place", "")
        page = render_template("public/home.html", error=str(error), typed=typed)
        return make_response(page, error.http_status)
    position = found[0]
    if len(found) > 1 or not position.sure:
        typed = request.form.get("place", "")
        page = render_template(
            "public/home.html", choices=found[:_CHOICES], more=len(found) > _CHOICES, typed=typed
        )
        return make_response(page)
    known = facts()
    snapshot = known.snapshot()
    answer = nearest(snapshot, position, known.travel, at=now())
    reachable, far_reachable = _near_and_far(answer.reachable)
    unknown, far_unknown = _near_and_far(answer.unknown)
    return make_response(
        render_template(
            "public/home.html",
            answer=answer,
            verdict=_verdict(answer),
            reachable=reachable,
            unknown=unknown,
            farther=[*far_reachable, *far_unknown],
            tell=_what_to_tell(position),
            typed=position.label if position.kind != "device" else "",
            picture=pictures.kits_picture(),
        )
    )


def _positions() -> list[Position]:
    known = facts()
    lat, lon = request.form.get("lat", ""), request.form.get("lon", "")
    if not lat and not lon:
        return known.gazetteer.resolve(request.form.get("place", ""))
    try:
        at = float(lon), float(lat)
        accuracy = float(request.form.get("accuracy") or _BEST_ACCURACY_M)
    except ValueError as error:
        msg = "The location that was sent is not a number. Type a postcode or a street instead."
        raise InputError(msg) from error
    if not accuracy <= _WORST_ACCURACY_M:
        msg = "The phone does not know where it is. Type a postcode or a street instead."
        raise InputError(msg)
    here = Position(*at, max(accuracy, _BEST_ACCURACY_M), "your location", "device")
    return [known.gazetteer.noted_if_outside(here)]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the answer means for two people beside a casualty."""

    level: str
    headline: str
    advice: str


def _verdict(answer: Answer) -> _Verdict:
    known = facts()
    useful_s, number = known.settings.useful_fetch_s, known.area.emergency_number
    minutes = f"{useful_s / 60:g}"
    ask = f"Ask {number} first. Send somebody only if another person stays and presses."
    if answer.position.precision_m > known.settings.standard_m:
        headline = "We only know roughly where you are."
        advice = f"Type a postcode or use your location. Ask {number}."
        return _Verdict("far", headline, advice)
    nearest_open = next((f for f in answer.reachable if f.run and f.walk), None)
    if nearest_open and nearest_open.walk and nearest_open.run:
        if nearest_open.walk.high_s <= useful_s:
            return _Verdict("near", f"A kit could be here within {minutes} minutes.", ask)
        if nearest_open.run.high_s <= useful_s:
            headline = f"A kit could be here within {minutes} minutes if somebody runs."
            return _Verdict("run", headline, ask)
        if nearest_open.run.low_s <= useful_s:
            headline = f"A kit may be near, but not surely within {minutes} minutes."
            return _Verdict("run", headline, ask)
    if any(f.run and f.run.low_s <= useful_s for f in answer.unknown):
        return _Verdict("far", "No kit nearby is known to be open now.", ask)
    headline = "We know of no kit that is close enough."
    return _Verdict("far", headline, f"Stay and press. Send somebody only if {number} says so.")


def _near_and_far(fetches: tuple[Fetch, ...]) -> tuple[list[Fetch], list[Fetch]]:
    """Divide kits into the few worth reading now, and the rest."""
    worth = [f for f in fetches if f.run and f.run.low_s <= _FARTHEST_RUN_S][:_SHOWN]
    return worth, [f for f in fetches if f not in worth]


def _what_to_tell(position: Position) -> dict[str, str]:
    """Say where the casualty is in the ways that a 999 operator can use."""
    lines = {}
    if position.kind not in ("device", "point"):
        lines["Place"] = position.label
    postcode = facts().gazetteer.nearest_postcode(position.lon, position.lat)
    if postcode and position.kind != "postcode" and position.precision_m <= _EXACT_M:
        lines["Nearest postcode"] = postcode
    if position.precision_m <= _EXACT_M:
        lines["Grid reference"] = geodesy.grid_reference(position.lon, position.lat)
        lines["Latitude, longitude"] = f"{position.lat:.5f}, {position.lon:.5f}"
    return lines
