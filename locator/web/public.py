"""Serve the pages for everyone: nearest kits, the map of kits and the map of gaps."""

import datetime as dt
import functools
import hashlib
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    render_template,
    request,
    send_file,
)

from locator import geodesy, tables
from locator.analysis import coverage as gaps
from locator.analysis.nearest import (
    Answer,
    Availability,
    Fetch,
    Span,
    availabilities,
    nearest,
    overview,
)
from locator.errors import InputError
from locator.facts import Facts
from locator.maps import Picture
from locator.maps import coverage as coverage_maps
from locator.maps import kits as kit_maps
from locator.places import Position
from locator.registry.snapshot import Snapshot

blueprint = Blueprint("public", __name__)

# a phone's own estimate is never better than this indoors, whatever it says
_BEST_ACCURACY_M = 5.0
_WORST_ACCURACY_M = 50_000.0
_CHOICES = 12
# kits farther than this, and more kits than this, are folded away
_FARTHEST_RUN_S = 900.0
_SHOWN = 3
_HOUR_MIN = 60
_STANDARDS_M = (150, 400, 800)
# a place known less exactly than this is not to be read out as coordinates
_EXACT_M = 100.0


# drawing is the same for all: while one request draws, the others wait for its picture
_drawing = threading.RLock()
_T = TypeVar("_T")


def _drawn_once(draw: Callable[..., _T]) -> Callable[..., _T]:
    kept = functools.lru_cache(maxsize=16)(draw)

    @functools.wraps(draw)
    def draw_or_wait(*args: Hashable, **kwargs: Hashable) -> _T:
        with _drawing:
            return kept(*args, **kwargs)

    return draw_or_wait


def _facts() -> Facts:
    facts: Facts = current_app.extensions["facts"]
    return facts


def _now() -> dt.datetime:
    now: dt.datetime = current_app.extensions["clock"]()
    return now


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
    facts = _facts()
    snapshot = facts.snapshot()
    answer = nearest(snapshot, position, facts.travel, at=_now())
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
            picture=_kits_picture(),
        )
    )


def _positions() -> list[Position]:
    facts = _facts()
    lat, lon = request.form.get("lat", ""), request.form.get("lon", "")
    if not lat and not lon:
        return facts.gazetteer.resolve(request.form.get("place", ""))
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
    return [facts.gazetteer.noted_if_outside(here)]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the answer means for two people beside a casualty."""

    level: str
    headline: str
    advice: str


def _verdict(answer: Answer) -> _Verdict:
    facts = _facts()
    useful_s, number = facts.settings.useful_fetch_s, facts.area.emergency_number
    minutes = f"{useful_s / 60:g}"
    ask = f"Ask {number} first. Send somebody only if another person stays and presses."
    if answer.position.precision_m > facts.settings.standard_m:
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
    postcode = _facts().gazetteer.nearest_postcode(position.lon, position.lat)
    if postcode and position.kind != "postcode" and position.precision_m <= _EXACT_M:
        lines["Nearest postcode"] = postcode
    if position.precision_m <= _EXACT_M:
        lines["Grid reference"] = geodesy.grid_reference(position.lon, position.lat)
        lines["Latitude, longitude"] = f"{position.lat:.5f}, {position.lon:.5f}"
    return lines


@blueprint.get("/map")
def kits() -> str:
    """Show all kits on a map and as a list."""
    now = _now()
    fetches = overview(_facts().snapshot(), now)
    order = list(Availability)
    fetches.sort(key=lambda f: (order.index(f.availability), f.kit["address"], f.kit["name"]))
    return render_template(
        "public/map.html",
        fetches=fetches,
        at=now,
        picture=_kits_picture(),
        attributions=_attributions("areas", "kits", "basemap"),
    )


@blueprint.get("/coverage")
def coverage() -> str:
    """Show where recorded violence lies out of reach of every kit."""
    within_m, when = _coverage_choice()
    result = _coverage(_facts().snapshot(), within_m, when)
    return render_template(
        "public/coverage.html",
        coverage=result,
        standards=_standards(),
        attributions=_attributions(
            "areas", "kits", "incidents", "lsoa", "lsoa_outlines", "basemap"
        ),
        when=when,
        cell_bands=coverage_maps.cell_bands(result),
        decile_bands=coverage_maps.decile_bands(),
        cell_minimum=gaps.CELL_MINIMUM,
        picture=_coverage_picture(_facts().snapshot(), within_m, when),
    )


def _standards() -> list[int]:
    return sorted({*_STANDARDS_M, _facts().settings.standard_m})


def _attributions(*names: str) -> list[str]:
    return tables.attributions(_facts().settings.geodata, *names)


def _coverage_choice() -> tuple[int, str]:
    within = request.args.get("within", str(_facts().settings.standard_m))
    when = request.args.get("hours", "any")
    allowed = {str(metres): metres for metres in _standards()}
    if within not in allowed or when not in ("any", "always"):
        listed = ", ".join(allowed)
        msg = f"Choose a distance of {listed} metres, and hours “any” or “always”."
        raise InputError(msg)
    return allowed[within], when


@_drawn_once
def _coverage(snapshot: Snapshot, within_m: int, when: str) -> gaps.Coverage:
    facts = _facts()
    return gaps.coverage(
        snapshot,
        facts.incidents,
        facts.residents,
        within_m=within_m,
        only_always_open=when == "always",
    )


@_drawn_once
def _coverage_picture(snapshot: Snapshot, within_m: int, when: str) -> "_Served":
    facts = _facts()
    picture = coverage_maps.coverage_map(
        _coverage(snapshot, within_m, when),
        facts.county,
        facts.lsoa_outlines,
        basemap_url="/basemap.pmtiles",
        attribution=_basemap_attribution(),
    )
    return _Served.of(picture, f"/maps/coverage.js?within={within_m}&hours={when}")


@dataclass(frozen=True, slots=True)
class _Served:
    """A picture and the address of its script."""

    picture: Picture
    script_url: str
    digest: str

    @classmethod
    def of(cls, picture: Picture, address: str) -> "_Served":
        digest = hashlib.sha256(picture.script.encode()).hexdigest()[:12]
        joint = "&" if "?" in address else "?"
        return cls(picture, f"{address}{joint}v={digest}", digest)


def _basemap_attribution() -> str:
    return tables.sources(_facts().settings.geodata)["basemap"].attribution


def _kits_picture() -> _Served:
    snapshot = _facts().snapshot()
    states = availabilities(snapshot, _now())
    return _kits_picture_of(snapshot, tuple(states))


@_drawn_once
def _kits_picture_of(snapshot: Snapshot, states: tuple[Availability, ...]) -> _Served:
    facts = _facts()
    picture = kit_maps.kits_map(
        snapshot,
        states,
        facts.county,
        basemap_url="/basemap.pmtiles",
        attribution=_basemap_attribution(),
    )
    return _Served.of(picture, "/maps/kits.js")


@blueprint.get("/maps/kits.js")
def kits_script() -> Response:
    """Serve the script that draws the map of kits."""
    return _script(_kits_picture())


@blueprint.get("/maps/coverage.js")
def coverage_script() -> Response:
    """Serve the script that draws the map of gaps."""
    return _script(_coverage_picture(_facts().snapshot(), *_coverage_choice()))


def _script(served: _Served) -> Response:
    response = make_response(served.picture.script)
    response.content_type = "text/javascript; charset=utf-8"
    response.set_etag(served.digest)
    # a script asked for by its own digest never changes; any other may be old soon
    fits = request.args.get("v") == served.digest
    response.headers["Cache-Control"] = "public, max-age=3600" if fits else "no-cache"
    response.make_conditional(request)
    return response


@blueprint.get("/basemap.pmtiles")
def basemap() -> Response:
    """Serve the vector tiles of the basemap, in ranges."""
    folder = _facts().settings.geodata
    path = folder / tables.sources(folder)["basemap"].file
    return send_file(
        path.resolve(), mimetype="application/octet-stream", conditional=True, max_age=86_400
    )


@blueprint.get("/data")
def data() -> str:
    """Say where everything comes from and under which licence."""
    return render_template("public/data.html")


@blueprint.app_template_filter("minutes")
def minutes(span: Span) -> str:
    """Write a span as whole minutes: ``4 to 6 min``; nobody waits for longer than an hour."""
    low, high = span.minutes
    if low > _HOUR_MIN:
        return "over an hour"
    return f"{low} min" if low == high else f"{low} to {high} min"


@blueprint.app_template_filter("metres")
def metres(value: float) -> str:
    """Write a distance as a person would say it: 128 m, 350 m, 1.2 km."""
    if value < 1000:  # noqa: PLR2004  # metres in a kilometre
        return f"{round(value, -1) if value >= 100 else round(value):.0f} m"  # noqa: PLR2004
    return f"{value / 1000:.1f} km"


@blueprint.app_template_filter("month")
def month(text: str) -> str:
    """Write ``2025-01`` as ``January 2025``."""
    return f"{dt.date.fromisoformat(f'{text}-01'):%B %Y}"


@blueprint.app_template_filter("clock")
def clock(moment: dt.datetime) -> str:
    """Write a local time: ``Sat 4 Jul, 23:30``."""
    return f"{moment:%a} {moment.day} {moment:%b}, {moment:%H:%M}"


@blueprint.app_template_filter("percent")
def percent(share: float) -> str:
    """Write a share as whole percent."""
    return f"{share:.0%}"
