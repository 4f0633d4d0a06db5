"""Share what every command needs: errors as exit codes, the facts, a bar for long work."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from locator.errors import LocatorError
from locator.facts import Facts
from locator.settings import Settings


class Group(click.Group):
    """Turns errors of the package into a message and an exit code, for every command."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LocatorError as error:
            raise _Failure(error) from error


class _Failure(click.ClickException):
    """An error of the package, as click shows it."""

    def __init__(self, error: LocatorError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance


@contextlib.contextmanager
def open_facts() -> Iterator[Facts]:
    """Open the facts for one command."""
    facts = Facts.open(Settings.read())
    try:
        yield facts
    finally:
        facts.close()


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
by_option = click.option(
    "--by", "who", envvar="LOCATOR_BY", required=True, help="Your name, for the record; LOCATOR_BY."
)


def print_json(plain: object) -> None:
    """Print plain values as JSON."""
    click.echo(json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False))


@contextlib.contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """Show on the terminal how long work goes on; nothing where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield _no_bar
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, rows: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None)
            progress.advance(tasks[what], rows)

        yield advance


def _no_bar(what: str, rows: int) -> None:
    del what, rows
