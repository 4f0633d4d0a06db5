"""A command line with a registry of its own, for commands that change it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from locator.cli import main


@dataclass(frozen=True)
class Done:
    """What a command has left behind."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Locator:
    """Runs commands in this process: the facts are read once, not for each of them."""

    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> Done:
        url = f"sqlite:///{self.folder}/registry.sqlite"
        usual = {"LOCATOR_DATABASE_URL": url, "COLUMNS": "160", "LOCATOR_BY": None}
        done = CliRunner(env=usual | environment).invoke(main, list(arguments))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def locator(tmp_path: Path) -> Locator:
    return Locator(tmp_path)


@pytest.fixture(scope="session")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Locator:
    """One registry for all commands that only read."""
    return Locator(tmp_path_factory.mktemp("unchanged"))
