"""Open everything that lookups need: area, gazetteer, calendar and registry.

The registry is read into a snapshot once and again only when its version has changed.
"""

import functools
import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import geopandas as gpd
import pandas as pd
from sqlalchemy import Engine, select

from locator import demand, tables
from locator.demand import Basis, Demand, Profile
from locator.errors import InputError, LocatorError, SettingsError
from locator.exchange.importing import load_published
from locator.hours import Calendar
from locator.places import Gazetteer
from locator.registry import snapshot, store
from locator.registry.schema import Incident, table_of
from locator.settings import Settings
from locator.tables import Area
from locator.travel.journey import Travel

_log = logging.getLogger(__name__)

# how long a snapshot is used before its version is asked for again
_FRESH_S = 1.0
# choices of profile and weights that are kept read
_KEPT_DEMANDS = 12


@dataclass(eq=False)
class Facts:
    """What is known, opened once for a process and safe to share between threads.

    ``engine`` is the registry itself, for what changes it.
    """

    settings: Settings
    area: Area
    gazetteer: Gazetteer
    calendar: Calendar
    travel: Travel
    engine: Engine
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _snapshot: snapshot.Snapshot | None = None
    _asked_at: float = 0.0
    _demand_lock: threading.Lock = field(default_factory=threading.Lock)
    _demands: dict[tuple[object, ...], Demand] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings) -> "Facts":
        """Open the tables of facts and the registry, filling it with the published kits.

        Raises
        ------
        DataError
            A table is missing or damaged.
        RegistryError
            The registry cannot be opened.
        """
        folder = settings.geodata
        area = tables.area(folder)
        gazetteer = Gazetteer.load(folder)
        lon, lat = gazetteer.centre
        engine = store.open_registry(settings.database_url)
        published = tables.sources(folder)["kits"]
        load_published(engine, folder / published.file, published.title, gazetteer)
        return cls(
            settings=settings,
            area=area,
            gazetteer=gazetteer,
            calendar=Calendar.of(area.timezone, area.holidays, lat, lon),
            travel=Travel.open(settings),
            engine=engine,
        )

    def snapshot(self) -> snapshot.Snapshot:
        """Return the newest snapshot, read from the registry only when it has changed.

        A registry that cannot be reached for a while leaves the last snapshot in use.

        Raises
        ------
        RegistryError
            The registry has never been read and cannot be read now.
        """
        if time.monotonic() - self._asked_at < _FRESH_S and self._snapshot is not None:
            return self._snapshot
        # one request asks; the others go on with what is known, unless nothing is known yet
        if self._lock.acquire(blocking=self._snapshot is None):
            try:
                self._renew()
                self._asked_at = time.monotonic()
            finally:
                self._lock.release()
        return cast("snapshot.Snapshot", self._snapshot)

    def _renew(self) -> None:
        try:
            newest = store.version(self.engine)
            if self._snapshot is None or self._snapshot.version != newest:
                known, settings = self._snapshot, self.settings
                self._snapshot = snapshot.take(
                    self.engine,
                    self.calendar,
                    settings.check_valid_days,
                    settings.doubt_hours,
                    known,
                )
        except LocatorError:
            if self._snapshot is None:
                raise
            # what was known a moment ago serves better than no answer
            _log.exception("The registry cannot be read; using what is known")

    def close(self) -> None:
        """Give the database connections back."""
        self.engine.dispose()

    @functools.cached_property
    def neighbourhoods(self) -> pd.DataFrame:
        """The LSOAs of the area, as :func:`locator.demand.neighbourhoods` gives them."""
        return demand.neighbourhoods(self.settings.geodata)

    def demand(
        self,
        basis: Basis = Basis.INCIDENTS,
        *,
        profile: str | None = None,
        weights: Mapping[str, float] | None = None,
        partners: bool = False,
    ) -> Demand:
        """Give the demand of the area, read once for each choice.

        Parameters
        ----------
        basis
            Incidents or residents.
        profile
            Name of a profile, or a CSV file with 168 numbers; None is what the settings say for
            incidents, and ``flat`` for residents. Never what a visitor of a page typed: it may
            name any file.
        weights
            Category -> weight of one record, for incidents; None is what the settings say.
        partners
            Add the incidents of partners in the registry. These never reach a public page.

        Raises
        ------
        DataError
            A table is missing or damaged.
        InputError
            There is no such profile, ``weights`` names a category that is not known, or weights
            are given for residents.
        SettingsError
            The same, of the settings.
        RegistryError
            The incidents of partners cannot be read.
        """
        by_default = "flat" if basis is Basis.RESIDENTS else self.settings.profile
        given = self.settings.category_weights if weights is None else weights
        if basis is Basis.RESIDENTS:
            if weights:
                msg = "Residents have no categories, so weights do not fit them."
                raise InputError(msg)
            given, partners = {}, False
        chosen = profile or by_default
        version = store.version(self.engine) if partners else 0
        key = (basis, chosen, frozenset(given.items()), partners, version)
        with self._demand_lock:
            if key not in self._demands:
                if len(self._demands) >= _KEPT_DEMANDS:
                    del self._demands[next(iter(self._demands))]
                used = self._profile(chosen, is_setting=profile is None)
                if basis is Basis.RESIDENTS:
                    self._demands[key] = demand.residents(self.settings.geodata, used)
                else:
                    wrong = SettingsError if weights is None else InputError
                    self._demands[key] = self._incidents(used, given, wrong, partners=partners)
            return self._demands[key]

    def _profile(self, name: str, *, is_setting: bool) -> Profile:
        try:
            return demand.named(self.settings.geodata, name)
        except InputError as error:
            if not is_setting:
                raise
            msg = f"Correct LOCATOR_PROFILE. {error}"
            raise SettingsError(msg) from error

    def _incidents(
        self,
        profile: Profile,
        weights: Mapping[str, float],
        wrong: type[InputError],
        *,
        partners: bool,
    ) -> Demand:
        folder = self.settings.geodata
        found = demand.incidents(folder, profile, weights)
        rows = table_of(Incident)
        categories = set(found.points["category"])
        unknown = set(weights) - categories
        if unknown:
            with store.reading(self.engine) as connection:
                unknown -= set(connection.scalars(select(rows.c.category).distinct()))
        if unknown or not all(0 <= weight < math.inf for weight in weights.values()):
            where = "LOCATOR_CATEGORY_WEIGHTS" if wrong is SettingsError else "The weights given"
            msg = (
                f"{where}: {dict(weights)} cannot be used. A weight is 0 or more; "
                f"categories are {', '.join(sorted(categories))}, and those of incidents in the "
                "registry."
            )
            raise wrong(msg)
        if partners:
            with store.reading(self.engine) as connection:
                known = connection.execute(select(rows)).mappings().all()
            if known:
                theirs = demand.partners([dict(row) for row in known], folder, profile, weights)
                found = demand.together(found, theirs)
        return found

    @functools.cached_property
    def county(self) -> gpd.GeoDataFrame:
        """The outline of the area (EPSG:4326), read at the first use."""
        areas = tables.outlines(self.settings.geodata, "areas")
        return areas[areas["level"] == "county"]

    @functools.cached_property
    def lsoa_outlines(self) -> gpd.GeoDataFrame:
        """The outlines of the LSOAs (EPSG:4326), read at the first use."""
        return tables.outlines(self.settings.geodata, "lsoa_outlines")
