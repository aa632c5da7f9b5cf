"""Half a request holds nobody: a real socket, short limits, and a stop that says nothing odd."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from exp_jupyter.server.app import create_app
from exp_jupyter.server.http.time_limits import TimeLimits
from exp_jupyter.server.serving import server_of

SHORT = TimeLimits(head=0.2, body=0.2)
LONG = TimeLimits(head=60, body=60)
HEAD = b"GET /api/users/@me/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = (
    b"POST /api/projects/@current/experiments/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
)


class Served:
    """A server in a thread of its own, and sockets to it."""

    def __init__(self, app, limits: TimeLimits) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._server = server_of(app, limits)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}
        )
        self._thread.start()

    def connect(self) -> socket.socket:
        made = socket.create_connection(self._listening.getsockname(), timeout=20)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


@pytest.fixture
def served(project) -> Iterator:
    running: list[Served] = []

    @contextmanager
    def serve(limits: TimeLimits) -> Iterator[Served]:
        running.append(Served(create_app(project.store, project.events), limits))
        yield running[-1]

    yield serve
    for server in running:
        server.stop()


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def more_of(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    assert part, "the server closed the connection"
    return part


def read_one(connection: socket.socket) -> bytes:
    """Return one answer of a connection that stays open."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += more_of(connection)
    head, _, body = raw.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    while len(body) < length:
        body += more_of(connection)
    return head


def answer(raw: bytes) -> tuple[int, dict]:
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("part", [HEAD[:1], HEAD[:20], HEAD[:-2]])
def test_a_head_that_stays_half_sent_is_answered_408(served, part):
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(part)
        status, body = answer(read_all(connection))
    assert (status, body["code"]) == (408, "request_timeout")
    assert "head did not arrive within 0.2 seconds" in body["detail"]


@pytest.mark.parametrize("part", [b"", b"{", b'{"name": "half'])
def test_a_body_that_stays_half_sent_is_answered_408(served, part):
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(POST + part)
        status, body = answer(read_all(connection))
    assert (status, body["code"]) == (408, "request_timeout")
    assert "body" in body["detail"]


def test_a_chunked_body_without_an_end_is_answered_408(served):
    head = POST.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked")
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(head + b'5\r\n{"a":\r\n')
        assert answer(read_all(connection))[0] == 408


def test_a_connection_that_brings_nothing_is_closed(served):
    with served(SHORT) as server, closing(server.connect()) as connection:
        assert read_all(connection) == b""


def test_a_second_request_that_stays_half_sent_is_answered_too(served):
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(HEAD)
        assert b" 401 " in read_one(connection)
        connection.sendall(HEAD[:20])
        assert answer(read_all(connection))[0] == 408


def test_a_request_in_pieces_within_the_limit_is_answered(served):
    with served(LONG) as server, closing(server.connect()) as connection:
        for place in range(0, len(HEAD), 7):
            connection.sendall(HEAD[place : place + 7])
        assert b" 401 " in read_one(connection)


def test_others_are_answered_while_hundreds_hold_half_a_request(served):
    with served(LONG) as server:
        held = [server.connect() for _ in range(200)]
        for place, connection in enumerate(held):
            connection.sendall((HEAD[:20], POST + b"{")[place % 2])
        with closing(server.connect()) as connection:
            connection.sendall(HEAD)
            assert b" 401 " in read_one(connection)
        for connection in held:
            connection.close()


def test_stopping_with_half_sent_requests_is_quick_and_quiet(served, caplog, capfd):
    with caplog.at_level(logging.WARNING), served(LONG) as server:
        held = [server.connect() for _ in range(50)]
        for place, connection in enumerate(held):
            connection.sendall((HEAD[:20], POST + b"{")[place % 2])
        with closing(server.connect()) as connection:  # by now the others have been read
            connection.sendall(HEAD)
            read_one(connection)
        server.stop()
    assert [read_all(connection) for connection in held] == [b""] * 50
    assert caplog.messages == []
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err
    for connection in held:
        connection.close()


def test_an_answer_that_takes_too_long_to_stop_for_is_no_traceback(project, caplog):
    entered, go_on = threading.Event(), threading.Event()
    app = create_app(project.store, project.events)

    async def slow(scope, receive, send):
        import asyncio

        entered.set()
        await asyncio.to_thread(go_on.wait, 20)
        await app(scope, receive, send)

    with caplog.at_level(logging.WARNING):
        server = Served(slow, LONG)
        server._server.config.timeout_graceful_shutdown = 0.1
        with closing(server.connect()) as connection:
            connection.sendall(HEAD)
            assert entered.wait(20)
            server._server.should_exit = True
            status, body = answer(read_all(connection))
            go_on.set()
            server.stop()
    assert (status, body["detail"]) == (503, "The project is being stopped.")
    assert not any(record.exc_info for record in caplog.records)
