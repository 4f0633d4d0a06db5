"""Place the published kits."""

import itertools
from pathlib import Path

import pandas as pd

from locator import places, tables
from locator.builders.files import Built, Downloads, write_csv
from locator.errors import InputError


def build_kits(downloads: Downloads, folder: Path) -> Built:
    """Place the published kits again: each row's ``geocoded_from`` goes through ``places``.

    ``spread_m`` is how far the kit may lie from the place so found, judged by reading the
    source: a kit "in the park" is farther from the park's middle than one "by the door".
    """
    del downloads
    path = folder / tables.sources(folder)["kits"].file
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    gazetteer = places.Gazetteer.load(folder)
    for row, query in enumerate(frame["geocoded_from"]):
        at = _sole(gazetteer, query) if query else None
        values = ("", "", "")
        if at is not None:
            spread = float(str(frame.loc[row, "spread_m"]) or 0)
            values = (f"{at.lon:.6f}", f"{at.lat:.6f}", f"{at.precision_m + spread:.0f}")
        frame.loc[row, ["longitude", "latitude", "precision_m"]] = values
    unplaced = int((frame["longitude"] == "").sum())
    return write_csv(frame, folder, "kits", f"{unplaced} kits have no position")


def _sole(gazetteer: places.Gazetteer, query: str) -> places.Position:
    found = gazetteer.resolve(query)
    if len(found) > 1 or not found[0].sure:
        options = "; ".join(p.label for p in itertools.islice(found, 5))
        msg = f"“{query}” in kits.csv fits no single place: {options}."
        raise InputError(msg)
    return found[0]
