"""Build tables of facts on the command line."""

import gzip
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Locator


@pytest.fixture
def target(geodata: Path, tmp_path: Path) -> Path:
    return shutil.copytree(geodata, tmp_path / "geodata")


def test_records_are_built_from_an_archive_and_accounted_for(
    locator: Locator, test_data: Path, target: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archive" / "2025-01"
    archive.mkdir(parents=True)
    for month in ("2025-01", "2025-03"):
        name = f"{month}-northamptonshire-street.csv"
        packed = (test_data / "crime" / f"{name}.gz").read_bytes()
        (archive / name).write_bytes(gzip.decompress(packed))
    built = locator("data", "build", "incidents", "--from", str(archive), "--to", str(target))
    assert built.returncode == 0, built.stderr
    said = " ".join(built.stdout.split())
    assert "records of 2 months (2025-01 to 2025-03) of northamptonshire" in said
    assert "northamptonshire lacks 2025-02" in said
    for account in ("placed", "without position", "outside", "other category", "not understood"):
        assert account in said


def test_a_damaged_download_is_named(locator: Locator, target: Path, tmp_path: Path) -> None:
    path = tmp_path / "2025-01-northamptonshire-street.csv.gz"
    path.write_bytes(b"half a file")
    built = locator("data", "build", "incidents", "--from", str(tmp_path), "--to", str(target))
    assert built.returncode == 3
    assert f"{path} is damaged" in built.stderr.replace("\n", "")
    # the table that was there is there still
    assert (target / "incidents.csv.gz").stat().st_size > 100_000
