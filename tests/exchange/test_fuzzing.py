"""Malformed files never crash the importer, and it never writes what the rules forbid."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzzing
from locator.exchange import columns
from locator.exchange.formats import Scalar
from locator.exchange.kits import Duplicates, Known, Row, Verdict, judge, understand
from locator.exchange.positions import Finder
from locator.exchange.values import Cells
from locator.places import Gazetteer
from locator.registry import rules
from locator.registry.schema import Contact, Kit

FIELDS = [name for name in columns.KIT if name != columns.CODE]
# texts that come near to what some field wants
WORDS = st.sampled_from(
    [
        *(lie for lie in fuzzing.LIES if isinstance(lie, str) and len(lie) < 10_000),
        *("24/7", "2024-05-03", "NN17 1PD", "Corby", "High Street", "Northamptonshire", "£12.50"),
        *("0.0000000001", "1e-300", "51.5N", "1e400", "SP 8 8", "code", "73159", "12", "PIN 1234"),
    ]
)
SCALARS: st.SearchStrategy[Scalar] = (
    WORDS
    | st.text(max_size=40)
    | st.lists(WORDS, min_size=2, max_size=3).map(" ".join)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1.5, 2)
    | st.floats(51, 53)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
)


def _cells(text: Scalar) -> Scalar:
    """Take out what the reader of a file never hands on: half characters."""
    if isinstance(text, str):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


ROWS = st.dictionaries(
    st.sampled_from([*FIELDS, "@x", "@y"]), SCALARS.map(_cells), max_size=8
) | st.fixed_dictionaries(
    {"name": SCALARS.map(_cells), "longitude": st.floats(-1, 0.1), "latitude": st.just(52.24)},
    optional={
        name: SCALARS.map(_cells)
        for name in FIELDS
        if name not in ("name", "longitude", "latitude")
    },
)


@pytest.fixture(scope="module")
def finder(gazetteer: Gazetteer) -> Finder:
    return Finder(gazetteer, "list.csv", "EPSG:4326")


@pytest.mark.parametrize("seed", [11])
def test_malformed_files_are_refused_or_read_but_never_break_anything(seed: int) -> None:
    # four of each format; the command line refuses one and reads one
    result = fuzzing.run(44, seed, every=20)
    assert result.wrong == []
    written = [outcome for outcome in result.outcomes if outcome.written]
    refused = [outcome for outcome in result.outcomes if outcome.refused]
    assert len(written) > 10 < len(refused)
    assert "| all | 44 |" in fuzzing.section(result, seed)


@given(st.lists(ROWS, min_size=1, max_size=4), st.sampled_from(Duplicates))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_values_become_rows_that_the_registry_takes(
    finder: Finder, values: list[dict[str, Scalar]], duplicates: Duplicates
) -> None:
    rows = [understand(n, Cells(cells), finder) for n, cells in enumerate(values, 2)]
    assert all(isinstance(row, Row) for row in rows)
    judge(rows, Known.of([], [], "NN"), "list.csv", duplicates)
    for row in rows:
        assert all(remark.text for remark in row.remarks)
        if row.verdict is Verdict.REJECTED:
            continue
        assert rules.clean(Kit, row.values) == row.values
        rules.clean(Contact, row.contact)
        assert row.values.get("precision_m", 1) > 0
        assert all(not isinstance(v, float) or math.isfinite(v) for v in row.values.values())
