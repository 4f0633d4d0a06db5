"""Measure the nearest kit in a straight line, alone and in a request."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import psycopg
import shapely
import waitress
from flask import Flask, Response, request
from scipy.spatial import cKDTree
from sqlalchemy.engine import make_url

from benchmarks._timing import versions
from locator import Settings, geodesy
from locator.travel.index import PointIndex

_KITS = 100_000
_POSITIONS = 1_000_000
_ROUNDS = 9
_REQUESTS = 2000
# nearly all of England, metres (EPSG:27700)
_BOX = ((130_000, 20_000), (655_000, 655_000))
_START_S = 60

type_race = Mapping[str, tuple[Callable[[], object], int]]


def report() -> str:
    """Measure and give a section in Markdown."""
    return f"{_one()}\n{_served()}\n{_million()}"


def _towns(count: int, seed: int) -> geodesy.type_floats:
    """Place points: four in five in towns whose sizes follow Zipf, the others anywhere.

    Returns
    -------
    points
        Metres (EPSG:27700), shape ``(count, 2)``.
    """
    # kits and people are in the same towns
    centres = np.random.default_rng(0).uniform(*_BOX, (40, 2))
    share = 1 / np.arange(1, len(centres) + 1)
    random = np.random.default_rng(seed)
    town = random.choice(len(centres), count, p=share / share.sum())
    spread_m = 400 + 2600 * share[town, np.newaxis]
    points = centres[town] + random.normal(size=(count, 2)) * spread_m
    rural = random.random(count) > 0.8
    points[rural] = random.uniform(*_BOX, (int(rural.sum()), 2))
    return np.clip(points, *_BOX)


def _medians(contestants: type_race, rounds: int) -> dict[str, float]:
    """Time contestants in turn; give the median seconds of one call."""
    for run, _ in contestants.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (run, calls) in contestants.items():
            start = time.perf_counter()
            for _ in range(calls):
                run()
            taken[name].append((time.perf_counter() - start) / calls)
    return {name: statistics.median(times) for name, times in taken.items()}


def _one() -> str:
    kits = _towns(_KITS, 1)
    pairs = [(east, north) for east, north in _towns(1000, 2).tolist()]
    grid, tree = PointIndex(kits, compiled=True), PointIndex(kits, compiled=False)
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*kits.T), crs=geodesy.BNG)
    assert spots.sindex is not None
    points = [gpd.GeoDataFrame(geometry=[shapely.Point(pair)], crs=geodesy.BNG) for pair in pairs]
    asked = {name: itertools.cycle(range(len(pairs))) for name in ("grid", "tree", "join", "knn")}
    contestants: dict[str, tuple[Callable[[], object], int]] = {
        "grid": (lambda: grid.nearest(*pairs[next(asked["grid"])]), 5000),
        "tree": (lambda: tree.nearest(*pairs[next(asked["tree"])]), 1000),
        "join": (lambda: points[next(asked["join"])].sjoin_nearest(spots), 20),
    }
    for pair in pairs[:50]:
        metres, number = grid.nearest(*pair)
        assert tree.nearest(*pair) == (metres, number)
    url = os.environ.get("LOCATOR_TEST_POSTGRES_URL", "")
    with _postgis(url, kits) if url else contextlib.nullcontext() as postgis:
        if postgis is not None:
            version, knn = postgis
            assert all(abs(knn(pair)[1] - grid.nearest(*pair)[0]) < 1e-6 for pair in pairs[:50])
            contestants["knn"] = (lambda: knn(pairs[next(asked["knn"])]), 500)
        times = _medians(contestants, _ROUNDS)
    peers = [("join", f"`geopandas.sjoin_nearest` ({versions('geopandas', 'shapely')})", 1 / 300)]
    if postgis is None:
        note = "PostGIS was not measured: LOCATOR_TEST_POSTGRES_URL is not set."
    else:
        peers.append(("knn", version, 1 / 3))
        note = "PostGIS answers a prepared statement by `<->` over one open connection."
    lines = [
        f"## One nearest kit of {_KITS:,}\n",
        (
            "`PointIndex.nearest` for positions in towns and outside, with "
            f"{versions('numba')}: {times['grid'] * 1e6:.1f} µs; without, by "
            f"{versions('scipy')}: {times['tree'] * 1e6:.1f} µs. The index of each peer is "
            f"built and cached beforehand. {note}\n"
        ),
        "| against | µs | ratio with numba | without | goal | reached | without |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, what, goal in peers:
        ratios = [times[way] / times[name] for way in ("grid", "tree")]
        said = ["yes" if ratio <= goal else "no" for ratio in ratios]
        figures = [f"1/{1 / ratio:.0f}" if ratio < 0.5 else f"{ratio:.2f}" for ratio in ratios]
        row = [what, f"{times[name] * 1e6:.0f}", *figures, f"1/{1 / goal:.0f}", *said]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])


@contextlib.contextmanager
def _postgis(
    url: str, kits: geodesy.type_floats
) -> Iterator[tuple[str, Callable[[tuple[float, float]], tuple[int, float]]]]:
    """Put the kits into a table that goes with the connection; give a way to ask it."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    question = (
        "SELECT number, ST_Distance(place, here) FROM kits, "
        "(SELECT ST_SetSRID(ST_MakePoint(%s, %s), 27700) AS here) AS asked "
        "ORDER BY place <-> here LIMIT 1"
    )
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SET jit = off")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.execute("CREATE TEMPORARY TABLE kits (number int, place geometry(Point, 27700))")
        with connection.cursor().copy("COPY kits FROM STDIN") as copy:
            for number, (east, north) in enumerate(kits.tolist()):
                copy.write_row((number, f"SRID=27700;POINT({east!r} {north!r})"))
        connection.execute("CREATE INDEX ON kits USING gist (place)")
        connection.execute("VACUUM ANALYZE kits")
        found = connection.execute(
            "SELECT postgis_lib_version(), current_setting('server_version')"
        ).fetchone()
        assert found is not None
        version = f"PostGIS {found[0]} in PostgreSQL {found[1].split()[0]}, over TCP"

        def knn(pair: tuple[float, float]) -> tuple[int, float]:
            row = connection.execute(question, pair, prepare=True).fetchone()
            assert row is not None
            return int(row[0]), float(row[1])

        yield version, knn


def _served() -> str:
    easting, northing = _towns(_REQUESTS, 3).T
    lon, lat = geodesy.to_wgs84(easting, northing)
    # the transformation has a rim that goes one way only
    on_land = ~np.isnan(geodesy.to_bng(lon, lat)[0])
    bodies = [
        json.dumps({"latitude": round(y, 6), "longitude": round(x, 6)})
        for x, y in zip(lon[on_land].tolist(), lat[on_land].tolist(), strict=True)
    ]
    taken: dict[str, list[float]] = {"/empty": [], "/json": [], "/nearest": []}
    with _server() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def ask(path: str, body: str) -> bytes:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            with connection.getresponse() as response:
                assert response.status == 200
                return response.read()

        assert set(json.loads(ask("/nearest", bodies[0]))) == {"metres", "reference"}
        for body in bodies[:200]:
            for path in taken:
                ask(path, body)
        for body in bodies:
            for path, times in taken.items():
                start = time.perf_counter()
                ask(path, body)
                times.append(time.perf_counter() - start)
        connection.close()
    empty, same, nearest = (statistics.median(times) for times in taken.values())
    added = nearest / empty - 1
    return (
        "## What a lookup adds to a request\n\n"
        f"A POST to routes of one server ({versions('flask', 'waitress')}; keep-alive, "
        f"{_KITS:,} open kits, `PointIndex` with {versions('numba')}): {empty * 1e6:.0f} µs "
        f"empty, {nearest * 1e6:.0f} µs from degrees in the body to the kit's reference and "
        f"metres as JSON. That adds {added:.1%}; goal: at most 15 %; "
        f"{'reached' if added <= 0.15 else 'not reached'}. Reading and writing the same JSON "
        f"without a lookup adds {same / empty - 1:.1%}.\n"
    )


@contextlib.contextmanager
def _server() -> Iterator[int]:
    """Serve the routes from a process of its own; give the port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.straight", "serve"],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_START_S)


def _serve() -> None:
    kits = _towns(_KITS, 1)
    references = [f"B-{number:06}" for number in range(len(kits))]
    index = PointIndex(kits)
    app = Flask(__name__)

    @app.post("/empty")
    def empty() -> str:
        return ""

    def answer(reference: str, metres: float) -> Response:
        body = json.dumps({"reference": reference, "metres": round(metres, 1)})
        return Response(body, content_type="application/json")

    @app.post("/json")
    def read_and_written() -> Response:
        said = json.loads(request.get_data(cache=False))
        return answer(references[0], float(said["longitude"]))

    @app.post("/nearest")
    def nearest() -> Response:
        said = json.loads(request.get_data(cache=False))
        position = geodesy.to_bng(float(said["longitude"]), float(said["latitude"]))
        metres, number = index.nearest(*position)
        return answer(references[number], metres)

    server = waitress.create_server(
        app, host="127.0.0.1", port=0, threads=Settings().threads, ident=None
    )
    print(server.effective_port, flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.run()


def _million() -> str:
    kits = _towns(_KITS, 1)
    grid, tree = PointIndex(kits, compiled=True), PointIndex(kits, compiled=False)
    peer = cKDTree(kits)
    lines = [
        f"## {_POSITIONS:,} positions in one call\n",
        (
            f"`PointIndex.nearest_many` among {_KITS:,} kits, four in five of them in towns, with "
            f"and without {versions('numba')}, against `scipy.spatial.cKDTree.query` "
            f"({versions('scipy')}); one thread each. Goals: 0.25 with, 1.1 without.\n"
        ),
        "| positions | peer ms | with ms | ratio | reached | without ms | ratio | reached |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    anywhere = np.random.default_rng(2).uniform(*_BOX, (_POSITIONS, 2))
    for where, positions in (("in the same towns", _towns(_POSITIONS, 2)), ("anywhere", anywhere)):
        lines.append(_bulk(where, positions, peer, {0.25: grid, 1.1: tree}))
    return "\n".join([*lines, ""])


def _bulk(
    where: str, positions: geodesy.type_floats, peer: cKDTree, ours: Mapping[float, PointIndex]
) -> str:
    """Race indexes, each with its goal, against a tree; give a row of the table."""
    expected = peer.query(positions)[0]
    contestants: dict[str, tuple[Callable[[], object], int]] = {
        "peer": (lambda: peer.query(positions, workers=1), 1)
    }
    for goal, index in ours.items():
        np.testing.assert_allclose(index.nearest_many(positions)[0], expected)
        contestants[str(goal)] = (partial(index.nearest_many, positions), 1)
    times = _medians(contestants, _ROUNDS)
    cells = [where, f"{times['peer'] * 1e3:.0f}"]
    for goal in ours:
        ratio = times[str(goal)] / times["peer"]
        said = "yes" if ratio <= goal else "no"
        cells += [f"{times[str(goal)] * 1e3:.0f}", f"{ratio:.2f}", said]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        _serve()
    else:
        print(report())
