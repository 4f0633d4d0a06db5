"""Keep the documentation true."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "geodata" / "README.md"])


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh(generate: ModuleType) -> None:
    for page, write in generate.PAGES.items():
        assert page.read_text("utf-8") == write(), f"{page} is stale: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_module_stands_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for path in (ROOT / "locator").rglob("*.py"):
        known = path.name in text or path.parent.name == "migrations" or "versions" in path.parts
        known = known or (path.parent.name == "formats" and path.name.startswith("_"))
        assert known or path.name in ("__init__.py", "__main__.py"), path


def test_the_changelog_names_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_attribution_of_the_tables_is_shown(generate: ModuleType) -> None:
    text = (ROOT / "geodata" / "README.md").read_text("utf-8")
    for word in ("OpenStreetMap contributors", "Royal Mail", "data.police.uk", "NaPTAN", "MHCLG"):
        assert word in text


def test_lock_files_pin_hashes_and_name_no_host() -> None:
    for path in (*ROOT.glob("requirements/*.lock"), ROOT / "frontend" / "package-lock.json"):
        text = path.read_text("utf-8")
        assert "://" not in re.sub(r'"(?:url|funding)".*', "", text), path
        if path.suffix == ".lock":
            pins = len(re.findall(r"^[a-z0-9][^\n]*==", text, re.MULTILINE))
            hashed = len(re.findall(r"^[a-z0-9][^\n]*==[^\n]*\\\n +--hash=", text, re.MULTILINE))
            assert pins == hashed > 20
