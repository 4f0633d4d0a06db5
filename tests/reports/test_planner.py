"""The planner's report: every figure again by other means, and what it must say and never show."""

import csv
import html as html_lib
import io
import json
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pyogrio
import pypdf
import pytest

from locator import tables
from locator.analysis.goal import Goal
from locator.errors import InputError, MissingLibraryError
from locator.facts import Facts
from locator.maps.plan import called
from locator.reports import _pdf, exports
from locator.reports._words import capital
from locator.reports.figures import near_promised
from locator.reports.planner import Options, report
from locator.travel.standard import Standard
from tests.reports.conftest import AT, Made
from tests.reports.counties import HOSTILE
from tests.reports.recompute import figures

REPORTS = ["county", "small"]
# what is no figure: names, sentences, references and the moment when the report was made
_KEYED = ("worth", "opening")


@pytest.fixture(params=REPORTS)
def made(request: pytest.FixtureRequest) -> Made:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Made)
    return found


def _numbers(
    value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], float | None]]:
    """Walk over every figure: numbers, and where there is none."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _numbers(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            known = part["reference"] if path and path[-1] in _KEYED else number
            yield from _numbers(part, (*path, known))
    elif not isinstance(value, str | bool):
        yield path, value


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_every_figure_is_recomputed(made: Made) -> None:
    told = json.loads((made.folder / "figures.json").read_text("utf-8"))
    standard = told["standard"]["metres"]
    again = figures(made.geodata, made.folder, metres=standard, profile="violence")
    compared, wrong = 0, []
    for path, value in _numbers(told):
        try:
            other = _at(again, path)
        except (KeyError, IndexError, TypeError):
            wrong.append(f"{path} is not recomputed")
            continue
        same = other is None if value is None else other == pytest.approx(value, rel=1e-6, abs=1e-6)
        if not same:
            wrong.append(f"{path} is {value}, but {other} when recomputed")
        compared += 1
    assert wrong == []
    assert compared > 900


def test_the_page_says_what_matters(county: Made) -> None:
    html, told = county.report.html, county.report.figures
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "Call 999 first. Press hard on the wound. Never leave the casualty alone" in text
    assert "Nobody has confirmed these kits to us" in text
    assert "no incident of a partner organisation went into this report" in text
    assert "locator plan-report --new 5 --within 400 --out report" in text
    for gap in told["gaps"]:
        assert f"{gap['weight']:,.0f}" in text
    for site in told["sites"]:
        assert html_lib.escape(site["name"], quote=False) in html.replace("&#39;", "'")
        assert f"£{site['cost']:,.0f}" in text
    for name, source in tables.sources(county.geodata).items():
        if name in ("incidents", "kits", "lsoa", "residents", "profile", "places", "sites"):
            assert source.attribution in html_lib.unescape(html)


def _text(page: str) -> str:
    return " ".join(html_lib.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_every_place_is_named_with_its_kind(made: Made) -> None:
    html = html_lib.unescape(made.report.html)
    for site in made.report.figures["sites"]:
        if site["kind"].casefold() not in site["name"].casefold():
            assert f"<b>{capital(site['kind'])} “{site['name']}”</b>" in html
            assert html.count(f"“{site['name']}”") >= 2
    first = made.report.figures["sites"][0]
    assert first["name"] in " ".join(made.report.summary)


def test_a_name_that_says_its_kind_stands_alone() -> None:
    assert called("Police Station", "bus stop") == "bus stop “Police Station”"
    assert called("Kettering General Hospital", "hospital") == "Kettering General Hospital"
    assert called("52.23780, -0.89600", "point") == "52.23780, -0.89600"


def test_the_first_page_says_what_hurts(county: Made) -> None:
    told, summary = county.report.figures, " ".join(county.report.summary)
    greedy = next(
        row for row in told["backtest"]["starts"][0]["rows"] if row["strategy"] == "greedy"
    )
    assert f"(greedy) adds {100 * greedy['adds']:.1f}\u00a0%" in summary
    assert f"{100 * greedy['gain']:+.1f} points".replace("-", "−") in summary
    assert ("which may be chance" in summary) == (greedy["gain_low"] <= 0)
    page = _text(county.report.html)
    sure = page[page.index("How sure this is") : page.index("Where the next 5 belong")]
    weak = [row for row in told["sensitivity"] if row["share"] < 0.9]
    assert weak
    for row in sorted(weak, key=lambda row: (row["share"], row["changed"]))[:3]:
        assert f"with {row['changed']} {row['kept']} and {100 * row['share']:.0f} %" in sure


def test_kits_that_may_come_are_asked_after_first(made: Made) -> None:
    many = made.report.figures["plan"]["promised"]
    said = "of a kit that is planned, agreed or obstructed" in " ".join(made.report.summary)
    assert said == (many > 0)


def test_a_kit_that_is_planned_beside_a_place_is_counted(county: Made) -> None:
    site = county.report.figures["sites"][0]
    kits = pd.DataFrame(
        {
            "status": ["planned", "damaged", "withdrawn"],
            "easting": [site["easting"] + 400.0, site["easting"], site["easting"]],
            "northing": [site["northing"]] * 3,
        }
    )
    found = SimpleNamespace(
        standard=Standard.within(400),
        sites=[SimpleNamespace(easting=site["easting"], northing=site["northing"])],
    )
    assert near_promised(found, kits) == 1  # type: ignore[arg-type]
    found.standard = Standard.within(399)
    assert near_promised(found, kits) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "same"), [("county", True), ("small", False)])
def test_shares_that_are_equal_all_day_are_said_once(
    request: pytest.FixtureRequest, name: str, *, same: bool
) -> None:
    page = _text(request.getfixturevalue(name).report.html)
    assert ("The shares are the same by day and by night" in page) == same
    assert ("By time of day" in page) != same


def test_how_to_make_it_again_promises_no_more_than_is_true(county: Made) -> None:
    page = _text(county.report.html)
    assert "A search that its time limit ends" in page
    assert "State now" in page
    assert "Hours now" not in page


def test_the_page_needs_nothing_beside_it(made: Made) -> None:
    html = made.report.html
    assert not re.search(r"<(?:script|iframe|object|link|img)\b", html)
    assert not re.search(r"(?:src|href)=\"(?!#)", html)
    assert not re.search(r"\son[a-z]+=|url\((?!#)", html)
    with_links = made.report.page([("Back", "/plan?new=5&near=400")], "/report.css")
    assert '<a href="/plan?new=5&amp;near=400">Back</a>' in with_links
    assert "<style" not in with_links


def test_text_of_strangers_stays_text(small: Made) -> None:
    assert HOSTILE in html_lib.unescape(small.report.html)
    assert "<script" not in small.report.html


def _spots(made: Made) -> tuple[set[str], set[str]]:
    """Give the positions of incidents as text, on the grid and in degrees."""
    points = made.facts.demand().points
    # a kit or a site may lie where records do
    own = {(row["easting"], row["northing"]) for row in made.report.figures["sites"]}
    kept = [at not in own for at in zip(points["easting"], points["northing"], strict=True)]
    points = points[kept]
    pairs = zip(points["easting"], points["northing"], strict=True)
    degrees = zip(points["longitude"], points["latitude"], strict=True)
    return {f"{e},{n}" for e, n in pairs}, {f"{lon},{lat}" for lon, lat in degrees}


def _places(path: Path) -> set[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {(row["easting"], row["northing"]) for row in csv.DictReader(file)}


def test_no_incident_is_shown(made: Made) -> None:
    on_grid, degrees = _spots(made)
    for path in made.folder.glob("*.csv"):
        if path.name in ("candidates.csv", "kits.csv", "sites.csv"):
            continue
        if path.name in ("resampled.csv", "backtest_chosen.csv"):
            assert _places(path) <= _places(made.folder / "candidates.csv")
            continue
        columns = path.read_text("utf-8-sig").splitlines()[0].lower()
        assert not re.search(r"easting|northing|longitude|latitude", columns), path.name
    pages = made.report.html + (made.folder / "figures.json").read_text("utf-8")
    for spot in (*on_grid, *degrees):
        first, second = spot.split(",")
        assert not (first in pages and second in pages)
    assert all(gap["records"] >= 10 for gap in made.report.figures["gaps"])


def test_layers_hold_areas_and_what_is_public(made: Made) -> None:
    path = made.folder / "layers.gpkg"
    names = [name for name, _ in pyogrio.list_layers(path)]
    assert names == ["sites", "kits", "cells_out_of_reach", "gaps", "neighbourhoods", "county"]
    for name in names:
        layer = gpd.read_file(path, layer=name)
        assert layer.crs == "EPSG:4326"
        points = set(layer.geom_type) <= {"Point"}
        assert points == (name in ("sites", "kits"))
    cells = gpd.read_file(path, layer="cells_out_of_reach")
    assert (cells["records"] >= 10).all()
    gaps = gpd.read_file(path, layer="gaps")
    assert gaps["weight"].tolist() == pytest.approx(
        [gap["weight"] for gap in made.report.figures["gaps"]]
    )


def test_tables_are_those_of_the_page_and_run_nothing(small: Made) -> None:
    for path in small.folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row if not _number(cell)]
        assert not [cell for cell in cells if re.match(r"\s*[=+\-@|\t\r]", cell)]
    with (small.folder / "gaps.csv").open(encoding="utf-8-sig", newline="") as file:
        weights = [float(row["weight"]) for row in csv.DictReader(file)]
    assert weights == pytest.approx([gap["weight"] for gap in small.report.figures["gaps"]])
    sites = (small.folder / "candidates.csv").read_text("utf-8-sig")
    assert "'=1+1" in sites


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_pictures_tell_their_content_to_those_who_cannot_see(made: Made) -> None:
    pictures = re.findall(r"<svg .*?</svg>", made.report.html, re.DOTALL)
    assert len(pictures) >= 5
    names = []
    for picture in pictures:
        drawn = ET.fromstring(picture)  # noqa: S314  # our own
        labels = drawn.attrib["aria-labelledby"].split()
        known = {e.attrib["id"]: e.text or "" for e in drawn.iter() if "id" in e.attrib}
        assert drawn.attrib["role"] == "img"
        assert all(len(known[label]) > 5 for label in labels)
        names += list(known)
    assert len(names) == len(set(names))


def test_the_pdf_is_tagged(county: Made) -> None:
    reader = pypdf.PdfReader(county.folder / "report.pdf")
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "en-GB"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata is not None
    assert reader.metadata.title == county.report.title
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert 8 <= len(reader.pages) <= 24
    for page in reader.pages:
        assert page.mediabox.width == pytest.approx(595.3, abs=1)
        assert page.mediabox.height == pytest.approx(841.9, abs=1)
    kinds = Counter(kind for kind, _ in _tags(root["/StructTreeRoot"]))
    assert kinds["/Table"] >= 8
    assert kinds["/TH"] > 100
    assert {"/H1", "/H2", "/H3", "/P", "/L", "/Caption"} <= set(kinds)
    told = [alt for kind, alt in _tags(root["/StructTreeRoot"]) if kind == "/Figure"]
    assert len(told) >= 5
    assert all(told)


def _tags(element: Any) -> Iterator[tuple[str, str]]:
    if isinstance(element, pypdf.generic.ArrayObject):
        for part in element:
            yield from _tags(part.get_object())
    elif isinstance(element, pypdf.generic.DictionaryObject):
        if "/S" in element:
            yield str(element["/S"]), str(element.get("/Alt", ""))
        if "/K" in element:
            yield from _tags(element["/K"].get_object())


def test_the_pdf_reads_in_order(county: Made) -> None:
    reader = pypdf.PdfReader(county.folder / "report.pdf")
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert "Published, unconfirmed data. In an emergency call 999 first." in texts[-1]
    assert f"1 of {len(texts)}" in texts[0]
    whole = " ".join(texts)
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", county.report.html)
    assert len(headings) >= 8
    at = 0
    for heading in headings:
        at = whole.find(html_lib.unescape(heading), at)
        assert at >= 0, heading
    assert "Records are not stabbings." in texts[0]
    marks = [str(mark.title) for mark in reader.outline if not isinstance(mark, list)]
    assert marks == [html_lib.unescape(heading) for heading in headings]


def test_a_pdf_fetches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret.css"
    secret.write_text("body::after { content: 'stolen' }")
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *a: asked.append(a))
    page = (
        "<html lang=en><head><title>t</title>"
        f'<link rel="stylesheet" href="{secret.as_uri()}"></head>'
        '<body><p>text</p><img alt="x" src="http://127.0.0.1:9/x.png">'
        f'<img alt="y" src="{secret.as_uri()}"></body></html>'
    )
    printed = _pdf.pdf(page)
    text = pypdf.PdfReader(io.BytesIO(printed)).pages[0].extract_text()
    assert text.strip().startswith("text")
    assert "stolen" not in text
    assert asked == []


def test_without_pango_only_the_pdf_is_missing(
    small: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "weasyprint":
                message = "cannot load library 'libpango-1.0-0'"
                raise OSError(message)

    for name in [name for name in sys.modules if name.split(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "locator.reports._pdf")
    monkeypatch.delattr("locator.reports._pdf", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(MissingLibraryError, match="apt-get install libpango"):
        exports.write(small.report, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    written = exports.write(small.report, tmp_path / "html", with_pdf=False)
    assert (tmp_path / "html" / "report.html") in written


def test_a_folder_that_cannot_be_written(small: Made, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(InputError, match="Name another folder"):
        exports.write(small.report, file, with_pdf=False)
    assert file.read_text() == "mine"


def test_a_report_of_a_budget_and_of_minutes(small: Made) -> None:
    pace = small.facts.travel.pace
    options = Options(
        Standard.fetch(5, pace, pace.run_m_per_s),
        Goal(budget=1500, seconds=2),
        ("school",),
        points=((-0.8960, 52.2378),),
        resamples=0,
        sensitivity=False,
        backtest=False,
    )
    found = report(small.facts, options, AT)
    assert found.figures["plan"]["cost"] <= 1500
    assert "5 minutes to fetch at 3 m/s" in found.html
    assert "was not tested here" in found.html
    assert found.figures["backtest"] is None


def test_partners_are_never_asked(small: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    demand = type(small.facts).demand

    def watched(self: Facts, *basis: Any, **options: Any) -> Any:
        asked.append(options.get("partners", False))
        return demand(self, *basis, **options)

    monkeypatch.setattr(type(small.facts), "demand", watched)
    options = Options(
        Standard.within(400),
        Goal(new=1),
        ("school",),
        resamples=0,
        sensitivity=False,
        backtest=False,
    )
    report(small.facts, options, AT)
    assert asked
    assert not any(asked)
