"""The app in this process answers like a server, from any thread and inside a running loop."""

import asyncio
import json
import logging
import threading

import httpx
import pytest

from exp_jupyter.connection.in_process import InProcessTransport

ORIGIN = "http://embedded.exp-jupyter.invalid"


async def echo(scope, receive, send):
    message = await receive()
    if scope["path"] == "/fault":
        raise RuntimeError("a fault of the app")
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "body": message["body"].decode(),
        "header": dict(scope["headers"]).get(b"x-given", b"").decode(),
    }
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-back", b"1")]})
    text = json.dumps(seen).encode()
    await send({"type": "http.response.body", "body": text[:5], "more_body": True})
    await send({"type": "http.response.body", "body": text[5:]})
    if scope["path"] == "/late-fault":
        raise RuntimeError("a fault after the answer")


@pytest.fixture
def client():
    with httpx.Client(transport=InProcessTransport(echo), base_url=ORIGIN) as client:
        yield client


def test_the_app_sees_the_request_and_the_caller_the_answer(client):
    answer = client.post("/a%20b?x=1", json={"n": 1}, headers={"X-Given": "yes"})
    assert answer.status_code == 201
    assert answer.headers["x-back"] == "1"
    assert answer.json() == {
        "method": "POST",
        "path": "/a b",
        "query": "x=1",
        "body": '{"n":1}',
        "header": "yes",
    }


def test_it_works_inside_a_running_event_loop(client):
    async def cell():
        return client.get("/here").json()["path"]

    assert asyncio.run(cell()) == "/here"


def test_many_threads_may_ask_at_once(client):
    answers = {}

    def ask(number):
        answers[number] = client.get(f"/{number}").json()["path"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"/{number}" for number in range(16)}


def test_a_fault_of_the_app_is_a_500_and_a_line_in_the_log(client, caplog):
    with caplog.at_level(logging.ERROR):
        answer = client.get("/fault")
    assert (answer.status_code, answer.json()["type"]) == (500, "server_error")
    assert "GET /fault" in caplog.text


def test_a_fault_after_the_answer_leaves_the_answer(client, caplog):
    assert client.get("/late-fault").status_code == 201


def test_after_closing_it_starts_again():
    transport = InProcessTransport(echo)
    for _ in range(2):
        with httpx.Client(transport=transport, base_url=ORIGIN) as client:
            assert client.get("/again").status_code == 201
    transport.close()


def test_its_thread_ends_when_nobody_holds_it():
    before = set(threading.enumerate())
    transport = InProcessTransport(echo)
    transport.handle_request(httpx.Request("GET", f"{ORIGIN}/x"))
    (thread,) = set(threading.enumerate()) - before
    del transport
    thread.join(timeout=5)
    assert not thread.is_alive()


@pytest.mark.parametrize(("method", "finished"), [("GET", False), ("POST", True)])
def test_an_interrupt_gives_up_a_read_and_lets_a_write_end(method, finished, monkeypatch):
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()
    ended = []

    async def slow(scope, receive, send):
        begun.set()
        try:
            while not go_on.is_set():
                await asyncio.sleep(0)
            ended.append(True)
        finally:
            over.set()

    def interrupted(self, timeout=None):
        assert begun.wait(5)
        raise KeyboardInterrupt

    transport = InProcessTransport(slow)
    with monkeypatch.context() as patch:
        patch.setattr("concurrent.futures.Future.result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            transport.handle_request(httpx.Request(method, f"{ORIGIN}/x"))
    if finished:
        go_on.set()
    assert over.wait(5)
    assert bool(ended) is finished
    transport.close()
