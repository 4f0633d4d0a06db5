"""Fixtures of the registry's tests: each runs on every database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from locator import tables
from locator.exchange.importing import load_published
from locator.places import Gazetteer
from locator.registry import store
from locator.registry.schema import Kit
from locator.settings import Settings


def load(engine: Engine, folder: Path) -> int:
    """Take over the published kits of a folder, as the application does when it starts."""
    source = tables.sources(folder)["kits"]
    gazetteer = Gazetteer.load(Settings().geodata)
    return load_published(engine, folder / source.file, source.title, gazetteer)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty registry."""
    opened = store.open_registry(database_url)
    yield opened
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
