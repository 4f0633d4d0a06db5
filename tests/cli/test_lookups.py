import json
import socket
from pathlib import Path

import pytest

from locator.analysis.coverage import coverage
from locator.facts import Facts
from tests.conftest import Run


def test_nearest_as_a_table(run: Run) -> None:
    done = run("nearest", "NN1 1DE", "--at", "2026-07-04 23:30")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Call 999 first. Press hard on the wound.")
    assert "NN1 1DE, known to about 40 m; Sat 04 Jul 2026 23:30" in lines[1]
    assert done.stdout.index("Open now") < done.stdout.index("May be shut")
    assert "NN-0030 Royal & Derngate theatre" in done.stdout
    assert "10 more kits are known, but not their place" in done.stdout


def test_nearest_as_json(run: Run) -> None:
    done = run("nearest", "nn11de", "--at", "2026-07-04T23:30", "--count", "2", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["advice"].startswith("Call 999 first. Press hard on the wound. Never leave")
    assert answer["at"] == "2026-07-04T23:30:00+01:00"
    assert [kit["reference"] for kit in answer["reachable"]] == ["NN-0030", "NN-0001"]
    assert not any(kit["ready"] for kit in answer["reachable"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nearest", "qqqq"], 2, "What works: a postcode"),
        (["nearest", ""], 2, "Type a place"),
        (["nearest", "New Street"], 2, "New Street, Daventry"),
        (["nearest", "The Ridings, Northampton"], 2, "suburb that you did not name"),
        (["nearest", "NN1 1DE", "--at", "soon"], 2, "2026-07-04 23:30"),
        (["nearest", "NN1 1DE", "--at", "2026-03-29 01:30"], 2, "clocks go forward"),
        (["nearest", "NN1 1DE", "--count", "0"], 2, "range"),
        (["nearest", "NN1 1DE", "--at", "9999-12-31T23:59-05:00"], 2, "2026-07-04 23:30"),
        (["coverage", "--within", "0"], 2, "range"),
        (["coverage", "--within", "nan"], 2, "valid integer"),
        (["data", "build", "postcodes", "--from", "/nowhere"], 2, "does not exist"),
    ],
)
def test_bad_input_says_what_to_do(run: Run, arguments: list[str], code: int, message: str) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_without_facts(run: Run, tmp_path: Path) -> None:
    run.environment["LOCATOR_GEODATA"] = str(tmp_path)
    done = run("nearest", "NN1 1DE")
    assert done.returncode == 3
    assert "LOCATOR_GEODATA" in done.stderr


def test_a_registry_that_cannot_be_opened(run: Run) -> None:
    run.environment["LOCATOR_DATABASE_URL"] = "sqlite:////proc/nothing/registry.sqlite"
    done = run("nearest", "NN1 1DE")
    assert done.returncode == 4
    assert "LOCATOR_DATABASE_URL" in done.stderr


def test_a_database_that_is_not_supported(run: Run) -> None:
    run.environment["LOCATOR_DATABASE_URL"] = "mysql://host/name"
    done = run("nearest", "NN1 1DE")
    assert done.returncode == 4
    assert "LOCATOR_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "Choose another --port" in done.stderr


def test_a_setting_out_of_range(run: Run) -> None:
    run.environment["LOCATOR_WALK_M_PER_S"] = "fast"
    done = run("nearest", "NN1 1DE")
    assert done.returncode == 2
    assert "LOCATOR_WALK_M_PER_S" in done.stderr
    assert "Traceback" not in done.stderr


def test_coverage_equals_the_page(run: Run, facts: Facts) -> None:
    expected = coverage(facts.snapshot(), facts.incidents, facts.residents, within_m=400)
    done = run("coverage", "--within", "400", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["records"] == 28_624
    assert figures["beyond"] == expected.beyond
    shown = run("coverage", "--within", "400").stdout
    for number in (expected.beyond, expected.within, expected.without_position, expected.outside):
        assert f"{number:,}" in shown
    assert "Call 999 first" in shown


def test_coverage_at_an_hour(run: Run) -> None:
    night = json.loads(run("coverage", "--at", "2026-07-04 23:30", "--json").stdout)
    always = json.loads(run("coverage", "--always", "--json").stdout)
    assert night["beyond"] == always["beyond"]
    assert night["kits_hours_not_known"] == 20
