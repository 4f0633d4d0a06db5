from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator.demand import HOURS, Profile, named
from locator.errors import DataError, InputError


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=HOURS, max_size=HOURS).filter(any))
def test_any_168_numbers_make_shares(numbers: list[float]) -> None:
    profile = Profile.of("x", numbers, "")
    assert profile.hours.sum() == pytest.approx(1)
    assert (profile.hours >= 0).all()
    for day in range(7):
        hours = profile.of_day(day)
        assert hours.sum() == pytest.approx(1)
        assert hours.reshape(7, 24)[[d for d in range(7) if d != day]].sum() == 0


def test_a_day_without_any_share_is_flat() -> None:
    profile = Profile.of("Mondays", [1.0] * 24 + [0.0] * 144, "")
    assert profile.of_day(3)[72:96] == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1.0] * 167, "it has 167 numbers"),
        ([0.0] * 168, "all are zero"),
        ([1.0] * 9 + [-1.0] + [1.0] * 158, "number 10 is negative"),
        ([1.0] * 9 + [float("nan")] + [1.0] * 158, "number 10 is missing"),
        ([1e308] * 168, "too large to add up"),
    ],
)
def test_other_numbers_are_refused(numbers: list[float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Profile.of("x", numbers, "")


@pytest.mark.parametrize("shape", ["plain", "heading", "numbered"])
def test_an_own_profile_from_a_file(shape: str, geodata: Path, tmp_path: Path) -> None:
    numbers = np.arange(1, HOURS + 1)
    lines = [str(n) for n in numbers]
    if shape == "heading":
        lines = ["share", *lines]
    if shape == "numbered":
        lines = ["hour,share", *(f"{hour},{n}" for hour, n in enumerate(numbers))]
    path = tmp_path / "ours.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    profile = named(geodata, str(path))
    assert (profile.name, profile.source) == ("ours", f"Own profile: {path}")
    assert profile.hours == pytest.approx(numbers / numbers.sum())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\n" * 100, "it has 100 numbers"),
        ("1\n" * 100 + "one\n" + "1\n" * 67, "number 101 is missing"),
        ("", "cannot be read as a profile"),
        ("\n".join(str(hour) for hour in range(168)), "numbers the hours from 0 to 167"),
        ("share,hour\n" + "\n".join(f"1,{hour}" for hour in range(168)), "numbers the hours"),
    ],
)
def test_a_file_that_is_no_profile(text: str, said: str, geodata: Path, tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        named(geodata, str(path))


def test_an_unknown_profile_is_answered_with_those_known(geodata: Path) -> None:
    with pytest.raises(InputError, match="Known are flat, violence, survey"):
        named(geodata, "nigths")
