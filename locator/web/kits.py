"""Serve what helps before the day: pages of kits and towns, posters, downloads, the widget."""

import dataclasses
import datetime as dt
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import numpy as np
from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from locator import geodesy, tables
from locator.analysis.days import Day, days, next_holidays
from locator.analysis.fetch import Availability, Fetch
from locator.analysis.nearest import nearest, overview
from locator.analysis.towns import Town, slug, towns
from locator.errors import InputError, KitNotFoundError
from locator.exchange.formats import FORMATS
from locator.places import Position, fold
from locator.registry import custody
from locator.registry.schema import Status
from locator.registry.snapshot import Doubt, Snapshot
from locator.reports import posters
from locator.reports.downloads import kits_file
from locator.reports.maps import on_grid
from locator.reports.townmap import Mark, town_map
from locator.web import addresses, languages, pictures, printing
from locator.web.here import attributions, facts, now
from locator.wording import Sentence

blueprint = Blueprint("kits", __name__)

_NEARBY = 3
# what a poster is for: at the kit, at a wall near it, behind the counter
_POSTERS = ("here", "near", "staff")
_DOWNLOADS = {
    "geojson": "application/geo+json",
    "gpx": "application/gpx+xml",
    "kml": "application/vnd.google-earth.kml+xml",
    "csv": "text/csv; charset=utf-8",
}
_PAGES = (
    "emergency.home",
    "kits.every",
    "kits.places",
    "pages.howto",
    "coverage.gaps",
    "pages.data",
    "pages.privacy",
)
# the most that the protocol of sitemaps allows in one file
_SITEMAP_MOST = 50_000
# other sites may frame this one page; it runs no script and shows nothing of a visitor
_FRAMED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors *; base-uri 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-cache",
}


@blueprint.app_template_filter("weekday")
def _weekday(day: dt.date) -> str:
    """Write a day of the coming months: ``Saturday 4 July``."""
    english = str(get_locale()).startswith(languages.SOURCE)
    return str(format_date(day, "EEEE d MMMM") if english else format_date(day, "full"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A town on the page of all kits.

    Attributes
    ----------
    town
        Which it is.
    fetches
        Those of its kits that are shown, those that can be had first.
    """

    town: Town
    fetches: list[Fetch]

    @property
    def unplaced(self) -> str:
        """References of the kits whose exact place is not known."""
        hidden = (f for f in self.fetches if f.availability is Availability.UNPLACED)
        return " ".join(str(fetch.kit["reference"]) for fetch in hidden)


@blueprint.get("/map")
def every() -> str:
    """Show all kits on a map and as a list by town."""
    snapshot, moment = facts().snapshot(), now()
    fetches = overview(snapshot, moment)
    asked = request.args.get("town", "").strip()
    listed = [Listed(town, _shown(town, fetches, fold(asked))) for town in _towns(snapshot)]
    shown = {f.kit["reference"] for one in listed for f in one.fetches}
    order = list(Availability)
    for one in listed:
        one.fetches.sort(key=lambda f: (order.index(f.availability), f.kit["name"]))
    return render_template(
        "public/map.html",
        fetches=fetches,
        asked=asked if fold(asked) else "",
        listed=[one for one in listed if one.fetches],
        # nobody may miss a kit because its place is not known
        apart=[
            f
            for f in fetches
            if f.availability is Availability.UNPLACED and f.kit["reference"] not in shown
        ],
        counts={state.name: sum(f.availability is state for f in fetches) for state in order},
        at=moment,
        picture=pictures.kits_picture(),
        attributions=attributions("areas", "kits", "basemap"),
        downloads=list(_DOWNLOADS),
        widget=addresses.whole("kits.widget"),
        addresses=addresses.of("kits.every"),
    )


def _shown(town: Town, fetches: list[Fetch], asked: str) -> list[Fetch]:
    """Choose the kits of a town that fit what was typed."""
    inside = [fetches[row] for row in town.rows]
    if asked in fold(town.name):
        return inside
    return [f for f in inside if asked in fold(f"{f.kit['name']} {f.kit['address']}")]


@blueprint.get("/kit/<reference>")
def one(reference: str) -> ResponseReturnValue:
    """Tell everything public that is known of one kit, and what is not known."""
    proper = custody.normal_reference(reference)
    snapshot, moment = facts().snapshot(), now()
    row = _row(snapshot, proper)
    if row is None:
        return _gone(reference)
    if reference != proper:
        return redirect(url_for("kits.one", reference=proper), HTTPStatus.PERMANENT_REDIRECT)
    fetch = _fetch(snapshot, row, moment)
    kit = fetch.kit
    placed = fetch.availability is not Availability.UNPLACED
    at = (float(str(kit["longitude"])), float(str(kit["latitude"]))) if placed else None
    week, holidays = _hours(snapshot, str(kit["opening_hours"]), moment)
    return render_template(
        "public/kit.html",
        fetch=fetch,
        kit=kit,
        at=moment,
        week=week,
        holidays=holidays,
        town=next(town for town in _towns(snapshot) if row in town.rows),
        nearby=_nearby(snapshot, kit, at, moment) if at else [],
        grid_reference=geodesy.grid_reference(*at) if at else "",
        plus_code=geodesy.plus_code(*at) if at else "",
        picture=pictures.kits_picture() if at else None,
        has_posters=kit["status"] == Status.INSTALLED,
        page=addresses.whole("kits.one", reference=proper),
        addresses=addresses.of("kits.one", reference=proper),
        attributions=attributions("kits", "basemap"),
    )


def _row(snapshot: Snapshot, reference: str) -> int | None:
    found = np.flatnonzero(snapshot.kits["reference"].to_numpy() == reference)
    return int(found[0]) if len(found) else None


def _gone(reference: str) -> ResponseReturnValue:
    """Answer for a kit that is in no snapshot: it is withdrawn, or there never was one.

    Raises
    ------
    KitNotFoundError
        There never was one.
    """
    kit = custody.find(facts().engine, reference)
    if kit["status"] != Status.WITHDRAWN:
        msg = Sentence(
            "The kit “%(reference)s” has only just been entered. Try again in a moment.",
            reference=reference,
        )
        raise KitNotFoundError(msg)
    title = Sentence("Kit %(reference)s has been withdrawn", reference=kit["reference"])
    detail = Sentence("There is no longer a bleed kit at this place: %(name)s.", name=kit["name"])
    return render_template("problem.html", title=title, detail=detail), HTTPStatus.GONE


def _fetch(snapshot: Snapshot, row: int, moment: dt.datetime) -> Fetch:
    """Tell how one kit stands, without looking at all others."""
    kits = snapshot.kits.iloc[[row]]
    text = str(kits["opening_hours"].iloc[0])
    alone = dataclasses.replace(snapshot, kits=kits, hours={text: snapshot.hours[text]})
    return overview(alone, moment)[0]


def _hours(snapshot: Snapshot, text: str, moment: dt.datetime) -> tuple[list[Day], list[Day]]:
    """Give the next seven days and the bank holidays after them; none if no hours are known."""
    if not text:
        return [], []
    hours, calendar = snapshot.hours[text], snapshot.calendar
    today = moment.astimezone(calendar.zone).date()
    week = days(hours, today, calendar)
    return week, next_holidays(hours, week[-1].date, calendar)


def _nearby(
    snapshot: Snapshot, kit: Mapping[str, object], at: tuple[float, float], moment: dt.datetime
) -> list[Fetch]:
    """List the other kits that are nearest and may be open, by distance."""
    here = Position(*at, float(str(kit["precision_m"])), str(kit["name"]), "kit")
    answer = nearest(snapshot, here, facts().travel, at=moment, count=_NEARBY + 1, routes=0)
    others = [
        fetch
        for fetch in (*answer.reachable, *answer.closing, *answer.unknown)
        if fetch.kit["reference"] != kit["reference"]
    ]
    return sorted(others, key=lambda fetch: fetch.distance_m or 0.0)[:_NEARBY]


def _towns(snapshot: Snapshot) -> tuple[Town, ...]:
    return towns(snapshot.ground, facts().settings.geodata)


@blueprint.get("/in/<town>")
def town(town: str) -> ResponseReturnValue:
    """Show the kits of a town as a list and a map to print."""
    snapshot, moment = facts().snapshot(), now()
    proper = slug(town)
    found = next((one for one in _towns(snapshot) if one.slug == proper), None)
    if found is None:
        msg = Sentence("We know of no bleed kit in a town or village of that name.")
        raise KitNotFoundError(msg)
    if town != proper:
        return redirect(url_for("kits.town", town=proper), HTTPStatus.PERMANENT_REDIRECT)
    every_kit = overview(snapshot, moment)
    page = addresses.whole("kits.town", town=proper)
    return render_template(
        "public/town.html",
        town=found,
        fetches=[every_kit[row] for row in found.rows],
        at=moment,
        drawing=_drawing(snapshot, found),
        page=page,
        qr=Markup(posters.qr(page, _("Code that leads to this page"))),  # noqa: S704  # our SVG
        addresses=addresses.of("kits.town", town=proper),
        attributions=attributions("areas", "kits", "basemap"),
    )


def _drawing(snapshot: Snapshot, found: Town) -> Markup:
    """Draw the map of a town; empty if no kit is placed."""
    kits = snapshot.kits.iloc[list(found.rows)]
    columns = (kits.geometry.x, kits.geometry.y, kits["precision_m"], kits["status"])
    marks = tuple(
        Mark(number, easting, northing, precision_m, installed=status == Status.INSTALLED)
        for number, (easting, northing, precision_m, status) in enumerate(
            zip(*columns, strict=True), 1
        )
        if not np.isnan(easting)
    )
    if not marks:
        return Markup()
    title = _("Map of the bleed kits in %(town)s", town=found.name or _("other places"))
    return Markup(_drawn(marks, title, _("The numbers are those of the list.")))  # noqa: S704  # SVG


@functools.lru_cache(maxsize=64)
def _drawn(marks: tuple[Mark, ...], title: str, tells: str) -> str:
    known = facts()
    return town_map(marks, on_grid(known.county)[0], known.settings.geodata, title, tells)


@blueprint.get("/kit/<reference>/poster.<any(pdf, png):form>")
def poster(reference: str, form: str) -> Response:
    """Print a poster with a QR code that leads to the kit's page.

    Raises
    ------
    InputError
        There is no such poster, or the kit is not said to be installed.
    """
    purpose = request.args.get("for", _POSTERS[0])
    snapshot, moment = facts().snapshot(), now()
    row = _row(snapshot, custody.normal_reference(reference))
    if row is None:
        custody.find(facts().engine, reference)
    if purpose not in _POSTERS:
        msg = Sentence("There is no such poster. Choose one of: %(all)s.", all=", ".join(_POSTERS))
        raise InputError(msg)
    if row is None or snapshot.kits["status"].iloc[row] != Status.INSTALLED:
        msg = Sentence("There is no poster for this kit: it is not said to be in service.")
        raise InputError(msg)
    fetch = _fetch(snapshot, row, moment)
    page = addresses.whole("kits.one", reference=str(fetch.kit["reference"]))
    html = render_template(
        "public/poster.html",
        purpose=purpose,
        fetch=fetch,
        kit=fetch.kit,
        at=moment,
        page=page,
        qr=Markup(posters.qr(page, _("Code that leads to this page"))),  # noqa: S704  # our SVG
    )
    return printing.printed(html, form, f"bleed-kit-{fetch.kit['reference']}-{purpose}.{form}")


@blueprint.get("/kits.<any(geojson, gpx, kml, csv):form>")
def download(form: str) -> Response:
    """Hand out the public list of kits as a file."""
    snapshot, moment = facts().snapshot(), now()
    fetches = overview(snapshot, moment)
    day = moment.astimezone(snapshot.calendar.zone).date()
    told = tuple((fetch.confirmed, fetch.doubt) for fetch in fetches)
    made = _file(_Listing(snapshot.ground, day, told, tuple(fetches)), form)
    response = make_response(made.content)
    response.content_type = _DOWNLOADS[form]
    response.set_etag(made.digest)
    response.last_modified = made.since
    response.headers["Cache-Control"] = "no-cache"
    # anybody may build on public data
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    name = f"bleed-kits-{fold(facts().area.name).replace(' ', '-')}-{day}{_suffix(form)}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.make_conditional(request)
    return response


def _suffix(form: str) -> str:
    return FORMATS[form].extensions[0]


@dataclass(frozen=True, slots=True)
class _Listing:
    """What a file of kits tells: the same kits, day, checks and doubts make the same file."""

    snapshot: Snapshot
    day: dt.date
    told: tuple[tuple[bool, Doubt | None], ...]
    fetches: tuple[Fetch, ...] = dataclasses.field(compare=False)


@dataclass(frozen=True, slots=True)
class _Made:
    """A file, its digest, and since when it is like that."""

    content: bytes
    digest: str
    since: dt.datetime


@functools.lru_cache(maxsize=len(_DOWNLOADS))
def _file(listing: _Listing, form: str) -> _Made:
    known = facts()
    source = tables.sources(known.settings.geodata)["kits"]
    note = (
        f"{known.area.advice} Bleed kits in {known.area.name} as known on {listing.day}, edition "
        f"{listing.snapshot.version}: published and unconfirmed unless a kit says that it was "
        f"checked. {source.attribution} Licence: {source.licence}."
    )
    content = kits_file(listing.fetches, form, note, known.area.advice)
    return _Made(content, hashlib.sha256(content).hexdigest()[:16], now())


@blueprint.get("/widget")
def widget() -> Response:
    """Show a small page that other sites may frame: it opens the locator in a new tab."""
    response = make_response(render_template("public/widget.html"))
    response.headers.update(_FRAMED)
    return response


@blueprint.get("/places")
def places() -> str:
    """Show the places that a visitor keeps on their own device; the server knows none."""
    return render_template(
        "public/places.html",
        addresses=addresses.of("kits.places"),
    )


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Tell programs that read the web what is worth reading."""
    lines = ["User-agent: *"]
    for path in ("/plan", "/report", "/kit/*/tell", "/kit/*/poster."):
        lines += [f"Disallow: {path}", f"Disallow: /*{path}"]
    lines.append(f"Sitemap: {addresses.whole('kits.sitemap')}")
    response = make_response("\n".join([*lines, ""]))
    response.content_type = "text/plain; charset=utf-8"
    return response


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """List every page in every language; a list that is too long for one file is divided."""
    snapshot = facts().snapshot()
    pages = [addresses.in_languages(endpoint) for endpoint in _PAGES]
    pages += [addresses.in_languages("kits.town", town=one.slug) for one in _towns(snapshot)]
    pages += [
        addresses.in_languages("kits.one", reference=reference)
        for reference in snapshot.kits["reference"]
    ]
    # a page is an entry for each of its languages
    most = _SITEMAP_MOST // len(pages[0])
    parts = [pages[start : start + most] for start in range(0, len(pages), most)]
    part = request.args.get("part", type=int)
    if part is not None and not 0 < part <= len(parts):
        abort(HTTPStatus.NOT_FOUND)
    whole = addresses.whole("kits.sitemap")
    response = make_response(
        render_template(
            "public/sitemap.xml",
            pages=parts[part - 1 if part else 0],
            parts=[f"{whole}?part={number}" for number in range(1, len(parts) + 1)]
            if len(parts) > 1 and not part
            else [],
        )
    )
    response.content_type = "application/xml"
    return response
