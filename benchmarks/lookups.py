"""Measure lookups: nearest kit, coverage and place names."""

import contextlib
import dataclasses
import datetime as dt
import tempfile

import geopandas as gpd
import numpy as np
import shapely
from rapidfuzz import process
from rapidfuzz.distance import OSA

from benchmarks._timing import medians, versions
from locator import Facts, Settings, Snapshot, coverage, geodesy, nearest
from locator.analysis.coverage import Counting
from locator.errors import PlaceNotFoundError
from locator.places import Position, fold
from locator.travel.standard import Standard

_ROUNDS = 15


def _many(snapshot: Snapshot, count: int) -> Snapshot:
    """Copy the county's kits to random places until there are ``count``."""
    random = np.random.default_rng(1)
    placed = snapshot.in_service
    rows = placed.iloc[random.integers(0, len(placed), count)].reset_index(drop=True)
    easting = random.uniform(445_000, 512_000, count)
    northing = random.uniform(230_000, 300_000, count)
    lon, lat = geodesy.to_wgs84(easting, northing)
    kits = rows.assign(
        longitude=lon, latitude=lat, reference=[f"B-{number:06}" for number in range(count)]
    ).set_geometry(gpd.points_from_xy(easting, northing), crs=geodesy.BNG)
    return dataclasses.replace(snapshot, version=1, kits=kits)


def report() -> str:
    """Measure and give a section in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        facts = Facts.open(Settings(database_url=f"sqlite:///{folder}/r.sqlite"))
        parts = [_nearest(facts), _coverage(facts), _places(facts)]
        facts.close()
    return "\n".join(parts)


def _nearest(facts: Facts) -> str:
    at = dt.datetime(2026, 7, 4, 22, 30, tzinfo=dt.UTC)
    position = Position(-0.896, 52.2378, 20, "here")
    point = gpd.GeoDataFrame(geometry=[shapely.Point(position.lon, position.lat)], crs=4326)
    lines = [
        "## Nearest kits\n",
        (
            "Five of each group with opening state, distance and ranges, against the nearest "
            "row alone from `geopandas.sjoin_nearest` with its index cached "
            f"({versions('geopandas', 'shapely')}).\n"
        ),
        "| kits | `nearest` ms | `sjoin_nearest` ms | ratio |",
        "| --- | --- | --- | --- |",
    ]
    for count in (49, 10_000, 100_000):
        snapshot = facts.snapshot() if count == 49 else _many(facts.snapshot(), count)
        spots = snapshot.placed[["geometry"]]
        assert spots.sindex is not None

        def ours(snapshot: Snapshot = snapshot) -> object:
            return nearest(snapshot, position, facts.travel, at=at)

        def peer(spots: gpd.GeoDataFrame = spots) -> object:
            return point.to_crs(geodesy.BNG).sjoin_nearest(spots)

        times = medians({"ours": ours, "peer": peer}, _ROUNDS)
        ratio = times["ours"] / times["peer"]
        row = f"{times['ours'] * 1e3:.1f} | {times['peer'] * 1e3:.1f} | {ratio:.2f}"
        lines.append(f"| {count:,} | {row} |")
    return "\n".join([*lines, ""])


def _coverage(facts: Facts) -> str:
    demand, standard = facts.demand(), Standard.within(400)
    points = gpd.GeoDataFrame(
        demand.points[["count"]],
        geometry=gpd.points_from_xy(demand.points["easting"], demand.points["northing"]),
        crs=geodesy.BNG,
    )
    kits = facts.snapshot().in_service[["geometry"]]

    def ours() -> int:
        result = coverage(
            facts.snapshot(),
            demand,
            facts.travel,
            standard,
            facts.neighbourhoods,
            day=dt.date(2026, 7, 4),
        )
        tables = result.as_dict()
        assert tables["weight"] == demand.total
        return round(result.total[Counting.PAPER] * demand.total)

    def peer() -> int:
        near = points.sjoin(kits, predicate="dwithin", distance=400)
        return round(float(points.loc[near.index.unique(), "count"].sum()))

    assert ours() == peer()
    times = medians({"ours": ours, "peer": peer}, _ROUNDS)
    return (
        "## Coverage of the county\n\nAll tables of `coverage`, hour by hour, against one count "
        f"from `geopandas.sjoin(predicate='dwithin')`: {times['ours'] * 1e3:.0f} ms against "
        f"{times['peer'] * 1e3:.0f} ms, ratio {times['ours'] / times['peer']:.2f}; both count the "
        "same records.\n"
    )


def _places(facts: Facts) -> str:
    gazetteer = facts.gazetteer
    names = gazetteer.names()
    typed = {
        "a postcode": "nn1 1de",
        "street and town": "New Street, Daventry",
        "two typos": "Semilnog Raod, Northampton",
        "nothing known": "qwertyuiop asdfgh",
    }
    lines = [
        "## Place names\n",
        (
            f"`resolve` against one pass of `rapidfuzz.process.extract` over {len(names):,} "
            f"names ({versions('rapidfuzz')}).\n"
        ),
        "| typed | `resolve` ms | one fuzzy pass ms | ratio |",
        "| --- | --- | --- | --- |",
    ]
    for what, text in typed.items():

        def ours(text: str = text) -> object:
            with contextlib.suppress(PlaceNotFoundError):
                return gazetteer.resolve(text)
            return None

        def peer(text: str = text) -> object:
            return process.extract(fold(text), names, scorer=OSA.distance, score_cutoff=2)

        times = medians({"ours": ours, "peer": peer}, _ROUNDS * 5)
        ratio = times["ours"] / times["peer"]
        row = f"{times['ours'] * 1e3:.3f} | {times['peer'] * 1e3:.3f} | {ratio:.2f}"
        lines.append(f"| {what} | {row} |")
    return "\n".join([*lines, ""])
