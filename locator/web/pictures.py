"""Draw maps and their figures once for each state of the registry, and serve the scripts."""

import functools
import hashlib
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
from flask import Blueprint, Response, abort, make_response, request, send_file

from locator import tables
from locator.analysis import coverage as gaps
from locator.analysis.fetch import Standing
from locator.analysis.nearest import open_for, standings
from locator.analysis.reach import FETCH_S, Reach, reach
from locator.errors import InputError
from locator.maps import Basemap, Picture
from locator.maps import coverage as coverage_maps
from locator.maps import kits as kit_maps
from locator.registry.snapshot import Snapshot
from locator.travel import tiles
from locator.web.here import facts, now

blueprint = Blueprint("pictures", __name__)

_STANDARDS_M = (150, 400, 800)
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


def standards() -> list[int]:
    """List the distances in metres that the map of gaps offers."""
    return sorted({*_STANDARDS_M, facts().settings.standard_m})


def coverage_choice() -> tuple[int, str]:
    """Read the distance and the hours that a request asks for.

    Raises
    ------
    InputError
        They are not among those offered.
    """
    within = request.args.get("within", str(facts().settings.standard_m))
    when = request.args.get("hours", "any")
    allowed = {str(metres): metres for metres in standards()}
    if within not in allowed or when not in ("any", "always"):
        listed = ", ".join(allowed)
        msg = f"Choose a distance of {listed} metres, and hours “any” or “always”."
        raise InputError(msg)
    return allowed[within], when


@_drawn_once
def coverage_figures(snapshot: Snapshot, within_m: int, when: str) -> gaps.Coverage:
    """Count what is out of reach, once for each choice and state of the registry."""
    known = facts()
    return gaps.coverage(
        snapshot,
        known.incidents,
        known.residents,
        within_m=within_m,
        only_always_open=when == "always",
    )


@_drawn_once
def coverage_picture(snapshot: Snapshot, within_m: int, when: str) -> "Served":
    """Draw the map of gaps, once for each choice and state of the registry."""
    known = facts()
    figures = coverage_figures(snapshot, within_m, when)
    areas = _reach(figures.kits)
    picture = coverage_maps.coverage_map(
        figures,
        known.county,
        known.lsoa_outlines,
        reach=areas,
        basemap=_basemap(),
    )
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


def _basemap() -> Basemap:
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
    return _draw_kits(snapshot, tuple(standings(snapshot, now())), tuple(lasting))


@_drawn_once
def _draw_kits(snapshot: Snapshot, how: tuple[Standing, ...], lasting: tuple[bool, ...]) -> Served:
    known = facts()
    areas = _reach(snapshot.placed[list(lasting)])
    picture = kit_maps.kits_map(
        snapshot,
        how,
        known.county,
        reach=areas,
        basemap=_basemap(),
    )
    return Served.of(picture, "/maps/kits.js", areas)


@blueprint.get("/maps/kits.js")
def kits_script() -> Response:
    """Serve the script that draws the map of kits."""
    return _script(kits_picture())


@blueprint.get("/maps/coverage.js")
def coverage_script() -> Response:
    """Serve the script that draws the map of gaps."""
    return _script(coverage_picture(facts().snapshot(), *coverage_choice()))


def _script(served: Served) -> Response:
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
