import datetime as dt
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from locator.settings import Settings
from locator.web import create_app


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
