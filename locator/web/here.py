"""Hand the application's facts and clock to views."""

import datetime as dt

from flask import current_app

from locator import tables
from locator.facts import Facts


def facts() -> Facts:
    """Return what the application has opened."""
    opened: Facts = current_app.extensions["facts"]
    return opened


def now() -> dt.datetime:
    """Tell the time that the application goes by."""
    moment: dt.datetime = current_app.extensions["clock"]()
    return moment


def attributions(*names: str) -> list[str]:
    """List what is owed to the sources of some tables."""
    return tables.attributions(facts().settings.geodata, *names)
