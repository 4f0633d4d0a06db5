import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from locator.analysis.coverage import coverage
from locator.analysis.nearest import nearest
from locator.facts import Facts

PAGES = ["/", "/map", "/coverage", "/coverage?within=800&hours=always", "/data"]


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_999_first_and_unconfirmed(client: FlaskClient, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 200
    text = _text(response.text)
    assert "999" in text[:200]
    assert "Press hard" in text
    assert "Never leave" in text
    assert 'href="tel:999"' in response.text
    assert "Published, unconfirmed data" in text
    assert response.headers["Cache-Control"] == "no-store"


def test_the_home_page_is_small(client: FlaskClient) -> None:
    total = 0
    page = client.get("/", headers={"Accept-Encoding": "gzip"})
    total += len(page.data)
    html = client.get("/").text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
        response = client.get(unescape(path), headers={"Accept-Encoding": "gzip"}, buffered=True)
        assert response.status_code == 200
        total += len(response.data)
    assert total < 30_000


def test_a_postcode(client: FlaskClient) -> None:
    text = _text(client.post("/", data={"place": "nn1 1de"}).text)
    assert "Kits near NN1 1DE" in text
    opened, maybe = text.index("Open now, as published"), text.index("May be shut: hours not known")
    assert opened < text.index("Royal & Derngate theatre") < maybe < text.index("The Cordwainer")
    assert "130 m away" in text
    assert re.search(r"about 1 to \d+ min running, 1 to \d+ min walking", text)
    assert "the 999 operator gives the code" in text
    assert "it may be 120 m from the mark" in text
    assert "Grid reference SP 7558 6048" in text
    assert "never checked" in text
    assert "Kits whose place is not known (10)" in text


def test_a_location(client: FlaskClient) -> None:
    data = {"lat": "52.2378", "lon": "-0.8960", "accuracy": "25"}
    text = _text(client.post("/", data=data).text)
    assert "Kits near your location" in text
    assert "known to about 25 m" in text
    assert "Nearest postcode NN1" in text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"lat": "x", "lon": "1"}, "not a number"),
        ({"lat": "nan", "lon": "nan"}, "not in Great Britain"),
        ({"lat": "inf", "lon": "0"}, "not in Great Britain"),
        ({"lat": "48.85", "lon": "2.35"}, "not in Great Britain"),
        ({"lat": "52.2", "lon": "-0.9", "accuracy": "nan"}, "does not know where it is"),
        ({"lat": "52.2", "lon": "-0.9", "accuracy": "200000"}, "does not know where it is"),
        ({"lat": "52.2"}, "not a number"),
        ({"place": ""}, "Type a place"),
        ({}, "Type a place"),
        ({"place": "qqqq"}, "was not found in Northamptonshire"),
        ({"place": "x" * 500}, "too long"),
        ({"place": "MK9 3QA"}, "not a postcode of Northamptonshire"),
    ],
)
def test_bad_input_is_said_at_the_field(
    client: FlaskClient, data: dict[str, str], expected: str
) -> None:
    response = client.post("/", data=data)
    assert response.status_code == 422
    error = re.search(r'<p class="error"[^>]*>(.*?)</p>', response.text, re.DOTALL)
    assert error is not None
    assert expected in unescape(error[1])
    assert "<title>Error:" in response.text
    assert 'aria-invalid="true"' in response.text
    assert "What works" in error[1] or "instead" in error[1] or "Check the order" in error[1]


def test_what_was_typed_comes_back_harmless(client: FlaskClient) -> None:
    typed = '"><script>alert(1)</script>{{7*7}}'
    html = client.post("/", data={"place": typed}).text
    assert "<script>alert" not in html
    assert "{{7*7}}" in unescape(html)
    assert 'value="&#34;&gt;&lt;script&gt;' in html


def test_several_places_are_a_choice(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "The Ridings"}).text
    choices = [unescape(c) for c in re.findall(r'<button[^>]+value="([^"]+)"', html)]
    assert "The Ridings, Brixworth" in choices
    assert "Kits near" not in html
    picked = client.post("/", data={"place": choices[0]}).text
    assert f"Kits near {choices[0]}" in _text(picked)


def test_an_unsure_place_is_asked_back(client: FlaskClient) -> None:
    text = _text(client.post("/", data={"place": "The Ridings, Northampton"}).text)
    assert "Which one do you mean?" in text
    assert "suburb that you did not name" in text


def test_too_far_says_stay(client: FlaskClient) -> None:
    text = _text(client.post("/", data={"place": "NN13 7AB"}).text)
    assert "We know of no kit that is close enough" in text
    assert "Stay and press" in text
    assert "Never leave them alone" in text


@pytest.mark.parametrize(
    "data",
    [
        {"place": "Corby"},
        {"place": "NN1"},
        {"lat": "52.2378", "lon": "-0.896", "accuracy": "5000"},
    ],
)
def test_a_rough_place_gets_no_promise(client: FlaskClient, data: dict[str, str]) -> None:
    text = _text(client.post("/", data=data).text)
    assert "We only know roughly where you are" in text
    assert "How long it takes cannot be told" in text
    assert "could be here within" not in text
    assert "Grid reference" not in text
    assert "Nearest postcode" not in text


def test_the_promise_holds_at_the_high_end(client: FlaskClient, facts: Facts) -> None:
    for place in ("NN1 1DE", "NN1 1DP", "NN8 1QD", "NN10 9NG", "NN5 7QP"):
        position = facts.gazetteer.resolve(place)[0]
        text = _text(client.post("/", data={"place": place}).text)
        at = facts.calendar.read("2026-07-04 23:30")
        nearest_open = nearest(facts.snapshot(), position, facts.travel, at=at).reachable[0]
        assert nearest_open.run is not None
        promised = "could be here within" in text
        assert promised == (nearest_open.run.high_s <= 300)


def test_nothing_is_shown_as_ready(client: FlaskClient, facts: Facts) -> None:
    for place in ("NN1 1DE", "Kettering", "Wellingborough", "Corby"):
        html = client.post("/", data={"place": place}).text
        assert "state-ready" not in html
        assert html.count("Not confirmed") == html.count("state-open") + html.count("state-unknown")


def test_the_list_of_all_kits(client: FlaskClient, facts: Facts) -> None:
    html = client.get("/map").text
    assert len(re.findall(r'id="kit-(NN-\d+)"', html)) == 49
    text = _text(html)
    for title in ("Open now, as published (10)", "May be shut: hours not known (20)"):
        assert title in text
    assert "Not in service (9)" in text
    assert "Place not known (10)" in text


def test_coverage_shows_the_counts(client: FlaskClient, facts: Facts) -> None:
    result = coverage(facts.snapshot(), facts.incidents, facts.residents, within_m=400)
    text = _text(client.get("/coverage").text)
    assert "All 28,624 records" in text
    for number in (result.beyond, result.within, result.without_position, result.outside):
        assert f"{number:,}" in text
    assert "from every published kit" in text
    assert "Off the Streets NN" in text
    night = _text(client.get("/coverage?hours=always").text)
    assert "from every kit that is open day and night" in night
    assert night != text


@pytest.mark.parametrize("query", ["within=7", "within=x", "hours=never", "within=400.0"])
def test_coverage_takes_listed_choices_only(client: FlaskClient, query: str) -> None:
    response = client.get(f"/coverage?{query}")
    assert response.status_code == 422
    assert "Choose a distance of 150, 400, 800 metres" in _text(response.text)


def test_map_scripts_are_cached_by_content(client: FlaskClient) -> None:
    for page in ("/map", "/coverage", "/coverage?within=800&hours=always"):
        html = client.get(page).text
        (address,) = re.findall(r'src="(/maps/[^"]+)"', html)
        response = client.get(unescape(address))
        assert response.status_code == 200
        assert response.content_type == "text/javascript; charset=utf-8"
        assert response.headers["Cache-Control"] == "public, max-age=3600"
        again = client.get(unescape(address), headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304
        stale = client.get(unescape(address).split("v=")[0] + "v=old")
        assert stale.headers["Cache-Control"] == "no-cache"


def test_the_basemap_comes_in_ranges(client: FlaskClient) -> None:
    response = client.get("/basemap.pmtiles", headers={"Range": "bytes=0-126"}, buffered=True)
    assert response.status_code == 206
    assert response.data[:7] == b"PMTiles"
    assert len(response.data) == 127
