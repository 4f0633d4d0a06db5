"""Fixtures that the whole suite shares."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from locator.facts import Facts
from locator.settings import Settings
from locator.travel import extract, network, straight
from locator.travel.streets import Streets

ROOT = Path(__file__).parent.parent
# a network that somebody has built in this folder changes no test
os.environ["LOCATOR_NETWORK"] = os.devnull
# how long an example takes is the machine's business; benchmarks/ measure
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


def missing(reason: str) -> None:
    """Skip, or fail where the environment promises that nothing is missing."""
    if os.environ.get("LOCATOR_TEST_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with the downloaded open data that the tables are built from."""
    folder = os.environ.get("LOCATOR_TEST_DATA", "")
    if not folder:
        pytest.skip("Set LOCATOR_TEST_DATA to the folder with the downloaded open data.")
    return Path(folder)


@pytest.fixture(scope="session")
def rutland_folder(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the walking network of Rutland."""
    folder = tmp_path_factory.mktemp("rutland") / "network"
    raw = extract.read(test_data / "street" / "rutland_2018-02-27.osm.pbf", _in_silence)
    built = network.build(raw, folder, _in_silence)
    detour = straight.measure(Streets(built), "Rutland")
    assert detour is not None
    network.annotate(built, folder, detour)
    return folder


def _in_silence(what: str, count: int) -> None:
    del what, count


@pytest.fixture(scope="session")
def rutland(rutland_folder: Path) -> Streets:
    """Searches on the walking network of Rutland."""
    return Streets(network.Network.open(rutland_folder))


@pytest.fixture(scope="session")
def geodata() -> Path:
    return Settings().geodata


def _postgres_url() -> str:
    url = os.environ.get("LOCATOR_TEST_POSTGRES_URL", "")
    if not url:
        missing(
            "Needs PostgreSQL: apt install postgresql-15-postgis-3, create a database with the "
            "extension postgis and set "
            "LOCATOR_TEST_POSTGRES_URL=postgresql+psycopg://user:password@host/database."
        )
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty registry, on each database in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/deep/er/registry.sqlite"
        return
    url = make_url(_postgres_url())
    schema = f"test_{os.getpid()}_{abs(hash(request.node.name))}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    own = url.update_query_dict({"options": f"-csearch_path={schema},public"})
    yield own.render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("registry")
    return Settings(database_url=f"sqlite:///{folder}/registry.sqlite")


@pytest.fixture(scope="session")
def facts(settings: Settings) -> Iterator[Facts]:
    """The real county with its published kits."""
    opened = Facts.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def run(settings: Settings) -> "Run":
    return Run(settings)


class Run:
    """Runs the command line as a user would, in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self.environment = os.environ | {"LOCATOR_DATABASE_URL": settings.database_url}

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "locator", *arguments],
            env=self.environment | {"COLUMNS": "160"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
