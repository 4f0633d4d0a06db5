"""The walking network on the command line."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from locator.travel.network import Network
from tests.cli.conftest import Locator
from tests.travel.test_extract import CROSS


@pytest.fixture
def county(test_data: Path) -> Path:
    return test_data / "street" / "rutland_2018-02-27.osm.pbf"


def test_a_county(locator: Locator, county: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er" / "network"
    built = locator("network", "build", str(county), "--to", str(folder))
    assert built.returncode == 0, built.stderr
    for said in (
        "km of streets",
        "From rutland_2018-02-27.osm.pbf of 2018-02-27",
        "© OpenStreetMap contributors, ODbL 1.0.",
        "pieces that lead nowhere were dropped",
        "179 ways were left out: closed to the public.",
        "2 barriers that nobody may pass cut ways.",
    ):
        assert said in built.stdout
    assert locator("network", "show", "--from", str(folder)).stdout == built.stdout
    told = locator("network", "show", "--from", str(folder), "--json")
    facts = json.loads(told.stdout)
    assert facts["metres"] == pytest.approx(1_320_000, rel=0.01)
    assert facts["source"]["licence"] == "ODbL 1.0"
    assert Network.open(folder).about.junctions == facts["junctions"]


def test_a_new_extract_replaces_the_network_and_a_broken_one_does_not(
    locator: Locator, tmp_path: Path
) -> None:
    folder = tmp_path / "network"
    file = CROSS.save(tmp_path / "small.osm.pbf")
    first = locator("network", "build", str(file), "--to", str(folder), "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["source"]["extracted_on"] == "2026-07-04"
    whole = file.read_bytes()
    file.write_bytes(whole[:-40])
    failed = locator("network", "build", str(file), "--to", str(folder))
    assert failed.returncode == 2
    assert "damaged or not complete" in failed.stderr
    assert failed.stdout == ""
    assert locator("network", "show", "--from", str(folder), "--json").stdout == first.stdout
    file.rename(tmp_path / "again.osm.pbf").write_bytes(whole)
    again = locator("network", "build", str(tmp_path / "again.osm.pbf"), "--to", str(folder))
    assert again.returncode == 0, again.stderr
    assert "From again.osm.pbf" in again.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.osm.pbf", "network"]


def test_what_cannot_be_built_or_shown(locator: Locator, tmp_path: Path) -> None:
    missing = locator("network", "build", str(tmp_path / "none.osm.pbf"))
    assert missing.returncode == 2
    assert "No such file" in missing.stderr
    shown = locator("network", "show", "--from", str(tmp_path / "none"))
    assert shown.returncode == 3
    assert "locator network build" in shown.stderr


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Looks at the files of a process.")
def test_ctrl_c_leaves_nothing_behind(county: Path, tmp_path: Path) -> None:
    folder = tmp_path / "network"
    command = [
        sys.executable,
        "-m",
        "locator",
        "network",
        "build",
        str(county),
        "--to",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not _has_open(process.pid, county) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == b""
    assert err.strip() == b"Aborted!"
    assert list(tmp_path.iterdir()) == []


def _has_open(pid: int, file: Path) -> bool:
    try:
        opened = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    except FileNotFoundError:
        return False
    return file.resolve() in opened
