"""Serve what a device keeps, so that the kits are found without a connection.

The worker (``static/worker.js``) keeps a page that answers by itself and the list of kits that
it answers from. ``static/search.js`` searches in the list as ``analysis/nearest.py`` does.
"""

import datetime as dt
import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Literal

import numpy as np
from babel import Locale
from babel.dates import format_timedelta, get_datetime_format, match_skeleton
from babel.numbers import get_decimal_symbol
from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from locator import tables
from locator.analysis.fetch import SOON_S, VAGUE_S, Checked, Fetch
from locator.analysis.nearest import nearest, overview
from locator.analysis.packed import pack_grid, pack_postcodes
from locator.analysis.reach import FETCH_S
from locator.analysis.timetable import offsets, timetable
from locator.hours import Hours
from locator.maps import ROUGH_M
from locator.places import OUTSIDE_M, UNIT_NEIGHBOUR, UNIT_PRECISION_M, Gazetteer
from locator.registry.schema import TELLABLE, Status
from locator.registry.snapshot import Doubt, Snapshot
from locator.settings import Settings
from locator.web import languages, words
from locator.web.emergency import (
    BEST_ACCURACY_M,
    CHOICES,
    EXACT_M,
    FARTHEST_RUN_S,
    SHOWN,
    WORST_ACCURACY_M,
)
from locator.web.here import facts, now

blueprint = Blueprint("offline", __name__)

# of the list; a script that expects another one leaves it alone
FORMAT = 1
# hours are told for so many days; what follows is not known offline
_TOLD_DAYS = 28
# clocks are told for as far as hours look ahead
_CLOCK_DAYS = 400
# a device's clock may be behind: hours are told from so long before
_BEFORE = dt.timedelta(days=1)
# so long a kit may be shown as ready by what was known: somebody may have taken it since
_READY_S = 3600
# positions around the postcodes that are measured on the grid, farther away on the ellipsoid
_AROUND_M = 10_000.0
_NAMED = ("town", "village", "suburb", "railway station", "bus station", "hospital")
_YEAR_S = 31_536_000
_MINUTE_S = 60
# so long the server is waited for before the device answers, milliseconds
_PATIENCE_MS, _PATIENCE_WHEN_ASKED_MS = 2000, 3000
_THEME, _PAPER = "#a6001a", "#ffffff"


@blueprint.app_context_processor
def _page_context() -> dict[str, object]:
    """Tell every page which worker to install; none if the settings say so."""
    if not facts().settings.offline:
        return {"keeper": None}
    return {
        "keeper": {"worker": _in_no_language("offline.worker"), "scope": f"{languages.root()}/"}
    }


def _path(endpoint: str, **values: Any) -> str:
    """Give an address as it stands behind the language."""
    return url_for(endpoint, **values)[len(request.script_root) :]


def _in_no_language(endpoint: str, **values: Any) -> str:
    """Give an address that is the same for all languages."""
    return languages.root() + _path(endpoint, **values)


@blueprint.get("/offline")
def page() -> str:
    """Show the page that answers without the server, from what the device keeps."""
    return render_template(
        "public/offline.html",
        feed=_in_no_language("offline.feed"),
        names=_names_address(),
        words=_writing() | _words(),
    )


@blueprint.get("/worker.js")
def worker() -> Response:
    """Serve the worker with what it has to keep, or one that removes itself."""
    known = facts()
    # the caches of a site are told by its path from those of others on the same host
    site: dict[str, object] = {"root": languages.root(), "version": None}
    if known.settings.offline:
        home, own, howto = (
            _path(name) for name in ("emergency.home", "offline.page", "pages.howto")
        )
        site |= {
            "version": _version(known.settings.templates, known.settings.geodata),
            "format": FORMAT,
            "languages": list(languages.languages()),
            "home": home,
            "offline": own,
            "pages": [howto],
            "kits": _path("kits.one", reference=""),
            "static": _in_no_language("static", filename=""),
            "feed": _in_no_language("offline.feed"),
            "parts": [_names_address()],
            "patience": dict.fromkeys((home, own, howto), _PATIENCE_MS),
            "patience_when_asked": _PATIENCE_WHEN_ASKED_MS,
        }
    script = (Path(str(current_app.static_folder)) / "worker.js").read_text("utf-8")
    response = make_response(f"var SITE = {json.dumps(site)};\n{script}")
    response.mimetype = "text/javascript"
    # a worker that a device has kept must not outlive its time
    response.headers["Cache-Control"] = "no-cache"
    return _with_tag(response)


@functools.cache
def _version(templates: Path, geodata: Path) -> str:
    """Name the state of everything that pages are made of, whatever their language."""
    digest = hashlib.sha256()
    # sentences stand in templates, in catalogues and between the code of this package
    folders, others = (templates, Path(__file__).parent), {"vendor", "__pycache__"}
    files = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    ours = (path for path in files if others.isdisjoint(path.parts))
    for path in (*ours, geodata / "area.toml"):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _with_tag(response: Response) -> Response:
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    """Describe the site as something to install."""
    area = facts().area
    home, howto = url_for("emergency.home"), url_for("pages.howto")
    named = _("Bleed kits in %(area)s", area=area.name)
    told = {
        "id": f"{languages.root()}/",
        "name": named,
        "short_name": _("Bleed kits"),
        "description": _(
            "Call %(number)s first. Then see which bleed kits are nearest and can be reached now, "
            "even without a connection.",
            number=area.emergency_number,
        ),
        "lang": languages.spoken().tag,
        "dir": "auto",
        "start_url": home,
        "scope": f"{languages.root()}/",
        "display": "standalone",
        "background_color": _PAPER,
        "theme_color": _THEME,
        "categories": ["medical", "health"],
        "icons": [
            _icon("icon-192.png", "192x192", "any"),
            _icon("icon-512.png", "512x512", "any"),
            _icon("icon-maskable-512.png", "512x512", "maskable"),
        ],
        "shortcuts": [
            {"name": name, "url": address, "icons": [_icon("icon-192.png", "192x192", "any")]}
            for name, address in (
                (_("Nearest kit"), home),
                (_("How to stop severe bleeding"), howto),
            )
        ],
    }
    response = make_response(json.dumps(told, ensure_ascii=False))
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return _with_tag(response)


def _icon(file: str, sizes: str, purpose: str) -> dict[str, str]:
    address = _in_no_language("static", filename=file)
    return {"src": address, "sizes": sizes, "type": "image/png", "purpose": purpose}


@blueprint.get("/offline.json")
def feed() -> Response:
    """Serve everything that a search needs, as it is now."""
    snapshot, moment = facts().snapshot(), now()
    minute = int(moment.timestamp()) // _MINUTE_S * _MINUTE_S
    response = make_response(_feed(snapshot, minute))
    response.mimetype = "application/json"
    response.headers["Cache-Control"] = "no-cache"
    return _with_tag(response)


@functools.lru_cache(maxsize=4)
def _feed(snapshot: Snapshot, made_at: int) -> str:
    known = facts()
    settings, travel = known.settings, known.travel
    zone = snapshot.calendar.zone
    moment = dt.datetime.fromtimestamp(made_at, zone)
    first = dt.datetime.combine(moment.date(), dt.time(0), zone) - _BEFORE
    last = first + _BEFORE + dt.timedelta(days=_TOLD_DAYS)
    hours_from = int(first.timestamp())
    fetches = overview(snapshot, moment)
    texts = list(snapshot.hours)
    grid = iter(snapshot.grid.round(3).tolist())
    rows = [_row(fetch, texts, grid) for fetch in fetches]
    return _compact(
        {
            "format": FORMAT,
            "version": snapshot.version,
            "made_at": made_at,
            "covered_until": int(last.timestamp()),
            "ready_s": _READY_S,
            "stale_s": settings.offline_days * 86_400,
            "check_valid_days": snapshot.check_valid_days,
            "hours_from": hours_from,
            "hours": [_hours(snapshot.hours[text], first, last) for text in texts],
            "offsets": offsets(zone, first, _CLOCK_DAYS),
            "pace": {
                "walk_m_per_s": travel.pace.walk_m_per_s,
                "brisk_m_per_s": travel.pace.brisk_m_per_s,
                "run_m_per_s": travel.pace.run_m_per_s,
                "overhead_s": travel.pace.overhead_s,
            },
            "detour": {
                "low": travel.detour.low,
                "median": travel.detour.median,
                "high": travel.detour.high,
            },
            "grid": _grid(settings.geodata),
            "limits": _limits(settings),
            "places": {"unit_neighbour": UNIT_NEIGHBOUR, "unit_precision_m": UNIT_PRECISION_M},
            "columns": [*_COLUMNS, "hours", "easting", "northing", "doubt", "unconfirmed_until"],
            "kits": rows,
        }
    )


def _by_default(function: Callable[..., object], name: str) -> object:
    """Give the value that a function goes by if it is told no other."""
    return inspect.signature(function).parameters[name].default


_COLUMNS = (
    "reference",
    "name",
    "position_text",
    "address",
    "longitude",
    "latitude",
    "precision_m",
    "access",
    "status",
    "reported",
    "last_checked",
    "expires_on",
)


def _row(fetch: Fetch, texts: list[str], grid: Iterator[list[float]]) -> list[object]:
    kit = fetch.kit
    values = [_plain(kit[name]) for name in _COLUMNS]
    easting, northing = (None, None) if values[_COLUMNS.index("longitude")] is None else next(grid)
    row = [*values, texts.index(str(kit["opening_hours"])), easting, northing]
    doubt, until = fetch.doubt, fetch.unconfirmed_until
    if doubt is not None:
        row.append([str(doubt.finding), int(doubt.at.timestamp()), int(doubt.until.timestamp())])
    if until is not None:
        row += [*([None] if doubt is None else []), int(until.timestamp())]
    return row


def _limits(settings: Settings) -> dict[str, object]:
    """Give the numbers by which the emergency page judges, each from where it goes by them."""
    return {
        "count": _by_default(nearest, "count"),
        "vague_s": VAGUE_S,
        "soon_s": SOON_S,
        "rough_m": ROUGH_M,
        "fetch_s": FETCH_S,
        "useful_fetch_s": settings.useful_fetch_s,
        "standard_m": settings.standard_m,
        "farthest_run_s": FARTHEST_RUN_S,
        "shown": SHOWN,
        "choices": CHOICES,
        "exact_m": EXACT_M,
        "best_accuracy_m": BEST_ACCURACY_M,
        "worst_accuracy_m": WORST_ACCURACY_M,
        "outside_m": OUTSIDE_M,
        "postcode_m": _by_default(Gazetteer.nearest_postcode, "within_m"),
        "settlement_m": _by_default(Gazetteer.nearest_settlement, "within_m"),
    }


def _plain(value: object) -> object:
    if isinstance(value, dt.date):
        return value.isoformat()
    return None if value is None or value != value else value  # noqa: PLR0124  # NaN is not itself


def _hours(hours: Hours, first: dt.datetime, last: dt.datetime) -> tuple[str, list[float]]:
    """Write a timetable as one letter a state, and the minutes from one to the next."""
    changes = timetable(hours, first, last)
    starts = np.array([changes[0].at, *(change.at for change in changes)])
    steps = np.diff(starts) / _MINUTE_S
    letters = "".join(change.state[0] for change in changes)
    return letters, [int(step) if step.is_integer() else step for step in steps.tolist()]


@functools.cache
def _grid(geodata: Path) -> dict[str, object]:
    postcodes = tables.table(geodata, "postcodes")
    easting, northing = (
        postcodes[name].to_numpy(dtype=np.float64) for name in ("easting", "northing")
    )
    return pack_grid(easting, northing, _AROUND_M)


@blueprint.get("/offline-places.json")
def names() -> Response:
    """Serve the postcodes and places that can be typed without a connection."""
    geodata = facts().settings.geodata
    response = make_response(_places(geodata))
    response.mimetype = "application/json"
    known = request.args.get("v") == _places_digest(geodata)
    lasts = f"public, max-age={_YEAR_S}, immutable" if known else "no-cache"
    response.headers["Cache-Control"] = lasts
    return _with_tag(response)


def _names_address() -> str:
    return _in_no_language("offline.names", v=_places_digest(facts().settings.geodata))


@functools.cache
def _places_digest(geodata: Path) -> str:
    return hashlib.sha256(_places(geodata).encode()).hexdigest()[:12]


@functools.cache
def _places(geodata: Path) -> str:
    postcodes = tables.table(geodata, "postcodes")
    packed = pack_postcodes(
        postcodes["postcode"].tolist(),
        postcodes["easting"].to_numpy(dtype=np.int64),
        postcodes["northing"].to_numpy(dtype=np.int64),
    )
    named = [
        (place.label, place.lon, place.lat, place.precision_m, place.kind)
        for place in Gazetteer.load(geodata).listed(_NAMED)
    ]
    return _compact({"postcodes": packed, "names": named})


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _words() -> dict[str, object]:
    """Give the phrases that the script puts figures into, in the reader's language."""
    told = now().astimezone(facts().calendar.zone)
    doubts = {
        str(finding): words.doubt(Doubt(finding, told, told)).replace(words.hour(told), "{time}")
        for finding in TELLABLE
    }
    return {
        "format": FORMAT,
        "m": _("%(number)s m", number="{number}"),
        "km": _("%(number)s km", number="{number}"),
        "long": _("over an hour"),
        "one": _("%(number)s min", number="{number}"),
        "span": _("%(low)s to %(high)s min", low="{low}", high="{high}"),
        "within": _("back within %(number)s minutes", number="{number}"),
        "perhaps": _("perhaps not back within %(number)s minutes", number="{number}"),
        "beyond": _("not back within %(number)s minutes", number="{number}"),
        "checked": {
            Checked.NEVER.name: _("never checked"),
            Checked.LONG_AGO.name: _("not checked since %(day)s", day="{day}"),
            Checked.EXPIRED.name: _(
                "last checked %(day)s, but its contents have expired", day="{day}"
            ),
            Checked.RECENTLY.name: _("last checked %(day)s", day="{day}"),
        },
        "conditions": {
            str(status): [
                words.condition({"status": status, "reported": when}) for when in ("", "{when}")
            ]
            for status in Status
        },
        "doubts": doubts,
        "ages": _ages(),
        "soon": [words.soon(left) for left in range(int(SOON_S) // _MINUTE_S + 1)],
        "spelt": {letter: words.spelt(letter) for letter in f"{ascii_uppercase}+"},
        "device": _("your location"),
        "picked": _("the place you chose"),
        "finding": _("Finding where you are …"),
        "wait": _("One moment …"),
        "empty": _("Type a postcode, a town or a village."),
        "unknown": _(
            "This is not known without a connection. Type a postcode, a town or a village, or use "
            "your location."
        ),
        "map": _("The map needs a connection. Type a postcode or a town, or use your location."),
        "denied": _("The phone does not share its location. Type a postcode or a town instead."),
        "failed": _("The phone cannot find its location. Type a postcode or a town instead."),
    }


# an age is told in a unit as long as it is less than so many of them
_UNITS: tuple[tuple[Literal["minute", "hour", "day"], int], ...] = (
    ("minute", 60),
    ("hour", 48),
    ("day", 32),
)


def _ages() -> dict[str, list[str]]:
    """Write ages out: languages differ in how they count."""
    locale = _locale()
    return {
        unit: [
            format_timedelta(
                dt.timedelta(**{f"{unit}s": count}), threshold=1000, locale=locale, granularity=unit
            )
            for count in range(most)
        ]
        for unit, most in _UNITS
    }


def _locale() -> Locale:
    return get_locale() or Locale(languages.SOURCE)


def _writing() -> dict[str, object]:
    """Say how times, dates and numbers are written in the reader's language.

    Patterns are those of Unicode's locale data, as ``words.py`` uses them.
    """
    locale = _locale()
    english = locale.language == languages.SOURCE
    day, date, joined = "EEE d MMM", "d MMMM y", "{1}, {0}"
    if not english:
        skeleton = match_skeleton("MMMEd", locale.datetime_skeletons)
        day = locale.datetime_skeletons[skeleton].pattern
        date = locale.date_formats["long"].pattern
        joined = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return {
        "day": day,
        "date": date,
        "joined": joined,
        "days": [locale.days["format"]["abbreviated"][(number - 1) % 7] for number in range(7)],
        "months": {
            width: [locale.months["format"][width][number] for number in range(1, 13)]
            for width in ("abbreviated", "wide")
        },
        "decimal": get_decimal_symbol(locale),
    }
