import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from locator import geodesy
from locator.analysis.fetch import Span
from locator.registry.schema import Finding, Status
from locator.settings import Settings
from locator.travel import walking
from locator.travel.directions import Route, Step, Turn, route, spoken_metres, straight_to
from locator.travel.network import Label
from locator.travel.streets import Streets
from locator.web import create_app, languages, words

DAY = dt.date(2026, 7, 4)
MOMENT = dt.datetime.fromisoformat("2026-09-05T23:30+01:00")


@pytest.fixture
def abroad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[Callable[..., Flask]]:
    """Make sites that have a catalogue with some sentences."""

    def site(code: str, sentences: dict[str, str]) -> Flask:
        catalogue = Catalog(code)
        for said, translated in sentences.items():
            catalogue.add(said, translated)
        text = io.BytesIO()
        write_po(text, catalogue)
        (tmp_path / f"{code}.po").write_bytes(text.getvalue())
        return create_app(settings)

    def forget() -> None:
        languages.languages.cache_clear()
        languages._catalogue.cache_clear()

    monkeypatch.setattr(languages, "_FOLDER", tmp_path)
    forget()
    yield site
    forget()


def _in(app: Flask, code: str, say: Callable[[], object]) -> object:
    with app.test_request_context(headers={"Accept-Language": code}):
        return say()


@given(st.dates(dt.date(2020, 1, 1), dt.date(2035, 1, 1)), st.times())
def test_english_times_are_what_they_were(day: dt.date, time: dt.time) -> None:
    moment = dt.datetime.combine(day, time, dt.UTC)
    assert words.clock(moment) == f"{moment:%a} {moment.day} {moment:%b}, {moment:%H:%M}"
    assert words.date(moment.date()) == f"{moment.day} {moment:%B %Y}"
    assert words.month(f"{moment:%Y-%m}") == f"{moment:%B %Y}"
    assert words.hour(moment) == f"{moment:%H:%M}"


@given(st.floats(0, 1))
def test_english_shares_are_what_they_were(share: float) -> None:
    assert words.percent(share) in (f"{share:.0%}", f"{round(share, 2):.0%}")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 m"),
        (7.4, "7 m"),
        (128, "130 m"),
        (994, "990 m"),
        (1250, "1.2 km"),
        (20_000, "20.0 km"),
    ],
)
def test_metres(value: float, said: str) -> None:
    assert words.metres(value) == said


@pytest.mark.parametrize(
    ("low", "high", "said", "against"),
    [
        (70, 110, "1 to 2 min", "back within 3 minutes"),
        (120, 180, "2 to 3 min", "back within 3 minutes"),
        (121, 181, "2 to 4 min", "back within 5 minutes"),
        (200, 301, "3 to 6 min", "perhaps not back within 5 minutes"),
        (301, 420, "5 to 7 min", "not back within 5 minutes"),
        (4000, 5000, "over an hour", "not back within 5 minutes"),
    ],
)
def test_minutes_against_three_and_five(low: float, high: float, said: str, against: str) -> None:
    assert words.minutes(Span(low, high)) == said
    assert words.in_time(Span(low, high)) == against


def test_every_state_is_said_in_whole_sentences() -> None:
    for status in Status:
        for when in ("", "2023-04"):
            said = words.condition({"status": str(status), "reported": when})
            assert said.endswith(".")
            assert "%" not in said
    assert words.condition({"status": "planned", "reported": "2023"}) == (
        "Planned when reported in 2023."
    )
    # custody knows better than what was published once
    assert words.condition({"status": "missing", "reported": "2023"}) == "Reported missing."


@dataclass
class Told:
    finding: Finding
    at: dt.datetime


def test_the_word_of_a_stranger_is_said_with_its_time(app: Flask) -> None:
    at = dt.datetime.fromisoformat("2026-07-04T21:14+00:00")
    with app.test_request_context():
        said = {finding: words.doubt(Told(finding, at)) for finding in Finding}
    assert said[Finding.USED] == (
        "Somebody told us at 22:14 that it was taken. We have not confirmed that."
    )
    assert all("22:14" in text and "not confirmed" in text for text in said.values())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NN1 1DE", "November November 1, 1 Delta Echo"),
        ("SP 7558 6048", "Sierra Papa, 7 5 5 8, 6 0 4 8"),
        ("64P4+2V", "6 4 Papa 4 plus 2 Victor"),
    ],
)
def test_codes_are_spelt(code: str, said: str) -> None:
    assert words.spelt(code) == said


def test_the_phone_opens_the_kit_and_nothing_else() -> None:
    kit = {"name": "Bar & Grill (rear) 100%", "latitude": 52.1, "longitude": -0.9}
    assert words.phone_maps(kit) == (
        "geo:52.100000,-0.900000?q=52.100000,-0.900000(Bar%20%26%20Grill%20%28rear%29%20100%25)"
    )


def test_other_languages_write_numbers_in_their_own_way(abroad: Callable[..., Flask]) -> None:
    app = abroad("pl", {"%(low)s to %(high)s min": "od %(low)s do %(high)s min"})
    assert _in(app, "pl", lambda: words.metres(1250)) == "1,2 km"
    assert _in(app, "pl", lambda: words.minutes(Span(121, 181))) == "od 2 do 4 min"
    assert _in(app, "pl", lambda: words.date(DAY)) == "4 lipca 2026"
    assert _in(app, "pl", lambda: words.month("2026-07")) == "lipiec 2026"
    assert _in(app, "pl", lambda: words.clock(MOMENT)) == "sob., 5 wrz, 23:30"
    assert _in(app, "en", lambda: words.clock(MOMENT)) == "Sat 5 Sep, 23:30"


LABELS = [
    Label(kind, name)
    for kind in {*walking._KINDS.values(), "square", "car park", "pier", "fast road"}
    for name in ("", "Mill Street", "A606", "100% Lane")
]


def test_every_step_is_said_as_in_english() -> None:
    for label in LABELS:
        for before in (None, Label("street", "Mill Street"), Label("road", "A606")):
            for turn in Turn:
                step = Step(turn, label, 78.0)
                assert words._step(step, before) == step.after(before)


@given(st.floats(0, 20_000))
def test_lengths_are_said_as_in_english(metres: float) -> None:
    assert words._paced(metres) == spoken_metres(metres)


def _ways(rutland: Streets) -> Iterator[Route]:
    """Give ways between places in and around Oakham, some of them off the streets."""
    chance = np.random.default_rng(3)
    spots = np.array([485_900.0, 308_800.0]) + chance.uniform(-900, 900, (40, 2))
    for here, there in zip(spots[:20].tolist(), spots[20:].tolist(), strict=True):
        at = np.array([here, there])
        snaps = rutland.snap(at[:, 0], at[:, 1])
        yield route(rutland.tree(snaps[:1], np.inf), snaps[1:], tuple(here), tuple(there))
        yield straight_to(tuple(here), (here[0] + chance.uniform(0, 60), here[1]))


def test_ways_are_said_as_in_english(rutland: Streets) -> None:
    said = [(words.steps(way), list(way.spoken)) for way in _ways(rutland)]
    assert all(ours == english for ours, english in said)
    assert any("Get to" in english[0] for _, english in said)
    assert any("off the way" in english[-1] for _, english in said)


def test_ways_are_said_in_other_languages(rutland: Streets, abroad: Callable[..., Flask]) -> None:
    app = abroad(
        "pl",
        {
            "Go %(wind)s along %(street)s, %(far)s": "Idź na %(wind)s (%(street)s), %(far)s",
            "north": "północ",
            "The kit is there": "Zestaw jest tam",
        },
    )
    north = straight_to((485_900.0, 308_800.0), (485_900.0, 308_900.0))
    label = Label("street", "Mill Street")
    there = Route(80, 0, north.line, 0, 0, 0, (Step(Turn.NORTH, label, 80.0),), "")
    assert _in(app, "pl", lambda: words.steps(there)) == [
        "Idź na północ (Mill Street), 80 m",
        "Zestaw jest tam",
    ]
    assert geodesy.geodesic_m(*north.line[0], *north.line[1]) == pytest.approx(100, abs=0.5)


REMARK = "This translation was made by a machine and nobody has reviewed it."
POLISH = {
    REMARK: "Przetłumaczono maszynowo.",
    "“%(place)s” was not found in %(area)s.": "Nie znaleziono: „%(place)s” (%(area)s).",
    "Page not found": "Nie ma takiej strony",
    "This is outside %(area)s: only its kits are listed.": "To poza obszarem %(area)s.",
    "Times are estimates: straight line times %(median)s (8 of 10 ways: %(low)s to %(high)s), "
    "measured on %(source)s.": "W linii prostej razy %(median)s.",
    "Kits near %(place)s": "Zestawy w pobliżu: %(place)s",
    "your location": "Twoje położenie",
    "Do not go for a kit. Stay and press.": "Nie idź po zestaw. Zostań i uciskaj.",
}


def test_pages_in_another_language(abroad: Callable[..., Flask]) -> None:
    client = abroad("pl", POLISH).test_client()
    wrong = client.post("/pl/", data={"place": "qqqq"}).text
    assert "Nie znaleziono: „qqqq” (Northamptonshire)." in wrong
    lost = client.get("/pl/nothing").text
    assert "<h1>Nie ma takiej strony</h1>" in lost
    told = client.get("/pl/nothing", headers={"Accept": "application/json"}).get_json()
    assert told["title"] == "Nie ma takiej strony"
    # what only exists in English is marked as English
    assert '<p lang="en">“budget” must be' in client.get("/pl/plan?budget=many").text
    noted = client.post("/pl/", data={"lat": "52.669", "lon": "-0.724"}).text
    assert "To poza obszarem Northamptonshire." in noted
    assert "W linii prostej razy 1,38." in noted
    assert "Zestawy w pobliżu: Twoje położenie" in noted
    alone = client.post("/pl/", data={"place": "NN1 1DE", "people": "alone"}).text
    assert "Nie idź po zestaw. Zostań i uciskaj." in alone
    english = client.post("/en/", data={"place": "qqqq"}).text
    assert 'lang="en"' not in english


def test_the_language_is_chosen_on_every_page(abroad: Callable[..., Flask]) -> None:
    client = abroad("pl", POLISH).test_client()
    for path in ("/", "/map", "/nothing"):
        html = client.get(f"/pl{path}").text
        assert f'<a href="/en{path}" lang="en-GB" hreflang="en-GB">English</a>' in html
        assert f'<a href="/pl{path}" lang="pl" hreflang="pl" aria-current="true">Polski</a>' in html
        assert "Przetłumaczono maszynowo." in html
        assert REMARK not in client.get(f"/en{path}").text
    answered = client.post("/pl/", data={"place": "NN1 1DE"}).text
    # the place goes with the choice, in the body
    assert 'formaction="/en/"' in answered


def test_with_one_language_there_is_nothing_to_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abroad: Callable[..., Flask]
) -> None:
    client = abroad("pl", {}).test_client()
    (tmp_path / "pl.po").unlink()
    languages.languages.cache_clear()
    assert 'id="languages"' not in client.get("/").text


def test_minutes_are_counted_as_a_language_counts(app: Flask) -> None:
    said = _in(app, "en", lambda: [words.soon(left) for left in (0, 1, 2)])
    assert said == ["Shuts in 0 minutes.", "Shuts in 1 minute.", "Shuts in 2 minutes."]
