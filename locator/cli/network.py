"""Build the walking network and tell what is in it."""

from pathlib import Path

import click
from rich.console import Console

from locator.cli._shared import as_json_option, print_json, progress_bar
from locator.settings import Settings
from locator.travel import extract, straight, tiles
from locator.travel.network import About, Network, annotate, build
from locator.travel.streets import Streets

_KM = 1000


@click.group()
def network() -> None:
    """Build the walking network that distances along streets come from."""


@network.command("build")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the network, which is replaced; LOCATOR_NETWORK otherwise.",
)
@as_json_option
def build_command(file: Path, folder: Path | None, *, as_json: bool) -> None:
    """Build the network from FILE, an OpenStreetMap extract (.osm.pbf) of a county or country.

    download.geofabrik.de has one for every county. Until the new network is complete the old
    one stays; a build that is stopped leaves nothing behind. A server that runs uses the new
    network when it is started again.
    """
    target = folder or Settings.read().network
    with progress_bar(quiet=as_json) as progress:

        def complete(fresh: Network, where: Path) -> None:
            progress("Measuring detours", fresh.about.edges)
            detour = straight.measure(Streets(fresh), fresh.about.source.title)
            if detour is not None:
                annotate(fresh, where, detour)
            progress("Drawing tiles", fresh.about.edges)
            tiles.write(fresh, where)

        built = build(extract.read(file, progress), target, progress, complete)
    _print(built.about, target, as_json=as_json)


@network.command("show")
@click.option(
    "--from",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the network; LOCATOR_NETWORK otherwise.",
)
@as_json_option
def show_command(folder: Path | None, *, as_json: bool) -> None:
    """Tell what the network in use was built from, and what was left out."""
    target = folder or Settings.read().network
    _print(Network.open(target).about, target, as_json=as_json)


def _print(about: About, folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(about.as_dict() | {"folder": str(folder)})
        return
    console = Console(markup=False, emoji=False, highlight=False)
    source = about.source
    console.print(
        f"{folder}: {about.metres / _KM:,.0f} km of streets, {about.edges:,} between "
        f"{about.junctions:,} junctions; connected pieces: {about.pieces_kept:,}.",
        style="bold",
    )
    dated = f"of {source.extracted_on}" if source.extracted_on else "of an unknown date"
    console.print(f"From {source.file} {dated}, built on {about.built_on}.")
    console.print(f"{source.attribution}, {source.licence}.")
    if about.pieces_dropped:
        console.print(
            f"{about.pieces_dropped:,} pieces that lead nowhere were dropped, "
            f"{about.metres_dropped / _KM:,.1f} km in all; the largest: "
            f"{', '.join(about.largest_dropped)}."
        )
    if about.detour:
        detour = about.detour
        console.print(
            f"Walks are {detour.median:.2f} times as long as the straight line (median; 8 of 10 "
            f"ways {detour.low:.2f} to {detour.high:.2f})."
        )
    for note in source.notes:
        console.print(note)
