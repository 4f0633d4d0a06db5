import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from locator.settings import Settings
from locator.web import create_app, languages
from tests.serving import Server


@pytest.fixture
def polish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[FlaskClient]:
    """The site with a catalogue that is laid beside the others."""
    catalogue = Catalog("pl")
    catalogue.add("Data", "Dane")
    text = io.BytesIO()
    write_po(text, catalogue)
    (tmp_path / "pl.po").write_bytes(text.getvalue())
    monkeypatch.setattr(languages, "_FOLDER", tmp_path)
    languages.languages.cache_clear()
    languages._catalogue.cache_clear()
    yield create_app(settings).test_client()
    languages.languages.cache_clear()
    languages._catalogue.cache_clear()


def _language(html: str) -> str:
    return html.split('<html lang="')[1].split('"', maxsplit=1)[0]


def test_a_language_stands_in_front_of_every_address(polish: FlaskClient) -> None:
    page = polish.get("/pl/map")
    assert _language(page.text) == "pl"
    assert 'href="/pl/coverage"' in page.text
    assert 'href="/static/site.css?' in page.text
    assert "Vary" not in page.headers or "Accept-Language" not in page.headers["Vary"]
    assert _language(polish.get("/en/map").text) == "en-GB"
    assert polish.post("/pl/", data={"place": "NN1 1DE"}).status_code == 200
    assert polish.get("/de/map").status_code == 404


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [("pl", "pl"), ("pl-PL,en;q=0.5", "pl"), ("de,en;q=0.5", "en-GB"), ("de", "en-GB")],
)
def test_otherwise_the_browser_says(polish: FlaskClient, accepted: str, spoken: str) -> None:
    page = polish.get("/", headers={"Accept-Language": accepted})
    assert _language(page.text) == spoken
    assert "Accept-Language" in page.headers["Vary"]


@pytest.mark.parametrize(
    ("address", "differs"),
    [
        ("/manifest.webmanifest", True),
        ("/kit/NN-0030/poster.png", True),
        ("/kit/NN-0030/poster.pdf", True),
        ("/pl/manifest.webmanifest", False),
        ("/offline.json", False),
        ("/static/icon-192.png", False),
    ],
)
def test_what_differs_by_language_says_so(
    polish: FlaskClient, address: str, *, differs: bool
) -> None:
    answer = polish.get(address, buffered=True)
    assert answer.status_code == 200
    assert ("Accept-Language" in answer.headers.get("Vary", "")) == differs


def test_what_nobody_has_read_is_not_reviewed(polish: FlaskClient) -> None:
    assert [(one.code, one.reviewed) for one in languages.languages().values()] == [
        ("en", True),
        ("pl", False),
    ]


@pytest.mark.browser
@pytest.mark.parametrize("code", [code for code in languages.languages() if code != "en"])
def test_every_language_fits_a_small_phone(server: Server, browser: Browser, code: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, locale=code)
    page = context.new_page()

    def looked_at() -> None:
        assert page.locator("html").get_attribute("lang") == code
        assert page.locator("a[href='tel:999']").first.is_visible()
        assert page.locator(".machine").is_visible(), "nobody has reviewed it, and pages say so"
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        # the bar stays, and leaves the page to be read
        bar = page.locator(".bar").bounding_box()
        assert bar is not None
        assert bar["height"] < 0.2 * 640

    for path in ("/how-to", "/kit/NN-0030", "/kit/NN-0030/tell", "/map", "/privacy", "/"):
        page.goto(server.address + path)
        looked_at()
    # the browser's own language until one is chosen, and then that one on every page
    page.goto(f"{server.address}/{code}/")
    page.fill("#place", "NN1 1DE")
    page.press("#place", "Enter")
    page.wait_for_selector(".kit-item")
    assert page.url == f"{server.address}/{code}/"
    looked_at()
    assert "Royal & Derngate theatre" in page.inner_text("main")
    assert "Call 999" not in page.inner_text("body")
    context.close()
