"""Serve the pages for everyone: nearest kits, the map of kits and the map of gaps."""

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request

from locator import geodesy, tables
from locator.analysis.coverage import (
    BANDS,
    CELL_MINIMUM,
    FINDINGS,
    Counting,
    Coverage,
    says_of_profiles,
)
from locator.analysis.equity import curve_picture, decile_picture
from locator.analysis.fetch import Answer, Availability, Fetch
from locator.analysis.nearest import nearest, overview
from locator.errors import InputError
from locator.maps import coverage as coverage_maps
from locator.places import Position
from locator.web import pictures
from locator.web.here import facts, now

blueprint = Blueprint("public", __name__)

# a phone's own estimate is never better than this indoors, whatever it says
_BEST_ACCURACY_M = 5.0
_WORST_ACCURACY_M = 50_000.0
_CHOICES = 12
_NEARLY_ALL = 0.994
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


@blueprint.get("/map")
def kits() -> str:
    """Show all kits on a map and as a list."""
    moment = now()
    fetches = overview(facts().snapshot(), moment)
    order = list(Availability)
    fetches.sort(key=lambda f: (order.index(f.availability), f.kit["address"], f.kit["name"]))
    return render_template(
        "public/map.html",
        fetches=fetches,
        at=moment,
        picture=pictures.kits_picture(),
        attributions=_attributions("areas", "kits", "basemap"),
    )


@blueprint.get("/coverage")
def coverage() -> str:
    """Show where recorded violence lies out of reach of every kit that can be had."""
    within_m, when = pictures.coverage_choice()
    snapshot = facts().snapshot()
    figures = pictures.coverage_figures(snapshot, within_m)
    found = pictures.coverage_gaps(figures, when)
    cells, in_small_cells = figures.coverage.cells(pictures.counting(when))
    return render_template(
        "public/coverage.html",
        coverage=figures.coverage,
        published=len(snapshot.kits),
        says_of_profiles=says_of_profiles(figures.by_profile),
        residents=figures.residents,
        equity=figures.equity,
        decile_picture=decile_picture(figures.equity),
        curve_picture=curve_picture(figures.equity),
        gaps=found,
        findings=FINDINGS,
        Counting=Counting,
        out_of_reach=span(*(1 - share for share in figures.coverage.total.values())),
        span=span,
        lost=_lost(figures.coverage),
        hours_of_band=_hours_of_bands(),
        within_m=within_m,
        standards=pictures.standards(),
        attributions=_attributions(
            "areas",
            "kits",
            *figures.coverage.demand.tables,
            *figures.residents.demand.tables,
            "streets",
            "lsoa_outlines",
            "basemap",
        ),
        when=when,
        cell_bands=coverage_maps.cell_bands(cells),
        decile_bands=coverage_maps.decile_bands(),
        cell_minimum=CELL_MINIMUM,
        in_small_cells=in_small_cells,
        picture=pictures.coverage_picture(figures, when),
    )


def span(*shares: float) -> str:
    """Write the least and the most of some shares: ``85 to 93%``; only all is 100%."""
    low, high = (
        f"{100 * share:.0f}" if share <= _NEARLY_ALL or share == 1 else "over 99"
        for share in (min(shares), max(shares))
    )
    return f"{low}%" if low == high else f"{low} to {high}%"


def _lost(coverage: Coverage) -> str:
    """Write what closing hours cost; empty if there is nothing to lose."""
    if coverage.loss != coverage.loss:  # NaN is not equal to itself
        return ""
    return span(coverage.loss_least, coverage.loss)


def _hours_of_bands() -> dict[str, str]:
    """Write the hours of each part of the day: ``Night, 22 to 6``."""
    starts = [first for _, first in BANDS]
    ends = [*starts[1:], starts[0]]
    return {
        name: f"{name.capitalize()}, {first} to {end}"
        for (name, first), end in zip(BANDS, ends, strict=True)
    }


def _attributions(*names: str) -> list[str]:
    return tables.attributions(facts().settings.geodata, *names)


@blueprint.get("/data")
def data() -> str:
    """Say where everything comes from and under which licence."""
    streets = facts().travel.streets
    return render_template("public/data.html", network=streets and streets.network.about)
