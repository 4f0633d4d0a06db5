"""Read XML one element at a time and without entities."""

import contextlib
from collections.abc import Iterator
from typing import IO, Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from locator.errors import ImportFileError


def elements(source: IO[bytes], *wanted: str) -> Iterator[Any]:
    """Yield the elements with these local names, each only until the next is asked for.

    Raises
    ------
    ImportFileError
        The XML is damaged, or declares entities or a document type.
    """
    around: list[Any] = []
    depth = 0
    with _refusing():
        for event, element in iterparse(source, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                if depth or local(element) in wanted:
                    depth += 1
                else:
                    around.append(element)
            elif depth > 1:
                depth -= 1
            else:
                if depth:
                    depth = 0
                    yield element
                else:
                    around.pop()
                element.clear()
                if around:
                    around[-1].remove(element)


def local(element: Any) -> str:
    """Give the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text(element: Any) -> str:
    """Give the text of an element without the space around it."""
    return (element.text or "").strip()


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except DefusedXmlException as error:
        msg = (
            "The file declares a document type or entities, which harmful files do. "
            "Open it in the program that it comes from and save it again."
        )
        raise ImportFileError(msg) from error
    except (ParseError, UnicodeDecodeError, LookupError) as error:
        msg = f"The XML is damaged ({error}). Ask for the file again."
        raise ImportFileError(msg) from error
