"""Read the compact tables of facts in ``geodata/``, with where each comes from.

``sources.toml`` in that folder says for every table its licence, attribution, date and
columns; nothing here is written by hand twice.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from locator.errors import DataError


@dataclass(frozen=True, slots=True)
class Area:
    """The area served, from ``area.toml``."""

    name: str
    authorities: Mapping[str, str]
    police_force: str
    emergency_number: str
    charity: str
    kits_published: str
    reference_prefix: str
    timezone: str
    holidays: Mapping[str, str]
    example_postcode: str
    example_street: str

    @property
    def advice(self) -> str:
        """What every answer says first."""
        return (
            f"Call {self.emergency_number} first. Press hard on the wound. "
            "Never leave the casualty alone to fetch a kit."
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where one table comes from, from ``sources.toml``."""

    file: str
    title: str
    date: str
    licence: str
    attribution: str
    made_from: str
    columns: Mapping[str, str]


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read ({error}). Point LOCATOR_GEODATA at a geodata folder."
        raise DataError(msg) from error


@functools.cache
def area(folder: Path) -> Area:
    """Read ``area.toml``.

    Raises
    ------
    DataError
        The file is missing, damaged, or lacks a setting.
    """
    try:
        return Area(**_toml(folder / "area.toml"))
    except TypeError as error:
        msg = f"{folder / 'area.toml'} does not fit: {error}."
        raise DataError(msg) from error


@functools.cache
def sources(folder: Path) -> Mapping[str, Source]:
    """Read ``sources.toml``: table name -> :class:`Source`.

    Raises
    ------
    DataError
        The file is missing, damaged, or lacks a field.
    """
    try:
        return {name: Source(**row) for name, row in _toml(folder / "sources.toml").items()}
    except TypeError as error:
        msg = f"{folder / 'sources.toml'} does not fit: {error}."
        raise DataError(msg) from error


def attributions(folder: Path, *names: str) -> list[str]:
    """List the attributions owed when the named tables are shown, each once."""
    known = sources(folder)
    return list(dict.fromkeys(known[name].attribution for name in names))


def table(folder: Path, name: str) -> pd.DataFrame:
    """Read one table of facts.

    Parameters
    ----------
    folder
        The geodata folder.
    name
        Name of a table in ``sources.toml`` whose file is ``.csv`` or ``.csv.gz``.

    Returns
    -------
    frame
        The columns that ``sources.toml`` lists, in that order; empty text stays ``""``
        and columns that hold numbers are numbers.

    Raises
    ------
    DataError
        The file is missing, or its columns are not those listed.
    """
    source = sources(folder)[name]
    path = folder / source.file
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values={c: [""] for c in _NUMBERS})
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read ({error}). `locator data build {name}` makes it again."
        raise DataError(msg) from error
    _check_columns(path, list(frame.columns), source)
    return frame


def outlines(folder: Path, name: str) -> gpd.GeoDataFrame:
    """Read one table of outlines (GeoJSON) as polygons in WGS 84.

    Raises
    ------
    DataError
        The file is missing or damaged, or its columns are not those listed.
    """
    source = sources(folder)[name]
    path = folder / source.file
    try:
        frame = gpd.read_file(f"GeoJSON:{path}")
    except (OSError, RuntimeError) as error:
        msg = f"{path} cannot be read ({error}). `locator data build {name}` makes it again."
        raise DataError(msg) from error
    _check_columns(path, [c for c in frame.columns if c != "geometry"], source)
    return frame


_NUMBERS = ("longitude", "latitude", "precision_m", "spread_m", "easting", "northing")


def _check_columns(path: Path, found: list[str], source: Source) -> None:
    if found != list(source.columns):
        msg = f"{path} has the columns {found}, but sources.toml lists {list(source.columns)}."
        raise DataError(msg)
