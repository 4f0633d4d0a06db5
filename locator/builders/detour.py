"""Measure the detour of walking."""

import tempfile
from pathlib import Path

import pandas as pd

from locator.builders.files import Built, Downloads, write_csv
from locator.errors import DataError
from locator.travel import extract, network, straight
from locator.travel.streets import Streets


def build_detour(downloads: Downloads, folder: Path) -> Built:
    """Measure the detour on the walking network of an extract."""
    path = downloads.one("an OpenStreetMap extract", "*.osm.pbf")
    with tempfile.TemporaryDirectory() as scratch:
        built = network.build(extract.read(path, _silent), Path(scratch) / "network", _silent)
        measured = straight.measure(Streets(built), path.name)
    if measured is None:
        msg = f"{path} has too few streets to measure detours on."
        raise DataError(msg)
    name = f"{path.name.split('_')[0].split('-')[0].split('.')[0].capitalize()} (OpenStreetMap)"
    row = {"extract": name, "date": built.about.source.extracted_on}
    row |= {key: f"{getattr(measured, key):.2f}" for key in ("low", "median", "high")}
    note = f"{built.about.metres / 1000:,.0f} km of streets"
    return write_csv(pd.DataFrame([row]), folder, "detour", note)


def _silent(what: str, count: int) -> None:
    del what, count
