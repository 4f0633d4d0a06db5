"""Make the planner's report with its tables and layers."""

import shlex
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from locator.analysis.candidates import REGISTRY, kinds, matching, read_areas
from locator.analysis.goal import Action, Goal
from locator.cli._shared import as_json_option, open_facts, print_json, progress_bar
from locator.cli.coverage import standard_of, standard_options
from locator.errors import InputError
from locator.facts import Facts
from locator.reports import exports
from locator.reports.planner import Options, report

_NEW = 10
_ACTIONS = {
    "cabinet": Action.NEW_CABINET,
    "bag": Action.NEW_BAG,
    "always": Action.OPEN_ALWAYS,
}


@click.command("plan-report")
@click.option("--new", type=click.IntRange(1, 1_000), help=f"Kits to place; {_NEW} if left out.")
@click.option(
    "--budget", type=click.FloatRange(0, min_open=True), help="Pounds to spend instead of --new."
)
@standard_options
@click.option(
    "--candidates",
    "sources",
    default="",
    help="Where kits may go, such as registry,school,stop; everywhere that is known if left out.",
)
@click.option(
    "--site", "sites", multiple=True, help="A place to consider as well; may be repeated."
)
@click.option(
    "--exclude",
    type=click.Path(path_type=Path),
    help="GeoJSON or GeoPackage with areas in which no kit may go.",
)
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(list(_ACTIONS)),
    help="What may be done: a new cabinet, a bag in premises, making a kit reachable always.",
)
@click.option("--bag-hours", default="", help="OSM hours of the premises where bags would be.")
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, 3_600, min_open=True),
    help="How long to look for the best choice.",
)
@click.option(
    "--resamples",
    default=100,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Plans made again from records drawn anew, to see which places stay.",
)
@click.option("--no-sensitivity", is_flag=True, help="Leave out plans under other assumptions.")
@click.option("--no-backtest", is_flag=True, help="Leave out the test on later months.")
@click.option("--no-pdf", is_flag=True, help="Leave out the PDF, which needs the library Pango.")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to; files there that have the same names are replaced.",
)
@as_json_option
def plan_report_command(  # noqa: PLR0917  # click passes by name
    new: int | None,
    budget: float | None,
    sources: str,
    sites: tuple[str, ...],
    exclude: Path | None,
    actions: tuple[str, ...],
    bag_hours: str,
    seconds: float,
    resamples: int,
    folder: Path,
    *,
    no_sensitivity: bool,
    no_backtest: bool,
    no_pdf: bool,
    as_json: bool,
    within_m: int | None,
    minutes: float | None,
    fetch: float | None,
    pace: str,
    walking: bool,
) -> None:
    """Write the planner's report: gaps, the next kits, and how far that can be trusted.

    The folder gets the report as HTML and PDF, every table as CSV, every layer in one
    GeoPackage and every figure as JSON. Only open data is read, never partners' incidents.

    Ctrl-C during the search keeps the best choice until then, and the report says so.
    """
    with open_facts() as facts:
        options = Options(
            standard=standard_of(facts, within_m, minutes, fetch, pace, walking=walking),
            goal=replace(
                _goal(new, budget, seconds),
                actions=tuple(_ACTIONS[name] for name in actions),
                bag_hours=bag_hours,
            ),
            excluded=None if exclude is None else read_areas(exclude),
            sources=_kinds(facts, sources),
            points=tuple(_position(facts, text) for text in sites),
            resamples=resamples,
            sensitivity=not no_sensitivity,
            backtest=not no_backtest,
            command=_command(click.get_current_context()),
        )
        try:
            with progress_bar(quiet=as_json) as told:
                made = report(facts, options, progress=told)
                told("Printing", 1)
                written = exports.write(made, folder, with_pdf=not no_pdf)
        except KeyboardInterrupt as stopped:
            click.echo("Stopped before the report was finished; nothing was written.", err=True)
            raise click.Abort from stopped
    if as_json:
        print_json({"files": [str(path) for path in written], "figures": made.figures})
        return
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(f"In an emergency: {facts.area.advice}", style="bold red")
    if made.interrupted:
        console.print("Stopped: this report has the best plan until then.", style="yellow")
    for line in made.summary:
        console.print(f"- {line}")
    console.print(f"{len(written)} files are in {folder}; begin with {exports.PAGE}.")


def _goal(new: int | None, budget: float | None, seconds: float) -> Goal:
    if budget is not None:
        return Goal(new=new, budget=budget, seconds=seconds)
    return Goal(new=new or _NEW, seconds=seconds)


def _kinds(facts: Facts, text: str) -> tuple[str, ...]:
    folder = facts.settings.geodata
    if not text:
        return (REGISTRY, *kinds(folder))
    found = (kind for word in text.split(",") for kind in matching(folder, word))
    return tuple(dict.fromkeys(found))


def _position(facts: Facts, text: str) -> tuple[float, float]:
    found = facts.gazetteer.resolve(text)
    if len(found) != 1 or not found[0].sure:
        listed = "\n".join(f"  {position.label}" for position in found[:8])
        msg = f"“{text}” is not certain. Name the site by one of these:\n{listed}"
        raise InputError(msg)
    return found[0].lon, found[0].lat


def _command(context: click.Context) -> str:
    """Write the command again, with what was given and nothing else."""
    words = ["locator", "plan-report"]
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        if source is not click.core.ParameterSource.COMMANDLINE or name == "as_json":
            continue
        value = context.params[name]
        if value is True:
            words.append(option.opts[0])
            continue
        for each in value if isinstance(value, tuple) else (value,):
            words += [option.opts[0], f"{each:g}" if isinstance(each, float) else str(each)]
    return shlex.join(words)
