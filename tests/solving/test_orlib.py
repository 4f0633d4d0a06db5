from pathlib import Path

import numpy as np
import pytest

from benchmarks import orlib
from locator.errors import DataError
from locator.solving.distances import Distances
from locator.solving.median import p_median

# made by hand; the last line makes the way from 1 to 2 longer again
TEXT = """ 4 5 2
 1 2 1
 2 3 4
 3 4 2
 4 1 20
 2 1 6
"""


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    path = tmp_path / "pmed1.txt"
    path.write_text(TEXT)
    return path


def test_the_last_line_of_an_edge_holds(instance: Path) -> None:
    loaded = orlib.load(instance)
    assert loaded.number == 2
    assert loaded.metres.tolist() == [[0, 6, 10, 12], [6, 0, 4, 6], [10, 4, 0, 2], [12, 6, 2, 0]]
    found = p_median(Distances.of_table(loaded.metres), loaded.number)
    assert (found.cost, found.proven) == (6.0, True)  # 1 alone, 2 and 4 from 3


@pytest.mark.parametrize("text", ["", "4 5", "2 1 1\n1 2", "2 1 1\n1 2 x", "3 1 1\n1 2 5"])
def test_what_is_no_instance_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pmed2.txt"
    path.write_text(text)
    with pytest.raises(DataError, match="get it anew"):
        orlib.load(path)


def test_what_is_published_is_compared_with(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCATOR_ORLIB", str(instance.parent))
    with pytest.raises(AssertionError):  # this is not the instance of that name
        orlib.report()
    monkeypatch.setattr(orlib, "MEDIANS", (6,))
    assert "| pmed1 | 4 | 2 | 6 | 6 | proven best |" in orlib.report()
    monkeypatch.delenv("LOCATOR_ORLIB")
    assert "not kept here" in orlib.report()


def test_each_instance_has_a_published_value() -> None:
    # sites chosen rise within five instances of a size, so values fall
    assert len(orlib.MEDIANS) == 40
    assert np.all(np.diff(np.reshape(orlib.MEDIANS[:30], (6, 5))[:, [0, 1, 3, 4]]) < 0)
