"""Name every error that the package raises on purpose.

Each error is raised once, near its cause, with a sentence that says what to do. The
command line turns it into an exit code and the web package into a problem answer, each
in one place.
"""

from typing import ClassVar

from locator.wording import Sentence


class LocatorError(Exception):
    """Something went wrong that the reader of the message can act on."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    title: ClassVar[str] = Sentence("Something went wrong")

    @property
    def sentence(self) -> str:
        """What the reader is told; pages can say it in other languages if it was so written."""
        told = self.args[0] if self.args else ""
        return told if isinstance(told, str) else str(told)


class InputError(LocatorError):
    """What was typed or sent cannot be used."""

    exit_code = 2
    http_status = 422
    title = Sentence("That cannot be used")


class PlaceNotFoundError(InputError):
    """Text names no place that is known."""

    title = Sentence("Place not found")


class OutsideGreatBritainError(InputError):
    """A position lies outside the area of the British National Grid transformation."""

    title = Sentence("Outside Great Britain")


class OpeningHoursError(InputError):
    """Opening hours are not in OSM ``opening_hours`` syntax."""

    title = Sentence("Opening hours not understood")


class TimeError(InputError):
    """A date or time cannot be read, or does not exist in local time."""

    title = Sentence("Time not understood")


class SettingsError(InputError):
    """An environment variable does not hold what its setting needs."""

    title = Sentence("Setting not understood")


class ImportFileError(InputError):
    """A file cannot be imported: it is not what it says, damaged, too large or hostile."""

    title = Sentence("File cannot be imported")


class KitNotFoundError(InputError):
    """No kit has this reference."""

    http_status = 404
    title = Sentence("Kit not found")


class ConflictError(LocatorError):
    """Somebody else has changed the same thing in the meantime."""

    exit_code = 5
    http_status = 409
    title = Sentence("Changed in the meantime")


class DataError(LocatorError):
    """A table of facts is missing, damaged or lacks a column."""

    exit_code = 3
    title = Sentence("Data missing or damaged")


class RegistryError(LocatorError):
    """The registry cannot be opened or written."""

    exit_code = 4
    http_status = 503
    title = Sentence("Registry not available")


class MissingLibraryError(LocatorError):
    """A library of the operating system is missing."""

    exit_code = 6
    http_status = 501
    title = Sentence("Not installed here")


class BusyError(LocatorError):
    """Others are being served; it is worth asking again."""

    http_status = 503
    title = Sentence("Busy just now")

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooOftenError(BusyError):
    """Somebody asks or tells more often than one person would."""

    http_status = 429
    title = Sentence("That was too often")
