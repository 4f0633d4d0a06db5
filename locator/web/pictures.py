"""Draw maps and their figures once for each state of the registry, and serve the scripts."""

import datetime as dt
import functools
import hashlib
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import pandas as pd
from flask import Blueprint, Response, abort, make_response, request, send_file

from locator import tables
from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage
from locator.analysis.coverage import coverage as measure_coverage
from locator.analysis.equity import Equity, equity
from locator.analysis.fetch import Standing
from locator.analysis.gaps import Gaps, Localities, gaps
from locator.analysis.nearest import open_for, standings
from locator.analysis.reach import FETCH_S, Reach, reach
from locator.demand import Basis, compared
from locator.errors import InputError
from locator.maps import Basemap, Picture
from locator.maps import coverage as coverage_maps
from locator.maps import kits as kit_maps
from locator.registry.snapshot import Snapshot
from locator.travel import tiles
from locator.travel.standard import Standard
from locator.web.here import facts, now
from locator.wording import Sentence

blueprint = Blueprint("pictures", __name__)

_STANDARDS_M = (150, 400, 800)
_COUNTINGS = {
    "known": Counting.KNOWN,
    "possible": Counting.POSSIBLE,
    "any": Counting.PAPER,
}
_GAPS_LISTED = 15
_T = TypeVar("_T")


def _drawn_once(draw: Callable[..., _T]) -> Callable[..., _T]:
    """Keep what a function draws; while one request draws, the others wait for its picture."""
    drawing = threading.Lock()
    kept = functools.lru_cache(maxsize=16)(draw)

    @functools.wraps(draw)
    def draw_or_wait(*args: Hashable, **kwargs: Hashable) -> _T:
        with drawing:
            return kept(*args, **kwargs)

    return draw_or_wait


def counting(when: str) -> Counting:
    """Tell which kits count for a choice of hours."""
    return _COUNTINGS[when]


def standards() -> list[int]:
    """List the distances in metres that the map of gaps offers."""
    return sorted({*_STANDARDS_M, facts().settings.standard_m})


def coverage_choice() -> tuple[int, str]:
    """Read the distance and the counting of kits that a request asks for.

    Raises
    ------
    InputError
        They are not among those offered.
    """
    within = request.args.get("within", str(facts().settings.standard_m))
    when = request.args.get("hours", "known")
    allowed = {str(metres): metres for metres in standards()}
    if within not in allowed or when not in _COUNTINGS:
        msg = Sentence(
            "Choose a distance of %(metres)s metres, and hours: %(hours)s.",
            metres=", ".join(allowed),
            hours=", ".join(_COUNTINGS),
        )
        raise InputError(msg)
    return allowed[within], when


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What the page of gaps tells; nothing in it names a single incident.

    Attributes
    ----------
    coverage, residents
        Incidents and residents in reach, by the police's and the census's data alone.
    equity
        Incidents covered by deprivation.
    by_profile
        Incidents covered with other profiles of hours.
    """

    coverage: Coverage
    residents: Coverage
    equity: Equity
    by_profile: pd.DataFrame


def coverage_figures(snapshot: Snapshot, within_m: int) -> Figures:
    """Measure coverage in this week, once for each distance and state of the registry."""
    today = now().date()
    # a stranger's word changes no figure
    return _figures(snapshot.ground, within_m, today - dt.timedelta(days=today.weekday()))


@_drawn_once
def _figures(snapshot: Snapshot, within_m: int, monday: dt.date) -> Figures:
    known = facts()

    def measured(basis: Basis) -> Coverage:
        # every record counts as one here, whatever planners weigh it
        demand = known.demand(basis, weights={})
        standard = Standard.within(within_m)
        return measure_coverage(
            snapshot, demand, known.travel, standard, known.neighbourhoods, day=monday
        )

    incidents = measured(Basis.INCIDENTS)
    by_profile = incidents.by_profile(compared(known.settings.geodata))
    return Figures(incidents, measured(Basis.RESIDENTS), equity(incidents), by_profile)


@_drawn_once
def coverage_gaps(figures: Figures, when: str) -> Gaps:
    """Rank the gaps that may be shown to the public, once for each choice."""
    known = facts()
    return gaps(
        figures.coverage,
        known.travel,
        _localities(known.settings.geodata),
        count=_GAPS_LISTED,
        counting=_COUNTINGS[when],
        least=CELL_MINIMUM,
        residents=figures.residents,
    )


@functools.cache
def _localities(folder: Path) -> Localities:
    return Localities(tables.table(folder, "streets"))


@_drawn_once
def coverage_picture(figures: Figures, when: str) -> "Served":
    """Draw the map of gaps, once for each choice and state of the registry."""
    known, which = facts(), _COUNTINGS[when]
    areas = _reach(figures.coverage.kits[figures.coverage.counts(which)])
    picture = coverage_maps.coverage_map(
        figures.coverage,
        known.county,
        known.lsoa_outlines,
        counting=which,
        reach=areas,
        basemap=ground(),
    )
    within_m = f"{figures.coverage.standard.metres:.0f}"
    return Served.of(picture, f"/maps/coverage.js?within={within_m}&hours={when}", areas)


@dataclass(frozen=True, slots=True)
class Served:
    """A picture, the address of its script, and what is drawn from the walking network.

    ``streets`` names the extract whose streets are drawn, ``reach`` holds the areas.
    """

    picture: Picture
    script_url: str
    digest: str
    streets: str
    reach: Reach | None

    @classmethod
    def of(cls, picture: Picture, address: str, reach: Reach | None) -> "Served":
        """Give the script an address that is new whenever its content is."""
        digest = hashlib.sha256(picture.script.encode()).hexdigest()[:12]
        joint = "&" if "?" in address else "?"
        return cls(picture, f"{address}{joint}v={digest}", digest, _drawn_streets(), reach)

    @property
    def reach_s(self) -> list[float]:
        """Fetch times of the areas drawn, the shortest first."""
        return [] if self.reach is None else sorted(set(self.reach.areas["fetch_s"]))


def _reach(kits: gpd.GeoDataFrame) -> Reach | None:
    """Find the reach of kits along streets; None if no street is near any."""
    travel = facts().travel
    if not travel.streets:
        return None
    found = reach(kits, travel, travel.pace.run_m_per_s)
    return found if (found.areas["method"] == "streets").any() else None


def ground() -> Basemap:
    """Name what lies below every map."""
    known = facts()
    owed = [tables.sources(known.settings.geodata)["basemap"].attribution]
    if known.travel.streets:
        owed.append(f"Ways: {known.travel.streets.network.about.source.attribution}.")
    streets_url = "/streets.pmtiles" if _drawn_streets() else ""
    return Basemap("/basemap.pmtiles", streets_url, " ".join(owed))


def _drawn_streets() -> str:
    streets = facts().travel.streets
    return streets.network.about.source.title if streets and _street_tiles().exists() else ""


def _street_tiles() -> Path:
    return facts().settings.network / tiles.FILE


def kits_picture() -> Served:
    """Draw the map of kits as they are now, once for each set of states."""
    snapshot = facts().snapshot()
    # what shuts before one gets there has no reach
    lasting = open_for(snapshot, now(), max(FETCH_S)).tolist()
    return _draw_kits(snapshot.ground, tuple(standings(snapshot, now())), tuple(lasting))


@_drawn_once
def _draw_kits(snapshot: Snapshot, how: tuple[Standing, ...], lasting: tuple[bool, ...]) -> Served:
    known = facts()
    areas = _reach(snapshot.placed[list(lasting)])
    picture = kit_maps.kits_map(
        snapshot,
        how,
        known.county,
        reach=areas,
        basemap=ground(),
    )
    return Served.of(picture, "/maps/kits.js", areas)


@blueprint.get("/maps/kits.js")
def kits_script() -> Response:
    """Serve the script that draws the map of kits."""
    return script(kits_picture())


@blueprint.get("/maps/coverage.js")
def coverage_script() -> Response:
    """Serve the script that draws the map of gaps."""
    within_m, when = coverage_choice()
    return script(coverage_picture(coverage_figures(facts().snapshot(), within_m), when))


def script(served: Served) -> Response:
    """Serve the script of a picture; it may be kept for as long as its digest fits."""
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
    folder = facts().settings.geodata
    return _tiles(folder / tables.sources(folder)["basemap"].file)


@blueprint.get("/streets.pmtiles")
def streets() -> Response:
    """Serve the vector tiles of the walking network, in ranges."""
    if not _street_tiles().exists():
        abort(HTTPStatus.NOT_FOUND)
    return _tiles(_street_tiles())


def _tiles(path: Path) -> Response:
    return send_file(
        path.resolve(), mimetype="application/octet-stream", conditional=True, max_age=86_400
    )
