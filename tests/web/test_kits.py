import re

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
