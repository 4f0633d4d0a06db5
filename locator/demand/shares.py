"""Turn published shares of a week into a share for every hour of it.

Studies publish that so many per cent fall into some part of the week. Of all profiles that
have these shares exactly, the one of largest entropy is taken: it adds nothing to what was
published, so hours that no study tells apart are alike. Iterative proportional fitting from
a flat week finds it (Csiszár 1975, Annals of Probability 3(1), 146-158).
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from locator.demand.profile import HOURS, type_floats
from locator.errors import DataError

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY_HOURS = 24
_SPAN = re.compile(r"(?P<first>\w\w) (?P<start>\d\d):00 to (?P<last>\w\w) (?P<end>\d\d):00")
_DAILY = re.compile(
    r"(?P<first>\w\w|daily)(?:-(?P<last>\w\w))? (?P<start>\d\d):00-(?P<end>\d\d):00"
)
_ROUNDS = 20_000
_TOLERANCE = 1e-12


def hours_in(period: str) -> npt.NDArray[np.bool_]:
    """Tell which hours of the week a period holds.

    Parameters
    ----------
    period
        Hours of days, ``daily 18:00-06:00`` or ``Sa-Su 00:00-24:00`` (what runs over midnight
        belongs to the day on which it begins), or one stretch, ``Fr 18:00 to Mo 06:00``.

    Returns
    -------
    inside
        Shape ``(168,)``; hour 0 is Monday 00:00 to 01:00.

    Raises
    ------
    DataError
        The text is neither.
    """
    inside = np.zeros(HOURS, dtype=np.bool_)
    span, daily = _SPAN.fullmatch(period), _DAILY.fullmatch(period)
    try:
        if span:
            start = _DAYS.index(span["first"]) * _DAY_HOURS + int(span["start"])
            end = _DAYS.index(span["last"]) * _DAY_HOURS + int(span["end"])
            inside[np.arange(start, end + HOURS * (end <= start)) % HOURS] = True
        elif daily:
            every = daily["first"] == "daily"
            first = 0 if every else _DAYS.index(daily["first"])
            last = len(_DAYS) - 1 if every else _DAYS.index(daily["last"] or daily["first"])
            start, end = int(daily["start"]), int(daily["end"])
            length = (end - start - 1) % _DAY_HOURS + 1
            for day in range(first, last + 1):
                inside[(day * _DAY_HOURS + start + np.arange(length)) % HOURS] = True
    except ValueError:
        inside[:] = False
    if not inside.any():
        msg = (
            f"“{period}” is no part of a week. Write “daily 18:00-06:00”, “Sa-Su 00:00-24:00” or "
            "“Fr 18:00 to Mo 06:00”."
        )
        raise DataError(msg)
    return inside


def fit(name: str, periods: Sequence[str], shares: Sequence[float]) -> type_floats:
    """Spread a week so that every period has its share, and as evenly as that allows.

    Parameters
    ----------
    name
        Of the profile, for the message of an error.
    periods
        As :func:`hours_in` reads them; they may overlap.
    shares
        Of each period, above 0 and below 1.

    Returns
    -------
    hours
        Shape ``(168,)``, adds up to 1. Without periods all hours are alike.

    Raises
    ------
    DataError
        A share is not between 0 and 1, or the shares contradict each other.
    """
    hours = np.full(HOURS, 1 / HOURS)
    parts = [
        (hours_in(period), float(share)) for period, share in zip(periods, shares, strict=True)
    ]
    for period, (inside, share) in zip(periods, parts, strict=True):
        if not 0 < share < 1 or inside.all():
            msg = f"Profile “{name}”: {share} for {period} is no share of a part of the week."
            raise DataError(msg)
    for _ in range(_ROUNDS):
        off = max((abs(hours[inside].sum() - share) for inside, share in parts), default=0.0)
        if off < _TOLERANCE:
            return np.asarray(hours / hours.sum())
        for inside, share in parts:
            had = hours[inside].sum()
            hours *= np.where(inside, share / max(had, _TOLERANCE), (1 - share) / (1 - had))
    msg = f"Profile “{name}”: its shares contradict each other; no week has them all."
    raise DataError(msg)
