"""Answer on the command line, look after the registry, serve the site and build the tables."""

import sys

import click

try:
    from locator.cli import (
        coverage,
        data,
        exchange,
        lookups,
        network,
        planning,
        registry,
        reporting,
        serving,
    )
    from locator.cli._shared import Group
except KeyboardInterrupt:
    # imports take seconds on a busy machine; click says the same of commands
    sys.exit("Aborted!")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bleed-kit-locator")
def main() -> None:
    """Find the nearest bleed kit that can be reached now, and where the gaps are.

    In an emergency call 999 first, press hard on the wound, and never leave the casualty
    alone to fetch a kit.
    """


for _command in (
    serving.serve,
    lookups.nearest_command,
    coverage.coverage_command,
    exchange.import_command,
    exchange.export_command,
    registry.kit,
    registry.check_command,
    registry.report_command,
    registry.sightings_group,
    registry.remind_command,
    registry.backup_command,
    registry.restore_command,
    planning.plan_command,
    planning.backtest_command,
    reporting.plan_report_command,
    data.data,
    network.network,
):
    main.add_command(_command)
