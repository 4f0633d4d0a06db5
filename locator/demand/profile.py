"""Say how incidents spread over the 168 hours of a week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from locator import tables
from locator.errors import DataError, InputError
from locator.wording import Sentence

HOURS = 168
_DAY = 24

type_floats = npt.NDArray[np.float64]

# the hours of the week that begin at 22:00 to 05:00, which is 22:00 to 05:59
NIGHT: npt.NDArray[np.bool_] = (np.arange(HOURS) % _DAY >= 22) | (np.arange(HOURS) % _DAY < 6)  # noqa: PLR2004
NIGHT.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What share of incidents falls into each hour of the week.

    Attributes
    ----------
    name
        As results show it.
    hours
        Shape ``(168,)``, adds up to 1; hour 0 is Monday 00:00 to 01:00 local time.
    source
        Where the figures come from, in a sentence.
    table
        Table whose attribution is owed where it is used; empty if none is.
    """

    name: str
    hours: type_floats
    source: str
    table: str = ""

    @classmethod
    def of(
        cls, name: str, numbers: Sequence[float] | type_floats, source: str, table: str = ""
    ) -> "Profile":
        """Make a profile of any 168 numbers that are in proportion to the shares.

        Raises
        ------
        DataError
            There are not 168 of them, one is negative or not a number, all are zero, or they are
            too large to add up.
        """
        hours = np.array(numbers, dtype=np.float64)
        wrong = ""
        if hours.shape != (HOURS,):
            wrong = f"it has {hours.size} numbers"
        elif not np.isfinite(hours).all():
            wrong = f"number {int(np.flatnonzero(~np.isfinite(hours))[0]) + 1} is missing"
        elif (hours < 0).any():
            wrong = f"number {int(np.flatnonzero(hours < 0)[0]) + 1} is negative"
        elif not hours.any():
            wrong = "all are zero"
        elif not np.isfinite(_sum(hours)):
            wrong = "they are too large to add up"
        if wrong:
            msg = (
                f"The profile “{name}” needs 168 numbers of 0 or more, one for each hour from "
                f"Monday 00:00; {wrong}."
            )
            raise DataError(msg)
        hours /= _sum(hours)
        hours.flags.writeable = False
        return cls(name, hours, source, table)

    def of_day(self, weekday: int) -> type_floats:
        """Give the shares within one day of the week, as a week that is zero elsewhere.

        Parameters
        ----------
        weekday
            0 is Monday.

        Returns
        -------
        hours
            Shape ``(168,)``, adds up to 1. A day that has no share in the profile is flat.
        """
        day = slice(weekday * _DAY, (weekday + 1) * _DAY)
        hours = np.zeros(HOURS)
        hours[day] = self.hours[day] if self.hours[day].any() else 1
        return np.asarray(hours / hours.sum())

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables whose attribution is owed, as a tuple."""
        return (self.table,) if self.table else ()

    @property
    def night_share(self) -> float:
        """Share of the hours 22:00 to 05:59."""
        return float(self.hours[NIGHT].sum())


def _sum(hours: type_floats) -> float:
    with np.errstate(over="ignore"):
        return float(hours.sum())


def profiles(folder: Path) -> dict[str, Profile]:
    """Read the named profiles of a geodata folder.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    frame = tables.table(folder, "profile")
    meanings = tables.sources(folder)["profile"].columns
    found = {}
    for name in frame.columns.drop("hour"):
        numbers = frame[name].to_numpy(dtype=np.float64)
        # a flat week is nobody's finding
        table = "profile" if np.ptp(numbers) > 0 else ""
        found[str(name)] = Profile.of(name, numbers, meanings[name], table)
    return found


# profiles of one age are no answer to how much the choice of a profile matters
_GENERAL = ("flat", "survey", "violence", "young adults")


def compared(folder: Path) -> list[Profile]:
    """Give the profiles that show how much a result depends on the one that is assumed.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    known = profiles(folder)
    return [known[name] for name in _GENERAL if name in known]


_NAMES: Mapping[str, Sentence] = {
    str(name): name
    for name in (
        Sentence("flat"),
        Sentence("violence"),
        Sentence("survey"),
        Sentence("young adults"),
        Sentence("children"),
    )
}


def quoted(name: str) -> Sentence:
    """Put the name of a profile into quotation marks, such that it can be translated."""
    return Sentence("“%(name)s”", name=_NAMES.get(name, name))


def named(folder: Path, name: str) -> Profile:
    """Find a profile by name, or read it from a file of that name.

    Parameters
    ----------
    folder
        The geodata folder.
    name
        A column of its ``profile.csv``, or the path of a CSV file with 168 numbers, one a line,
        with or without a heading; of several columns the last one counts.

    Raises
    ------
    InputError
        There is no such profile or file, the file does not hold 168 numbers, or they are but the
        numbers of the hours.
    DataError
        The table of profiles is missing or damaged.
    """
    known = profiles(folder)
    if name in known:
        return known[name]
    path = Path(name)
    if not path.is_file():
        msg = (
            f"There is no profile “{name}”. Known are {', '.join(known)}; or name a CSV file "
            "with 168 numbers, one for each hour from Monday 00:00."
        )
        raise InputError(msg)
    try:
        column = pd.read_csv(path, header=None, dtype=str).iloc[:, -1]
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as a profile: {error}"
        raise InputError(msg) from error
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    heading = int(len(numbers) == HOURS + 1 and np.isnan(numbers[0]))
    numbers = numbers[heading:]
    if np.array_equal(numbers, np.arange(HOURS)):
        msg = (
            f"The last column of {path} is no profile, it numbers the hours from 0 to 167. Put the "
            "shares into the last column."
        )
        raise InputError(msg)
    try:
        return Profile.of(path.stem, numbers, f"Own profile: {path}")
    except DataError as error:
        raise InputError(str(error)) from error
