import threading
import time

import pytest
from flask import Flask
from flask.testing import FlaskClient

from locator.reports import posters
from locator.web import printing


def test_the_same_poster_is_printed_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/kit/NN-0021/poster.pdf"
    first = client.get(path)
    tag = first.headers["ETag"]

    def refuse(html: str) -> bytes:
        raise AssertionError(html)

    monkeypatch.setattr(posters, "pdf", refuse)
    assert client.get(path).data == first.data
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_printing_never_holds_up_other_pages(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(printing, "_kept", {})

    def slowly(html: str) -> bytes:
        assert free.wait(30)
        return html.encode()

    monkeypatch.setattr(posters, "pdf", slowly)
    paths = [f"/kit/NN-000{number}/poster.pdf" for number in (1, 2)]
    threads = [threading.Thread(target=app.test_client().get, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 20
        while printing._admitted._value and time.monotonic() < deadline:
            time.sleep(0.02)
        third = client.get("/kit/NN-0003/poster.pdf", headers={"Accept": "application/json"})
        assert third.status_code == 503
        assert int(third.headers["Retry-After"]) > 0
        assert client.get("/kit/NN-0003").status_code == 200
    finally:
        free.set()
        for thread in threads:
            thread.join(30)


def test_a_poster_says_which_words_are_english_and_whose_the_hours_are(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []

    def keep(html: str) -> bytes:
        printed.append(html)
        return b""

    monkeypatch.setattr(posters, "pdf", keep)
    monkeypatch.setattr(printing, "_kept", {})
    for address in ("/kit/NN-0001/poster.pdf", "/pl/kit/NN-0001/poster.pdf?for=staff"):
        assert client.get(address).status_code == 200
    english, polish = printed
    assert "Day and night, every day, as published." in english
    assert 'lang="en"' not in english
    assert '<html lang="pl" dir="ltr">' in polish
    assert '<span lang="en" dir="ltr">Outside wall of the station' in polish
