import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from locator.analysis.goal import Goal
from locator.facts import Facts
from locator.reports import exports
from locator.reports.planner import Options, Report, report
from locator.settings import Settings
from locator.travel.standard import Standard
from tests.reports.counties import made_up

# few enough that another solver finds the optimum in a moment
SOURCES = ("railway station", "bus station", "hospital", "GP practice")
# a week without a holiday
AT = dt.datetime.fromisoformat("2026-07-08T10:00+01:00")


@dataclass(frozen=True)
class Made:
    """A report, what it was made from, and what it has written."""

    facts: Facts
    report: Report
    folder: Path

    @property
    def geodata(self) -> Path:
        return self.facts.settings.geodata


def _made(settings: Settings, folder: Path, options: Options) -> Iterator[Made]:
    facts = Facts.open(settings)
    found = report(facts, options, AT)
    exports.write(found, folder)
    yield Made(facts, found, folder)
    facts.close()


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The report on the real county, with candidates that have staff."""
    folder = tmp_path_factory.mktemp("county")
    settings = Settings(database_url=f"sqlite:///{folder}/registry.sqlite")
    options = Options(
        Standard.within(400),
        Goal(new=5),
        SOURCES,
        resamples=10,
        command="locator plan-report --new 5 --within 400 --out report",
    )
    yield from _made(settings, folder / "report", options)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The report on a county with a few records, and kits that shut, that nobody would expect."""
    folder = tmp_path_factory.mktemp("small")
    settings = Settings(
        database_url=f"sqlite:///{folder}/registry.sqlite", geodata=made_up(folder / "geodata")
    )
    options = Options(
        Standard.within(500),
        Goal(new=3),
        ("school", "bus stop"),
        resamples=0,
        sensitivity=False,
        backtest=False,
        gaps=4,
    )
    yield from _made(settings, folder / "report", options)
