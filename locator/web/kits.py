"""Serve the pages of kits: all of them, each one, and each town."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from http import HTTPStatus

import numpy as np
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from locator import geodesy
from locator.analysis.days import Day, days, next_holidays
from locator.analysis.fetch import Availability, Fetch
from locator.analysis.nearest import nearest, overview
from locator.analysis.towns import Town, towns
from locator.errors import KitNotFoundError
from locator.places import Position
from locator.registry import custody
from locator.registry.schema import Status
from locator.registry.snapshot import Snapshot
from locator.web import addresses, pictures
from locator.web.here import attributions, facts, now

blueprint = Blueprint("kits", __name__)

_NEARBY = 3


@blueprint.app_template_filter("weekday")
def _weekday(day: dt.date) -> str:
    """Write a day of this year: ``Saturday 4 July``."""
    return str(format_date(day, "EEEE d MMMM"))


@blueprint.app_template_filter("full_date")
def _full_date(day: dt.date) -> str:
    """Write a day of any year: ``4 July 2026``."""
    return str(format_date(day, "d MMMM y"))


@blueprint.get("/map")
def every() -> str:
    """Show all kits on a map and as a list."""
    moment = now()
    fetches = overview(facts().snapshot(), moment)
    order = list(Availability)
    fetches.sort(key=lambda f: (order.index(f.availability), f.kit["address"], f.kit["name"]))
    return render_template(
        "public/map.html",
        fetches=fetches,
        at=moment,
        picture=pictures.kits_picture(),
        attributions=attributions("areas", "kits", "basemap"),
    )


@blueprint.get("/kit/<reference>")
def one(reference: str) -> ResponseReturnValue:
    """Tell everything public that is known of one kit, and what is not known."""
    proper = custody.normal_reference(reference)
    snapshot, moment = facts().snapshot(), now()
    row = _row(snapshot, proper)
    if row is None:
        return _gone(reference)
    if reference != proper:
        return redirect(url_for("kits.one", reference=proper), HTTPStatus.PERMANENT_REDIRECT)
    fetch = _fetch(snapshot, row, moment)
    kit = fetch.kit
    placed = fetch.availability is not Availability.UNPLACED
    at = (float(str(kit["longitude"])), float(str(kit["latitude"]))) if placed else None
    week, holidays = _hours(snapshot, str(kit["opening_hours"]), moment)
    return render_template(
        "public/kit.html",
        fetch=fetch,
        kit=kit,
        at=moment,
        week=week,
        holidays=holidays,
        town=_town_of(snapshot, row),
        nearby=_nearby(snapshot, kit, at, moment) if at else [],
        grid_reference=geodesy.grid_reference(*at) if at else "",
        picture=pictures.kits_picture() if at else None,
        page=addresses.whole("kits.one", reference=proper),
        in_languages=addresses.in_languages("kits.one", reference=proper),
        attributions=attributions("kits", "basemap"),
    )


def _row(snapshot: Snapshot, reference: str) -> int | None:
    found = np.flatnonzero(snapshot.kits["reference"].to_numpy() == reference)
    return int(found[0]) if len(found) else None


def _gone(reference: str) -> ResponseReturnValue:
    """Answer for a kit that is in no snapshot: it is withdrawn, or there never was one.

    Raises
    ------
    KitNotFoundError
        There never was one.
    """
    kit = custody.find(facts().engine, reference)
    if kit["status"] != Status.WITHDRAWN:
        msg = f"The kit “{reference}” has only just been entered. Try again in a moment."
        raise KitNotFoundError(msg)
    title = _("Kit %(reference)s has been withdrawn", reference=kit["reference"])
    detail = _("There is no longer a bleed kit at this place: %(name)s.", name=kit["name"])
    return render_template("problem.html", title=title, detail=detail), HTTPStatus.GONE


def _fetch(snapshot: Snapshot, row: int, moment: dt.datetime) -> Fetch:
    """Tell how one kit stands, without looking at all others."""
    kits = snapshot.kits.iloc[[row]]
    text = str(kits["opening_hours"].iloc[0])
    alone = dataclasses.replace(snapshot, kits=kits, hours={text: snapshot.hours[text]})
    return overview(alone, moment)[0]


def _hours(snapshot: Snapshot, text: str, moment: dt.datetime) -> tuple[list[Day], list[Day]]:
    """Give the next seven days and the bank holidays after them; none if no hours are known."""
    if not text:
        return [], []
    hours, calendar = snapshot.hours[text], snapshot.calendar
    today = moment.astimezone(calendar.zone).date()
    week = days(hours, today, calendar)
    return week, next_holidays(hours, week[-1].date, calendar)


def _nearby(
    snapshot: Snapshot, kit: Mapping[str, object], at: tuple[float, float], moment: dt.datetime
) -> list[Fetch]:
    """List the other kits that are nearest and may be open, by distance."""
    here = Position(*at, float(str(kit["precision_m"])), str(kit["name"]), "kit")
    answer = nearest(snapshot, here, facts().travel, at=moment, count=_NEARBY + 1, routes=0)
    others = [f for f in (*answer.reachable, *answer.unknown) if f.kit != kit]
    return sorted(others, key=lambda f: f.distance_m or 0.0)[:_NEARBY]


def _town_of(snapshot: Snapshot, row: int) -> Town:
    every_town = towns(snapshot, facts().settings.geodata)
    return next(town for town in every_town if row in town.rows)
