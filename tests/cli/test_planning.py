"""Plans and back-tests on the command line."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tests.cli.conftest import Locator

FEW = ("--candidates", "hospital,practice,station")


def test_a_plan_as_a_table(unchanged: Locator) -> None:
    done = unchanged("plan", "--new", "3", "--within", "400", *FEW, "--bootstrap", "20")
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert out.startswith("In an emergency: Call 999 first. Press hard on the wound.")
    assert "3 sites for 2,043 GBP" in out
    assert "proven best" in out
    for said in (
        "What more sites add",
        "By deprivation",
        "Again",
        "Chosen from",
        "Nobody has asked",
    ):
        assert said in out
    assert "Candidate sites: NaPTAN" in out
    # the table says what a place is: a stop can have the name of a building
    table = out[out.index("Sites") : out.index("1. ")]
    assert table.count("(hospital)") + table.count("(GP practice)") + table.count("station)") == 3
    assert done.stderr == ""


def test_a_terminal_of_80_columns_is_wide_enough(unchanged: Locator) -> None:
    wanted = ("--new", "2", *FEW, "--bootstrap", "5", "--sensitivity")
    narrow = unchanged("plan", *wanted, COLUMNS="80")
    assert narrow.returncode == 0, narrow.stderr
    lines = narrow.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in narrow.stdout
    assert any("Under other assumptions" in line for line in lines)


def test_a_plan_as_json(unchanged: Locator) -> None:
    done = unchanged("plan", "--new", "3", *FEW, "--bootstrap", "0", "--json")
    plain = json.loads(done.stdout)
    assert plain["advice"].startswith("Call 999 first")
    adds = sum(site["adds"] for site in plain["sites"])
    assert plain["before"] + adds == pytest.approx(plain["after"])
    assert plain["bound"] >= plain["after"]
    assert plain["attributions"]
    assert [row["n"] for row in plain["curve"]] == [1, 2, 3]


def test_every_wish_at_once(unchanged: Locator, tmp_path: Path) -> None:
    done = unchanged(
        *("plan", "--budget", "3000", "--fetch", "6", "--pace", "run"),
        *("--objective", "gradual", "--full", "3", "--backup", "0.3", "--fair", "2"),
        *("--candidates", "hospital,grid:3000", "--site", "52.2405,-0.9027"),
        *("--bag-hours", "Mo-Sa 08:00-20:00", "--unknown", "open", "--profile", "flat"),
        *("--weight", "Robbery=2", "--kit-gbp", "100", "--bootstrap", "3", "--json"),
    )
    assert done.returncode == 0, done.stderr
    plain = json.loads(done.stdout)
    assert plain["unit"] == "weighted records"
    assert plain["cost"] <= 3000
    assert "point 1" in {site["reference"] for site in plain["sites"]}
    said = " ".join(plain["assumptions"])
    for part in ("counts 2 times", "worth 0.3 of the first", "100 GBP for a kit", "count as open"):
        assert part in said


def test_a_share_and_a_moved_kit(unchanged: Locator) -> None:
    share = json.loads(
        unchanged("plan", "--share", "0.1", *FEW, "--json", "--bootstrap", "0").stdout
    )
    assert share["least"] == len(share["sites"])
    assert share["after"] >= 0.1 * share["total"]
    moved = unchanged("plan", "--new", "1", "--movable", "NN-0002", *FEW, "--bootstrap", "0")
    assert "NN-0002 moves here" in moved.stdout


def test_the_mean_way(unchanged: Locator) -> None:
    done = unchanged("plan", "--new", "2", "--objective", "median", "--candidates", "hospital")
    assert "the shortest mean way to a kit" in done.stdout
    assert "no choice makes it less than" in done.stdout
    # the county is wider than what counts: both the mean that was made short and the true one
    assert "with ways over 2,000 m counted as so long" in done.stdout
    assert "In full from " in done.stdout


def test_residents_instead_of_records(unchanged: Locator) -> None:
    done = unchanged("plan", "--new", "1", "--by", "residents", *FEW, "--bootstrap", "0", "--json")
    plain = json.loads(done.stdout)
    assert plain["unit"] == "residents"
    assert plain["months"] == ["", ""]


def test_files_of_a_plan(unchanged: Locator, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("plan.gpkg", "plan.geojson", "plan.csv")]
    written = [part for file in files for part in ("--out", str(file))]
    done = unchanged("plan", "--new", "2", *FEW, "--bootstrap", "0", *written, "--json")
    sites = json.loads(done.stdout)["sites"]
    for file in files:
        rows = pd.read_csv(file) if file.suffix == ".csv" else gpd.read_file(file)
        assert rows["name"].tolist() == [site["name"] for site in sites]
        assert rows["reasons"].iloc[0] == " ".join(sites[0]["reasons"])
        if file.suffix != ".csv":
            assert rows.crs.to_epsg() == 4326
            assert rows.geometry.iloc[0].x == pytest.approx(sites[0]["longitude"])


def test_no_site_in_an_excluded_area(unchanged: Locator, tmp_path: Path) -> None:
    first = json.loads(unchanged("plan", "--new", "1", *FEW, "--bootstrap", "0", "--json").stdout)
    (site,) = first["sites"]
    file = tmp_path / "not_here.geojson"
    around = shapely.Point(site["longitude"], site["latitude"]).buffer(0.001)
    gpd.GeoDataFrame(geometry=[around], crs=4326).to_file(file)
    again = unchanged(
        "plan", "--new", "1", *FEW, "--bootstrap", "0", "--exclude", str(file), "--json"
    )
    plain = json.loads(again.stdout)
    assert plain["sites"][0]["reference"] != site["reference"]
    assert plain["left_out"]["in an excluded area"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan"], "either how many new kits"),
        (["plan", "--new", "1", "--budget", "700"], "either how many new kits"),
        (["plan", "--new", "0"], "1 to 10,000"),
        (["plan", "--new", "1", "--within", "0"], "range"),
        (["plan", "--new", "1", "--within", "400", "--fetch", "5"], "Choose one of"),
        (["plan", "--new", "1", "--candidates", "pub"], "Choose from registry"),
        (["plan", "--new", "1", "--candidates", "grid:x"], "grid:200"),
        (["plan", "--new", "1", "--candidates", ""], "nothing to choose from"),
        (["plan", "--new", "1", "--site", "here"], "--site 52.2405,-0.9027"),
        (["plan", "--new", "1", "--site", "48.86,2.35"], "Great Britain"),
        (["plan", "--new", "1", "--exclude", "/nowhere.geojson"], "cannot be read"),
        (["plan", "--new", "1", "--weight", "Robbery"], "CATEGORY=NUMBER"),
        (["plan", "--new", "1", "--profile", "no such"], "profile"),
        (["plan", "--new", "1", "--out", "plan.doc"], "Choose one of csv"),
        (["plan", "--new", "1", "--full", "100"], "counts in full"),
        (["plan", "--new", "1", "--cabinet-gbp", "1e308"], "at most a million"),
        (["plan", "--new", "1", "--action", "bag"], "hours of its host"),
        (["plan", "--share", "0.999", "--candidates", "hospital"], "All candidates together"),
        (["backtest", "--new", "0"], "range"),
    ],
)
def test_bad_input_says_what_to_do(unchanged: Locator, arguments: list[str], message: str) -> None:
    done = unchanged(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_file_that_cannot_be_written(unchanged: Locator) -> None:
    done = unchanged("plan", "--new", "1", *FEW, "--bootstrap", "0", "--out", "/nowhere/plan.csv")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_back_test(unchanged: Locator) -> None:
    arguments = ("backtest", "--new", "3", "--candidates", "station")
    done = unchanged(*arguments)
    assert done.returncode == 0, done.stderr
    for said in (
        "Chosen on the months before, scored on each of 2025-02 to 2025-12",
        "Beside the 30 kits in service",
        "From nothing, 3 kits",
        "From nothing, 30 kits",
        "the charity's order",
        "best in hindsight",
        "for not knowing the future",
    ):
        assert said in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Needs a terminal of Unix.")
def test_ctrl_c_prints_the_best_plan_until_then(tmp_path: Path) -> None:
    """The bar on standard error says when the search is over and the resampling has begun."""
    mine, its = pty.openpty()
    url = f"sqlite:///{tmp_path}/registry.sqlite"
    command = [sys.executable, "-m", "locator", "plan", "--new", "3", *FEW, "--json"]
    with subprocess.Popen(
        [*command[:-1], "--bootstrap", "10000"],
        env=os.environ | {"LOCATOR_DATABASE_URL": url, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=its,
    ) as process:
        os.close(its)
        seen, deadline = b"", time.monotonic() + 60
        while b"resampled" not in seen and time.monotonic() < deadline:
            seen += os.read(mine, 4096)
        process.send_signal(signal.SIGINT)
        _drain(mine)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    said = " ".join(out.decode().split())
    assert "Stopped: this is the best until then." in said
    assert "3 sites for 2,043 GBP" in said
    assert "proven best" in said
    assert "Somebody stopped the resampling" in said


def test_ctrl_c_while_python_imports_is_no_fault() -> None:
    code = """
import sys
class Stop:
    def find_spec(self, name, *_):
        if name == "pandas":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
sys.argv = ["locator", "--help"]
from locator.cli import main
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=60, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Aborted!\n")


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        os.close(terminal)
