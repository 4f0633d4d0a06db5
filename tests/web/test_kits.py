import re

import pytest
from flask.testing import FlaskClient

from locator.facts import Facts
from tests.web.reading import text_of


def test_the_list_of_all_kits(client: FlaskClient, facts: Facts) -> None:
    html = client.get("/map").text
    assert len(re.findall(r'id="kit-(NN-\d+)"', html)) == 49
    text = text_of(html)
    for title in ("Open now, as published (10)", "May be shut: hours not known (20)"):
        assert title in text
    assert "Not in service (9)" in text
    assert "Place not known (10)" in text


@pytest.mark.parametrize("typed", ["nn-0030", "NN-30", "nn30", "NN 0030"])
def test_a_reference_as_people_type_it(client: FlaskClient, typed: str) -> None:
    answer = client.get(f"/kit/{typed}")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/kit/NN-0030")


@pytest.mark.parametrize("typed", ["NN-9999", "theatre", "{{7*7}}", "<b>"])
def test_there_is_no_such_kit(client: FlaskClient, typed: str) -> None:
    answer = client.get(f"/kit/{typed}")
    assert answer.status_code == 404
    assert "<b>" not in answer.text
    assert "There is no kit" in text_of(answer.text)


def test_every_kit_has_a_page(client: FlaskClient, facts: Facts) -> None:
    kits = facts.snapshot().kits
    assert len(kits) == 49
    for reference, name in zip(kits["reference"], kits["name"], strict=True):
        answer = client.get(f"/kit/{reference}")
        assert answer.status_code == 200
        text = text_of(answer.text)
        assert f"Bleed kit: {name}" in text
        assert text.index("Call 999 now") < text.rindex(name)
        assert "Never, as far as we know" in text
