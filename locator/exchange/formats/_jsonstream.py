"""Walk through a large JSON document one element of its list at a time."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from locator.errors import ImportFileError
from locator.exchange.formats import _sniffing

_SPACE = re.compile(r"[ \t\r\n]*")


def _refuse_constant(constant: str) -> NoReturn:
    msg = f"The file holds {constant}, which is not a number. Leave such values out."
    raise ImportFileError(msg)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


class Document:
    """A JSON object one of whose members is a long list, which is never held as a whole.

    Parameters
    ----------
    path
        The file.
    listed
        Name of the member with the list; :attr:`members` are all others.

    Raises
    ------
    ImportFileError
        The file is not one JSON object, or nested too deeply.
    """

    def __init__(self, path: Path, listed: str) -> None:
        self._text = _text(path)
        self._start: int | None = None
        self.members: dict[str, Any] = {}
        at = self._after("{", 0)
        while self._peek(at) != "}":
            at = self._member(at, listed)
            if self._peek(at) != "}":
                at = self._after(",", at)
        at = self._after("}", at)
        if self._peek(at):
            raise self._damaged(at)

    @property
    def has_list(self) -> bool:
        """Whether the member with the list is there."""
        return self._start is not None

    def elements(self) -> Iterator[Any]:
        """Yield the elements of the list."""
        if self._start is not None:
            yield from (element for element, _ in self._elements(self._start))

    def _member(self, at: int, listed: str) -> int:
        key, at = self._value(at)
        at = self._after(":", at)
        if key in self.members or (key == listed and self.has_list):
            msg = f"The file has “{listed}” or another part twice. Ask for the file again."
            raise ImportFileError(msg)
        if key == listed and self._peek(at) == "[":
            self._start = at
            end = self._after("[", at)
            for _, end in self._elements(at):  # noqa: B007  # the end of the last one counts
                pass
            return self._after("]", end)
        self.members[key], at = self._value(at)
        return at

    def _elements(self, at: int) -> Iterator[tuple[Any, int]]:
        at = self._after("[", at)
        while self._peek(at) != "]":
            element, at = self._value(at)
            yield element, at
            if self._peek(at) != "]":
                at = self._after(",", at)

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self._text, self._space(at))
        except json.JSONDecodeError as error:
            raise self._damaged(error.pos) from error
        except RecursionError as error:
            msg = "The file is nested too deeply to be a list of kits."
            raise ImportFileError(msg) from error

    def _after(self, sign: str, at: int) -> int:
        at = self._space(at)
        if not self._text.startswith(sign, at):
            raise self._damaged(at)
        return at + 1

    def _peek(self, at: int) -> str:
        at = self._space(at)
        return self._text[at : at + 1]

    def _space(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _damaged(self, at: int) -> ImportFileError:
        line = self._text.count("\n", 0, at) + 1
        return ImportFileError(f"The JSON is damaged in line {line:,}. Ask for the file again.")


def _text(path: Path) -> str:
    data = path.read_bytes()
    name, mark = _sniffing.encoding(data[:4])
    try:
        return data[mark:].decode(name or "utf-8")
    except UnicodeDecodeError as error:
        msg = "The file is not UTF-8, as JSON must be. Save it as UTF-8 and import it again."
        raise ImportFileError(msg) from error
