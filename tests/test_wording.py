import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locator.errors import InputError, PlaceNotFoundError
from locator.wording import Figure, Sentence


def test_a_sentence_is_its_english_text() -> None:
    said = Sentence("%(kits)s of %(share)s%% are open.", kits=3, share=12.5)
    assert said == "3 of 12.5% are open."
    assert f"Note: {said}" == "Note: 3 of 12.5% are open."


@given(st.text(), st.text())
def test_what_somebody_typed_is_no_pattern(first: str, second: str) -> None:
    inner = Sentence("“%(text)s” is unknown.", text=first)
    joined = Sentence.joined(inner, second)
    assert joined == f"“{first}” is unknown. {second}".removesuffix(" " * (not second))


def test_nothing_to_join() -> None:
    assert Sentence.joined("", "") == ""
    assert Sentence.joined(Sentence("A."), "") == "A."


@pytest.mark.parametrize("kind", [InputError, PlaceNotFoundError])
def test_errors_keep_it_on_the_way_from_other_processes(kind: type[InputError]) -> None:
    told = Sentence("“%(place)s” was not found.", place="100%")
    came: InputError = pickle.loads(pickle.dumps(kind(told)))  # noqa: S301  # our own
    assert str(came) == "“100%” was not found."
    assert isinstance(came.sentence, Sentence)
    assert came.sentence.pattern == told.pattern
    assert came.sentence.values == {"place": "100%"}


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [
        (12903.4, ",.0f", "12,903"),
        (0.215, ".1%", "21.5%"),
        (0.5, ".0%", "50%"),
        (0.1, "+.2f", "+0.10"),
    ],
)
def test_figures_are_written_as_they_say(value: float, form: str, said: str) -> None:
    figure = Figure(value, form)
    assert Sentence("It is %(figure)s.", figure=figure) == f"It is {said}."
    came = pickle.loads(pickle.dumps(figure))  # noqa: S301  # our own
    assert (came, str(came)) == (value, said)


def test_joined_with_other_signs() -> None:
    parts = (Sentence("%(share)s far", share=Figure(0.6, ".0%")), "", Sentence("the rest near"))
    assert Sentence.joined(*parts, between=", ", end=".") == "60% far, the rest near."
