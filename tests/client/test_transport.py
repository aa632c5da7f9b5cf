"""A real server misbehaves; reads recover where that is safe, and nothing leaves its origin."""

import socket

import httpx
import pytest

from exp_jupyter.client import Bounds, open_project
from exp_jupyter.errors import (
    ConnectionFailedError,
    InputError,
    ProtocolError,
    ServerError,
    ThrottledError,
)


def asked(server):
    return [(method, target) for method, target, _ in server.model.requests]


@pytest.mark.parametrize(
    "broken",
    [
        *["cut_before", "cut_during", "cut_after"],
        *[f"status_{when}:{status}" for when in ("before", "after") for status in (502, 503, 504)],
    ],
)
def test_a_read_is_asked_again_until_it_succeeds(server, project, fault, waits, broken):
    server.model.add(name="Checkout")
    fault(broken, broken)
    assert [one.name for one in project.experiments.list()] == ["Checkout"]
    assert len(server.model.requests) == 3
    assert len(waits.slept) == 2
    assert 0.25 <= waits.slept[0] <= 0.5
    assert 0.5 <= waits.slept[1] <= 1


def test_a_read_is_not_asked_for_ever(server, project, fault):
    fault(*["cut_before"] * 9)
    with pytest.raises(ConnectionFailedError, match="the connection broke") as caught:
        project.experiments.list()
    assert caught.value.hint
    assert len(server.model.requests) == 4


def test_a_failure_that_repeats_itself_is_reported_with_its_status(server, project, fault):
    fault("status_before:500")
    with pytest.raises(ServerError) as caught:
        project.experiments.list()
    assert caught.value.status == 500
    assert len(server.model.requests) == 1


@pytest.mark.parametrize(
    ("told", "waited"), [("throttled:7", 7), ("throttled:detail42", 42), ("throttled:none", None)]
)
def test_throttling_is_obeyed(project, fault, waits, told, waited):
    fault(told)
    project.experiments.list()
    assert len(waits.slept) == 1
    assert waits.slept[0] == waited if waited else 0.25 <= waits.slept[0] <= 0.5


def test_a_wait_too_long_to_sit_through_is_told_instead(project, fault, waits):
    fault("throttled:3600")
    with pytest.raises(ThrottledError) as caught:
        project.experiments.list()
    assert caught.value.wait == 3600
    assert "3600 s" in caught.value.hint
    assert waits.slept == []


@pytest.mark.parametrize("broken", ["html", "truncated"])
def test_an_answer_that_is_not_json_is_no_answer_of_the_contract(project, fault, broken):
    fault(broken)
    with pytest.raises(ProtocolError) as caught:
        project.experiments.list()
    assert "not with the API's JSON" in caught.value.message
    assert caught.value.hint


def test_json_of_another_shape_is_no_answer_of_the_contract(server, project):
    server.model.add(name="a", feature_flag={"id": "seven"})
    with pytest.raises(ProtocolError, match=r"feature_flag\.id"):
        project.experiments.get(1)


def test_a_redirect_to_another_origin_is_refused(server, project, fault):
    fault("redirect:https://elsewhere.example")
    with pytest.raises(ProtocolError, match=r"https://elsewhere\.example"):
        project.experiments.list()
    assert len(server.model.requests) == 1


def test_a_redirect_inside_the_origin_is_followed_for_a_read(server, project, fault):
    server.model.add(name="Checkout")
    fault(f"redirect:{server.origin}/api/projects/1/experiments/?again=")
    assert len(project.experiments.list()) == 1


def test_redirects_in_a_circle_end(server, project, fault):
    fault(*[f"redirect:{server.origin}/{number}" for number in range(9)])
    with pytest.raises(ProtocolError, match="keeps redirecting"):
        project.experiments.list()


def test_the_next_page_is_followed_inside_the_origin_only(server, project, fault):
    fault("next:https://elsewhere.example")
    with pytest.raises(ProtocolError, match=r"elsewhere\.example"):
        project.experiments.list()
    assert len(server.model.requests) == 1


def test_pages_in_a_circle_end(server, project):
    def circle(method, path, query, body):
        other = {"0": "1", "1": "0"}[query.get("offset", ["0"])[0]]
        link = f"{server.origin}{path}?offset={other}"
        return 200, {"count": 2, "next": link, "previous": None, "results": []}

    server.model.answer = circle
    with pytest.raises(ProtocolError, match="in a circle"):
        project.experiments.list()
    assert len(server.model.requests) == 3


def test_every_page_is_read(server, project):
    for number in range(3):
        server.model.add(name=f"Test {number}")
    everyone = [*server.model.experiments.values()]

    def pages(method, path, query, body):
        place = int(query.get("offset", ["0"])[0])
        more = f"{server.origin}{path}?offset={place + 1}" if place < 2 else None
        return 200, {"count": 3, "next": more, "previous": None, "results": [everyone[place]]}

    server.model.answer = pages
    assert [one.name for one in project.experiments.list()] == ["Test 0", "Test 1", "Test 2"]


def test_an_answer_without_end_is_cut_off(connect, fault):
    project = connect(bounds=Bounds(size=10_000))
    fault("huge:20000")
    with pytest.raises(ProtocolError, match="larger than"):
        project.experiments.list()


def test_bytes_that_trickle_are_waited_for_within_bounds(server, connect, fault, waits):
    server.model.add(name="Checkout")
    project = connect(bounds=Bounds(whole=1e9))
    fault("slow")
    assert len(project.experiments.list()) == 1
    waits.tick = 100.0
    impatient = connect(bounds=Bounds(whole=150.0))
    fault(*["slow"] * 9)
    with pytest.raises(ConnectionFailedError, match="no whole answer in 150 s"):
        impatient.experiments.list()


def test_nobody_there_is_said_plainly(waits, key):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{free.getsockname()[1]}"
        project = open_project(origin, 1, key, pace=waits.pace())
        with pytest.raises(ConnectionFailedError, match="no connection"):
            project.experiments.list()
        project.close()


def test_reads_share_a_connection(server, project):
    opened = []
    real = socket.socket.connect

    def counted(self, address):
        opened.append(address)
        return real(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", counted)
        for _ in range(5):
            project.experiments.list()
    assert len(opened) == 1


def test_an_interrupt_leaves_at_once(project):
    class Interrupted(httpx.BaseTransport):
        def handle_request(self, request):
            raise KeyboardInterrupt

    stopped = open_project(project.origin, 1, "phx_x", transport=Interrupted())
    with pytest.raises(KeyboardInterrupt) as caught:
        stopped.experiments.list()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "origin", ["http://us.posthog.com", "ftp://us.posthog.com", "us.posthog.com/x", "https://"]
)
def test_only_encrypted_origins_are_taken_beyond_this_machine(origin):
    with pytest.raises(InputError) as caught:
        open_project(origin, 1, "phx_x")
    assert caught.value.hint


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(InputError) as caught:
        open_project("https://mina:swordfish@us.posthog.com", 1, "phx_x")
    assert "swordfish" not in str(caught.value.lines)


def test_a_project_is_a_number():
    with pytest.raises(InputError, match="growth"):
        open_project("https://us.posthog.com", "growth", "phx_x")


def test_a_project_knows_itself(project):
    assert (project.id, project.name, project.timezone) == (1, "Growth", "Europe/Berlin")
    assert (project.kind, project.me) == ("remote", None)
