"""Turn what a library reads into a header and clean rows, in two passes.

The first pass counts, so that a file with too many rows is refused, and everything worth
a note is known, before the first row is handed on; no pass holds more than one batch.
"""

import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, X, Y

MAX_COLUMNS = 1_000
MAX_TEXT = 1_000_000
_MAX_NAME = 200
_MAX_INTEGER = 2**63

# sentences that a reader counts; ``{rows}`` becomes “4 rows”
REPLACED = "Lines and areas were replaced by a point inside them ({rows})."
UNPLACED = "Positions that could not be understood were left out ({rows})."
_EMPTY = "Empty rows were left out ({rows})."

Tally = Counter[str]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read again from its start.

    ``rows`` counts in the tally what deserves a note. Columns that the rows have beyond
    ``columns`` are added in the order in which they appear.
    """

    format: str
    rows: Callable[[Tally], Iterator[Row]]
    columns: Iterable[str] = ()
    crs: str = ""
    notes: tuple[str, ...] = ()


def stream(source: Source, limits: Limits) -> Iterator[Header | Row]:
    """Yield the header, then the rows that are not empty.

    Raises
    ------
    ImportFileError
        There are more rows than ``limits`` allow, or more than 1,000 columns.
    """
    tally: Tally = Counter()
    columns = dict.fromkeys(source.columns)
    _check_number(columns)
    rows = 0
    for _, values in source.rows(tally):
        if not values:
            tally[_EMPTY] += 1
            continue
        rows += 1
        if rows > limits.rows:
            msg = f"The file has more than {limits.rows:,} rows; split it and import the parts."
            raise ImportFileError(msg)
        if not values.keys() <= columns.keys():
            columns.update(dict.fromkeys(values))
            _check_number(columns)
    counted = (text.format(rows=count(n, "row")) for text, n in tally.items() if n)
    ordered = sorted(columns, key=(X, Y).__contains__)
    yield Header(source.format, tuple(ordered), source.crs, (*source.notes, *counted))
    yield from (row for row in source.rows(Counter()) if row[1])


def _check_number(columns: Collection[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        msg = f"The file has more than {MAX_COLUMNS:,} columns; remove those not about kits."
        raise ImportFileError(msg)


def count(number: int, noun: str) -> str:
    """Write a number with its noun: “1 row”, “2,000 rows”."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """Make text of a file fit to stand in a sentence."""
    plain = "".join(c if c.isprintable() else " " for c in text[:61])
    return plain if len(plain) <= 60 else f"{plain[:59]}…"  # noqa: PLR2004


class Names:
    """Gives every column one name: stripped, not empty, not used twice."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._uses: Counter[str] = Counter()
        self._taken: set[str] = set()

    def of_key(self, key: str) -> str:
        """Name the column of a key; the same key always has the same name."""
        if key not in self._known:
            self._known[key] = self.add(key)
        return self._known[key]

    def add(self, text: str) -> str:
        """Name the next column."""
        plain = "".join(c if c.isprintable() else " " for c in text[:_MAX_NAME])
        base = " ".join(plain.split()) or f"column {len(self._taken) + 1}"
        if base in {X, Y}:
            # these are for the position alone
            base = base[1:]
        name = base
        while name in self._taken:
            self._uses[base] += 1
            name = f"{base} ({self._uses[base] + 1})"
        self._taken.add(name)
        return name


def values(names: Iterable[str], cells: Iterable[object]) -> dict[str, Scalar]:
    """Pair the cells of a row with their columns and leave out the empty ones."""
    return {
        name: value
        for name, cell in zip(names, cells, strict=False)
        if (value := scalar(cell)) is not None
    }


def scalar(value: object) -> Scalar | None:  # noqa: PLR0911  # one line for each type
    """Turn a value into text, a number or a truth value; None if it says nothing."""
    # nearly all are text
    if isinstance(value, str):
        return _text(value)
    match value:
        case None | bool():
            return value
        case int():
            return value if -_MAX_INTEGER <= value < _MAX_INTEGER else str(value)
        case float():
            return value if math.isfinite(value) else None
        case dt.datetime():
            if value.time() == dt.time.min and value.tzinfo is None:
                return value.date().isoformat()
            return value.isoformat()
        case dt.date() | dt.time():
            return value.isoformat()
        case dict() | list():
            return _text(json.dumps(value, ensure_ascii=False, default=str)) if value else None
        case bytes():
            # a picture or the like
            return None
    text = str(value)
    # such as pandas' NaT
    return None if text in {"NaT", "nan", "<NA>"} else _text(text)


def _text(text: str) -> str | None:
    if len(text) > MAX_TEXT:
        msg = "A cell holds more than 1 MB of text, so this is not a list of kits."
        raise ImportFileError(msg)
    if not text or text.isspace():
        return None
    if not text.isprintable():
        # half characters, which JSON may hold and no database takes
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
