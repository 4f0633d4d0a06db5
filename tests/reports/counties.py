"""Make up a county: real outlines and neighbourhoods, with records, kits and sites of our own."""

import csv
import gzip
import random
import shutil
from pathlib import Path

from locator.settings import Settings

# around the middle of Northampton
_LONGITUDE, _LATITUDE = -0.8960, 52.2378
_HOURS = ("24/7", "Mo-Fr 08:00-18:00", "Mo-Sa 09:30-17:45", "Mo-Su 18:00-23:00", "")
_KINDS = ("Possession of weapons", "Robbery", "Violence and sexual offences")
HOSTILE = "=1+1 {{ 7 * 7 }}<script>alert(1)</script>${1}\"'"


def made_up(folder: Path) -> Path:
    """Copy the shipped tables and replace those that a plan is about."""
    shutil.copytree(Settings().geodata, folder)
    draw = random.Random(5)
    _incidents(folder, draw)
    _kits(folder, draw)
    _sites(folder, draw)
    return folder


def _spot(draw: random.Random, spread: float = 0.03) -> tuple[str, str]:
    lon = _LONGITUDE + draw.uniform(-spread, spread)
    return f"{lon:.6f}", f"{_LATITUDE + draw.uniform(-spread, spread) * 0.6:.6f}"


def _rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def _write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _incidents(folder: Path, draw: random.Random) -> None:
    path = folder / "incidents.csv.gz"
    columns, _ = _rows(path)
    _, lsoas = _rows(folder / "lsoa.csv")
    spots = [(*_spot(draw), draw.choice(lsoas)["code"]) for _ in range(60)]
    rows = []
    for number in range(240):
        lon, lat, lsoa = draw.choice(spots)
        rows.append(
            {
                "month": f"2025-{1 + number % 4:02}",
                "category": draw.choice(_KINDS),
                "account": "placed",
                "lsoa": lsoa,
                "longitude": lon,
                "latitude": lat,
                "records": str(draw.randint(1, 9)),
            }
        )
    for account, category in (("without position", "Robbery"), ("outside", "Robbery")):
        rows.append({"month": "2025-01", "category": category, "account": account, "records": "7"})
    _write(path, columns, rows)


def _kits(folder: Path, draw: random.Random) -> None:
    path = folder / "kits.csv"
    columns, published = _rows(path)
    rows = published[:12]
    for number, row in enumerate(rows):
        lon, lat = _spot(draw, 0.02)
        row["opening_hours"] = _HOURS[number % len(_HOURS)]
        row["status"] = "planned" if number in {4, 7} else "installed"
        row["longitude"], row["latitude"] = lon, lat
        row["precision_m"] = "900" if number == 2 else "30"
        row["reported"] = ("2023", "2022-07", "2021-12-31")[number % 3]
    rows[3]["name"] = HOSTILE
    rows[6]["longitude"] = rows[6]["latitude"] = rows[6]["precision_m"] = ""
    _write(path, columns, rows)


def _sites(folder: Path, draw: random.Random) -> None:
    path = folder / "sites.csv.gz"
    columns, rows = _rows(path)
    made = []
    for number in range(40):
        lon, lat = _spot(draw)
        kind = "school" if number % 2 else "bus stop"
        name = HOSTILE if number % 5 == 0 else f"Site {number}"
        made.append(rows[number] | {"kind": kind, "name": name, "longitude": lon, "latitude": lat})
    _write(path, columns, made)
