"""Measure opening hours: a week's availability, and who is open now."""

import datetime as dt
import functools
import importlib.metadata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from opening_hours import OpeningHours

from benchmarks._timing import medians
from locator.hours import STATES, Calendar, Hours, State, _public_holidays, week

_KITS = 100_000
_SAMPLE = 500
_ROUNDS = 5
_CALENDAR = Calendar.of("Europe/London", {"country": "GB", "subdivision": "ENG"}, 52.3, -0.8)
# an ordinary week, and one with holidays that are kept on other days
_WEEKS = {"ordinary": dt.date(2026, 7, 6), "with moved holidays": dt.date(2027, 12, 20)}
_NOW = dt.datetime(2026, 7, 6, 12, 30, tzinfo=_CALENDAR.zone)


def texts(count: int, seed: int = 1) -> list[str]:
    """Invent opening hours of places that keep a kit.

    Parameters
    ----------
    count
        How many, all different; up to about 2,000.
    seed
        Of the random numbers.
    """
    makers = (_pub, _shop, _library, _church, _supermarket, _club)
    chance = np.random.default_rng(seed)
    found = {"24/7": None, "": None, "sunrise-sunset": None}
    while len(found) < count:
        found[makers[chance.integers(len(makers))](chance)] = None
    return list(found)[:count]


def _pick(chance: np.random.Generator, *options: str) -> str:
    return options[chance.integers(len(options))]


def _time(chance: np.random.Generator, first: int, last: int) -> str:
    minutes = _pick(chance, "00", "00", "00", "30", "30", "45")
    return f"{chance.integers(first, last + 1):02}:{minutes}"


def _pub(chance: np.random.Generator) -> str:
    opens, late = _time(chance, 10, 12), _pick(chance, "24:00", "00:30", "01:00", "02:00")
    text = f"Mo-Th {opens}-23:00; Fr,Sa {opens}-{late}; Su 12:00-{_time(chance, 18, 22)}"
    return text + _pick(chance, "", "", "; Dec 25 off", "; PH 12:00-22:30")


def _shop(chance: np.random.Generator) -> str:
    text = f"Mo-Fr {_time(chance, 7, 9)}-{_time(chance, 16, 18)}; Sa 09:00-{_time(chance, 12, 17)}"
    return text + _pick(chance, "", "; Su 10:00-16:00", "; PH off", "; Su,PH off")


def _library(chance: np.random.Generator) -> str:
    closes = _time(chance, 16, 18)
    text = f"Mo,Tu,Fr 09:30-{closes}; Th 09:30-{_time(chance, 18, 19)}; Sa 09:30-13:00"
    return text + _pick(chance, "", "; We 14:00-17:00") + "; PH off"


def _church(chance: np.random.Generator) -> str:
    text = f"Su {_time(chance, 8, 9)}-12:00; We {_time(chance, 10, 11)}-{_time(chance, 12, 14)}"
    return text + _pick(chance, "", ' || "ask the warden"', "; Mo[1] 19:00-21:00")


def _supermarket(chance: np.random.Generator) -> str:
    closes = _time(chance, 20, 23)
    text = f"Mo-Sa {_time(chance, 6, 8)}-{closes}; Su 10:00-16:00"
    return text + _pick(chance, "", "; PH 09:00-18:00", "; PH 08:00-20:00; Dec 25 off")


def _club(chance: np.random.Generator) -> str:
    opens = _time(chance, 8, 10)
    return f"Apr-Sep Mo-Su {opens}-{_time(chance, 20, 22)}; Oct-Mar Sa,Su {opens}-16:00"


def _compiled(column: pd.Series) -> tuple[npt.NDArray[np.intp], list[Hours]]:
    numbers, distinct = pd.factorize(column)
    return numbers, [Hours(text, _CALENDAR) for text in distinct]


def _availability(column: pd.Series, day: dt.date) -> npt.NDArray[np.int8]:
    numbers, hours = _compiled(column)
    return np.asarray(week(hours, day, _CALENDAR)[numbers])


def _asked(sample: Sequence[str], moments: Sequence[dt.datetime]) -> list[list[bool]]:
    """Ask the peer as one would without this module: each kit by itself."""
    zone, spot = _CALENDAR.zone, (_CALENDAR.lat, _CALENDAR.lon)
    told = []
    for text in sample:
        rules = OpeningHours(text or "unknown", timezone=zone, country="GB", coords=spot)
        told.append([rules.is_open(moment) for moment in moments])
    return told


def report() -> str:
    """Measure and give a section in Markdown."""
    listing = medians(
        {"list": functools.partial(_public_holidays.__wrapped__, "GB", "ENG")}, _ROUNDS
    )
    peer = f"opening-hours-py {importlib.metadata.version('opening-hours-py')}"
    lines = [
        "## Opening hours\n",
        (
            f"Availability of {_KITS:,} kits in each hour of a week: from a column of texts to a "
            f"table of {_KITS:,} × 168 states, compiling included, against {peer} with each kit's "
            f"text parsed and asked for each of the 168 hours. The peer is measured on {_SAMPLE} "
            "of the kits and scaled; it tells the state at the start of an hour, by its own "
            "holidays. The texts are invented after those of pubs, shops, libraries, churches, "
            "supermarkets and clubs. Once a process, the list of holidays takes "
            f"{listing['list'] * 1e3:.0f} ms more "
            f"(holidays {importlib.metadata.version('holidays')}).\n"
        ),
        "| different texts | week | `week` ms | peer s, scaled | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for count in (300, 1_000):
        column = _column(count)
        for name, day in _WEEKS.items():
            ours, theirs = _week(column, day)
            row = f"{ours * 1e3:.0f} | {theirs:.1f} | {ours / theirs:.4f}"
            lines.append(f"| {count:,} | {name} | {row} |")
    return "\n".join([*lines, "", _now(_column(300))])


def _column(count: int) -> pd.Series:
    """Give the texts of the kits, a third of them open at all times."""
    distinct = np.array(texts(count), dtype=object)
    chance = np.random.default_rng(1)
    numbers = chance.integers(0, count, _KITS)
    numbers[chance.random(_KITS) < 1 / 3] = 0
    return pd.Series(distinct[numbers])


def _week(column: pd.Series, day: dt.date) -> tuple[float, float]:
    """Give the seconds of this project and those of the peer, scaled to all kits."""
    midnight = dt.datetime.combine(day, dt.time(0), _CALENDAR.zone)
    moments = [midnight + dt.timedelta(hours=hour) for hour in range(168)]
    sample = list(column[:_SAMPLE])
    if day == _WEEKS["ordinary"]:
        # an hour that is open throughout is open at its start
        certain = _availability(column[:_SAMPLE], day) == STATES.index(State.OPEN)
        assert certain.any()
        assert np.array(_asked(sample, moments))[certain].all()
    times = medians(
        {
            "ours": functools.partial(_availability, column, day),
            "peer": functools.partial(_asked, sample, moments),
        },
        _ROUNDS,
    )
    return times["ours"], times["peer"] * _KITS / _SAMPLE


def _now(column: pd.Series) -> str:
    numbers, hours = _compiled(column)

    def ask(hours: Sequence[Hours]) -> npt.NDArray[np.bool_]:
        states = np.array([one.at(_NOW).state is State.OPEN for one in hours])
        return np.asarray(states[numbers])

    sample = list(column[:_SAMPLE])
    # the peer takes what has a comment ("ask the warden") for open as well
    assert np.array(_asked(sample, [_NOW]))[ask(hours)[:_SAMPLE]].all()
    times = medians(
        {
            "first": lambda: ask(_compiled(column)[1]),
            "again": lambda: ask(hours),
            "peer": lambda: _asked(sample, [_NOW]),
        },
        _ROUNDS,
    )
    peer = times["peer"] * _KITS / _SAMPLE
    return (
        f"Who is open now, {_KITS:,} kits with {len(hours)} different texts, with the times of the "
        f"next changes: {times['first'] * 1e3:.0f} ms from the texts, {times['again'] * 1e3:.1f} "
        f"ms when asked again, against {peer * 1e3:.0f} ms (scaled) for the peer to parse each "
        f"text and tell the state alone: ratios {times['first'] / peer:.2f} and "
        f"{times['again'] / peer:.4f}.\n"
    )
