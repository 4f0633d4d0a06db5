import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from locator.settings import Settings
from locator.web import create_app
from tests.conftest import missing
from tests.serving import FLAGS, Server, chromium, serve
from tests.walked import import_kits_of_rutland


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = dt.datetime.fromisoformat("2026-07-04T23:30+01:00")

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def app(settings: Settings, clock: Clock) -> Iterator[Flask]:
    made = create_app(settings, clock)
    made.testing = False
    yield made
    made.extensions["facts"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def evening() -> Clock:
    """Tell the time of the application that has the streets of Rutland."""
    return Clock()


@pytest.fixture(scope="session")
def walking_app(
    rutland_folder: Path, evening: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The site with the streets of Rutland and four kits there that do not exist."""
    url = f"sqlite:///{tmp_path_factory.mktemp('walking')}/registry.sqlite"
    import_kits_of_rutland(url)
    made = create_app(Settings(database_url=url, network=rutland_folder), evening)
    made.testing = False
    yield made
    made.extensions["facts"].close()


@pytest.fixture
def walking(walking_app: Flask, evening: Clock) -> FlaskClient:
    evening.now = dt.datetime.fromisoformat("2026-07-04T20:00+01:00")
    return walking_app.test_client()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A site to be read only; files that tell it something have one of their own."""
    with serve(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        missing("Needs Chromium: apt install chromium.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield opened
        opened.close()
