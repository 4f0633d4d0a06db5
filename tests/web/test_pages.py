import pytest
from flask.testing import FlaskClient

from tests.web.reading import text_of

PAGES = ["/", "/map", "/coverage", "/coverage?within=800&hours=any", "/data"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_999_first_and_unconfirmed(client: FlaskClient, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 200
    text = text_of(response.text)
    assert "999" in text[:200]
    assert "Press hard" in text
    assert "Never leave" in text
    assert 'href="tel:999"' in response.text
    assert "Published, unconfirmed data" in text
    assert response.headers["Cache-Control"] == "no-store"
