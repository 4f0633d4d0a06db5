import csv
import datetime as dt
import json
import math
import re
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pyogrio
import pytest

from locator import tables
from locator.analysis.coverage import Counting, Coverage
from locator.analysis.coverage import coverage as measure_coverage
from locator.analysis.gaps import Localities, gaps
from locator.cli.coverage import percent
from locator.demand import Basis
from locator.facts import Facts
from locator.travel.standard import Standard
from tests.cli.conftest import Locator
from tests.conftest import Run


def county(facts: Facts, basis: Basis = Basis.INCIDENTS) -> Coverage:
    return measure_coverage(
        facts.snapshot(),
        facts.demand(basis),
        facts.travel,
        Standard.within(400),
        facts.neighbourhoods,
        day=dt.datetime.now(facts.calendar.zone).date(),
    )


@pytest.fixture(scope="module")
def measured(facts: Facts) -> Coverage:
    return county(facts)


def figures(locator: Locator, *arguments: str) -> dict[str, Any]:
    done = locator("coverage", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    plain: dict[str, Any] = json.loads(done.stdout)
    return plain


def test_one_screen(run: Run, measured: Coverage) -> None:
    run.environment["COLUMNS"] = "80"
    done = run("coverage", "--within", "400")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "Call 999 first" in lines[0]
    assert max(map(len, lines)) <= 160
    text = " ".join(done.stdout.split())
    total = measured.total
    for counting in (Counting.KNOWN, Counting.POSSIBLE, Counting.PAPER):
        assert f"{total[counting]:.1%}" in text
    assert "The shares are the same in every part of the day." in text
    assert "Morning" not in text
    assert "cannot be told yet: the hours of 20 of 30 kits are not known" in text
    assert "0.0% of what is covered on paper if all of them are always open, and 53.6% if" in text
    assert "Toronto" not in text, "that would compare what is not known with a finding"
    assert "74,962 read, 27,533 counted, 678 without a position" in text
    assert "of 20 the hours are not known" in text
    assert re.search(r"1\. Kettering", text)
    assert "the profile “violence” stands for it" in text
    assert "These shares do not depend on the profile" in text
    # 28.5% of a week by the survey, 46.9% by the default
    assert "7,855 to 12,903 of all fall between 22:00 and 06:00, by the profile" in text


def test_it_fits_80_columns(unchanged: Locator) -> None:
    for arguments in (["--kits", "--equity"], ["--by", "hour"], ["--by", "ward", "--fetch", "5"]):
        done = unchanged("coverage", *arguments, COLUMNS="80")
        assert done.returncode == 0, done.stderr
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_holds_every_figure(unchanged: Locator, facts: Facts, measured: Coverage) -> None:
    plain = figures(unchanged, "--within", "400", "--kits", "--equity", "--gaps", "3")
    assert plain["advice"].startswith("Call 999 first")
    assert plain["covered"]["known"] == pytest.approx(measured.total[Counting.KNOWN], abs=1e-6)
    localities = Localities(tables.table(facts.settings.geodata, "streets"))
    expected = gaps(measured, facts.travel, localities, count=3)
    assert [gap["weight"] for gap in plain["gaps"]["gaps"]] == [g.weight for g in expected.gaps]
    assert plain["gaps"]["rest"] == pytest.approx(expected.rest)
    assert len(plain["worth"]["kits"]) == len(facts.snapshot().placed)
    assert plain["worth"]["fewest"]["doubled"] == []
    assert len(plain["worth"]["fewest"]["kits"]) == 9
    assert plain["worth"]["not_judged"] == 20
    moved = plain["if_kits_are_moved"]
    assert moved["paper"]["low"] < plain["covered"]["paper"] + 0.02
    assert moved["paper"]["low"] < moved["paper"]["median"] < moved["paper"]["high"]
    assert plain["equity"]["concentration_index"]["paper"] < 0
    people = county(facts, Basis.RESIDENTS)
    assert plain["residents"]["paper"] == pytest.approx(people.total[Counting.PAPER])


@pytest.fixture
def with_a_shop(locator: Locator, tmp_path: Path) -> Locator:
    """Put a kit with opening hours into the middle of Kettering."""
    rows = tmp_path / "shop.csv"
    rows.write_text(
        "id,name,latitude,longitude,status,opening_hours\n"
        "1,A shop,52.3985,-0.7260,installed,Mo-Su 09:30-17:30\n"
    )
    taken = locator("import", str(rows), "--write", "--by", "A test")
    assert taken.returncode == 0, taken.stderr
    return locator


def test_what_depends_on_the_profile(with_a_shop: Locator) -> None:
    text = " ".join(with_a_shop("coverage", "--within", "400").stdout.split())
    assert "assumed hours" in text
    for part in ("Morning", "Afternoon", "Evening", "Night, 22:00 to 06:00"):
        assert part in text
    assert "21.5% in Toronto" in text
    assert "53.4% in Copenhagen" in text
    assert "cannot be told yet" not in text
    by_name = {
        name: figures(with_a_shop, "--profile", name)["covered"]["known"]
        for name in ("flat", "violence", "survey", "young adults")
    }
    low, high = min(by_name.values()), max(by_name.values())
    assert high > low + 0.001
    assert f"depend on the assumed profile of hours: {low:.1%} to {high:.1%} known open" in text
    told = {row["profile"]: row["known"] for row in figures(with_a_shop)["by_profile"]}
    assert told == pytest.approx(by_name)


def test_one_instant(unchanged: Locator) -> None:
    text = unchanged("coverage", "--at", "2026-07-04 23:30").stdout
    assert "Morning" not in text
    assert "hours at Sat 04 Jul 2026 23:30" in " ".join(text.split())
    assert "stands for it" not in text
    assert "no profile is used" in " ".join(text.split())
    night = figures(unchanged, "--at", "2026-07-04 23:30")
    assert night["at"] == "2026-07-04T23:30:00+01:00"
    assert night["kits_hours_not_known"] == 20
    assert night["covered"]["known"] == figures(unchanged)["covered"]["known"]


def test_partners_incidents_count_at_their_hour(locator: Locator, tmp_path: Path) -> None:
    rows = tmp_path / "incidents.csv"
    lines = ["id,category,date,latitude,longitude"]
    # beside the station of Northampton, on Monday 4 May between 23:00 and midnight
    lines += [f"{number},Stabbing,2026-05-04 23:10,52.2374,-0.9067" for number in range(40)]
    rows.write_text("\n".join(lines))
    options = ["--as", "incidents", "--licence", "none", "--write", "--by", "A test"]
    taken = locator("import", str(rows), *options)
    assert taken.returncode == 0, taken.stderr
    without, with_them = figures(locator), figures(locator, "--partners")
    assert with_them["weight"] == without["weight"] + 40
    for hour, (before, after) in enumerate(
        zip(without["by_hour"], with_them["by_hour"], strict=True)
    ):
        more = 40 if hour == 23 else 0
        assert after["weight"] == pytest.approx(before["weight"] + more, abs=1e-5)
    monday_night = with_them["by_hour"][23]
    assert monday_night["known"] > without["by_hour"][23]["known"], "the station has a kit"
    stabbings = [row for row in with_them["by_category"] if row["group"] == "Stabbing"]
    assert [(row["weight"], row["known"]) for row in stabbings] == [(40, 1)]
    assert with_them["assumed_share"] < 1


def test_on_foot_says_how(unchanged: Locator) -> None:
    plain = figures(unchanged, "--within", "400", "--walking")
    assert "straight line times 1.38" in plain["on_foot_how"]
    assert figures(unchanged)["on_foot_how"] == ""
    text = " ".join(unchanged("coverage", "--fetch", "5").stdout.split())
    assert "Times are estimates: straight line times 1.38" in text


def test_standards(unchanged: Locator) -> None:
    straight, on_foot, one_way, fetched = (
        figures(unchanged, *arguments)
        for arguments in (
            ("--within", "360"),
            ("--within", "360", "--walking"),
            ("--minutes", "2", "--pace", "run"),
            ("--fetch", "5"),
        )
    )
    assert straight["covered"]["paper"] > on_foot["covered"]["paper"]
    # two minutes at 3 m/s are 360 m, and so are five minutes there and back with one for the call
    assert on_foot["covered"] == one_way["covered"] == fetched["covered"]
    assert fetched["standard"] == "5 minutes to fetch at 3 m/s (360 m on foot)"
    assert figures(unchanged, "--minutes", "2", "--pace", "walk")["standard_m"] == 152.4


def test_weights_profiles_and_residents(unchanged: Locator, tmp_path: Path) -> None:
    plain = figures(unchanged)
    weighted = figures(unchanged, "--weight", "Robbery=2", "--weight", "Possession of weapons=0")
    by_name = {row["group"]: row["weight"] for row in weighted["by_category"]}
    before = {row["group"]: row["weight"] for row in plain["by_category"]}
    assert by_name["Robbery"] == 2 * before["Robbery"]
    assert by_name["Possession of weapons"] == 0
    flat = figures(unchanged, "--profile", "flat")
    assert len({row["weight"] for row in flat["by_hour"]}) == 1
    assert len({row["weight"] for row in plain["by_hour"]}) > 5
    people = figures(unchanged, "--residents")
    assert people["basis"] == "residents"
    assert people["weight"] == 785_238


@pytest.mark.parametrize("group", ["category", "month", "ward", "lsoa", "decile", "authority"])
def test_by_group(unchanged: Locator, facts: Facts, measured: Coverage, group: str) -> None:
    done = unchanged("coverage", "--by", group, "--gaps", "0")
    assert done.returncode == 0, done.stderr
    table = getattr(measured, f"by_{group}")
    text = " ".join(done.stdout.split())
    for row in table.head(5).to_dict("records"):
        name = facts.area.authorities.get(str(row["group"]), str(row["group"]))
        assert f"{row.get('name', name)} │ {row['weight']:,.0f} │" in text
    assert "The largest gaps" not in text


def test_nothing_has_weight(unchanged: Locator) -> None:
    weights = [
        f"--weight={category}=0"
        for category in ("Robbery", "Possession of weapons", "Violence and sexual offences")
    ]
    done = unchanged("coverage", *weights, "--equity", "--kits")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "nan" not in text
    assert "Nothing has any weight" in text
    assert "The hour of every incident is known" not in text
    assert "Nothing in a known neighbourhood has any weight." in text
    assert figures(unchanged, *weights)["covered"]["paper"] is None


def test_headings_name_what_is_counted(unchanged: Locator) -> None:
    plain = unchanged("coverage", "--equity", "--by", "category").stdout
    assert "Weight" not in plain
    weighted = unchanged("coverage", "--equity", "--by", "category", "--weight", "Robbery=2").stdout
    assert "Records" not in weighted.replace("Records of", "")
    assert weighted.count("Weight") == 4


def test_by_locality(unchanged: Locator) -> None:
    text = " ".join(unchanged("coverage", "--by", "locality").stdout.split())
    assert re.search(r"Hazel Leys, Corby │ \d+ │ 0\.0% │ 0\.0% │ 0\.0% │", text)
    assert re.search(r"Kings Heath, Northampton │ \d+ │ 0\.0% │", text)


def test_by_hour(unchanged: Locator) -> None:
    text = unchanged("coverage", "--by", "hour").stdout
    assert re.search(r"│ 23:00 +│ +7-15 │", text)


def test_what_kits_are_worth(unchanged: Locator) -> None:
    text = " ".join(unchanged("coverage", "--kits").stdout.split())
    assert "NN-0030 Royal & Derngate theatre │ 5 to 822 │ 280 to 822 │" in text
    assert "NN-0015 Newlands Shopping Centre (not in service)" in text
    # hours that nobody knows make a range, as in docs/coverage.md
    bus_station = "NN-0023 North Gate Bus Station (never known open)"
    assert f"{bus_station} │ 0 to 69 │ 0 to 355 │ 0 to 166 │ 0 to 242 │" in text
    assert re.search(r"NN-0002 [^│]*│ 0 to 261 │ 0 to 261 │ 0 to 122 │ 0 to 261 │", text)
    assert "No record lies near, at the hours known, of: NN-0037." in text
    assert "Other kits cover every record that is covered by: none." in text
    assert "could go" not in text
    assert "20 kits were not judged, since their hours are not known" in text
    (residents,) = re.findall(r"NN-0037 .*?│ 0 │ 0 │ 0 │ 0 │ ([\d,]+) │", text)
    assert int(residents.replace(",", "")) > 0
    assert "NN-0047 ~Kingswood" in text, "placed to 640 m only"
    assert "With kits moved at random within the precision of their places (60 times)" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--within", "0"], "range"),
        (["--within", "nan"], "valid integer"),
        (["--fetch", "0"], "range"),
        (["--fetch", "0.5"], "choose one that reaches more than 0"),
        (["--within", "400", "--minutes", "3"], "Choose one of"),
        (["--pace", "walk"], "add --minutes or --fetch"),
        (["--pace", "run", "--within", "400"], "add --minutes or --fetch"),
        (["--weight", "Robbery"], "CATEGORY=NUMBER"),
        (["--weight", "Robbery=-1"], "CATEGORY=NUMBER"),
        (["--weight", "Robbery=nan"], "CATEGORY=NUMBER"),
        (["--weight", "Theft of time=1"], "Theft of time"),
        (["--profile", "midsummer"], "There is no profile"),
        (["--by", "postcode"], "Invalid value"),
        (["--at", "soon"], "2026-07-04 23:30"),
        (["--residents", "--partners"], "leave out --residents"),
        (["--residents", "--weight", "Robbery=2"], "leave out --residents"),
        (["--out", "gaps.docx"], "should end with .gpkg or .csv"),
        (["--out", "/nowhere/gaps.csv"], "cannot be written"),
        (["--out", "/nowhere/gaps.gpkg"], "cannot be written"),
        (["--out", "/proc/gaps.gpkg"], "cannot be written"),
    ],
)
def test_bad_input_says_what_to_do(unchanged: Locator, arguments: list[str], message: str) -> None:
    done = unchanged("coverage", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_layers_for_planners(unchanged: Locator, measured: Coverage, tmp_path: Path) -> None:
    out = tmp_path / "gaps.gpkg"
    done = unchanged("coverage", "--gaps", "7", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "Do not publish" in " ".join(done.stdout.split())
    layers = dict(pyogrio.list_layers(out))
    assert {"out_of_reach", "gaps", "by_ward", "by_hour", "kits", "equity"} <= set(layers)
    assert layers["out_of_reach"] == "Point"
    assert layers["by_ward"] is None
    places = pyogrio.read_dataframe(out, layer="out_of_reach")
    beyond = measured.demand.total * (1 - measured.total[Counting.KNOWN])
    assert places["beyond_known"].sum() == pytest.approx(beyond)
    assert places.crs == "EPSG:4326"
    assert len(pyogrio.read_dataframe(out, layer="gaps")) == 7
    wards = pyogrio.read_dataframe(out, layer="by_ward")
    assert wards["weight"].sum() == pytest.approx(measured.demand.total)
    with sqlite3.connect(out) as connection:
        notes = [row[0] for row in connection.execute("SELECT description FROM gpkg_contents")]
    connection.close()
    for note in notes:
        assert "Do not publish it" in note
        assert "data.police.uk" in note
        assert "the profile “violence” stands for it. It is made from: Ambulance" in note
    again = unchanged("coverage", "--out", str(out))
    assert again.returncode == 2
    assert "There are already gaps.gpkg" in again.stderr
    assert unchanged("coverage", "--out", str(out), "--force").returncode == 0


def test_tables_for_planners(unchanged: Locator, measured: Coverage, tmp_path: Path) -> None:
    out = tmp_path / "reach.csv"
    done = unchanged("coverage", "--out", str(out))
    assert done.returncode == 0, done.stderr
    names = {path.name for path in tmp_path.glob("reach*.csv")}
    assert {"reach.csv", "reach-gaps.csv", "reach-kits.csv", "reach-by_lsoa.csv"} <= names
    about = (tmp_path / "reach-about.txt").read_text("utf-8")
    assert "Do not publish it" in about
    assert "Open Government Licence" in about
    assert "the profile “violence” stands for it" in about
    assert "partners" not in about
    places = pd.read_csv(out, encoding="utf-8-sig")
    beyond = measured.demand.total * (1 - measured.total[Counting.PAPER])
    assert places["beyond_paper"].sum() == pytest.approx(beyond)
    assert places["longitude"].between(-1.5, -0.2).all()
    hours = pd.read_csv(tmp_path / "reach-by_hour.csv", encoding="utf-8-sig")
    assert len(hours) == 168
    kits = pd.read_csv(tmp_path / "reach-kits.csv", encoding="utf-8-sig")
    known = measured.demand.total * measured.total[Counting.KNOWN]
    assert kits["shapley"].sum() == pytest.approx(known)


def test_neighbours_are_not_overwritten(unchanged: Locator, tmp_path: Path) -> None:
    mine = tmp_path / "reach-kits.csv"
    mine.write_text("mine")
    arguments = ("coverage", "--out", str(tmp_path / "reach.csv"))
    done = unchanged(*arguments)
    assert done.returncode == 2
    assert "There are already reach-kits.csv" in done.stderr
    assert {path.name for path in tmp_path.glob("reach*")} == {"reach-kits.csv"}
    assert mine.read_text() == "mine"
    assert unchanged(*arguments, "--force").returncode == 0
    written = {path.name for path in tmp_path.glob("reach*")}
    done = unchanged(*arguments)
    assert all(name in done.stderr for name in written), "every file that is written is guarded"


def test_caveats_go_with_the_figures(locator: Locator, tmp_path: Path) -> None:
    plain = figures(locator)
    assert plain["for_planners_only"], "gaps have positions"
    assert "Do not publish" in plain["warning"]
    assert plain["profile"] == "violence"
    assert "North West England" in plain["profile_source"]
    assert plain["notes"] == []
    assert any("data.police.uk" in owed for owed in plain["attributions"])
    assert not figures(locator, "--gaps", "0")["for_planners_only"]
    rows = tmp_path / "incidents.csv"
    rows.write_text("id,category,date,latitude,longitude\n1,Stabbing,2026-05-04,52.2374,-0.9067\n")
    options = ["--as", "incidents", "--licence", "none", "--write", "--by", "A test"]
    assert locator("import", str(rows), *options).returncode == 0
    secret = figures(locator, "--partners", "--gaps", "0")
    assert secret["for_planners_only"]
    assert "partners gave in confidence" in secret["warning"]
    assert "may stand both in the police records" in secret["notes"][0]
    out = tmp_path / "both.csv"
    assert locator("coverage", "--partners", "--out", str(out)).returncode == 0
    about = (tmp_path / "both-about.txt").read_text("utf-8")
    assert "partners gave in confidence" in about
    assert "may stand both in the police records" in about


def test_a_spreadsheet_runs_nothing(locator: Locator, tmp_path: Path) -> None:
    """A kit may be named as its host likes."""
    rows = tmp_path / "kits.csv"
    hostile = '=HYPERLINK("http://example.org")'
    with rows.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "latitude", "longitude", "status"])
        writer.writerow(["1", hostile, "52.3985", "-0.7260", "installed"])
    taken = locator("import", str(rows), "--write", "--by", "A test")
    assert taken.returncode == 0, taken.stderr
    out = tmp_path / "reach.csv"
    done = locator("coverage", "--out", str(out))
    assert done.returncode == 0, done.stderr
    cells = [
        cell
        for path in tmp_path.glob("reach*.csv")
        for line in csv.reader(path.read_text("utf-8-sig").splitlines())
        for cell in line
    ]
    assert any(hostile in cell for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.99985, "over 99.9%"), (1.0, "100.0%"), (0.9989, "99.9%"), (0.5, "50.0%"), (math.nan, "")],
)
def test_only_all_is_100_percent(share: float, said: str) -> None:
    assert percent(share) == said
