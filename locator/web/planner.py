"""Serve the planner's pages: where the next kits belong, and the report to hand on.

Strangers may ask for a short list of things only, one plan and one report are worked out at a
time, and both are kept. Open data alone is read: never partners' incidents, and no candidate of
the registry, which may name hosts.
"""

import datetime as dt
import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from locator import tables
from locator.analysis.candidates import kinds
from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage
from locator.analysis.coverage import coverage as measure_coverage
from locator.analysis.goal import Action, Goal
from locator.analysis.siting import Plan
from locator.analysis.siting import plan as make_plan
from locator.demand import Basis
from locator.errors import BusyError, InputError, MissingLibraryError
from locator.maps import coverage as coverage_maps
from locator.maps.plan import plan_map
from locator.places import Position
from locator.registry.snapshot import Snapshot
from locator.reports._words import FILTERS
from locator.reports.charts import curve_chart
from locator.reports.pages import styles
from locator.reports.planner import Options, Report, question, report
from locator.travel.standard import Standard
from locator.web import pictures
from locator.web.here import facts, now

blueprint = Blueprint("planner", __name__)

_MOST_KITS, _MOST_POUNDS, _MOST_SITES = 50, 100_000, 10
_DEFAULT_KITS = 10
# how long the search may take, and how long a request waits for that of another
_PLAN_S, _REPORT_S, _WAIT_S = 4.0, 20.0, 12.0
_RESAMPLES = 20
_PLANS_KEPT, _REPORTS_KEPT = 32, 4
_LOOK_AGAIN_S = 3
_MINUTE_S = 60
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form asks for, in its own words.

    Attributes
    ----------
    new
        Number of kits; 0 if a budget is given.
    budget
        Pounds; 0 if a number is given.
    near
        Key of one of :func:`standards`.
    sources
        Kinds of candidate sites, in the order of the form.
    sites
        Longitude and latitude (EPSG:4326, 5 decimals) of more sites.
    """

    new: int
    budget: int
    near: str
    sources: tuple[str, ...]
    sites: tuple[tuple[float, float], ...]

    @property
    def query(self) -> str:
        """The part of an address that asks for the same again."""
        asked: list[tuple[str, str]] = [("near", self.near)]
        asked.append(("budget", str(self.budget)) if self.budget else ("new", str(self.new)))
        asked += [("from", kind) for kind in self.sources]
        return urlencode([*asked, *(("at", at) for at in self.typed)])

    @property
    def typed(self) -> list[str]:
        """The named sites as "latitude, longitude"."""
        return [f"{lat:.5f}, {lon:.5f}" for lon, lat in self.sites]

    @property
    def command(self) -> str:
        """The command that makes the report of this choice."""
        standard = standards()[self.near]
        if standard.m_per_s is None:
            words = ["--within", f"{standard.limit:g}"]
        else:
            words = ["--fetch", f"{standard.limit:g}"]
        words += ["--budget", str(self.budget)] if self.budget else ["--new", str(self.new)]
        words += ["--candidates", f'"{",".join(self.sources)}"']
        for at in self.typed:
            words += ["--site", f'"{at}"']
        return " ".join(["locator", "plan-report", *words, "--out", "report"])


def standards() -> dict[str, Standard]:
    """List the service standards that the form offers, by their keys."""
    pace = facts().travel.pace
    found = {str(m): Standard.within(m) for m in pictures.standards()}
    for minutes in (3, 5):
        if pace.reach_m(minutes * _MINUTE_S, pace.run_m_per_s) > 0:
            found[f"fetch{minutes}"] = Standard.fetch(minutes, pace, pace.run_m_per_s)
    return found


def _choice() -> tuple[Choice, str]:
    """Read what a request asks for; what cannot be used as a site is said, not refused.

    Raises
    ------
    InputError
        It is more than strangers may ask for, or not offered.
    """
    known = kinds(facts().settings.geodata)
    near = request.args.get("near", str(facts().settings.standard_m))
    if near not in standards():
        msg = f"Choose a standard among {', '.join(standards())}."
        raise InputError(msg)
    sources = tuple(kind for kind in known if kind in request.args.getlist("from")) or tuple(known)
    if set(request.args.getlist("from")) - set(known):
        msg = f"Choose candidate places among {', '.join(known)}."
        raise InputError(msg)
    budget = _number("budget", 0, _MOST_POUNDS)
    new = 0 if budget else _number("new", _DEFAULT_KITS, _MOST_KITS)
    if not budget and not new:
        msg = f"Plan 1 to {_MOST_KITS} kits, or say how many pounds there are to spend."
        raise InputError(msg)
    sites, problem = _sites()
    return Choice(new, budget, near, sources, sites), problem


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or int(text) > most:
        msg = f"“{name}” must be a whole number from 0 to {most:,}."
        raise InputError(msg)
    return int(text)


def _sites() -> tuple[tuple[tuple[float, float], ...], str]:
    """Read the named sites: those chosen before, and the one that was typed."""
    found: list[tuple[float, float]] = []
    for text in request.args.getlist("at"):
        place = _resolved(text)
        found.append((round(place.lon, 5), round(place.lat, 5)))
    problem = ""
    if typed := request.args.get("site", "").strip():
        try:
            place = _resolved(typed)
            found.append((round(place.lon, 5), round(place.lat, 5)))
        except InputError as error:
            problem = str(error)
    unique = tuple(dict.fromkeys(found))
    if len(unique) > _MOST_SITES:
        msg = f"At most {_MOST_SITES} places can be considered at a time."
        raise InputError(msg)
    return unique, problem


def _resolved(text: str) -> Position:
    known = facts().gazetteer
    positions = known.resolve(text)
    if len(positions) > 1 or not positions[0].sure:
        names = "; ".join(position.label for position in positions[:5])
        msg = f"“{text}” is not certain. Type one of these: {names}."
        raise InputError(msg)
    place = known.noted_if_outside(positions[0])
    if place.note and place.kind == "point":
        msg = f"“{text}” lies outside {facts().area.name}. Name a place inside."
        raise InputError(msg)
    return place


class _Kept(Generic[_T]):
    """Keeps the newest results; works out one at a time, and lets nobody wait for long."""

    def __init__(self, most: int) -> None:
        self._most, self._working = most, threading.Lock()
        self._kept: OrderedDict[Hashable, _T] = OrderedDict()

    def get(self, key: Hashable, work: Callable[[], _T]) -> _T:
        """Return what is kept for a key, or work it out.

        Raises
        ------
        BusyError
            Something else is being worked out, and it takes long.
        """
        found = self._kept.get(key)
        if found is not None:
            return found
        if not self._working.acquire(timeout=_WAIT_S):
            msg = "Another plan is being worked out."
            raise BusyError(msg, math.ceil(_WAIT_S))
        try:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = work()
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            return found
        finally:
            self._working.release()


@dataclass(frozen=True, slots=True, eq=False)
class _Planned:
    """A plan with its map and what lies around it."""

    plan: Plan
    measured: Coverage
    served: "pictures.Served"
    curve: str


_plans: _Kept[_Planned] = _Kept(_PLANS_KEPT)


def _monday() -> dt.date:
    today = now().date()
    return today - dt.timedelta(days=today.weekday())


def _options(choice: Choice, seconds: float) -> Options:
    goal = Goal(budget=float(choice.budget)) if choice.budget else Goal(new=choice.new)
    return Options(
        standard=standards()[choice.near],
        goal=replace(goal, seconds=seconds),
        sources=choice.sources,
        points=choice.sites,
        resamples=_RESAMPLES,
        command=choice.command,
    )


def _planned(choice: Choice) -> _Planned:
    """Plan, once for each choice, week and state of the registry."""
    snapshot, monday = facts().snapshot(), _monday()
    return _plans.get((snapshot, monday, choice), lambda: _work(choice, snapshot, monday))


def _work(choice: Choice, snapshot: Snapshot, monday: dt.date) -> _Planned:
    known, options = facts(), _options(choice, _PLAN_S)
    asked = replace(question(known, options, monday), snapshot=snapshot)
    plan = make_plan(asked, residents=known.demand(Basis.RESIDENTS))
    measured = measure_coverage(
        snapshot, asked.demand, known.travel, options.standard, known.neighbourhoods, day=monday
    )
    drawn = plan_map(plan, measured, choice.sites, known.county, basemap=pictures.ground())
    served = pictures.Served.of(drawn, f"{url_for('planner.plan_script')}?{choice.query}", None)
    share = [float(value) for value in plan.curve["share"]]
    bound = [float(value) / (plan.total or 1.0) for value in plan.curve["bound"]]
    told = ", ".join(f"{n} {100 * s:.0f} %" for n, s in zip(plan.curve["n"], share, strict=True))
    curve = curve_chart(
        "curve",
        [int(n) for n in plan.curve["n"]],
        share,
        bound,
        before=plan.before / (plan.total or 1.0),
        title="Share of recorded violence within reach, by number of kits",
        tells=told,
    )
    return _Planned(plan, measured, served, curve)


@blueprint.get("/plan")
def plan() -> str:
    """Show where the next kits belong, on a map and as a table."""
    choice, problem = _choice()
    found = _planned(choice)
    cells, in_small_cells = found.measured.cells(Counting.KNOWN)
    owed = ("kits", "areas", *found.plan.tables, "basemap")
    return render_template(
        "planner/plan.html",
        said=FILTERS,
        choice=choice,
        problem=problem,
        typed=request.args.get("site", "") if problem else "",
        plan=found.plan,
        curve=found.curve,
        picture=found.served,
        standards=standards(),
        kinds=kinds(facts().settings.geodata),
        changes=any(site.action is Action.OPEN_ALWAYS for site in found.plan.sites),
        cell_bands=coverage_maps.cell_bands(cells),
        cell_minimum=CELL_MINIMUM,
        in_small_cells=in_small_cells,
        most_kits=_MOST_KITS,
        most_pounds=_MOST_POUNDS,
        most_sites=_MOST_SITES,
        demand=found.measured.demand,
        attributions=tables.attributions(facts().settings.geodata, *dict.fromkeys(owed)),
    )


@blueprint.get("/maps/plan.js")
def plan_script() -> Response:
    """Serve the script that draws the map of a plan."""
    choice, _ = _choice()
    return pictures.script(_planned(choice).served)


@dataclass(eq=False)
class _Job:
    """A report that is being made, or has been."""

    choice: Choice
    began: float = field(default_factory=time.monotonic)
    doing: str = "Beginning"
    made: Report | None = None
    printed: bytes = b""
    failed: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)


class _Press:
    """Makes one report at a time, behind the requests, and keeps the newest."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._jobs: OrderedDict[Hashable, _Job] = OrderedDict()

    def job(self, key: Hashable, choice: Choice, work: Callable[[_Job], None]) -> _Job:
        """Return the job for a key, begun now if it is new.

        Raises
        ------
        BusyError
            Another report is being made.
        """
        with self._changing:
            job = self._jobs.get(key)
            if job is not None and not (job.over.is_set() and job.failed):
                return job
            if any(not other.over.is_set() for other in self._jobs.values()):
                msg = "Another report is being made. Yours can be made after it."
                raise BusyError(msg, 15)
            job = self._jobs[key] = _Job(choice)
            while len(self._jobs) > _REPORTS_KEPT:
                self._jobs.popitem(last=False)
        threading.Thread(target=self._run, args=(job, work), daemon=True).start()
        return job

    @staticmethod
    def _run(job: _Job, work: Callable[[_Job], None]) -> None:
        try:
            work(job)
        except Exception as error:  # noqa: BLE001  # told by the request that looks next
            job.failed = error
        finally:
            job.over.set()


_press = _Press()


def _job() -> _Job:
    known, (choice, _), at = facts(), _choice(), now()
    options = _options(choice, _REPORT_S)

    def work(job: _Job) -> None:
        def told(what: str, count: int) -> None:
            del count
            job.doing = what

        job.made = report(known, options, at, told)
        told("Printing", 1)
        try:
            job.printed = job.made.pdf()
        except MissingLibraryError:
            job.printed = b""

    job = _press.job((known.snapshot(), _monday(), choice), choice, work)
    if job.failed is not None:
        raise job.failed
    return job


@blueprint.get("/report")
def report_page() -> Response:
    """Show the report, or how far it is."""
    job = _job()
    # what is done in a moment needs no page of its own
    job.over.wait(timeout=0.5)
    query = job.choice.query
    if job.made is None or not job.over.is_set():
        waiting = render_template(
            "planner/waiting.html",
            doing=job.doing,
            seconds=round(time.monotonic() - job.began),
            again=f"{url_for('planner.report_page')}?{query}",
        )
        response = make_response(waiting, HTTPStatus.ACCEPTED)
        response.headers["Refresh"] = str(_LOOK_AGAIN_S)
        return response
    links = [("Change the plan", f"{url_for('planner.plan')}?{query}")]
    if job.printed:
        links.insert(0, ("The report as PDF", f"{url_for('planner.report_pdf')}?{query}"))
    digest = hashlib.sha256(job.made.styles.encode()).hexdigest()[:12]
    return make_response(job.made.page(links, f"{url_for('planner.report_styles')}?v={digest}"))


@blueprint.get("/report.css")
def report_styles() -> Response:
    """Serve the styles of the report, which its own file holds within."""
    response = make_response(styles(facts().settings.templates))
    response.content_type = "text/css; charset=utf-8"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@blueprint.get("/report.pdf")
def report_pdf() -> Response:
    """Serve the report as PDF, once it is made."""
    job = _job()
    if not job.over.is_set() or job.made is None:
        address = f"{url_for('planner.report_page')}?{job.choice.query}"
        return make_response(redirect(address, HTTPStatus.SEE_OTHER))
    if not job.printed:
        abort(HTTPStatus.NOT_IMPLEMENTED, "PDFs cannot be made here. Print the page instead.")
    response = make_response(job.printed)
    response.content_type = "application/pdf"
    response.headers["Content-Disposition"] = 'inline; filename="bleed-kits-plan.pdf"'
    return response
