"""Write the parts of the documentation that the code already knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from locator import Facts, Settings, coverage, tables
from locator.build import BUILDERS
from locator.cli import main

DOCS = Path(__file__).parent


def cli() -> str:
    """List every command with its own help."""
    parts = ["# Command line\n\nWritten by `make docs` from the commands' own help.\n"]
    parts += [f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(main, "locator")]
    codes = (
        "0 answer, 2 bad input, 3 data missing or damaged, 4 registry not available, "
        "5 changed by somebody else meanwhile"
    )
    parts.append(f"## Exit codes\n\n{codes}, 1 anything else.\n")
    return "\n".join(parts)


def _helps(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    settings = {"max_content_width": 90} | command.context_settings
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _helps(found, child, context)


def settings() -> str:
    """List every setting with its environment variable and default."""
    rows = [
        f"| `LOCATOR_{name.upper()}` | {_default(name, field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nWritten by `make docs`. Each is an environment variable.\n"
    return "\n".join([head, "| variable | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _default(name: str, default: object) -> str:
    shipped = isinstance(default, Path) and default.is_absolute()
    return f"the `{name}/` folder shipped with it" if shipped else f"`{default}`"


def geodata() -> str:
    """Describe every table of geodata/ from sources.toml."""
    parts = [
        (
            "# Tables of facts\n\nWritten by `make docs` from `sources.toml`. Made by\n\n"
            "```\nlocator data build --from FOLDER\n```\n\nwhere FOLDER holds the downloads: "
            "Code-Point Open, the archive of data.police.uk (unzipped or not, all forces and "
            "months in it count), ONS boundaries, census and postcode lookup, the indices of "
            "deprivation, NaPTAN stops, railway stations, hospitals, GP practices, schools, and "
            "streets of OpenStreetMap. Name tables to build only those. Building again from the "
            "same files gives the same bytes. `area.toml`, `profile_shares.csv` and the first "
            "columns of `kits.csv` are written by hand.\n"
        )
    ]
    for name, source in tables.sources(Settings().geodata).items():
        columns = "\n".join(f"| `{c}` | {meaning} |" for c, meaning in source.columns.items())
        made = f"`locator data build {name} --from FOLDER`" if name in BUILDERS else "by hand"
        parts.append(
            f"## {source.file}\n\n{source.title}.\n\n- Made from: {source.made_from}\n"
            f"- Date: {source.date}\n- Licence: {source.licence}\n"
            f"- Attribution: {source.attribution}\n- Build: {made}\n\n"
            f"| column | meaning |\n| --- | --- |\n{columns}\n"
        )
    return "\n".join(parts)


def method() -> str:
    """Put the county's figures into the page on method."""
    facts = Facts.open(Settings(database_url="sqlite://"))
    lines = ["| kits counted | beyond 400 m | within | without coordinates | outside |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for always, label in ((False, "all in service, whatever their hours"), (True, "24/7 only")):
        c = coverage(
            facts.snapshot(),
            facts.incidents,
            facts.residents,
            within_m=400,
            only_always_open=always,
        )
        lines.append(
            f"| {len(c.kits)}: {label} | {c.beyond:,} ({c.share_beyond:.1%} of those placed) | "
            f"{c.within:,} | {c.without_position:,} | {c.outside:,} |"
        )
    facts.close()
    block = "\n".join(lines)
    return re.sub(
        r"(<!-- figures: [^>]*-->\n).*?(<!-- end of figures -->)",
        lambda found: f"{found[1]}{block}\n{found[2]}",
        (DOCS / "method.md").read_text("utf-8"),
        flags=re.DOTALL,
    )


PAGES = {
    DOCS / "cli.md": cli,
    DOCS / "settings.md": settings,
    DOCS / "method.md": method,
    DOCS.parent / "geodata" / "README.md": geodata,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        page.write_text(write(), "utf-8")
