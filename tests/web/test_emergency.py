import datetime as dt
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from locator.analysis.nearest import nearest
from locator.facts import Facts
from locator.settings import Settings
from locator.web import create_app
from tests.walked import import_kits_of_rutland
from tests.web.conftest import Clock
from tests.web.reading import STAMFORD_ROAD, line_of, text_of

# a kit is there, and all others are too far away
THE_PUB = "52.6725, -0.7335"


def test_what_to_do_comes_before_everything_else(client: FlaskClient) -> None:
    for html in (client.get("/").text, client.post("/", data={"place": "NN1 1DE"}).text):
        text = text_of(html)
        first = [
            text.index(said)
            for said in (
                "Call 999 Press hard. Do not let go.",
                "Someone is bleeding badly?",
                "Call 999 now",
                "Press hard on the wound with both hands",
                "Never leave them alone",
                "Are you two or more people?",
                "Where are you?",
            )
        ]
        assert first == sorted(first)
        links = re.findall(r'<a [^>]*href="([^"]+)"', html)
        assert links[:2] == ["#main", "tel:999"]


def test_the_question_needs_no_script(client: FlaskClient) -> None:
    html = client.get("/").text
    form = html[html.index('<form class="search"') :]
    form = form[: form.index("</form>")]
    assert re.findall(r'name="people" value="(\w+)"', form) == ["two", "alone"]
    assert "checked" not in form
    alone = text_of(form[form.index('class="if-alone"') :])
    assert "Alone? Do not go for a kit. Stay and press." in alone
    assert "push cloth into it with your fingers" in alone
    assert 'href="/how-to"' in form
    # the styles show what belongs to the answer, so a browser without them shows both
    address = re.findall(r'href="(/static/site.css[^"]+)"', html)[0]
    css = client.get(address, buffered=True).text
    assert "#people-alone:checked ~ .if-alone" in css


def test_who_is_alone_is_not_sent(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE", "people": "alone"}).text
    text = text_of(html)
    assert "Do not go for a kit. Stay and press." in text
    assert "could be here within" not in text
    order = ["Do not go", "Stop the bleeding with your hands", "Tell 999 where you are"]
    order += ["NN1 1DE November November 1, 1 Delta Echo", "If somebody else comes who can go"]
    order += ["Send them only if 999 says so", "Royal & Derngate theatre"]
    places = [text.index(said) for said in order]
    assert places == sorted(places)
    # nothing more has to be typed when somebody comes
    again = re.search(r'<form class="who".*?</form>', html, re.DOTALL)
    assert again is not None
    assert '<input type="hidden" name="place" value="NN1 1DE">' in again[0]
    assert re.findall(r'value="(two|alone)"', again[0]) == ["two"]


def test_two_people_share_the_work(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE", "people": "two"}).text
    text = text_of(html)
    assert "A kit may be near, but not surely within 5 minutes." in text
    assert "Ask 999 first. One stays and presses, one fetches the kit." in text
    assert "Stop the bleeding with your hands" not in text
    asked = text_of(client.post("/", data={"place": "NN1 1DE"}).text)
    assert "Send somebody only if another person stays and presses" in asked
    assert asked.count("Are you two or more people?") == 1
    assert 'href="#kits">See the kits</a>' in html
    assert '<h3 id="kits"' in html


def test_what_is_not_a_number_of_people_is_not_believed(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE", "people": '"><b>'}).text
    assert '"><b>' not in html
    assert "Are you two or more people?" in html


@pytest.mark.parametrize("people", ["", "two", "alone"])
def test_who_is_there_is_asked_once(client: FlaskClient, people: str) -> None:
    for place in ("The Ridings", "qqqq", "NN1 1DE"):
        html = client.post("/", data={"place": place, "people": people}).text
        kept = re.findall(r'name="people" value="(\w+)"(?: id="[\w-]+")?( checked)?', html)
        assert not people or any(value == people for value, _ in kept)
    choice = client.post("/", data={"place": "The Ridings", "people": people}).text
    picked = re.search(r'<form method="post"[^>]*>(.*?)<ul class="choices">', choice, re.DOTALL)
    assert picked is not None
    assert (f'value="{people}"' in picked[1]) == bool(people)


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
    text = text_of(client.post("/", data={"place": "nn1 1de"}).text)
    assert "Kits near NN1 1DE" in text
    opened, maybe = text.index("Open now, as published"), text.index("May be shut: hours not known")
    theatre = text.index("Royal & Derngate theatre", opened)
    assert opened < theatre < maybe < text.index("The Cordwainer")
    assert "130 m in a straight line" in text
    assert re.search(r"about 1 to \d+ min running, 1 to \d+ min walking", text)
    assert "the 999 operator gives the code" in text
    assert "it may be 120 m from the mark" in text
    assert "Grid reference SP 7558 6048 Sierra Papa, 7 5 5 8, 6 0 4 8" in text
    assert "Place NN1 1DE November November 1, 1 Delta Echo" in text
    assert "Nearest road we know St Giles Square, Northampton" in text
    assert re.search(r"The middle of this road is about \d+ m away", text)
    assert "Plus code 9C4X 64P4+" in text
    assert re.search(r"Latitude, longitude 52\.237 \d\d, -0\.89\d \d\d", text)
    assert "never checked" in text
    assert "Kits whose place is not known (10)" in text


def test_a_location(client: FlaskClient) -> None:
    data = {"lat": "52.2378", "lon": "-0.8960", "accuracy": "25"}
    text = text_of(client.post("/", data=data).text)
    assert "Kits near your location" in text
    assert "Your place is known to about 25 m, says the phone." in text
    assert re.search(r"Nearest postcode NN1 \d[A-Z]{2} November November 1, \d ", text)


def test_a_place_chosen_on_the_map(client: FlaskClient) -> None:
    data = {"lat": "52.2378", "lon": "-0.8960", "accuracy": "18", "how": "picked"}
    text = text_of(client.post("/", data=data).text)
    assert "Kits near the place you chose" in text
    assert "Your place is known to about 18 m." in text
    assert "says the phone" not in text


@pytest.mark.parametrize(
    ("data", "at"),
    [
        ({"lat": "52.2378", "lon": "-0.8960", "accuracy": "18"}, "52.2378"),
        ({"place": "NN1 1DE"}, "52.237"),
        ({"place": ""}, None),
        ({"place": "qqqq"}, None),
        ({"lat": "x", "lon": "y"}, None),
    ],
)
def test_the_map_to_choose_on(client: FlaskClient, data: dict[str, str], at: str | None) -> None:
    response = client.post("/", data=data | {"on": "map", "people": "two"})
    assert response.status_code == 200
    html = response.text
    assert "Where is the person who bleeds?" in text_of(html)
    shown = re.search(r'data-choosing="true"(?: data-lat="([^"]+)")?', html)
    assert shown is not None
    assert (shown[1] or "").startswith(at or "")
    assert bool(shown[1]) == bool(at)
    chosen = unescape(html)
    chosen = chosen[chosen.index('id="chosen"') :].split("</form>")[0]
    assert '<input type="hidden" name="how" value="picked">' in chosen
    assert '<input type="hidden" name="people" value="two">' in chosen
    # the map is loaded in this state, and with an answer, never with the question
    assert "leaflet" in html
    assert "leaflet" not in client.get("/").text


def test_a_wrong_place_is_corrected_from_the_answer(client: FlaskClient) -> None:
    data = {"lat": "52.2378", "lon": "-0.8960", "accuracy": "25", "people": "two"}
    html = unescape(client.post("/", data=data).text)
    correct = html[html.index('<details class="correct"') :]
    correct = correct[: correct.index("</details>")]
    typed, moved, _ = correct.split("</form>")
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', moved))
    assert sent == {
        "lat": "52.237800",
        "lon": "-0.896000",
        "accuracy": "25",
        "how": "device",
        "people": "two",
    }
    assert '<button type="submit" class="quiet" name="on" value="map">' in moved
    assert 'id="place"' in typed
    assert client.post("/", data=sent).text.count("Kits near your location") >= 1


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("52.24,-0.9", "11.1 km"),
        ("52.24, -0.90", "1.1 km"),
        ("SP 75 60", "710 m"),
        ("SP 7558 6048", "7 m"),
        ("9C4X64P4+", "160 m"),
        ("9C4X6400+", "3.3 km"),
    ],
)
def test_a_place_stays_as_rough_as_it_was_typed(
    client: FlaskClient, typed: str, known: str
) -> None:
    html = unescape(client.post("/", data={"place": typed}).text)
    said = re.compile(r"Your place is known to about ([\d.]+ k?m)\.")
    assert said.findall(text_of(html)) == [known]
    assert f"Kits near {typed}" in text_of(html)
    assert f'id="place" name="place" value="{typed}"' in html
    hidden = '<input type="hidden" name="place" value="'
    sent = [one.split('"')[0] for one in html.split(hidden)[1:]]
    # who is there, the map, and the other languages
    assert sent == [typed] * 3
    for people in ("two", "alone"):
        again = client.post("/", data={"place": sent[0], "people": people}).text
        assert said.findall(text_of(again)) == [known]
        assert ("Grid reference" in text_of(again)) == ("Grid reference" in text_of(html))
    chosen = client.post("/", data={"place": sent[0], "on": "map"}).text
    precision = re.findall(r'data-precision="([\d.]+)"', chosen)
    assert precision == re.findall(r'data-precision="([\d.]+)"', html)


def test_what_leads_away_leaves_the_answer_open(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE", "people": "alone"}).text
    links = re.findall(r'<a [^>]*href="([^"]+)"([^>]*)>(.*?)</a>', html, re.DOTALL)
    assert len(links) > 12
    for address, rest, inside in links:
        stays = address.startswith(("#", "tel:"))
        assert ('target="_blank"' in rest) == (not stays), address
        assert stays or 'rel="noopener' in rest
        if address.startswith("/"):
            assert '<span class="unseen"> (new tab)</span>' in inside, address
    for page in (client.get("/").text, client.get("/map").text):
        assert "(new tab)" not in page
        assert '<a href="/how-to">' in page


def test_an_answer_is_read_in_another_language(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE", "people": "two"}).text
    footer = html[html.index('id="languages"') :].split("</nav>")[0]
    assert 'href="' not in footer
    assert '<form method="post">' in footer
    address = re.findall(r'formaction="([^"]+)" lang="pl"', footer)[0]
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', footer))
    assert sent == {"place": "NN1 1DE", "people": "two"}
    polish = client.post(address, data=sent)
    assert polish.status_code == 200
    assert '<html lang="pl"' in polish.text
    assert "Royal &amp; Derngate theatre" in polish.text


def test_nothing_is_pushed_in_where_something_is_stuck(client: FlaskClient) -> None:
    text = text_of(client.post("/", data={"place": "NN1 1DE", "people": "alone"}).text)
    order = ["Whoever did this is still near? Get away first."]
    order += ["Press hard on the wound with both hands. Use a cloth"]
    order += ["Do not pull out a knife or anything else that is stuck in the wound."]
    order += ["Put the phone on speaker", "push cloth into it"]
    order += ["do not breathe normally? Tell 999 at once."]
    hands = text.index("Stop the bleeding with your hands")
    places = [text.index(said, hands) for said in order]
    assert places == sorted(places)


def test_the_time_of_the_answer_stands_at_the_kits(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE"}).text
    assert re.search(r'Open now, as published</h3>\s*<p class="small as-of">As of [^<]+</p>', html)


def test_a_rough_place_is_corrected_at_once(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "Corby"}).text
    assert '<details class="correct" open>' in html
    assert "Say what you see: road signs" in text_of(html)
    assert '<details class="correct">' in client.post("/", data={"place": "NN1 1DE"}).text


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
    choices = [unescape(c) for c in re.findall(r'name="place" value="([^"]+)">', html)]
    assert "The Ridings, Brixworth" in choices
    assert "Kits near" not in html
    picked = client.post("/", data={"place": choices[0]}).text
    assert f"Kits near {choices[0]}" in text_of(picked)


def test_an_unsure_place_is_asked_back(client: FlaskClient) -> None:
    text = text_of(client.post("/", data={"place": "The Ridings, Northampton"}).text)
    assert "Which one do you mean?" in text
    assert "suburb that you did not name" in text


def test_too_far_says_stay(client: FlaskClient) -> None:
    text = text_of(client.post("/", data={"place": "NN13 7AB"}).text)
    assert "We know of no kit that is close enough" in text
    assert "Stay and press" in text
    assert "I am alone now" not in text
    assert "Never leave them alone" in text
    hands = text.index("Stop the bleeding with your hands")
    assert hands < text.index("push cloth into it") < text.index("Tell 999 where you are")
    assert hands < text.index("We know of no kit near here that is open now")
    assert "there and back" not in text[:hands]


@pytest.mark.parametrize("people", ["", "two"])
@pytest.mark.parametrize("place", ["NN12 8QX", "NN7 3AA", "NN11 6AA"])
def test_a_rough_place_beyond_all_kits_says_stay(
    client: FlaskClient, place: str, people: str
) -> None:
    text = text_of(client.post("/", data={"place": place, "people": people}).text)
    assert "We know of no kit that is close enough." in text
    assert "Stop the bleeding with your hands" in text
    assert "We only know roughly where you are" not in text


@pytest.mark.parametrize(
    "data",
    [
        {"place": "Corby"},
        {"place": "NN1"},
        {"lat": "52.2378", "lon": "-0.896", "accuracy": "5000"},
    ],
)
def test_a_rough_place_gets_no_promise(client: FlaskClient, data: dict[str, str]) -> None:
    text = text_of(client.post("/", data=data).text)
    assert "We only know roughly where you are" in text
    assert "Use your location, or correct the place. Ask 999." in text
    assert "How long it takes cannot be told" in text
    # neither a kit nor who needs it is where its point is
    assert re.search(r"Up to \d+\.\d km away\.", text)
    assert not re.search(r"About \d+ m away\.", text)
    assert "could be here within" not in text
    assert "Grid reference" not in text
    assert "Nearest postcode" not in text


def test_the_promise_holds_at_the_high_end(client: FlaskClient, facts: Facts) -> None:
    for place in ("NN1 1DE", "NN1 1DP", "NN8 1QD", "NN10 9NG", "NN5 7QP"):
        position = facts.gazetteer.resolve(place)[0]
        text = text_of(client.post("/", data={"place": place}).text)
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


def test_times_are_shown_against_three_and_five_minutes(client: FlaskClient) -> None:
    html = client.post("/", data={"place": "NN1 1DE"}).text
    item = html[html.index('id="kit-') :].split("</li>")[0]
    picture = re.search(
        r'<div class="meter" aria-hidden="true">.*?</svg>\s*</div>', item, re.DOTALL
    )
    assert picture is not None
    named = re.findall(r'data-name="([^"]+)"', picture[0])
    assert named == ["3 min", "5 min", "Running", "Walking"]
    # text browsers would read it out
    assert text_of(picture[0]) == ""
    bars = re.findall(r'<path class="meter-(run|walk)" d="M(\d+) \d+H(\d+)', picture[0])
    # walking takes longer than the picture is wide
    assert picture[0].count("meter-more") == 1
    assert [name for name, _, _ in bars] == ["run", "walk"]
    # two seconds to the point: 150 is five minutes
    assert all(int(start) < 150 < int(end) <= 290 for _, start, end in bars)
    assert re.search(r"Running or walking: perhaps not back within 5 minutes\.", text_of(item))


def test_ways_out_of_the_page_name_the_kit_and_never_the_reader(client: FlaskClient) -> None:
    data = {"lat": "52.23789", "lon": "-0.89612", "accuracy": "25"}
    html = client.post("/", data=data).text
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]
    for start in ("geo:", "https://www.google.com/maps/dir/", "https://maps.apple.com/"):
        out = [link for link in links if link.startswith(start)]
        assert out
        assert not any("52.2378" in link or "0.8961" in link for link in out)
    for tag in re.findall(r"<a [^>]*(?:geo:|https://)[^>]*>", html):
        assert 'rel="noopener noreferrer"' in tag
    reference = re.findall(r'id="kit-([^"]+)"', html)[0]
    assert f"/kit/{reference}" in links
    assert f'data-share="/kit/{reference}"' in unescape(html)
    assert f"/kit/{reference}/tell?what=taken" in links
    assert f"/kit/{reference}/tell?what=wrong" in links


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
    text = text_of(response.text)
    spans = (
        r"3[34]0 m along streets , there and back about [34] to [5-7] min running, "
        r"[89] to 1[1-4] min walking"
    )
    assert re.search(spans, text)
    assert re.search(r"The way there, 3[34]0 m", text)
    assert "Times are estimates: along the streets of OpenStreetMap of 2018-02-27" in text
    assert text.count("© OpenStreetMap contributors") >= 1
    # the line of the way is in the page only, where the map's script finds it
    first = line_of(response.text)
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
    assert "0 m away , there and back" in text_of(html)


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
    text = text_of(html)
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
    for minute in (40, 50, 57):
        evening.now = dt.datetime.fromisoformat(f"2026-07-04T22:{minute}+01:00")
        html = walking.post("/", data={"place": STAMFORD_ROAD}).text
        item = html[html.index("<h4>" + pub) :].split('<li class="kit-item"')[0]
        seen[minute] = "Open, but shuts soon" in html
        if seen[minute]:
            # neither among what is shut nor folded away
            assert (
                html.index("Open, but shuts soon") < html.index(pub) < html.index("<summary>More")
            )
            said = "only somebody who runs gets there" if minute == 50 else "you may not get there"
            assert f"Shuts Sat 4 Jul, 23:00: {said} in time." in text_of(item)
            # its sign has a shape of its own, and the map takes it from here
            assert '<p class="state state-closing"><span class="sign" aria-hidden="true">!' in item
    assert seen == {40: False, 50: True, 57: True}


def test_the_road_is_named_from_the_streets_that_are_loaded(walking: FlaskClient) -> None:
    text = text_of(walking.post("/", data={"lat": "52.6690", "lon": "-0.7240"}).text)
    assert "Road Stamford Road" in text


def test_a_shop_that_shuts_in_three_minutes(walking: FlaskClient, evening: Clock) -> None:
    evening.now = dt.datetime.fromisoformat("2026-07-04T22:57+01:00")
    html = walking.post("/", data={"place": STAMFORD_ROAD, "people": "two"}).text
    shut = html[html.index("Shut, planned or not in service") :]
    assert "Test kit in an Oakham pub" not in shut
    closing = html[html.index("Open, but shuts soon") : html.index("On the map")]
    assert "Shuts Sat 4 Jul, 23:00: you may not get there in time" in text_of(closing)
    assert "Open until Sat 4 Jul, 23:00" not in text_of(html)


def test_what_is_open_says_that_it_shuts_soon(walking: FlaskClient, evening: Clock) -> None:
    said = {}
    for minute in (44, 45, 54):
        evening.now = dt.datetime.fromisoformat(f"2026-07-04T22:{minute}:30+01:00")
        text = text_of(walking.post("/", data={"place": THE_PUB}).text)
        assert "Open until Sat 4 Jul, 23:00, as published" in text
        said[minute] = re.findall(r"Shuts in (\d+) minutes\.", text)
    # where the answer names it, and in the list
    assert said == {44: [], 45: ["14", "14"], 54: ["5", "5"]}


def test_a_kit_about_to_shut_is_named_when_no_other_is_in_reach(
    walking: FlaskClient, evening: Clock
) -> None:
    evening.now = dt.datetime.fromisoformat("2026-07-04T22:57+01:00")
    html = walking.post("/", data={"place": THE_PUB, "people": "two"}).text
    text = text_of(html)
    assert "The kit nearby is about to shut." in text
    assert "Ask 999 first. One stays and presses, one fetches the kit." in text
    assert "Shuts Sat 4 Jul, 23:00: only somebody who runs gets there in time." in text
    assert "Stop the bleeding with your hands" not in text
    (named,) = _named(html)
    assert _unfolded(html) == [named]
    assert f'<li class="kit-item" id="kit-{named}"' in html
    # too late for anybody to be there: that is no kit in reach
    evening.now = dt.datetime.fromisoformat("2026-07-04T23:00+01:00")
    after = text_of(walking.post("/", data={"place": THE_PUB, "people": "two"}).text)
    assert "We know of no kit that is close enough." in after
    assert "Stop the bleeding with your hands" in after


@pytest.fixture
def told(rutland_folder: Path, tmp_path: Path, evening: Clock) -> Iterator[Flask]:
    """The streets of Rutland with a registry in which strangers may tell of kits."""
    evening.now = dt.datetime.fromisoformat("2026-07-04T20:00+01:00")
    url = f"sqlite:///{tmp_path}/registry.sqlite"
    import_kits_of_rutland(url)
    made = create_app(Settings(database_url=url, network=rutland_folder), evening)
    yield made
    made.extensions["facts"].close()


def test_a_kit_that_somebody_has_taken_is_no_promise(told: Flask) -> None:
    client, at_the_market = told.test_client(), {"place": "52.6702, -0.7275"}
    html = client.post("/", data=at_the_market).text
    assert "A kit could be here within 5 minutes" in text_of(html)
    reference = re.findall(r'id="kit-([^"]+)"', html)[0]
    assert client.post(f"/kit/{reference}/tell", data={"finding": "used"}).status_code < 400
    told.extensions["facts"]._asked_at = 0
    after = client.post("/", data=at_the_market).text
    text = text_of(after)
    assert "could be here within" not in text
    assert "Something may be wrong with the kit nearby." in text
    assert "Somebody told us at 20:00 that it was taken. We have not confirmed that." in text
    # it keeps its place, and its sign has a shape of its own
    assert re.findall(r'id="kit-([^"]+)"', after)[0] == reference
    assert '<p class="state state-doubt"><span class="sign" aria-hidden="true">?!' in after
    # it is named all the same, with the doubt: it may be the only one in reach
    assert _named(after) == _unfolded(after) == [reference]
    verdict = after[after.index('<div class="verdict') :].split("<section")[0]
    assert "We have not confirmed that." in verdict
    assert "state-ready" not in verdict
    # the next evening that hour is not today's
    told.extensions["clock"].now += dt.timedelta(hours=23)
    text = text_of(client.post("/", data=at_the_market).text)
    assert "Somebody told us at Sat 4 Jul, 20:00 that it was taken." in text


def test_the_kit_that_is_meant_is_named_and_unfolded(client: FlaskClient) -> None:
    at = {"place": "NN1 1DE"}
    html = client.post("/", data=at).text
    assert _named(html) == _unfolded(html) == [re.findall(r'id="kit-([^"]+)"', html)[0]]
    link = html[html.index('<a class="to-kits kit-link"') :].split("</a>")[0]
    said = "Royal & Derngate theatre 130 m away, there and back about 1 to 10 min running"
    said += " 24 Open day and night, as published. Not confirmed."
    assert text_of(link).strip() == said + " Locked: the 999 operator gives the code."
    for data in (at | {"people": "alone"}, {"place": "NN12 8QX"}, {"place": "Northampton"}):
        other = client.post("/", data=data).text
        assert _named(other) == _unfolded(other) == []


def _named(html: str) -> list[str]:
    return re.findall(r'<a class="to-kits kit-link" href="#kit-([^"]+)">', html)


def _unfolded(html: str) -> list[str]:
    items = html.split('<li class="kit-item" id="kit-')[1:]
    return [item.split('"')[0] for item in items if '<details class="acts" open>' in item]
