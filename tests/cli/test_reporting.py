import json
from pathlib import Path

import pytest

from locator.reports import planner
from tests.cli.conftest import Locator

FEW = ("--candidates", "hospital,practice", "--resamples", "0", "--no-sensitivity", "--no-backtest")


def test_one_command_makes_the_report(unchanged: Locator, tmp_path: Path) -> None:
    out = tmp_path / "made" / "report"
    done = unchanged("plan-report", "--new", "2", "--within", "400", *FEW, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "Call 999 first" in done.stdout.splitlines()[0]
    assert "2 well-chosen places" in " ".join(done.stdout.split())
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "report.pdf", "figures.json", "layers.gpkg", "sites.csv"} <= names
    assert not any(name.startswith(".") for name in names)
    page = (out / "report.html").read_text("utf-8")
    assert "locator plan-report --new 2 --within 400 --candidates hospital,practice" in page
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_json_and_no_pdf(unchanged: Locator, tmp_path: Path) -> None:
    more = ("--budget", "700", "--fetch", "5", "--site", "52.2378, -0.8960")
    out = tmp_path / "report"
    done = unchanged("plan-report", *more, *FEW, "--no-pdf", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["figures"] == json.loads((out / "figures.json").read_text("utf-8"))
    assert told["figures"]["plan"]["cost"] <= 700
    assert not (out / "report.pdf").exists()
    assert {Path(path).name for path in told["files"]} == {path.name for path in out.iterdir()}


def test_where_no_kit_may_go_and_what_may_be_done(unchanged: Locator, tmp_path: Path) -> None:
    west, east, south, north = -0.93, -0.86, 52.22, 52.26
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    areas = tmp_path / "areas.geojson"
    areas.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {},
                        "geometry": {"type": "Polygon", "coordinates": [ring]},
                    }
                ],
            }
        )
    )
    out = tmp_path / "report"
    more = ("--new", "3", "--exclude", str(areas), "--action", "cabinet", "--action", "always")
    done = unchanged("plan-report", *more, *FEW, "--no-pdf", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    sites = json.loads(done.stdout)["figures"]["sites"]
    assert {site["action"] for site in sites} <= {"new cabinet", "make reachable day and night"}
    assert "make reachable day and night" in {site["action"] for site in sites}
    for site in sites:
        inside = west <= site["longitude"] <= east and south <= site["latitude"] <= north
        assert not (inside and site["action"] == "new cabinet")
    page = (out / "report.html").read_text("utf-8")
    assert "in an excluded area" in page
    assert "--action cabinet --action always" in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--new", "2", "--budget", "700"), "either how many new kits, a budget"),
        (("--within", "400", "--fetch", "5"), "Choose one of"),
        (("--candidates", "moon"), "no kind of candidate"),
        (("--site", "qqqq"), "qqqq"),
        (("--site", "The Ridings"), "is not certain"),
    ],
)
def test_what_cannot_be_used(
    unchanged: Locator, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    out = tmp_path / "report"
    done = unchanged("plan-report", *options, "--no-backtest", "--out", str(out))
    assert done.returncode == 2
    assert says in done.stderr
    assert not out.exists()


def test_a_folder_is_needed(unchanged: Locator, tmp_path: Path) -> None:
    assert "--out" in unchanged("plan-report", "--new", "2").stderr
    file = tmp_path / "file"
    file.write_text("mine")
    done = unchanged("plan-report", "--new", "2", *FEW, "--out", str(file))
    assert done.returncode == 2
    assert file.read_text() == "mine"


def test_who_stops_it_is_told(
    unchanged: Locator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(planner, "plan", stop)
    out = tmp_path / "report"
    done = unchanged("plan-report", "--new", "2", *FEW, "--out", str(out))
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("stopped", "says"),
    [
        ("locator.analysis.siting.curve", "the curve"),
        ("locator.analysis.trust.resample", "the resampling"),
    ],
)
def test_a_search_that_is_stopped_still_makes_a_report(
    unchanged: Locator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str, says: str
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stopped, stop)
    out = tmp_path / "report"
    few = ("--candidates", "hospital", "--no-sensitivity", "--no-pdf")
    done = unchanged("plan-report", "--new", "2", *few, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "Stopped" in done.stdout
    assert f"Somebody stopped {says}" in (out / "report.html").read_text("utf-8")
