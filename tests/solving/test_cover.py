import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locator.solving import _kernels
from locator.solving._kernels import type_flags
from locator.solving.cover import Cover
from tests.solving.instances import choices, covers, town, worth


@pytest.fixture(params=[True, False], ids=["numba", "numpy"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernels, "AVAILABLE", request.param)


def sets(cover: Cover) -> list[frozenset[int]]:
    """The sites of each row."""
    start, site = cover.by_row()
    return [frozenset(site[start[i] : start[i + 1]].tolist()) for i in range(cover.rows)]


def test_pairs_in_any_order_count_once() -> None:
    cover = Cover.of_pairs([2, 0, 2, 2], [1, 1, 0, 1], [3.0, 4.0, 5.0], sites=4)
    assert cover.first.tolist() == [0, 1, 1, 3, 3]
    assert cover.row.tolist() == [1, 0, 1]
    assert (cover.sites, cover.rows, cover.levels, cover.total) == (4, 3, 1, 12.0)
    assert sets(cover) == [{2}, {0, 2}, frozenset()]


def test_second_cover_is_worth_what_its_level_says() -> None:
    cover = Cover.of_pairs([0, 1, 2, 1], [0, 0, 0, 1], [[5.0, 2.0], [3.0, 3.0]], sites=3)
    assert [cover.worth(chosen) for chosen in ([], [0], [0, 1], [0, 1, 2])] == [0, 5, 10, 10]
    assert cover.gains([0]).tolist() == [2.0, 5.0, 2.0]
    assert cover.counts([0, 1]).tolist() == [2, 1]


@given(covers())
def test_worth_and_gains_are_those_of_the_definition(cover: Cover) -> None:
    for chosen in choices(cover.sites)[:20]:
        assert cover.worth(chosen) == pytest.approx(worth(cover, chosen), rel=1e-12)
        gains = [cover.worth([*chosen, site]) - cover.worth(chosen) for site in range(cover.sites)]
        for site in set(range(cover.sites)) - set(chosen):
            assert cover.gains(chosen)[site] == gains[site]


@pytest.mark.usefixtures("_both_ways")
class TestMerged:
    @given(covers())
    def test_every_choice_stays_worth_the_same(self, cover: Cover) -> None:
        merged = cover.merged()
        for chosen in choices(cover.sites):
            assert merged.worth(chosen) == cover.worth(chosen)

    @given(covers())
    def test_no_two_rows_have_the_same_sites(self, cover: Cover) -> None:
        merged = sets(cover.merged())
        assert len(merged) == len(set(merged))
        assert set(merged) == set(sets(cover)) - {frozenset()}

    def test_large_cover(self) -> None:
        cover = town(60, 20_000, 0.2, 1)
        merged = cover.merged()
        assert merged.rows == len(set(sets(cover)) - {frozenset()}) < 5_000
        again = merged.merged()
        assert np.array_equal(again.row, merged.row)
        assert np.array_equal(again.weight, merged.weight)


@given(covers(), st.data())
def test_both_ways_of_merging_agree(cover: Cover, data: st.DataObject) -> None:
    answers = []
    for available in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_kernels, "AVAILABLE", available)
            answers.append(cover.merged())
    one, other = answers
    assert np.array_equal(one.first, other.first)
    assert np.array_equal(one.row, other.row)
    assert np.array_equal(one.weight, other.weight)


@given(st.lists(covers(most_sites=4, most_levels=1), min_size=1, max_size=4))
def test_blocks_are_one_cover(parts: list[Cover]) -> None:
    sites = max(part.sites for part in parts)
    blocks = [
        Cover(np.append(p.first, [len(p.row)] * (sites - p.sites)), p.row, p.weight) for p in parts
    ]
    whole = Cover.of_blocks(iter(blocks))
    everything = np.arange(sites)
    for chosen in choices(sites):
        apart = sum(block.worth(chosen) for block in blocks)
        # sums over blocks round as the largest of them does
        assert whole.worth(chosen) == pytest.approx(
            apart, rel=1e-12, abs=1e-12 * whole.worth(everything)
        )
    merged = sets(whole)
    assert len(merged) == len(set(merged))


def test_blocks_of_other_sites_are_refused() -> None:
    with pytest.raises(ValueError, match="as many sites"):
        Cover.of_blocks([town(3, 9, 0.3, 1), town(4, 9, 0.3, 1)])
    with pytest.raises(ValueError, match="at least one block"):
        Cover.of_blocks([])


@given(covers())
def test_components_share_nothing_and_cannot_be_split(cover: Cover) -> None:
    of_site, of_row = cover.components()
    near: type_flags = np.zeros((cover.sites, cover.rows), bool)
    for site in range(cover.sites):
        near[site, cover.row[cover.first[site] : cover.first[site + 1]]] = True
    assert all(of_site[s] == of_row[r] for s, r in zip(*np.nonzero(near), strict=True))
    # reachable in any number of steps: the slow way
    linked = (near.astype(int) @ near.T.astype(int) > 0) | np.eye(cover.sites, dtype=bool)
    for _ in range(cover.sites):
        linked = linked.astype(int) @ linked.astype(int) > 0
    assert np.array_equal(of_site[:, None] == of_site[None], linked)
    numbers = of_site.tolist()
    firsts = [label for i, label in enumerate(numbers) if label not in numbers[:i]]
    assert firsts == sorted(firsts)


def test_part_keeps_the_rows_of_its_sites() -> None:
    cover = town(30, 200, 0.2, 3)
    sites = np.array([21, 4, 8])
    part, rows = cover.part(sites)
    assert part.sites == 3
    for chosen in choices(3):
        assert part.worth(chosen) == cover.worth(sites[chosen])
    assert np.array_equal(rows, np.flatnonzero(cover.counts(sites)))


@pytest.mark.parametrize(
    ("site", "row", "weight", "says"),
    [
        ([3], [0], [1.0], "numbered from 0 to 2"),
        ([0], [1], [1.0], "numbered from 0 to 0"),
        ([0, 1], [0], [1.0], "as many sites as rows"),
        ([0], [0], [-1.0], "at least 0"),
        ([0], [0], [float("nan")], "finite"),
        ([0], [0], [[1.0, 2.0]], "worth more than the one before"),
        ([0], [0], [[[1.0]]], "one row each"),
    ],
)
def test_what_makes_no_cover_is_refused(
    site: list[int], row: list[int], weight: list[float], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Cover.of_pairs(site, row, weight, sites=3)


def test_sums_are_exact_in_any_order() -> None:
    random = np.random.default_rng(5)
    weight = random.random(10_000) * 10.0 ** random.integers(-8, 3, 10_000)
    cover = Cover.of_pairs([], [], weight, sites=0)
    rounded = cover.weight[:, 0]
    assert rounded == pytest.approx(weight, abs=weight.sum() * 2.0**-48)
    orders = (random.permutation(10_000) for _ in range(20))
    assert len({float(np.cumsum(rounded[order])[-1]) for order in orders}) == 1
