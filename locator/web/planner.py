"""Serve the planner's pages: where the next kits belong, and the report to hand on.

Strangers may ask for a short list of things only. Plans and reports are worked out behind the
requests, one of each at a time, few may wait for their turn, and both are kept: the emergency page
never waits for a planner. Open data alone is read: never partners' incidents, and no candidate of
the registry, which may name hosts, nor who of them has refused.
"""

import datetime as dt
import hashlib
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import urlencode

import geopandas as gpd
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
from locator.analysis.coverage import CELL_MINIMUM, Counting
from locator.analysis.coverage import coverage as measure_coverage
from locator.analysis.goal import Action, Goal
from locator.analysis.siting import Plan
from locator.analysis.siting import plan as make_plan
from locator.demand import Basis, Demand
from locator.errors import BusyError, InputError, MissingLibraryError
from locator.facts import Facts
from locator.maps import Basemap, Picture
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
_DEFAULT_KITS, _FEW = 10, 3
_TOO_MANY = f"At most {_MOST_SITES} places can be considered at a time."
# how long the search may take, and how long the one request that waits does so
_PLAN_S, _REPORT_S, _WAIT_S = 4.0, 20.0, 0.8
_RESAMPLES = 20
_PLANS_KEPT, _REPORTS_KEPT = 32, 4
# beside the one that is being worked out
_PLANS_WAITING, _REPORTS_WAITING = 6, 2
_LOOK_AGAIN_S, _COME_BACK_S = 3, 20
# a plan that is farther from the best possible is made anew after a while
_GAP, _POOR_S = 0.005, 120.0
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
        words += ["--seconds", f"{_REPORT_S:g}", "--resamples", str(_RESAMPLES)]
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
    chosen = request.args.getlist("at")
    if len(chosen) > _MOST_SITES:
        raise InputError(_TOO_MANY)
    for text in chosen:
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
        raise InputError(_TOO_MANY)
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


@dataclass(eq=False)
class _Job(Generic[_T]):
    """Something that is being made behind the requests, or has been."""

    work: Callable[["_Job[_T]"], _T]
    asked: float = field(default_factory=time.monotonic)
    doing: str = ""
    made: _T | None = None
    failed: Exception | None = None
    # when it is made anew, by the clock of the process
    good_until: float = math.inf
    over: threading.Event = field(default_factory=threading.Event)


class _Press(Generic[_T]):
    """Makes one thing at a time, behind the requests, and keeps what was asked for last."""

    def __init__(self, kept: int, waiting: int) -> None:
        self._kept, self._most_waiting = kept, waiting
        self._changing = threading.Lock()
        self._jobs: OrderedDict[Hashable, _Job[_T]] = OrderedDict()
        self._waiting: deque[_Job[_T]] = deque()
        self._running = False

    def job(self, key: Hashable, work: Callable[[_Job[_T]], _T]) -> _Job[_T]:
        """Return the job for a key, queued now if it is new.

        Raises
        ------
        BusyError
            As many are waiting as may.
        """
        with self._changing:
            job = self._jobs.get(key)
            if job is not None and time.monotonic() < job.good_until:
                self._jobs.move_to_end(key)
                return job
            if self._running and len(self._waiting) >= self._most_waiting:
                msg = "Others are being worked out. Yours can be made after them."
                raise BusyError(msg, _COME_BACK_S)
            job = self._jobs[key] = _Job(work)
            self._jobs.move_to_end(key)
            self._waiting.append(job)
            over = [other for other, known in self._jobs.items() if known.over.is_set()]
            for other in over[: max(len(self._jobs) - self._kept, 0)]:
                del self._jobs[other]
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, daemon=True).start()
        return job

    def made(self, key: Hashable) -> _T | None:
        """Return what is kept for a key; None if it is not there (any more, or yet)."""
        job = self._jobs.get(key)
        return None if job is None else job.made

    def forget(self, job: _Job[_T]) -> None:
        """Make what failed anew when it is asked for again."""
        with self._changing:
            for key in [key for key, known in self._jobs.items() if known is job]:
                del self._jobs[key]

    def ahead(self, job: _Job[_T]) -> int:
        """Tell how many are made before a job begins."""
        with self._changing:
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def _run(self) -> None:
        while True:
            with self._changing:
                if not self._waiting:
                    self._running = False
                    return
                job = self._waiting.popleft()
            try:
                job.made = job.work(job)
            except Exception as error:  # noqa: BLE001  # told by the request that looks next
                job.failed = error
            finally:
                job.over.set()


_patience = threading.Lock()


def _result(press: _Press[_T], job: _Job[_T]) -> _T | None:
    """Return what a job has made, or None while it is being made.

    What is done in a moment needs no page of its own, so one request may wait for that moment;
    others never keep a thread of the server.
    """
    if not job.over.is_set() and _patience.acquire(blocking=False):
        try:
            job.over.wait(_WAIT_S)
        finally:
            _patience.release()
    if job.failed is not None:
        press.forget(job)
        raise job.failed
    return job.made if job.over.is_set() else None


def _waiting(title: str, usual: str, press: _Press[_T], job: _Job[_T]) -> Response:
    """Say how far a job is, on a page that looks again by itself."""
    page = render_template(
        "planner/waiting.html",
        heading=title,
        usual=usual,
        doing=job.doing,
        ahead=press.ahead(job),
        seconds=round(time.monotonic() - job.asked),
        again=request.full_path,
    )
    response = make_response(page, HTTPStatus.ACCEPTED)
    response.headers["Refresh"] = str(_LOOK_AGAIN_S)
    return response


@dataclass(frozen=True, slots=True, eq=False)
class _Planned:
    """A plan with its map and what lies around it."""

    plan: Plan
    demand: Demand
    cells: gpd.GeoDataFrame
    in_small_cells: float
    picture: Picture
    curve: str


_plans: _Press[_Planned] = _Press(_PLANS_KEPT, _PLANS_WAITING)


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
        public=True,
    )


def _key(choice: Choice) -> Hashable:
    """Tell what is kept apart: each choice, week and state of the registry."""
    return facts().snapshot().ground, _monday(), choice


def _plan_job(choice: Choice) -> _Job[_Planned]:
    known, snapshot, monday = facts(), facts().snapshot().ground, _monday()
    options, below = _options(choice, _PLAN_S), pictures.ground()

    def work(job: _Job[_Planned]) -> _Planned:
        job.doing = "Searching"
        made = _work(known, choice, options, snapshot, monday, below)
        if made.plan.bound - made.plan.after > _GAP * made.plan.bound:
            job.good_until = time.monotonic() + _POOR_S
        return made

    return _plans.job((snapshot, monday, choice), work)


def warm() -> None:
    """Begin the plan that the form shows first, behind one that only compiles the search.

    Compiling takes as long as a search may, so a first plan would be far from the best.
    """
    choice, _ = _choice()
    _plan_job(replace(choice, new=_FEW, sources=choice.sources[:1]))
    _plan_job(choice)


def _work(
    known: Facts,
    choice: Choice,
    options: Options,
    snapshot: Snapshot,
    monday: dt.date,
    below: Basemap,
) -> _Planned:
    asked = replace(question(known, options, monday), snapshot=snapshot)
    plan = make_plan(asked, residents=known.demand(Basis.RESIDENTS))
    measured = measure_coverage(
        snapshot, asked.demand, known.travel, options.standard, known.neighbourhoods, day=monday
    )
    drawn = plan_map(plan, measured, choice.sites, known.county, basemap=below)
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
    return _Planned(plan, asked.demand, *measured.cells(Counting.KNOWN), drawn, curve)


def _served(choice: Choice, found: _Planned) -> pictures.Served:
    address = f"{url_for('planner.plan_script')}?{choice.query}"
    return pictures.Served.of(found.picture, address, None)


@blueprint.get("/plan")
def plan() -> str | Response:
    """Show where the next kits belong, on a map and as a table, or how far the search is."""
    choice, problem = _choice()
    job = _plan_job(choice)
    found = _result(_plans, job)
    if found is None:
        return _waiting("The plan is being made", "It takes some ten seconds.", _plans, job)
    owed = ("kits", "areas", *found.plan.tables, "basemap")
    return render_template(
        "planner/plan.html",
        said=FILTERS,
        choice=choice,
        problem=problem,
        typed=request.args.get("site", "") if problem else "",
        plan=found.plan,
        curve=found.curve,
        picture=_served(choice, found),
        standards=standards(),
        kinds=kinds(facts().settings.geodata),
        changes=any(site.action is Action.OPEN_ALWAYS for site in found.plan.sites),
        cell_bands=coverage_maps.cell_bands(found.cells),
        cell_minimum=CELL_MINIMUM,
        in_small_cells=found.in_small_cells,
        most_kits=_MOST_KITS,
        most_pounds=_MOST_POUNDS,
        most_sites=_MOST_SITES,
        demand=found.demand,
        attributions=tables.attributions(facts().settings.geodata, *dict.fromkeys(owed)),
    )


@blueprint.get("/maps/plan.js")
def plan_script() -> Response:
    """Serve the script that draws the map of a plan that is kept; it never plans."""
    choice, _ = _choice()
    found = _plans.made(_key(choice))
    if found is None:
        abort(HTTPStatus.NOT_FOUND)
    return pictures.script(_served(choice, found))


@dataclass(frozen=True, slots=True, eq=False)
class _Printed:
    """A report, and the same as PDF; without Pango there is none."""

    report: Report
    pdf: bytes


_reports: _Press[_Printed] = _Press(_REPORTS_KEPT, _REPORTS_WAITING)


def _report_job(choice: Choice) -> _Job[_Printed]:
    known, at = facts(), now()
    options = _options(choice, _REPORT_S)

    def work(job: _Job[_Printed]) -> _Printed:
        def told(what: str, count: int) -> None:
            del count
            job.doing = what

        made = report(known, options, at, told)
        told("Printing", 1)
        try:
            return _Printed(made, made.pdf())
        except MissingLibraryError:
            return _Printed(made, b"")

    return _reports.job(_key(choice), work)


@blueprint.get("/report")
def report_page() -> Response:
    """Show the report, or how far it is."""
    choice, _ = _choice()
    job = _report_job(choice)
    found = _result(_reports, job)
    if found is None:
        return _waiting("The report is being made", "It takes about a minute.", _reports, job)
    links = [("Change the plan", f"{url_for('planner.plan')}?{choice.query}")]
    if found.pdf:
        links.insert(0, ("The report as PDF", f"{url_for('planner.report_pdf')}?{choice.query}"))
    digest = hashlib.sha256(found.report.styles.encode()).hexdigest()[:12]
    address = f"{url_for('planner.report_styles')}?v={digest}"
    return make_response(found.report.page(links, address))


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
    choice, _ = _choice()
    found = _result(_reports, _report_job(choice))
    if found is None:
        address = f"{url_for('planner.report_page')}?{choice.query}"
        return make_response(redirect(address, HTTPStatus.SEE_OTHER))
    if not found.pdf:
        abort(HTTPStatus.NOT_IMPLEMENTED, "PDFs cannot be made here. Print the page instead.")
    response = make_response(found.pdf)
    response.content_type = "application/pdf"
    response.headers["Content-Disposition"] = 'inline; filename="bleed-kits-plan.pdf"'
    return response
