"""Build the compact tables of ``geodata/`` from downloaded open data.

Each builder reads files as their publishers hand them out (or trimmed copies with the same
columns) from one folder, finds them by name, and writes one table. Nothing is dropped in
silence: every builder says what it left out.
"""

from collections.abc import Callable
from pathlib import Path

from locator.builders.boundaries import (
    build_areas,
    build_lsoa_outlines,
    build_lsoas,
    build_postcodes,
)
from locator.builders.detour import build_detour
from locator.builders.files import Built, Downloads
from locator.builders.gazetteer import build_places, build_streets
from locator.builders.incidents import build_incidents, build_profile
from locator.builders.kits import build_kits
from locator.builders.residents import build_residents
from locator.builders.sites import build_sites
from locator.builders.streets import build_basemap, osm_extract_streets

__all__ = ["BUILDERS", "Built", "build", "osm_extract_streets"]

# in an order in which each finds the tables that it needs
BUILDERS: dict[str, Callable[[Downloads, Path], Built]] = {
    "areas": build_areas,
    "postcodes": build_postcodes,
    "lsoa": build_lsoas,
    "lsoa_outlines": build_lsoa_outlines,
    "residents": build_residents,
    "incidents": build_incidents,
    "places": build_places,
    "streets": build_streets,
    "sites": build_sites,
    "basemap": build_basemap,
    "kits": build_kits,
    "profile": build_profile,
    "detour": build_detour,
}


def build(name: str, sources: Path, folder: Path) -> Built:
    """Build one table.

    Parameters
    ----------
    name
        One of :data:`BUILDERS`.
    sources
        Folder that holds the downloaded files, at any depth.
    folder
        The geodata folder to write to.

    Raises
    ------
    DataError
        A file is missing or is not what its name promises.
    """
    return BUILDERS[name](Downloads(sources), folder)
