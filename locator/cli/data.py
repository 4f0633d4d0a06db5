"""Build the tables of facts."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from locator import build
from locator.settings import Settings


@click.group()
def data() -> None:
    """Build the tables of facts from open data."""


@data.command("build")
@click.argument("tables", nargs=-1, type=click.Choice(list(build.BUILDERS)))
@click.option(
    "--from",
    "sources",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the downloaded files.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Geodata folder to write to; LOCATOR_GEODATA otherwise.",
)
def data_build(tables: tuple[str, ...], sources: Path, folder: Path | None) -> None:
    """Build TABLES (all if none is named) from files that were downloaded by hand."""
    names = tables or tuple(build.BUILDERS)
    target = folder or Settings.read().geodata
    for name in track(names, description="Building", console=Console(stderr=True)):
        built = build.build(name, sources, target)
        click.echo(f"{built.path}: {built.rows:,} rows. {'; '.join(built.notes)}")
