"""Check a ZIP archive in full before any of it is used."""

import contextlib
import copy
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from locator.errors import ImportFileError
from locator.exchange.formats import Limits

_MAX_MEMBERS = 10_000
_ENCRYPTED = 0x1
_CHUNK = 1 << 20


@contextlib.contextmanager
def opened(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open an archive that unpacks to what it says, and to no more than is allowed.

    Raises
    ------
    ImportFileError
        The archive is damaged, encrypted, holds too much or lies about its sizes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, path, limits)
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
        msg = f"The archive is damaged ({type(error).__name__}). Ask for the file again."
        raise ImportFileError(msg) from error


def _check(archive: zipfile.ZipFile, path: Path, limits: Limits) -> None:
    members = archive.infolist()
    if len(members) > _MAX_MEMBERS:
        msg = f"The archive holds {len(members):,} files; at most {_MAX_MEMBERS:,} are read."
        raise ImportFileError(msg)
    if any(member.flag_bits & _ENCRYPTED for member in members):
        msg = "The file is protected by a password. Remove the password and import it again."
        raise ImportFileError(msg)
    total = sum(member.file_size for member in members)
    if total > limits.unpacked_bytes:
        msg = f"The file unpacks to {_size(total)}; at most {_size(limits.unpacked_bytes)} is read."
        raise ImportFileError(msg)
    packed = sum(member.compress_size for member in members)
    if packed > path.stat().st_size or any(_unpacks(archive, m) for m in members):
        msg = "The archive is not true about its sizes, as files made to do harm are not."
        raise ImportFileError(msg)


def _unpacks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Tell whether a member unpacks to more than it declares."""
    # zipfile stops at the declared size, other libraries do not
    generous = copy.copy(member)
    generous.file_size = member.file_size + 1
    size = 0
    with archive.open(generous) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
    return size != member.file_size


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"  # noqa: PLR2004
