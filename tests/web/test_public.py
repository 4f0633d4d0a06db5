import datetime as dt
import itertools
import json
import re
from html import unescape
from pathlib import Path

import pytest
import shapely
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from locator import tables
from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage, coverage
from locator.analysis.gaps import Localities, gaps
from locator.analysis.nearest import nearest
from locator.cli import main
from locator.facts import Facts
from locator.settings import Settings
from locator.travel.standard import Standard
from locator.web import create_app
from locator.web.public import span
from tests.web.conftest import Clock

PAGES = ["/", "/map", "/coverage", "/coverage?within=800&hours=any", "/data"]


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
    assert "130 m in a straight line" in text
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


def _coverage(facts: Facts, metres: float = 400) -> Coverage:
    return coverage(
        facts.snapshot(),
        facts.demand(weights={}),
        facts.travel,
        Standard.within(metres),
        facts.neighbourhoods,
        day=dt.date(2026, 7, 4),
    )


def test_coverage_tells_a_range(client: FlaskClient, facts: Facts, clock: Clock) -> None:
    clock.now = dt.datetime.fromisoformat("2026-07-04T23:30+01:00")
    found = _coverage(facts)
    text = _text(client.get("/coverage").text)
    low, high = (1 - found.total[c] for c in (Counting.PAPER, Counting.KNOWN))
    assert f"{100 * low:.0f} to {100 * high:.0f}%" in text
    assert "The hours of 20 of 30 kits are not known, so the truth lies between" in text
    assert "What closing hours cost cannot be told yet: the hours of 20 of 30 kits" in text
    assert (
        f"0% of what is covered on paper if all of them are always open, and {found.loss:.0%}"
        in (text)
    )
    assert "Toronto" not in text
    assert "These shares do not depend on the profile of hours that is assumed." in text
    assert "The shares are the same in every part of the day." in text
    assert "Records by assumed hours" not in text
    assert "7,855 to 12,903 of all fall between 22:00 and 06:00, by the profile" in text
    assert "every kit that is said to be installed and whose place is known (30 of 49" in text
    assert "published kit" not in text.replace("unpublished kits", "")
    assert "gaps are smaller" not in text
    assert "kits that are gone, would make them larger" in text
    assert "week from 29 June 2026" in text
    assert "Off the Streets NN" in text
    # every record is told
    accounts = found.demand.accounts
    assert f"All {accounts.read:,} records" in text
    for number in (
        accounts.placed,
        accounts.without_position,
        accounts.other_categories,
        accounts.outside,
    ):
        assert f"{number:,}" in text
    for row in found.by_decile.to_dict("records"):
        known, possible, paper = (
            f"{100 * row[name]:.0f}" for name in ("known", "possible", "paper")
        )
        shown = possible if known == possible else f"{known}–{possible}"
        assert f"{row['weight']:,.0f} {shown}% {paper}%" in text
    assert f"the profile “{found.demand.profile_name}” stands for it" in text


def test_coverage_by_part_of_the_day(clock: Clock, tmp_path: Path) -> None:
    clock.now = dt.datetime.fromisoformat("2026-07-04T23:30+01:00")
    rows = tmp_path / "shop.csv"
    rows.write_text(
        "id,name,latitude,longitude,status,opening_hours\n"
        "1,A shop,52.3985,-0.7260,installed,Mo-Su 09:30-17:30\n"
    )
    url = f"sqlite:///{tmp_path}/registry.sqlite"
    runner = CliRunner(env={"LOCATOR_DATABASE_URL": url})
    done = runner.invoke(main, ["import", str(rows), "--write", "--by", "A test"])
    assert done.exit_code == 0, done.output
    app = create_app(Settings(database_url=url), clock)
    found = _coverage(app.extensions["facts"])
    text = _text(app.test_client().get("/coverage").text)
    assert "Records by assumed hours" in text
    for band in found.by_band.to_dict("records"):
        assert f"{band['weight']:,.0f} {100 * band['known']:.0f}–{band['possible']:.0%}" in text
    low, high = (f"{100 * share:.0f}" for share in (found.loss_least, found.loss))
    assert f"{low} to {high}% of what is covered on paper is lost to closing hours" in text
    assert int(low) > 0, "the shop is surely shut at night"
    assert "21.5% (Toronto" in text
    assert "53.4% (Copenhagen" in text
    app.extensions["facts"].close()


@pytest.mark.parametrize("when", ["known", "possible", "any"])
def test_coverage_lists_gaps_that_may_be_shown(
    client: FlaskClient, facts: Facts, when: str
) -> None:
    counting = {"known": Counting.KNOWN, "possible": Counting.POSSIBLE, "any": Counting.PAPER}
    found = _coverage(facts)
    localities = Localities(tables.table(facts.settings.geodata, "streets"))
    listed = gaps(found, facts.travel, localities, count=15, counting=counting[when])
    html = client.get(f"/coverage?hours={when}").text
    text = _text(html)
    for gap in listed.gaps:
        assert gap.records >= CELL_MINIMUM
        said = rf"{gap.rank}\. {gap.name} \({gap.ward} ward\) {gap.why} About [\d,]+ residents\. "
        assert re.search(f"{said}about {round(gap.records, -1):,.0f} ", text)
    assert f"about {round(listed.rest, -1):,.0f} more records are out of reach" in text
    # neither a street nor a position of a gap: hosts are not to be branded
    table = html[html.index("The largest gaps") : html.index("What closing hours cost")]
    assert not any(f"{gap.street}<" in table or f"{gap.street}," in table for gap in listed.gaps)
    assert not re.search(r"-?\d+\.\d{3,}", table)


def test_small_gaps_are_not_listed(client: FlaskClient, facts: Facts) -> None:
    text = _text(client.get("/coverage?within=800").text)
    table = text[text.index("The largest gaps") : text.index("What closing hours cost")]
    records = [int(n.replace(",", "")) for n in re.findall(r"residents\. about ([\d,]+) ", table)]
    assert len(records) == 15
    assert min(records) >= CELL_MINIMUM
    wards = text[text.index("Every ward") : text.index("All 74,962 records")]
    assert min(int(n.replace(",", "")) for n in re.findall(r" ([\d,]+) \d+%", wards)) >= 10


def test_no_two_maps_tell_of_a_few_records(client: FlaskClient, facts: Facts) -> None:
    """What one standard or counting has more than another may be a single incident."""
    shown: dict[tuple[int, str], dict[str, int]] = {}
    listed: dict[tuple[int, str], list[int]] = {}
    for metres, when in itertools.product((150, 400, 800), ("known", "possible", "any")):
        script = client.get(f"/maps/coverage.js?within={metres}&hours={when}").text
        collections = [json.loads(found) for found in re.findall(r"_add\((\{.*\})\);", script)]
        features = [feature for one in collections for feature in one["features"]]
        told = {name for feature in features for name in feature["properties"]}
        assert told <= {"band", "imd_decile", "fetch_s", "metres", "method"}
        shown[metres, when] = {
            json.dumps(feature["geometry"]): feature["properties"]["band"]
            for feature in features
            if "band" in feature["properties"]
        }
        page = client.get(f"/coverage?within={metres}&hours={when}").text
        page = _text(page)
        before_tables = page[: page.index("What closing hours cost")]
        rounded = re.findall(r"about ([\d,]+)", before_tables)
        listed[metres, when] = [int(number.replace(",", "")) for number in rounded]
        assert len(rounded) >= 12
    bands = set(range(4))
    for one, other in itertools.combinations(shown, 2):
        assert set(shown[one].values()) | set(shown[other].values()) <= bands
        for first, second in itertools.product(listed[one], listed[other]):
            assert abs(first - second) % 10 == 0
    # the order of cells must not tell which has more either
    counts = _coverage(facts).cells(Counting.KNOWN)[0]["records"]
    assert counts.is_monotonic_decreasing
    drawn = list(shown[400, "known"].values())
    assert len(drawn) == len(counts)
    assert drawn != sorted(drawn, reverse=True)


def test_partners_incidents_never_reach_a_page(
    client: FlaskClient, clock: Clock, tmp_path: Path
) -> None:
    clock.now = dt.datetime.fromisoformat("2026-07-04T23:30+01:00")
    rows = tmp_path / "incidents.csv"
    lines = ["id,category,date,latitude,longitude"]
    lines += [f"{n},Stabbing,2026-05-0{n % 9 + 1} 23:10,52.3985,-0.7260" for n in range(50)]
    rows.write_text("\n".join(lines))
    url = f"sqlite:///{tmp_path}/registry.sqlite"
    runner = CliRunner(env={"LOCATOR_DATABASE_URL": url})
    options = ["--as", "incidents", "--licence", "none", "--write", "--by", "A test"]
    done = runner.invoke(main, ["import", str(rows), *options])
    assert done.exit_code == 0, done.output
    with_partners = create_app(Settings(database_url=url), clock)
    facts = with_partners.extensions["facts"]
    added = facts.demand(weights={}, partners=True).accounts.placed - 27_533
    assert added == 50, "planners see them"
    for query in ("", "?hours=any", "?within=800"):
        page = with_partners.test_client().get(f"/coverage{query}").text
        assert page == client.get(f"/coverage{query}").text
        assert "Stabbing" not in page
    facts.close()


def test_pictures_of_equity_can_be_read_out(client: FlaskClient) -> None:
    html = client.get("/coverage").text
    assert html.count('role="img"') == 2
    assert "<title id=" in html
    assert "decile 1: 21%, 36%, 36%" in html
    assert "Coverage is concentrated in the more deprived places" in html


@pytest.mark.parametrize(
    "query", ["within=7", "within=x", "hours=never", "hours=always", "within=400.0"]
)
def test_coverage_takes_listed_choices_only(client: FlaskClient, query: str) -> None:
    response = client.get(f"/coverage?{query}")
    assert response.status_code == 422
    assert "Choose a distance of 150, 400, 800 metres" in _text(response.text)


def test_map_scripts_are_cached_by_content(client: FlaskClient) -> None:
    for page in ("/map", "/coverage", "/coverage?within=800&hours=any"):
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


STAMFORD_ROAD = "52.6690, -0.7240"
STEPS = [
    "Go north-west along Stamford Road, 60 m",
    "Go on along the footpath, 70 m",
    "Bear right into Catmos Street, 70 m",
    "Go on along High Street, 40 m",
    "Turn right into Market Place, 80 m",
    "The kit is there",
]


def _ways(html: str) -> dict[str, list[str]]:
    """Give the steps to each kit, by its name."""
    found = {}
    for item in html.split('<li class="kit-item"')[1:]:
        details = re.search(r'<details class="way".*?</details>', item, re.DOTALL)
        if details:
            name = unescape(re.findall(r"<h4>(.*?)</h4>", item)[0])
            found[name] = [unescape(s) for s in re.findall(r"<li>(.*?)</li>", details[0])]
    return found


def _line(html: str) -> list[tuple[float, float]]:
    """Give latitudes and longitudes of the way that comes first."""
    text = re.findall(r'data-line="([^"]+)"', html)[0]
    return [(float(lat), float(lon)) for lat, lon in (at.split(",") for at in text.split())]


@pytest.mark.parametrize(
    "data",
    [
        {"place": STAMFORD_ROAD},
        {"place": "SK 86379 08679"},
        {"lat": "52.6690", "lon": "-0.7240", "accuracy": "8"},
    ],
)
def test_the_way_is_said_in_steps(walking: FlaskClient, data: dict[str, str]) -> None:
    response = walking.post("/", data=data)
    assert response.status_code == 200
    ways = _ways(response.text)
    assert list(ways) == ["Test kit in Oakham market", "Test kit in an Oakham pub"]
    assert ways["Test kit in Oakham market"][0].startswith("Get to Stamford Road, about 2")
    assert ways["Test kit in Oakham market"][1:] == STEPS
    text = _text(response.text)
    spans = (
        r"3[34]0 m along streets , there and back about [34] to [5-7] min running, "
        r"[89] to 1[1-4] min walking"
    )
    assert re.search(spans, text)
    assert re.search(r"The way there, 3[34]0 m", text)
    assert "Times are estimates: along the streets of OpenStreetMap of 2018-02-27" in text
    assert text.count("© OpenStreetMap contributors") >= 1
    # the line of the way is in the page only, where the map's script finds it
    first = _line(response.text)
    assert first[0] == pytest.approx((52.6690, -0.7240), abs=1e-4)
    assert first[-1] == pytest.approx((52.6702, -0.7275), abs=2e-5)


def test_uppingham(walking: FlaskClient) -> None:
    html = walking.post("/", data={"place": "SP 8660 9960"}).text
    ways = _ways(html)
    assert "Turn right into Market Place, 80 m" in ways["Test kit in Uppingham market"]
    # its hours are not known: it comes apart, and the way is said all the same
    assert ways["Test kit in an Uppingham school"][-1].startswith("The kit is")


def test_exactly_on_a_kit(walking: FlaskClient) -> None:
    html = walking.post("/", data={"place": "52.6702, -0.7275"}).text
    assert _ways(html)["Test kit in Oakham market"] == ["The kit is where you are"]
    assert "0 m away , there and back" in _text(html)


@pytest.mark.parametrize(
    "place",
    [
        "52.6195, -0.7255",  # a field between Oakham and Uppingham
        "52.6629, -0.6534",  # in Rutland Water
    ],
)
def test_far_from_every_street(walking: FlaskClient, place: str) -> None:
    html = walking.post("/", data={"place": place}).text
    assert _ways(html) == {}
    text = _text(html)
    assert "We know of no kit that is close enough" in text
    assert "along streets ," not in text
    assert re.search(r"About \d+\.\d km away\. How long it takes cannot be told: it is far", text)


def test_where_no_streets_are_loaded_nothing_changes(
    walking: FlaskClient, client: FlaskClient, clock: Clock, evening: Clock
) -> None:
    evening.now = clock.now
    loaded, plain = (c.post("/", data={"place": "NN1 1DE"}).text for c in (walking, client))
    assert _ways(loaded) == {}
    kit = re.compile(r'<li class="kit-item" id="kit-NN-0030".*?</li>', re.DOTALL)
    (one,), (other,) = kit.findall(loaded), kit.findall(plain)
    assert one == other
    assert "in a straight line" in one


def test_a_pub_that_shuts_while_you_walk(walking: FlaskClient, evening: Clock) -> None:
    # 960 m and the call take 13.6 minutes, by the far end of the range half a minute more
    pub = "Test kit in an Oakham pub"
    seen = {}
    for minute in (40, 50):
        evening.now = dt.datetime.fromisoformat(f"2026-07-04T22:{minute}+01:00")
        html = walking.post("/", data={"place": STAMFORD_ROAD}).text
        shut = html.index("Shut, planned or not in service")
        seen[minute] = html.index(pub) < shut
        if not seen[minute]:
            assert "Shuts Sat 4 Jul, 23:00: you may not get there in time" in _text(html)
    assert seen == {40: True, 50: False}


def _areas(client: FlaskClient, page: str) -> list[tuple[str, shapely.Geometry]]:
    """Read the reach areas from the script of a page's map, the largest first."""
    html = client.get(page).text
    (address,) = re.findall(r'src="(/maps/[^"]+)"', html)
    script = client.get(unescape(address)).text
    found = []
    for text in re.findall(r"_add\((\{.*\})\);", script):
        for feature in json.loads(text)["features"]:
            if "method" in feature["properties"]:
                shape = shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
                found.append((feature["properties"]["method"], shape))
    return found


@pytest.mark.parametrize("page", ["/map", "/coverage"])
def test_maps_show_from_where_a_kit_is_fetched_in_time(
    walking: FlaskClient, walking_app: Flask, page: str
) -> None:
    areas = _areas(walking, page)
    five, three = (area for method, area in areas if method == "streets")
    assert five.buffer(1e-4).contains(three)
    market, station = shapely.Point(-0.7275, 52.6702), shapely.Point(-0.7339, 52.6727)
    assert three.contains(market)
    assert three.contains(station), "the pub is open"
    # where the way from Stamford Road comes to the street are 315 m to go, at 3 m/s both ways
    lat, lon = _line(walking.post("/", data={"place": STAMFORD_ROAD}).text)[1]
    assert five.contains(shapely.Point(lon, lat))
    assert not three.contains(shapely.Point(lon, lat))
    # a kit of Northampton placed to 120 m: no street near it is loaded
    assert any(
        area.contains(shapely.Point(-0.8934, 52.2367))
        for method, area in areas
        if method != "streets"
    )
    text = _text(walking.get(page).text)
    assert "there and back in 3 (darker) or 5 minutes, running along streets" in text
    assert re.search(r"\d+ kits left out, placed too roughly", text)
    assert "400 m around a kit" not in text


def test_maps_without_streets_are_as_before(client: FlaskClient) -> None:
    assert _areas(client, "/map") == _areas(client, "/coverage") == []
    assert "400 m around a kit" in _text(client.get("/coverage").text)
    assert "running along streets" not in _text(client.get("/map").text)


@pytest.mark.parametrize(
    ("shares", "said"),
    [((0.99985, 1.0), "over 99 to 100%"), ((0.996,), "over 99%"), ((1.0,), "100%"), ((0.0,), "0%")],
)
def test_only_all_is_100_percent(shares: tuple[float, ...], said: str) -> None:
    assert span(*shares) == said
