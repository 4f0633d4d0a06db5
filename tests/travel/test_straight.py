"""The detour is that of the shipped table, and that of another way of measuring."""

import csv
from pathlib import Path

import numpy as np
import pytest

from locator.errors import DataError
from locator.settings import Settings
from locator.travel import straight
from locator.travel.streets import Streets
from tests.walked import rutland_by_networkx


def test_the_shipped_table_is_what_rutland_gives(rutland: Streets, geodata: Path) -> None:
    (row,) = csv.DictReader((geodata / "detour.csv").read_text("utf-8").splitlines())
    measured = straight.measure(rutland, "Rutland")
    for name in ("low", "median", "high"):
        assert f"{getattr(measured, name):.2f}" == row[name]
    assert measured == rutland.network.about.detour, "the same seed gives the same figures"
    shipped = straight.shipped(geodata)
    assert (shipped.low, shipped.median, shipped.high) == tuple(
        float(row[name]) for name in ("low", "median", "high")
    )
    assert shipped.source == f"{row['extract']} of {row['date']}"


def test_another_seed_hardly_matters(rutland: Streets) -> None:
    one, other = rutland.network.about.detour, straight.measure(rutland, "Rutland", seed=2)
    assert one is not None
    assert other is not None
    assert other != one
    assert other.low == pytest.approx(one.low, rel=0.02)
    assert other.median == pytest.approx(one.median, rel=0.03)
    assert other.high == pytest.approx(one.high, rel=0.10)


def test_the_detour_measured_on_the_drawn_streets(rutland: Streets, test_data: Path) -> None:
    walked = rutland_by_networkx(test_data)
    random = np.random.default_rng(4)
    pieces = np.array([walked.graph.edges[link]["metres"] for link in walked.links])
    ends = walked.grid[np.array(walked.links)]

    def places(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        chosen = random.choice(len(pieces), count, p=pieces / pieces.sum())
        share = random.random(count)[:, None]
        return np.asarray(ends[chosen, 0] * (1 - share) + ends[chosen, 1] * share)

    targets = places(1500)
    spots = [walked.spot(x, y) for x, y in targets]
    factors: list[float] = []
    for here in places(25):
        source = walked.spot(here[0], here[1])
        field = walked.field(source, limit_m=7500)
        apart = np.hypot(*(targets - here).T)
        for low in range(100, 1500, 100):
            band = np.flatnonzero((apart >= low) & (apart < low + 100))
            # as many from each band, as far as they go
            factors += [
                walked.read(field, (source,), spots[row]) / apart[row]
                for row in random.permutation(band)[:4]
            ]
    assert len(factors) > 500
    low, median, high = np.percentile(factors, [10, 50, 90], method="higher")
    detour = rutland.network.about.detour
    assert detour is not None
    assert low == pytest.approx(detour.low, rel=0.03)
    assert median == pytest.approx(detour.median, rel=0.08)
    assert high == pytest.approx(detour.high, rel=0.25)


def test_a_folder_without_the_table(geodata: Path, tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_bytes((geodata / "sources.toml").read_bytes())
    with pytest.raises(DataError, match=r"detour\.csv"):
        straight.shipped(tmp_path)


def test_what_is_shipped_makes_sense() -> None:
    detour = straight.shipped(Settings().geodata)
    assert 1 <= detour.low < detour.median < detour.high
