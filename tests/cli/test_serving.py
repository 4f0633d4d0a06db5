import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from tests.serving import Server, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("site"), LOCATOR_HTTPS="true") as running:
        yield running


def _connect(server: Server) -> socket.socket:
    address = urlsplit(server.address)
    assert address.port is not None
    return socket.create_connection((address.hostname, address.port), timeout=20)


def test_a_huge_body_is_refused_before_it_is_read(server: Server) -> None:
    with _connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n\r\n")
        # nothing of the body has been sent
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_huge_body_without_a_length_is_refused_as_well(server: Server) -> None:
    with _connect(server) as connection:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"10000\r\n" + b"x" * 0x10000 + b"\r\n1\r\nx\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_idle_connections_keep_nobody_out(server: Server) -> None:
    with ExitStack() as idle:
        for _ in range(300):
            idle.enter_context(_connect(server))
        address = urlsplit(server.address)
        asking = http.client.HTTPConnection(address.netloc, timeout=20)
        with closing(asking):
            asking.request("GET", "/how-to")
            assert asking.getresponse().status == HTTPStatus.OK


def test_a_site_without_a_name_is_warned_of(server: Server) -> None:
    assert b"LOCATOR_HTTPS is set and LOCATOR_SITE_URL is not" in server.written()
