"""Find downloads, and write the tables made from them."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from locator import tables
from locator.errors import DataError


@dataclass(frozen=True, slots=True)
class Built:
    """What one builder wrote."""

    name: str
    path: Path
    rows: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Downloads:
    """A folder of downloaded files, found by name."""

    folder: Path

    def find(self, what: str, *patterns: str) -> list[Path]:
        """Find all files of the first pattern that fits any.

        Raises
        ------
        DataError
            No pattern fits; the message says what to download.
        """
        for pattern in patterns:
            found = sorted(self.folder.rglob(pattern))
            if found:
                return found
        wanted = " or ".join(patterns)
        msg = f"No {what} in {self.folder}. Download it there as {wanted}."
        raise DataError(msg)

    def own(self, pattern: str, geodata: Path) -> Path | None:
        """Give the first file of a pattern that is not a table already built."""
        found = sorted(self.folder.rglob(pattern))
        return next((path for path in found if path.parent != geodata), None)

    def one(self, what: str, *patterns: str) -> Path:
        """Find the first file of the first pattern that fits any; see :meth:`find`."""
        return self.find(what, *patterns)[0]


def pick(frame: pd.DataFrame, path: Path, **wanted: tuple[str, ...]) -> pd.DataFrame:
    """Take columns by any of their usual names and give them ours."""
    picked = {}
    for ours, names in wanted.items():
        theirs = next((n for n in names if n in frame.columns), None)
        if theirs is None:
            msg = f"{path} has no column {' or '.join(names)}; it has {list(frame.columns)}."
            raise DataError(msg)
        picked[ours] = frame[theirs]
    return pd.DataFrame(picked)


def write_csv(frame: pd.DataFrame, folder: Path, name: str, *notes: str) -> Built:
    """Write one table as CSV, gzipped if ``sources.toml`` calls it so."""
    path = folder / tables.sources(folder)[name].file
    text = frame.to_csv(index=False, lineterminator="\n").encode()
    # no time stamp inside: building again from the same files gives the same bytes
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text)
    return Built(name, path, len(frame), notes)


def write_outlines(frame: gpd.GeoDataFrame, folder: Path, name: str, *notes: str) -> Built:
    """Write one table as GeoJSON, rounded to 0.00001 degrees."""
    path = folder / tables.sources(folder)[name].file
    frame = frame.set_geometry(shapely.set_precision(frame.geometry.array, 1e-5))
    features = json.loads(frame.to_json(drop_id=True))["features"]
    lines = ",\n".join(json.dumps(f, separators=(",", ":"), ensure_ascii=False) for f in features)
    path.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', "utf-8")
    return Built(name, path, len(frame), notes)
