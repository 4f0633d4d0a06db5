import datetime as dt
import itertools
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from locator import tables
from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage, coverage
from locator.analysis.gaps import Localities, gaps
from locator.cli import main
from locator.facts import Facts
from locator.settings import Settings
from locator.travel.standard import Standard
from locator.web import create_app
from locator.web.coverage import narrow_span, span
from tests.web.conftest import Clock
from tests.web.reading import text_of


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
    text = text_of(client.get("/coverage").text)
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
    text = text_of(app.test_client().get("/coverage").text)
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
    text = text_of(html)
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
    text = text_of(client.get("/coverage?within=800").text)
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
        page = text_of(page)
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
    ("code", "share", "records", "index"),
    [
        ("pl", "85–93%", "27 533", "-0,3"),
        ("lt", "85–93 %", "27 533", "-0,3"),
        ("pt", "85 a 93%", "27.533", "-0,3"),
        ("ro", "85–93 %", "27.533", "-0,3"),
    ],
)
def test_the_page_speaks_the_readers_language(
    client: FlaskClient, code: str, share: str, records: str, index: str
) -> None:
    html = client.get(f"/{code}/coverage").text
    assert '<main id="main">' in html
    text = text_of(html).replace("\xa0", " ")
    for written in (share, records, index):
        assert written in text
    # what is left in English says so, and names of places are the same everywhere
    ours = re.sub(r'<(p|span)[^>]* lang="en">.*?</\1>', "", html, flags=re.DOTALL)
    main = text_of(ours[ours.index("<main") : ours.index("</main>")])
    english = {"records", "with", "within", "from", "which", "known", "that", "about", "open"}
    assert not english & set(re.findall(r"[a-z]+", main))
    for picture in re.findall(r"<desc[^>]*>(.*?)</desc>", ours):
        assert not english & set(re.findall(r"[a-z]+", picture))


@pytest.mark.parametrize(
    "query", ["within=7", "within=x", "hours=never", "hours=always", "within=400.0"]
)
def test_coverage_takes_listed_choices_only(client: FlaskClient, query: str) -> None:
    response = client.get(f"/coverage?{query}")
    assert response.status_code == 422
    assert "Choose a distance of 150, 400, 800 metres" in text_of(response.text)


@pytest.mark.parametrize(
    ("shares", "said"),
    [((0.99985, 1.0), "over 99 to 100%"), ((0.996,), "over 99%"), ((1.0,), "100%"), ((0.0,), "0%")],
)
def test_only_all_is_100_percent(client: FlaskClient, shares: tuple[float, ...], said: str) -> None:
    with client.application.test_request_context():
        assert span(*shares) == said
        assert narrow_span(*shares) == said.replace(" to ", "–").replace("over ", ">")
