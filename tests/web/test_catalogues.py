"""Every text of the pages stands in every catalogue, whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from locator.web import languages

_ROOT = Path(__file__).parents[2]
_FOLDER = Path(languages.__file__).parent / "translations"
_CODES = sorted(path.stem for path in _FOLDER.glob("*.po"))
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """All texts that templates and code show, by the tool that translators use."""
    target = tmp_path_factory.mktemp("texts") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract"]
    options = ["-F", "pyproject.toml", "-k", "Sentence", "-o", str(target), "."]
    subprocess.run([*command, *options], cwd=_ROOT, check=True, capture_output=True)
    with target.open("rb") as file:
        return read_po(file)


def _catalogue(code: str) -> Catalog:
    with (_FOLDER / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def _said(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def _ids(message: Message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def test_the_languages_of_the_county_are_there() -> None:
    assert {"pl", "ro", "lt", "pt"} <= set(_CODES)
    assert set(languages.languages()) == {"en", *_CODES}


@pytest.mark.parametrize("code", _CODES)
def test_no_text_is_missing(texts: Catalog, code: str) -> None:
    catalogue = _catalogue(code)
    missing = [m.id for m in texts if m.id and catalogue.get(m.id, m.context) is None]
    assert missing == []
    known = {(m.context, _ids(m)[0]) for m in texts if m.id}
    assert [m.id for m in catalogue if m.id and (m.context, _ids(m)[0]) not in known] == []


@pytest.mark.parametrize("code", _CODES)
def test_every_translation_is_whole(code: str) -> None:
    catalogue = _catalogue(code)
    for message in catalogue:
        if not message.id:
            continue
        said = _said(message)
        assert not message.fuzzy, message.id
        assert len(said) == (catalogue.num_plurals if message.pluralizable else 1)
        assert all(said), message.id
        named = {name for text in _ids(message) for name in _PLACEHOLDER.findall(text)}
        for text in said:
            assert set(_PLACEHOLDER.findall(text)) <= named, message.id
        if not message.pluralizable:
            assert set(_PLACEHOLDER.findall(said[0])) == named, message.id
        # a number to dial, or a sign, is the same in every language
        assert ("999" in _ids(message)[0]) == ("999" in said[0]), message.id


@pytest.mark.parametrize("code", _CODES)
def test_nobody_is_said_to_have_read_what_a_machine_wrote(code: str) -> None:
    header = dict(_catalogue(code).mime_headers)
    assert languages.languages()[code].reviewed == bool(header.get("X-Reviewed-By"))
