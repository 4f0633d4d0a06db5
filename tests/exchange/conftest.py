"""Fixtures of the tests of imports and exports; those with a registry run on every database."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from locator.exchange.importing import Options, Plan, plan_import, write_plan
from locator.places import Gazetteer
from locator.settings import Settings
from tests.registry.conftest import engine, kits, postgres_model, sqlite_model

__all__ = ["engine", "kits", "postgres_model", "sqlite_model"]


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return Gazetteer.load(Settings().geodata)


Bring = Callable[..., Plan]


@pytest.fixture
def bring(engine: Engine, gazetteer: Gazetteer, tmp_path: Path) -> Bring:
    """Import a text as a CSV file, or a file, and write it unless asked not to."""

    def go(
        text: str | Path, *, write: bool = True, leave_out: bool = False, **options: object
    ) -> Plan:
        path = tmp_path / "list.csv"
        if isinstance(text, Path):
            path = text
        else:
            path.write_text(text, "utf-8")
        plan = plan_import(engine, path, gazetteer, Options(**options))  # type: ignore[arg-type]
        if write:
            write_plan(engine, plan, "NN", who="Ann", why="Test", leave_out=leave_out)
        return plan

    return go
