import json
import re
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Locator
from tests.conftest import Run
from tests.walked import import_kits_of_rutland


def test_nearest_as_a_table(run: Run) -> None:
    done = run("nearest", "NN1 1DE", "--at", "2026-07-04 23:30")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Call 999 first. Press hard on the wound.")
    assert "NN1 1DE, known to about 40 m; Sat 04 Jul 2026 23:30" in lines[1]
    assert done.stdout.index("Open now") < done.stdout.index("May be shut")
    assert "NN-0030 Royal & Derngate theatre" in done.stdout
    assert "10 more kits are known, but not their place" in done.stdout


def test_a_process_says_what_to_do(run: Run) -> None:
    done = run("nearest", "qqqq")
    assert done.returncode == 2
    assert "What works: a postcode" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nearest_as_json(unchanged: Locator) -> None:
    done = unchanged("nearest", "nn11de", "--at", "2026-07-04T23:30", "--count", "2", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["advice"].startswith("Call 999 first. Press hard on the wound. Never leave")
    assert answer["at"] == "2026-07-04T23:30:00+01:00"
    assert [kit["reference"] for kit in answer["reachable"]] == ["NN-0030", "NN-0001"]
    assert not any(kit["ready"] for kit in answer["reachable"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nearest", ""], 2, "Type a place"),
        (["nearest", "New Street"], 2, "New Street, Daventry"),
        (["nearest", "The Ridings, Northampton"], 2, "suburb that you did not name"),
        (["nearest", "NN1 1DE", "--at", "soon"], 2, "2026-07-04 23:30"),
        (["nearest", "NN1 1DE", "--at", "2026-03-29 01:30"], 2, "clocks go forward"),
        (["nearest", "NN1 1DE", "--count", "0"], 2, "range"),
        (["nearest", "NN1 1DE", "--at", "9999-12-31T23:59-05:00"], 2, "2026-07-04 23:30"),
        (["data", "build", "postcodes", "--from", "/nowhere"], 2, "does not exist"),
    ],
)
def test_bad_input_says_what_to_do(
    unchanged: Locator, arguments: list[str], code: int, message: str
) -> None:
    done = unchanged(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""


def test_a_folder_without_facts(unchanged: Locator, tmp_path: Path) -> None:
    done = unchanged("nearest", "NN1 1DE", LOCATOR_GEODATA=str(tmp_path))
    assert done.returncode == 3
    assert "LOCATOR_GEODATA" in done.stderr


@pytest.mark.parametrize("url", ["sqlite:////proc/nothing/registry.sqlite", "mysql://host/name"])
def test_a_registry_that_cannot_be_opened(unchanged: Locator, url: str) -> None:
    done = unchanged("nearest", "NN1 1DE", LOCATOR_DATABASE_URL=url)
    assert done.returncode == 4
    assert "LOCATOR_DATABASE_URL" in done.stderr


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "Choose another --port" in done.stderr


def test_a_setting_out_of_range(unchanged: Locator) -> None:
    done = unchanged("nearest", "NN1 1DE", LOCATOR_WALK_M_PER_S="fast")
    assert done.returncode == 2
    assert "LOCATOR_WALK_M_PER_S" in done.stderr


@pytest.fixture(scope="module")
def with_kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a registry with four kits in Rutland that do not exist."""
    folder = tmp_path_factory.mktemp("rutland")
    import_kits_of_rutland(f"sqlite:///{folder}/registry.sqlite")
    return folder


@pytest.fixture
def in_rutland(with_kits: Path, rutland_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Locator:
    monkeypatch.setenv("LOCATOR_NETWORK", str(rutland_folder))
    return Locator(with_kits)


EVENING = ("--at", "2026-07-04 20:00")


def test_nearest_says_the_way(in_rutland: Locator) -> None:
    done = in_rutland("nearest", "52.6690, -0.7240", *EVENING)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert re.search(r"Test kit in Oakham market │ Market Place, Oakham \(±5 m\) │ 341 m", text)
    steps = [
        "The way to NN-",
        "1. Get to Stamford Road, about 25 m to the ",
        "2. Go north-west along Stamford Road, 60 m",
        "3. Go on along the footpath, 70 m",
        "4. Bear right into Catmos Street, 70 m",
        "5. Go on along High Street, 40 m",
        "6. Turn right into Market Place, 80 m",
        "7. The kit is there",
    ]
    assert [text.index(step) for step in steps] == sorted(text.index(step) for step in steps)
    # farther than an hour on foot: an estimate, and marked as one
    assert re.search(r"Test kit in Uppingham market .*? ~\d+ m", text)
    assert "Times are estimates: along the streets of OpenStreetMap of 2018-02-27" in text
    assert "Slopes are ignored" in text
    assert "© OpenStreetMap contributors" in text


def test_nearest_as_json_with_streets(in_rutland: Locator) -> None:
    done = in_rutland("nearest", "SP 8660 9960", *EVENING, "--count", "2", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    uppingham, oakham = answer["reachable"]
    assert uppingham["name"] == "Test kit in Uppingham market"
    assert uppingham["method"] == "along streets"
    low, high = uppingham["walking_m_range"]
    assert low < uppingham["walking_m"] < high
    assert uppingham["route"]["steps"][-1].startswith("The kit is there")
    assert len(uppingham["route"]["line"]) > 5
    assert oakham["method"] == "straight line times a detour factor"
    assert oakham["route"] is None
    streets = answer["streets"]
    assert streets["source"]["file"] == "rutland_2018-02-27.osm.pbf"
    assert streets["source"]["licence"] == "ODbL 1.0"
    assert streets["metres"] > 1_000_000
    assert answer["detour_factor"]["source"] == "Rutland"
    assert answer["speeds_m_per_s"] == {"walking": 1.27, "brisk": 1.8, "running": 3.0}


def test_northampton_while_only_rutland_is_loaded(in_rutland: Locator) -> None:
    done = in_rutland("nearest", "NN1 1DE", *EVENING)
    assert done.returncode == 0, done.stderr
    assert "NN-0030 Royal & Derngate theatre" in done.stdout
    assert "~177 m" in done.stdout
    assert "The way to" not in done.stdout


def test_without_streets_nothing_is_owed_to_openstreetmap(locator: Locator) -> None:
    done = locator("nearest", "NN1 1DE", *EVENING, "--json")
    answer = json.loads(done.stdout)
    assert answer["streets"] is None
    assert {kit["method"] for kit in answer["reachable"]} == {"straight line times a detour factor"}
    plain = locator("nearest", "NN1 1DE", *EVENING).stdout
    assert "OpenStreetMap contributors" not in plain
    assert "straight line times 1.38" in " ".join(plain.split())


def test_a_network_that_is_damaged(
    locator: Locator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "network.json").write_text("{")
    monkeypatch.setenv("LOCATOR_NETWORK", str(tmp_path / "broken"))
    done = locator("nearest", "NN1 1DE")
    assert done.returncode == 3
    assert "locator network build" in done.stderr
