"""Fixtures of the registry's tests: each runs on every database."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from locator import tables
from locator.exchange.importing import load_published
from locator.places import Gazetteer
from locator.registry import store
from locator.registry.schema import APPEND_ONLY, TABLES, Kit
from locator.settings import Settings
from tests.conftest import _postgres_url


def load(engine: Engine, folder: Path) -> int:
    """Take over the published kits of a folder, as the application does when it starts."""
    source = tables.sources(folder)["kits"]
    gazetteer = Gazetteer.load(Settings().geodata)
    return load_published(engine, folder / source.file, source.title, gazetteer)


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty registry: to copy it is faster than to make its tables."""
    path = tmp_path_factory.mktemp("model") / "registry.sqlite"
    store.open_registry(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def postgres_model() -> Iterator[str]:
    """URL of a registry that whoever fills it empties."""
    url = make_url(_postgres_url())
    schema = f"test_{uuid.uuid4().hex}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    own = url.update_query_dict({"options": f"-csearch_path={schema},public"})
    yield own.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    admin.dispose()


def _empty(engine: Engine) -> None:
    """Take out all rows, those as well that are kept for ever."""
    kept = [model.__tablename__ for model in APPEND_ONLY]
    names = ", ".join(model.__tablename__ for model in TABLES)
    with engine.begin() as connection:
        for name in kept:
            connection.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        connection.execute(text(f"TRUNCATE {names}"))
        for name in kept:
            connection.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty registry, on each database in turn."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_model"), tmp_path / "registry.sqlite")
        opened = store.open_registry(f"sqlite:///{path}")
    else:
        opened = store.open_registry(request.getfixturevalue("postgres_model"))
    yield opened
    if request.param == "postgres":
        _empty(opened)
    opened.dispose()


@pytest.fixture
def kits(engine: Engine) -> Engine:
    """A registry with three kits: one placed and installed, one planned, one without a place."""
    here = {"longitude": -0.9, "latitude": 52.24, "precision_m": 10.0}
    with store.writing(engine, who="Ann", why="Test kits") as writing:
        writing.add(
            Kit,
            [
                here | {"reference": "NN-0001", "name": "Market Square", "status": "installed"},
                here | {"reference": "NN-0002", "name": "Park", "status": "planned"},
                {"reference": "NN-0003", "name": "Pub", "status": "installed"},
            ],
        )
    return engine
