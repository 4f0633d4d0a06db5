"""Measure imports and exports of 100,000 kits, with their memory, beside pandas."""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import create_engine

from locator import Facts, Settings, geodesy, tables
from locator.exchange.exporting import export_kits
from locator.exchange.formats import FORMATS
from locator.exchange.importing import Options, plan_import, write_plan

KITS = 100_000
_HEAD = [
    "Kit ID",
    "Venue",
    "Kit type",
    "Status",
    "Latitude",
    "Longitude",
    "Accuracy",
    "Where exactly",
    "Floor",
    "Indoor/outdoor",
    "Full address",
    "Post code",
    "Opening hours",
    "Hours as given",
    "How it opens",
    "Wheelchair access",
    "Contents",
    "Host",
    "Funded by",
    "Cost",
    "Installed",
    "Expiry date",
    "Last check",
    "Source date",
    "Link",
    "Notes",
]
_HOURS = ("24/7", "Mo-Su 08:00-18:00", "Mo-Fr 09:00-17:30; Sa 10:00-16:00", "9 till late")


def make_list(path: Path, count: int) -> None:
    """Write a list of kits around the county's real postcodes, as a charity might keep it."""
    postcodes = tables.table(Settings().geodata, "postcodes")
    random = np.random.default_rng(1)
    rows = postcodes.iloc[random.integers(0, len(postcodes), count)]
    easting = rows["easting"].to_numpy(float) + random.normal(0, 150, count)
    northing = rows["northing"].to_numpy(float) + random.normal(0, 150, count)
    lon, lat = geodesy.to_wgs84(easting, northing)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEAD)
        for i, postcode in enumerate(rows["postcode"]):
            where = [f"{lat[i]:.6f}", f"{lon[i]:.6f}", 10, "Left of the main door", "0"]
            address = [("indoor", "outdoor")[i % 2], f"{i} High Street, Northampton", postcode]
            how = [_HOURS[i % 4], "as on the door", ("keypad, ring 999", "ask staff")[i % 2], "yes"]
            money = ["2 tourniquets, 4 dressings, shears", "Host Ltd", "A funder", "£585.00"]
            dates = ["01/02/2024", "31/05/2028", "2026-10-01", "2024-02"]
            kind = [f"Shop number {i}", ("cabinet", "bag")[i % 2], ("live", "planned")[i % 5 == 0]]
            writer.writerow([f"X{i}", *kind, *where, *address, *how, *money, *dates, "", "Nothing"])


def one(what: str, url: str, path: Path) -> dict[str, float]:
    """Do one thing in this process and tell seconds, kits and megabytes."""
    start = time.perf_counter()
    count = _DEEDS[what](url, path)
    seconds = time.perf_counter() - start
    peak = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"seconds": seconds, "kits": count, "megabytes": peak / 1000}


def _import(url: str, path: Path) -> int:
    facts = Facts.open(Settings(database_url=url))
    plan = plan_import(facts.engine, path, facts.gazetteer, Options(source="Benchmark"))
    write_plan(facts.engine, plan, "NN", who="Benchmark", why="Import", leave_out=True)
    facts.close()
    return len(plan.rows)


def _export(url: str, path: Path) -> int:
    facts = Facts.open(Settings(database_url=url))
    rows = export_kits(facts.engine, path, "Benchmark").rows
    facts.close()
    return rows


def _pandas(url: str, path: Path) -> int:
    frame = pd.read_csv(path)
    frame.to_sql("kits", create_engine(url), index=False)
    return len(frame)


def _geopandas(url: str, path: Path) -> int:
    frame = pd.read_sql("SELECT * FROM kit", create_engine(url))
    points = gpd.points_from_xy(frame["longitude"], frame["latitude"], crs=4326)
    gpd.GeoDataFrame(frame.astype({"cost_gbp": float}), geometry=points).to_file(path)
    return len(frame)


_DEEDS = {"import": _import, "export": _export, "pandas": _pandas, "geopandas": _geopandas}


def _apart(what: str, url: str, path: Path) -> dict[str, float]:
    """Do one thing in a process of its own, so that memory is only its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.exchange", what, url, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    return {key: float(value) for key, value in json.loads(done.stdout).items()}


def report(count: int = KITS) -> str:
    """Measure and give a section in Markdown."""
    about = (
        "A CSV with 26 columns and lies in it, recognised, checked, placed, compared with its "
        "neighbours and written with its trail in one transaction; beside it `pandas.read_csv` and "
        "`to_sql`, which do none of that, and for the export GeoPandas from the same registry. MB "
        "are the peak of the process and of the reader beside it; each ran in a fresh process.\n"
    )
    lines = [
        f"## Import and export of {count:,} kits\n",
        about,
        "| what | s | MB | peer s | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_list(folder / "kits.csv", count)
        url = f"sqlite:///{folder}/r.sqlite"
        ours = _apart("import", url, folder / "kits.csv")
        peer = _apart("pandas", f"sqlite:///{folder}/p.sqlite", folder / "kits.csv")
        lines.append(_line("import of CSV into SQLite", ours, peer))
        postgres = os.environ.get("LOCATOR_BENCHMARK_POSTGRES_URL", "")
        if postgres:
            ours = _apart("import", postgres, folder / "kits.csv")
            lines.append(_line("import of CSV into PostgreSQL", ours, peer))
        again = _apart("import", url, folder / "kits.csv")
        lines.append(_line("the same file again: nothing changes", again, peer))
        peer = _apart("geopandas", url, folder / "peer.gpkg")
        for known in FORMATS.values():
            if known.writes:
                ours = _apart("export", url, folder / f"out{known.extensions[0]}")
                lines.append(_line(f"export to {known.name}", ours, peer))
    return "\n".join([*lines, ""])


def _line(what: str, ours: dict[str, float], peer: dict[str, float]) -> str:
    ratio = ours["seconds"] / peer["seconds"]
    return (
        f"| {what} | {ours['seconds']:.1f} | {ours['megabytes']:.0f} | {peer['seconds']:.1f} | "
        f"{ratio:.1f} |"
    )


def main(arguments: Sequence[str]) -> None:
    """Run one deed for the report, or the report."""
    if arguments:
        what, url, path = arguments
        print(json.dumps(one(what, url, Path(path))))
    else:
        print(report())


if __name__ == "__main__":
    main(sys.argv[1:])
