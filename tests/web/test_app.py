import json
import logging
import re
import shutil
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from locator.errors import DataError, RegistryError
from locator.settings import Settings
from locator.web import create_app, emergency

ADDRESSES = ["/", "/map", "/coverage", "/data", "/nothing", "/maps/kits.js", "/static/site.css"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_security_headers_are_on_every_answer(client: FlaskClient, address: str) -> None:
    headers = client.get(address, buffered=True).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers
    assert "Strict-Transport-Security" not in headers


def test_https_adds_transport_security(settings: Settings, tmp_path: Path) -> None:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/r.sqlite", https=True))
    assert "max-age" in app.test_client().get("/").headers["Strict-Transport-Security"]
    app.extensions["facts"].close()


@pytest.mark.parametrize(
    ("address", "framed"), [("/", False), ("/map", False), ("/nothing", False), ("/widget", True)]
)
def test_only_the_widget_may_be_framed(client: FlaskClient, address: str, *, framed: bool) -> None:
    assert client.get(address).headers.get("X-Frame-Options") == (None if framed else "DENY")


def test_only_the_address_of_a_file_as_it_is_may_be_kept(client: FlaskClient) -> None:
    named = re.search(r'href="(/static/site\.css\?v=\w+)"', client.get("/").text)
    assert named is not None
    kept = client.get(named[1], buffered=True)
    assert "max-age=31536000" in kept.headers["Cache-Control"]
    for other in ("/static/site.css", "/static/site.css?v=deadbeef"):
        answer = client.get(other, buffered=True)
        assert answer.data == kept.data
        assert answer.headers["Cache-Control"] == "no-cache"
        again = client.get(other, headers={"If-None-Match": answer.headers["ETag"]}, buffered=True)
        assert (again.status_code, again.headers["Cache-Control"]) == (304, "no-cache")


@pytest.mark.parametrize("host", ["a:8377@evil", "a b", "<x>"])
def test_no_page_is_made_for_a_malformed_host(client: FlaskClient, host: str) -> None:
    answer = client.get("/kit/NN-0001", headers={"Host": host})
    assert answer.status_code == 400
    assert "http:///" not in answer.text
    assert "Call 999 now" in answer.text


def test_pages_hold_no_inline_code(client: FlaskClient) -> None:
    addresses = ["/", "/map", "/coverage", "/data", "/nothing"]
    addresses += ["/kit/NN-0030", "/in/northampton", "/places", "/widget"]
    pages = [client.get(a).text for a in addresses]
    pages.append(client.post("/", data={"place": "NN1 1DE"}).text)
    for html in pages:
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
        # a link that only names another address of the page loads nothing
        loads = r'(?:src|<link(?! rel="(?:canonical|alternate)")[^>]+href)="(?!/)'
        assert not re.search(loads, html)


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/", 405), ("GET", "/coverage?within=1", 422)],
)
def test_problems_are_pages_or_json(
    client: FlaskClient, method: str, address: str, status: int
) -> None:
    page = client.open(address, method=method, headers={"Accept": "text/html"})
    assert page.status_code == status
    assert "Call 999 now" in page.text
    answer = client.open(address, method=method, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.text)["status"] == status
    assert "Call 999 first" in json.loads(answer.text)["advice"]
    assert (status == 405) == ("Allow" in answer.headers)


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    assert client.post("/", data={"place": "x" * 20_000}).status_code == 413


def test_a_registry_that_cannot_be_read_is_said_without_its_address(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:

    def broken() -> None:
        msg = "The registry cannot be read: no answer from db.internal:5432"
        raise RegistryError(msg)

    monkeypatch.setattr(app.extensions["facts"], "snapshot", broken)
    with caplog.at_level(logging.ERROR):
        response = client.get("/map")
    assert response.status_code == 503
    assert "Call 999 now" in response.text
    assert "db.internal" not in response.text
    assert "db.internal" in caplog.text


def test_an_unforeseen_error_keeps_what_was_typed_out_of_the_log(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        msg = "52.23780 secret street"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(emergency, "_positions", broken)
    with caplog.at_level(logging.DEBUG):
        response = client.post("/", data={"place": "secret street"})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text
    assert "52.2378" not in caplog.text


def test_damaged_facts_stop_the_start_with_a_reason(
    geodata: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    (copy / "lsoa.csv").write_text("code,name\n", "utf-8")
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/r.sqlite", geodata=copy))
    with caplog.at_level(logging.ERROR):
        response = app.test_client().get("/coverage")
    assert response.status_code == 500
    assert "sources.toml lists" in caplog.text
    assert str(tmp_path) not in response.text
    app.extensions["facts"].close()
    with pytest.raises(DataError, match="LOCATOR_GEODATA"):
        create_app(Settings(database_url=f"sqlite:///{tmp_path}/r2.sqlite", geodata=tmp_path))
