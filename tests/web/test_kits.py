import csv
import datetime as dt
import functools
import http.server
import io
import json
import re
import threading
import time
import unicodedata
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from defusedxml.ElementTree import fromstring
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from locator.errors import SettingsError
from locator.facts import Facts
from locator.registry.custody import Visit, check, edit, entrust, report
from locator.registry.schema import Finding, Status
from locator.settings import Settings
from locator.web import create_app, kits, languages
from tests.reports.counties import HOSTILE
from tests.serving import Server, serve
from tests.web.conftest import Clock
from tests.web.reading import text_of

TODAY = dt.date(2026, 7, 4)
SITE = "https://kits.example.org"
FORMS = ["geojson", "gpx", "kml", "csv"]
UNPLACED = 10


@pytest.fixture
def site(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A site with a registry of its own that looks for changes at every request."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/registry.sqlite", site_url=SITE)
    app = create_app(settings, clock)
    monkeypatch.setattr("locator.facts._FRESH_S", 0.0)
    yield app.test_client()
    app.extensions["facts"].close()


def _change(site: FlaskClient, reference: str, **values: object) -> None:
    engine = site.application.extensions["facts"].engine
    edit(engine, reference, values, who="Ann", why="Seen")


def _listed(html: str) -> list[str]:
    return re.findall(r'id="kit-(NN-\d+)"', html)


# all kits


def test_the_list_of_all_kits_by_town(client: FlaskClient) -> None:
    html = client.get("/map").text
    assert len(set(_listed(html))) == len(_listed(html)) == 49
    text = text_of(html)
    for count in (
        "Open now, as published: 10",
        "May be shut, hours not known: 20",
        "Not in service: 9",
        "Exact place not known: 10",
    ):
        assert count in text
    jumps = dict(re.findall(r'<li><a href="#([^"]+)">([^<]+\(\d+\))</a></li>', html))
    assert jumps["northampton"] == "Northampton (22)"
    assert jumps["kettering"] == "Kettering (8)"
    assert sum(int(re.findall(r"\((\d+)\)", words)[0]) for words in jumps.values()) == 49
    for slug in jumps:
        assert f'id="{slug}"' in html
        assert f'href="/in/{slug}"' in html


def test_a_list_that_was_narrowed_without_a_script(client: FlaskClient, facts: Facts) -> None:
    unplaced = {str(kit["reference"]) for kit in facts.snapshot().unplaced}
    assert len(unplaced) == UNPLACED
    for asked in ("kettering", "KETT", "theatre", "qqq", "Semilong Road"):
        html = client.get("/map", query_string={"town": asked}).text
        assert unplaced <= set(_listed(html)), asked
        assert len(_listed(html)) == len(set(_listed(html)))
        assert f'value="{asked}"' in html
    assert len(set(_listed(client.get("/map?town=kettering").text)) - unplaced) == 6
    assert set(_listed(client.get("/map?town=theatre").text)) - unplaced == {"NN-0030"}
    assert set(_listed(client.get("/map?town=semilong+road").text)) - unplaced == {"NN-0002"}
    nothing = client.get("/map?town=qqq").text
    assert set(_listed(nothing)) == unplaced
    assert "Exact place not known" in text_of(nothing)


def test_what_was_typed_comes_back_harmless(client: FlaskClient) -> None:
    html = client.get("/map", query_string={"town": HOSTILE}).text
    assert HOSTILE in unescape(html)
    assert "<script>alert" not in html


# one kit


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
    assert "Call 999" in answer.text


def test_every_kit_has_a_page(client: FlaskClient, facts: Facts) -> None:
    listed = facts.snapshot().kits
    assert len(listed) == 49
    for reference, name in zip(listed["reference"], listed["name"], strict=True):
        answer = client.get(f"/kit/{reference}")
        assert answer.status_code == 200
        text = text_of(answer.text)
        assert f"Bleed kit: {name}" in text
        assert text.index("Call 999 now") < text.rindex(name)
        assert "Never, as far as we know" in text
        for what in ("taken", "wrong"):
            assert f'href="/kit/{reference}/tell?what={what}"' in answer.text


def test_what_is_known_of_a_kit_and_what_is_not(client: FlaskClient) -> None:
    text = text_of(client.get("/kit/NN-0030").text)
    for words in (
        "On an outside wall of the theatre, Derngate, Northampton",
        "Open day and night, as published. Not confirmed.",
        "Locked: the 999 operator gives the code.",
        "As of Sat 4 Jul, 23:30. Kit NN-0030. Never checked.",
        "the kit may be 120 m from the mark",
        "Installed when reported in 2023-08-09.",
        "grid reference SP 756",
        "plus code 9C4X",
        "Known to about 120 m",
        "Postcode of the theatre in two public lists",
        "Read the source",
        "unconfirmed",
    ):
        assert words in text
    unknown = text[text.index("What nobody has told us") :]
    for words in ("Floor", "Wheelchair", "Contents", "Host"):
        assert words in unknown
    nearby = text[text.index("Other kits near it") :]
    assert "in a straight line" in nearby
    assert "Royal & Derngate" not in nearby[: nearby.index("Kits: facts")]


def test_a_kit_whose_place_is_not_known(client: FlaskClient) -> None:
    html = client.get("/kit/NN-0010").text
    text = text_of(html)
    assert "The exact place is not known, so there is no map" in text
    assert "Planned when reported in 2022-07" in text
    assert "The kit is not said to be in service" in text
    assert "Not placed: the source does not say which skate park" in text
    assert 'class="map"' not in html
    assert "google.com/maps" not in html
    # nothing that reads as if one could go and get it
    assert "Locked: the 999 operator" not in text[: text.index("What is known of it")]
    assert "There is no poster for this kit" in text


def test_the_hours_of_the_week_with_a_bank_holiday(site: FlaskClient, clock: Clock) -> None:
    _change(site, "NN-0002", opening_hours="Mo-Sa 07:00-22:00; Su 10:00-16:00; PH 10:00-14:00")
    moment = clock.now
    clock.now = dt.datetime.fromisoformat("2026-08-27T12:00+01:00")
    try:
        html = site.get("/kit/NN-0002").text
    finally:
        clock.now = moment
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td>', html, re.DOTALL)
    hours = {text_of(day): text_of(said) for day, said in rows}
    assert hours["Thursday 27 August"] == "07:00 to 22:00"
    assert hours["Sunday 30 August"] == "10:00 to 16:00"
    assert hours["Monday 31 August (bank holiday)"] == "10:00 to 14:00"
    # the next seven days, and the two holidays after them
    assert list(hours)[7:] == [
        "Bank holiday, Friday 25 December",
        "Bank holiday, Monday 28 December",
    ]
    assert "Open until Thu 27 Aug, 22:00, as published" in text_of(html)


def test_hours_that_are_known_in_part(site: FlaskClient) -> None:
    _change(site, "NN-0002", opening_hours='Mo-Fr 09:00-17:00; Sa 10:00-12:00 "ask"; Su off')
    text = text_of(site.get("/kit/NN-0002").text)
    assert "Saturday 4 July perhaps 10:00 to 12:00" in text
    assert "Sunday 5 July Shut all day" in text
    assert "Bank holiday, Monday 31 August" in text


def test_a_withdrawn_kit_says_so(site: FlaskClient) -> None:
    _change(site, "NN-0030", status=Status.WITHDRAWN)
    answer = site.get("/kit/NN-0030")
    assert answer.status_code == 410
    text = text_of(answer.text)
    assert "Kit NN-0030 has been withdrawn" in text
    assert "no longer a bleed kit at this place: Royal & Derngate theatre" in text
    assert "Call 999" in text
    assert site.get("/kit/NN-0030/poster.pdf").status_code == 422
    assert "NN-0030" not in site.get("/in/northampton").text
    assert "NN-0030" not in site.get("/sitemap.xml").text


def test_a_check_shows_everywhere_and_a_use_takes_it_back(site: FlaskClient) -> None:
    engine = site.application.extensions["facts"].engine
    contact = {"name": "Gia Guardian", "email": "gia@example.org"}
    entrust(engine, "NN-0030", contact, who="Ann", why="Agreed")
    check(engine, "NN-0030", Visit("Secret Bob", TODAY, TODAY))
    page = site.get("/kit/NN-0030").text
    assert "state-ready" in page
    assert "Last check 4 July 2026" in text_of(page)
    report(engine, "NN-0030", Finding.USED, Visit("Bob Reporter", TODAY, TODAY), Settings())
    used = site.get("/kit/NN-0030").text
    assert "state-ready" not in used
    assert "state-open" not in used[: used.index("Other kits near it")]
    assert "Taken for a casualty." in text_of(used)
    paths = ["/kit/NN-0030", "/map", "/in/northampton", *(f"/kits.{form}" for form in FORMS)]
    for path in paths:
        for secret in ("Gia", "gia@example.org", "Secret Bob", "Bob Reporter"):
            assert secret not in site.get(path).text, path


def test_names_that_attack_stay_words(site: FlaskClient) -> None:
    hostile = {"name": HOSTILE, "position_text": HOSTILE, "note": HOSTILE, "host": HOSTILE}
    _change(site, "NN-0030", **hostile)
    for path in ("/kit/NN-0030", "/map", "/in/northampton", "/map?town=alert", "/kit/NN-0001"):
        html = site.get(path).text
        assert HOSTILE in unescape(html), path
        assert "<script>alert" not in html, path
        assert not re.search(r"<script(?![^>]*\bsrc=)", html), path
    for form in FORMS:
        assert "alert(1)" in site.get(f"/kits.{form}").text
    printed = site.get("/kit/NN-0030/poster.pdf?for=staff")
    assert "{{ 7 * 7 }}" in _words(printed.data)
    # a spreadsheet shows it and runs nothing
    rows = list(csv.DictReader(io.StringIO(site.get("/kits.csv").data.decode("utf-8-sig"))))
    assert rows[29]["name"] == f"'{HOSTILE}"


# towns


def test_the_list_of_a_town_to_print(site: FlaskClient, facts: Facts) -> None:
    html = site.get("/in/northampton").text
    text = text_of(html)
    assert text.count("never checked") == 22
    assert "Published, unconfirmed data of 4 July 2026." in text
    assert text.index("Call 999 now") < text.index("Bleed kits in Northampton", 200)
    assert f"This page as it is now: {SITE}/in/northampton" in text
    listed = html[html.index('<ol class="paper">') :]
    names = [unescape(name) for name in re.findall(r"<h3><a[^>]*>(.*?)</a></h3>", listed)]
    drawn = html[html.index('class="paper-map"') : html.index("said to be installed")]
    numbers = {int(n) for n in re.findall(r'font-weight="bold"[^>]*>(\d+)</text>', drawn)}
    placed = set(facts.snapshot().placed["name"])
    assert numbers == {number for number, name in enumerate(names, 1) if name in placed}
    assert listed.count("Not on the map: the exact place is not known.") == 22 - len(numbers)
    assert " style=" not in drawn


def test_every_town_has_a_list(client: FlaskClient) -> None:
    towns = re.findall(r'href="(/in/[^"]+)"', client.get("/map").text)
    assert len(towns) == 11
    for path in towns:
        assert client.get(path).status_code == 200
    assert client.get("/in/Northampton").headers["Location"] == "/in/northampton"
    assert client.get("/in/atlantis").status_code == 404


def test_kits_of_no_known_town_are_listed_apart(site: FlaskClient) -> None:
    _change(site, "NN-0010", address="By the big tree")
    assert "Town not known (1)" in text_of(site.get("/map").text)
    text = text_of(site.get("/in/elsewhere").text)
    assert "By the big tree" in text
    assert "No exact place is known of any kit here, so there is no map." in text
    assert "Kits whose town is not known, to print" in text_of(site.get("/kit/NN-0010").text)


# what others build on


def _rows(form: str, text: str) -> list[dict[str, str]]:
    if form == "geojson":
        return [feature["properties"] for feature in json.loads(text)["features"]]
    if form == "csv":
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    found = []
    wanted = "wpt" if form == "gpx" else "Placemark"
    for element in fromstring(text).iter():
        if element.tag.endswith(f"}}{wanted}"):
            row = {}
            for inner in element.iter():
                key = inner.get("name") or inner.tag.rpartition("}")[2]
                row[key] = "".join(inner.itertext()).strip()
            found.append(row)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_list_as_a_file(site: FlaskClient, form: str) -> None:
    answer = site.get(f"/kits.{form}")
    assert answer.status_code == 200
    text = answer.data.decode()
    rows = _rows(form, text)
    # GPX holds points only
    assert len(rows) == (49 - UNPLACED if form == "gpx" else 49)
    assert {row["data"] for row in rows} == {"published, unconfirmed"}
    for words in ("as known on 2026-07-04", "unconfirmed", "Licence:", "Open Government Licence"):
        assert words in text
    assert "Call 999 first" in text
    for column in ("guardian", "checked_by", "host_consent", "contact"):
        assert column not in text
    name = f'attachment; filename="bleed-kits-northamptonshire-2026-07-04.{form}"'
    assert answer.headers["Content-Disposition"] == name
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    engine = site.application.extensions["facts"].engine
    check(engine, "NN-0030", Visit("Bob", TODAY, TODAY))
    later = _rows(form, site.get(f"/kits.{form}").data.decode())
    assert [row["name"] for row in later if row["data"] == "checked"] == [
        "Royal & Derngate theatre"
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_sent_again_only_when_it_has_changed(site: FlaskClient, form: str) -> None:
    first = site.get(f"/kits.{form}")
    tag, since = first.headers["ETag"], first.headers["Last-Modified"]
    assert site.get(f"/kits.{form}", headers={"If-None-Match": tag}).status_code == 304
    assert site.get(f"/kits.{form}", headers={"If-Modified-Since": since}).status_code == 304
    _change(site, "NN-0030", floor="1")
    changed = site.get(f"/kits.{form}", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_the_map_of_the_site_lists_every_page(site: FlaskClient) -> None:
    answer = site.get("/sitemap.xml")
    assert answer.content_type == "application/xml"
    root = fromstring(answer.data)
    found = [element.text or "" for element in root.iter() if element.tag.endswith("}loc")]
    assert all(address.startswith(f"{SITE}/") for address in found)
    # each language, and the one that leaves the choice open
    in_each = (len(languages.languages()) + 1) * 49
    assert sum("/kit/NN-" in address for address in found) == in_each
    assert f"{SITE}/en/in/northampton" in found
    # every page once, and every seventh of the other languages: each of them, and each kind of page
    plain = [one for one in found if not re.match(rf"{SITE}/[\w-]+/(kit|in)/", one)]
    for address in {*plain, *found[::7]}:
        assert site.get(urlsplit(address).path).status_code == 200, address
    assert f"Sitemap: {SITE}/sitemap.xml" in site.get("/robots.txt").text
    assert "Disallow: /report" in site.get("/robots.txt").text


def test_a_long_map_of_the_site_is_divided(
    site: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = set(re.findall("<loc>(.*?)</loc>", site.get("/sitemap.xml").text))
    monkeypatch.setattr(kits, "_SITEMAP_MOST", 50)
    parts = re.findall("<loc>(.*?)</loc>", site.get("/sitemap.xml").text)
    assert parts[0] == f"{SITE}/sitemap.xml?part=1"
    listed = [
        address
        for part in parts
        for address in re.findall("<loc>(.*?)</loc>", site.get(part.removeprefix(SITE)).text)
    ]
    assert len(listed) == len(set(listed))
    assert set(listed) == whole
    for wrong in (0, -1, len(parts) + 1):
        assert site.get(f"/sitemap.xml?part={wrong}").status_code == 404


@pytest.mark.parametrize("path", ["/map", "/kit/NN-0030", "/in/northampton", "/places"])
def test_a_link_can_be_shown_by_others(site: FlaskClient, path: str) -> None:
    html = site.get(path).text
    said = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', html))
    assert said["url"] == SITE + path
    assert said["title"] in html[: html.index("</title>")]
    assert f'<meta name="description" content="{said["description"]}">' in html
    picture = site.get(unescape(said["image"]).removeprefix(SITE), buffered=True)
    assert Image.open(io.BytesIO(picture.data)).size == (1200, 630)
    assert f'<link rel="canonical" href="{SITE}{path}">' in html
    assert f'<link rel="alternate" hreflang="en-GB" href="{SITE}/en{path}">' in html
    assert f'<link rel="alternate" hreflang="x-default" href="{SITE}{path}">' in html
    english = site.get(f"/en{path}").text
    assert f'<link rel="canonical" href="{SITE}/en{path}">' in english


def test_without_a_setting_the_host_of_the_request_is_named(client: FlaskClient) -> None:
    html = client.get("/kit/NN-0030", base_url="https://other.example").text
    assert '<link rel="canonical" href="https://other.example/kit/NN-0030">' in html


@pytest.mark.parametrize("wrong", ["kits.example.org", "https://x.org/path", "ftp://x.org"])
def test_an_address_that_is_none_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCATOR_SITE_URL", wrong)
    with pytest.raises(SettingsError, match="LOCATOR_SITE_URL"):
        Settings.read()


def test_other_sites_may_frame_one_page_only(client: FlaskClient) -> None:
    answer = client.get("/widget")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in answer.text
    text = text_of(answer.text)
    assert text.index("Call 999 now") < text.index("Bleed kits near")
    for path in ("/", "/map", "/kit/NN-0030", "/places"):
        other = client.get(path).headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in other
    snippet = re.findall(r"<code>(.*?)</code>", client.get("/map").text, re.DOTALL)[0]
    assert '<iframe src="http://localhost/widget"' in unescape(snippet)


def test_my_places_are_unknown_to_the_server(client: FlaskClient) -> None:
    text = text_of(client.get("/places").text)
    assert "Your places stay on this device." in text
    assert "needs JavaScript" in text
    assert client.post("/places", data={"place": "NN1 1DE"}).status_code == 405


# posters


def _words(printed: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(printed)).pages
    text = " ".join(page.extract_text() for page in pages)
    # fi may be one letter in print
    return " ".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize(
    ("purpose", "words"),
    [
        ("here", "Bleed kit here"),
        ("near", "The nearest bleed kit"),
        ("staff", "For staff: the bleed kit"),
    ],
)
def test_a_poster(site: FlaskClient, purpose: str, words: str) -> None:
    answer = site.get(f"/kit/nn1/poster.pdf?for={purpose}")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    read = pypdf.PdfReader(io.BytesIO(answer.data))
    assert len(read.pages) == 1
    root: Any = read.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"
    assert b"pdfuaid" in root["/Metadata"].get_data()
    text = _words(answer.data)
    assert words in text
    assert text.index("Call 999 first") < text.index("Press hard") < text.index("Never leave")
    assert text.index("Never leave") < text.index("Northampton railway station")
    assert f"{SITE}/kit/NN-0001" in text
    assert "Printed on 4 July 2026 from published data that nobody has confirmed" in text
    assert "beside the main pedestrian entrance" in text
    picture = site.get(f"/kit/NN-0001/poster.png?for={purpose}")
    assert picture.content_type == "image/png"
    size = Image.open(io.BytesIO(picture.data)).size
    assert size == pytest.approx((1240, 1754), abs=1)


def test_what_staff_do_not_know_is_left_to_write_in(site: FlaskClient) -> None:
    text = _words(site.get("/kit/NN-0004/poster.pdf?for=staff").data)
    assert "The kit is kept here (write it in):" in text
    assert "Give it to whoever needs it, at once." in text


def test_a_checked_kit_says_when_on_its_poster(site: FlaskClient) -> None:
    engine = site.application.extensions["facts"].engine
    check(engine, "NN-0001", Visit("Bob", TODAY, TODAY))
    text = _words(site.get("/kit/NN-0001/poster.pdf").data)
    assert "The kit was last checked on 4 July 2026." in text
    assert "nobody has confirmed" not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/kit/NN-0010/poster.pdf", 422),  # planned
        ("/kit/NN-0025/poster.pdf", 422),  # obstructed
        ("/kit/NN-9999/poster.pdf", 404),
        ("/kit/NN-0001/poster.pdf?for=fun", 422),
        ("/kit/NN-0001/poster.svg", 404),
    ],
)
def test_there_is_no_such_poster(client: FlaskClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_what_a_stranger_told_is_said_everywhere(site: FlaskClient, clock: Clock) -> None:
    engine = site.application.extensions["facts"].engine
    check(engine, "NN-0030", Visit("Bob", TODAY, TODAY))
    told = site.post("/kit/NN-0030/tell", data={"finding": "used"})
    assert told.status_code == 200
    sentence = "that it was taken. We have not confirmed that."
    for path in ("/kit/NN-0030", "/map", "/in/northampton"):
        html = site.get(path).text
        # a list to print says it on screen and on paper
        assert text_of(html).count(sentence) == 1 + path.startswith("/in/"), path
        assert "state-ready" not in html, path
    for form in FORMS:
        rows = _rows(form, site.get(f"/kits.{form}").data.decode())
        said = {row["data"] for row in rows if row["reference"] != "NN-0030"}
        assert said == {"published, unconfirmed"}
        (doubted,) = (row["data"] for row in rows if row["reference"] == "NN-0030")
        assert doubted.startswith("published, unconfirmed; somebody told us at 2026-07-04 23:30")
        assert doubted.endswith("not confirmed: used")


@pytest.mark.parametrize(("form", "column"), [("gpx", "desc"), ("kml", "description")])
def test_a_satnav_says_what_is_planned_only(site: FlaskClient, form: str, column: str) -> None:
    _change(site, "NN-0030", status=Status.PLANNED)
    rows = {row["reference"]: row for row in _rows(form, site.get(f"/kits.{form}").data.decode())}
    planned, there = rows["NN-0030"], rows["NN-0001"]
    assert planned["name"] == "Planned: Royal & Derngate theatre"
    assert (
        "Status: planned when reported in 2023-08-09. Not said to be in service." in planned[column]
    )
    assert "Hours" not in planned[column]
    assert there["name"] == "Northampton railway station"
    assert "Hours" in there[column]
    for row in rows.values():
        assert row[column].startswith("Call 999 first.")
        assert "Data: published, unconfirmed." in row[column]


def test_a_list_to_print_offers_no_kit_that_is_planned(site: FlaskClient) -> None:
    _change(site, "NN-0030", status=Status.PLANNED)
    html = site.get("/in/northampton").text
    item = html[html.index(">Royal &amp; Derngate theatre</a>") :]
    item = item[: item.index("</li>")]
    assert '<p class="paper-only"><strong>Planned when reported in 2023-08-09.' in item
    assert "ask 999." in text_of(item)
    assert "Day and night" not in item
    assert "Locked" not in item


def test_a_poster_in_another_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, clock: Clock
) -> None:
    catalogue = Catalog("pl")
    catalogue.add("Bleed kit here", "Zestaw do tamowania krwotoków jest tutaj")
    catalogue.add("Call %(number)s first", "Najpierw zadzwoń pod %(number)s")
    text = io.BytesIO()
    write_po(text, catalogue)
    (tmp_path / "pl.po").write_bytes(text.getvalue())
    monkeypatch.setattr(languages, "_FOLDER", tmp_path)
    languages.languages.cache_clear()
    languages._catalogue.cache_clear()
    try:
        polish = create_app(settings, clock)
        printed = polish.test_client().get("/pl/kit/NN-0001/poster.pdf").data
        page = polish.test_client().get("/pl/kit/NN-0001").text
        box = polish.test_client().get("/pl/widget").text
        listed = polish.test_client().get("/sitemap.xml").text
        polish.extensions["facts"].close()
    finally:
        languages.languages.cache_clear()
        languages._catalogue.cache_clear()
    read = pypdf.PdfReader(io.BytesIO(printed))
    root: Any = read.trailer["/Root"]
    assert root["/Lang"] == "pl"
    assert len(read.pages) == 1
    # older readers of PDF join the end of a line with the next
    assert "Zestawdotamowaniakrwotokówjesttutaj" in _words(printed).replace(" ", "")
    assert "Najpierw zadzwoń pod 999" in _words(printed)
    for said in (_words(printed), text_of(box)):
        assert "made by a machine and nobody has reviewed it." in said
    # the code on it serves every language
    assert "http://localhost/kit/NN-0001" in _words(printed)
    assert '<link rel="canonical" href="http://localhost/pl/kit/NN-0001">' in page
    assert '<link rel="alternate" hreflang="pl" href="http://localhost/pl/kit/NN-0001">' in page
    assert 'href="/pl/kit/NN-0001/poster.png?for=staff"' in page
    assert "<loc>http://localhost/pl/in/kettering</loc>" in listed


# in a browser


@dataclass
class Reader:
    """Somebody at a screen, what their browser asked for, and what went wrong."""

    page: Page
    site: str
    asked: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        self.asked.append(request)

    def complain(self, text: str) -> None:
        # tiles that were still on their way when the page was left are no fault
        if "Failed to fetch" not in text:
            self.complaints.append(text)

    def listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complain(said.text)

    def go(self, path: str) -> None:
        self.page.goto(self.site + path)
        self.page.wait_for_load_state("networkidle")


type_reading = Callable[..., Reader]


@pytest.fixture
def reading(browser: Browser, server: Server) -> Iterator[type_reading]:
    opened: list[Reader] = []

    def start(width: int = 390, **options: Any) -> Reader:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        made = Reader(context.new_page(), server.address)
        context.on("request", made.note)
        made.page.on("pageerror", lambda error: made.complain(str(error)))
        made.page.on("console", made.listen)
        opened.append(made)
        return made

    yield start
    for made in opened:
        made.page.context.close()
        foreign = [r.url for r in made.asked if not r.url.startswith((server.address, "data:"))]
        assert foreign == []
        assert made.complaints == []


PATHS = [
    "/map",
    "/map?town=kettering",
    "/kit/NN-0001",
    "/kit/NN-0002",
    "/kit/NN-0010",
    "/kit/NN-0025",
    "/in/northampton",
    "/in/bozeat",
    "/places",
    "/widget",
]


@pytest.mark.browser
def test_axe_finds_nothing_and_a_finger_finds_everything(reading: type_reading) -> None:
    reader = reading()
    for path in PATHS:
        reader.page.emulate_media(color_scheme="light")
        reader.go(path)
        found = Axe().run(reader.page).response["violations"]
        assert [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in found] == [], path
        small = reader.page.evaluate(
            """() => Array.from(document.querySelectorAll(
                 ".actions a, .actions button, .jumps a, .posters a, form button, form input"))
               .filter(e => e.offsetParent && e.type !== "hidden" &&
                 (e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44))
               .map(e => e.outerHTML)"""
        )
        assert small == [], path
        # the other scheme changes colours only, so what else axe finds it has found
        reader.page.emulate_media(color_scheme="dark")
        dark = reader.page.evaluate(
            "axe.run({runOnly: ['cat.color'], resultTypes: ['violations']})"
        )["violations"]
        assert [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in dark] == [], path


@pytest.mark.browser
def test_nothing_is_cut_off_on_a_narrow_screen_or_in_large_letters(reading: type_reading) -> None:
    reader = reading(320)
    for path in PATHS:
        reader.go(path)
        for size in ("100%", "200%"):
            reader.page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
            assert reader.page.evaluate("document.documentElement.scrollWidth") <= 320, path


@pytest.mark.browser
@pytest.mark.parametrize("reference", ["NN-0030", "NN-0025"])
def test_the_kit_is_in_the_middle_of_its_map(reading: type_reading, reference: str) -> None:
    reader = reading()
    reader.go(f"/kit/{reference}")
    box = reader.page.locator(".map")
    box.scroll_into_view_if_needed()
    expect(box.locator(".kit").first).to_be_visible()
    frame = box.bounding_box()
    assert frame is not None
    assert frame["height"] > 300
    middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    spots = [sign.bounding_box() for sign in reader.page.locator(".map .kit").all()]
    near = [
        spot
        for spot in spots
        if spot and abs(spot["x"] + 15 - middle[0]) < 12 and abs(spot["y"] + 15 - middle[1]) < 12
    ]
    assert len(near) == 1
    picture = Image.open(io.BytesIO(box.screenshot())).convert("RGB")
    assert len(picture.getcolors(maxcolors=1 << 24) or []) > 50


@pytest.fixture
def doubtful(tmp_path: Path) -> Iterator[str]:
    """The address of a site where a stranger told that a kit was taken."""
    form = b"finding=used"
    with serve(tmp_path) as running:
        address = f"{running.address}/kit/NN-0030"
        with urllib.request.urlopen(f"{address}/tell", form) as told:  # noqa: S310
            assert told.status == HTTPStatus.OK
        # the server looks for changes every few seconds
        for _ in range(50):
            with urllib.request.urlopen(address) as page:  # noqa: S310
                if b"state-doubt" in page.read():
                    break
            time.sleep(0.2)
        yield running.address


@pytest.mark.browser
def test_what_a_stranger_told_is_seen_on_every_map(browser: Browser, doubtful: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    told = "that it was taken. We have not confirmed that."
    for path in ("/kit/NN-0030", "/map"):
        page.goto(doubtful + path)
        page.wait_for_load_state("networkidle")
        sign = _drawn(page, "NN-0030")
        assert sign["style"] == "kit kit-doubt", path
        assert sign["title"].startswith("Royal & Derngate theatre: "), path
        assert told in sign["title"], path
        assert told in sign["popup"], path
    # where the page does not list the kit, the legend has the words
    page.goto(doubtful + "/pl/kit/NN-0040")
    page.wait_for_load_state("networkidle")
    sign = _drawn(page, "NN-0030")
    legend = page.locator(".legend li").filter(has=page.locator(".kit-doubt")).inner_text()
    assert sign["style"] == "kit kit-doubt"
    words = legend.replace("?!", "").strip()
    assert sign["title"] == f"NN-0030: {words}"
    assert "not confirmed" not in words
    context.close()


def _drawn(page: Page, reference: str) -> dict[str, str]:
    """Read how the map draws a kit, and what it says when the sign is chosen."""
    page.locator(".map-box").scroll_into_view_if_needed()
    page.locator(".map .leaflet-marker-icon").first.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    found: dict[str, str] = page.evaluate(
        """reference => {
             var map = window[document.querySelector(".map").id], found;
             map.eachLayer(function (layer) {
               if (!layer.getLayers) { return; }
               layer.getLayers().forEach(function (marker) {
                 if (marker.options.reference !== reference) { return; }
                 var style = marker.options.icon.options.className;
                 found = {style: style, title: marker.options.title};
                 layer.fire("click", {layer: marker, originalEvent: {}});
               });
             });
             found.popup = document.querySelector(".popup").textContent;
             return found;
           }""",
        reference,
    )
    return found


@pytest.mark.browser
def test_the_list_narrows_as_one_types(reading: type_reading) -> None:
    reader = reading()
    reader.go("/map")
    page = reader.page
    items = page.locator(".kit-item:visible")
    said = page.locator("#narrow-status")
    expect(items).to_have_count(49)
    page.fill("#town", "Kett")
    # eight of Kettering, two of them not placed, and the eight that are placed nowhere else
    expect(items).to_have_count(8 + UNPLACED - 2)
    expect(said).to_have_text("Kits that fit: 8")
    expect(page.locator("#daventry")).to_be_hidden()
    page.fill("#town", "ROYAL & derngate")
    expect(items).to_have_count(1 + UNPLACED)
    page.fill("#town", "qqq")
    expect(items).to_have_count(UNPLACED)
    expect(said).to_have_text("Nothing fits.")
    page.fill("#town", "")
    expect(items).to_have_count(49)
    page.fill("#town", "rushden")
    with page.expect_navigation():
        page.press("#town", "Enter")
    expect(page).to_have_url(re.compile(r"/map\?town=rushden$"))
    expect(items).to_have_count(3 + UNPLACED)


@pytest.mark.browser
def test_my_places_never_leave_the_device_unasked(reading: type_reading, server: Server) -> None:
    reader = reading()
    reader.go("/places")
    page = reader.page
    before = len(reader.asked)
    for called, where in (("Home", "NN1 1DE"), ("<b>Gran</b>", "zzz secret lane")):
        page.fill("#called", called)
        page.fill("#where", where)
        page.press("#where", "Enter")
    expect(page.locator(".places h3")).to_have_text(["Home", "<b>Gran</b>"])
    expect(page.locator("#places-status")).to_have_text("Kept on this device.")
    assert len(reader.asked) == before
    reader.go("/places")
    found = Axe().run(page).response["violations"]
    assert [f["id"] for f in found] == []
    page.get_by_role("button", name=re.compile("Kits near here.*Home")).click()
    expect(page.locator("#answer-title")).to_have_text("Kits near NN1 1DE")
    page.wait_for_load_state("networkidle")
    assert page.url == f"{server.address}/"
    assert all("NN1" not in request.url and "secret" not in request.url for request in reader.asked)
    sent = [r.post_data for r in reader.asked if r.method == "POST"]
    assert sent == ["place=NN1+1DE"]
    assert page.context.cookies() == []
    reader.go("/places")
    page.get_by_role("button", name=re.compile("Delete.*Home")).click()
    expect(page.locator(".places h3")).to_have_text(["<b>Gran</b>"])
    page.get_by_role("button", name="Delete all my places").click()
    expect(page.locator("#none")).to_be_visible()
    assert page.evaluate("window.localStorage.getItem('bleed-kit-places')") is None
    written = server.written()
    assert b"secret lane" not in written
    assert b"NN1 1DE" not in (server.folder / "log.txt").read_bytes()


@pytest.mark.browser
def test_without_scripts_nothing_is_promised(reading: type_reading) -> None:
    reader = reading(java_script_enabled=False)
    reader.go("/places")
    assert reader.page.locator("noscript p").is_visible()
    assert reader.page.locator("#add").is_hidden()
    reader.go("/map")
    reader.page.fill("#town", "corby")
    with reader.page.expect_navigation():
        reader.page.click("#narrow button")
    expect(reader.page.locator(".kit-item")).to_have_count(2 + UNPLACED)
    reader.go("/kit/NN-0030")
    assert reader.page.locator("text=Share this kit").is_hidden()


@pytest.mark.browser
def test_the_box_in_a_page_of_a_council(
    reading: type_reading, server: Server, tmp_path: Path
) -> None:
    frames = f'<iframe id="one" src="{server.address}/widget" height="500"></iframe>'
    frames += f'<iframe id="two" src="{server.address}/kit/NN-0030"></iframe>'
    (tmp_path / "index.html").write_text(f"<!doctype html><title>Council</title>{frames}", "utf-8")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as council:
        threading.Thread(target=council.serve_forever, daemon=True).start()
        try:
            reader = reading()
            page = reader.page
            page.goto(f"http://localhost:{council.server_port}/index.html")
            page.wait_for_load_state("networkidle")
            box = page.frame_locator("#one")
            expect(box.get_by_role("link", name="Call 999 now")).to_be_visible()
            box.get_by_label("Bleed kits near:").fill("NN1 1DE")
            with page.context.expect_page() as opening:
                box.get_by_role("button", name="Find kits (opens a new tab)").click()
            answer = opening.value
            expect(answer.locator("#answer-title")).to_have_text("Kits near NN1 1DE")
            assert answer.url == f"{server.address}/"
            # every other page refuses to be framed
            refused = page.frame_locator("#two").locator("body").inner_text()
            assert "Royal" not in refused
            assert "999" not in refused
            assert any("frame-ancestors" in said for said in reader.complaints)
            reader.complaints.clear()
            reader.asked = [r for r in reader.asked if str(council.server_port) not in r.url]
        finally:
            council.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and keeps no log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as it is called there
        pass


@pytest.mark.browser
def test_what_is_printed_of_a_town(reading: type_reading, facts: Facts) -> None:
    reader = reading(1280)
    reader.go("/in/kettering")
    printed = reader.page.pdf(format="A4")
    text = _words(printed)
    assert "Published, unconfirmed data of" in text
    assert "Call 999 now" in text
    assert "/in/kettering" in text.replace(" ", "")
    assert "Print this page" not in text
    assert "Shut now" not in text
    assert "May be shut" not in text
    snapshot = facts.snapshot().kits
    for name in snapshot["name"][snapshot["address"].str.endswith("Kettering")]:
        assert str(name) in text
    assert len(pypdf.PdfReader(io.BytesIO(printed)).pages) <= 2
