"""A real server misbehaves; reads recover where that is safe, and nothing leaves its origin."""

import contextlib
import socket
import sys

import httpx
import pytest

from exp_jupyter.client import Bounds, open_project
from exp_jupyter.client.http.wire.bounded_http import proxy_for
from exp_jupyter.errors import (
    ConnectionFailedError,
    CredentialsError,
    InputError,
    ProtocolError,
    ServerError,
    ThrottledError,
)


def paged(results, following=None):
    return {"count": len(results), "next": following, "previous": None, "results": results}


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


@pytest.mark.parametrize(
    "link",
    [
        "http://elsewhere.example/x/?offset=1",
        "https://posthog-web.internal:8000/api/projects/1/experiments/?offset=1",
        "http://localhost/api/projects/1/experiments/?offset=1",
        "/api/projects/1/experiments/?offset=1",
        "?offset=1",
        "//elsewhere.example?offset=1",
    ],
)
def test_of_a_link_to_the_next_page_only_the_query_is_taken(server, project, link):
    server.model.add(name="A")
    everyone = [*server.model.experiments.values()]

    def pages(method, path, query, body):
        return 200, paged(everyone, None if query else link)

    server.model.answer = pages
    assert len(project.experiments.list()) == 2
    paths = [target for _, target in asked(server)]
    assert paths == [f"/api/projects/1/experiments/{query}" for query in ("", "?offset=1")]


@pytest.mark.parametrize(
    "link", [7, ["x"], {"a": 1}, "https://[::1", "https://x.example/", "\ud800"]
)
def test_a_link_to_nowhere_is_said(server, project, link):
    server.model.answer = lambda *request: (200, paged([], link))
    with pytest.raises(ProtocolError, match=r"no address that could be asked|next") as caught:
        project.experiments.list()
    assert caught.value.hint


def test_pages_without_end_are_left(project):
    class Endless(httpx.BaseTransport):
        def handle_request(self, request):
            offset = int(request.url.params.get("offset", 0)) + 1
            return httpx.Response(200, json=paged([], f"?offset={offset}"))

    endless = open_project(project.origin, 1, "phx_x", transport=Endless())
    with pytest.raises(ProtocolError, match="do not end"):
        endless.experiments.list()


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


def test_a_head_that_trickles_is_waited_for_within_bounds(server, connect, waits, monkeypatch):
    """The timeout between two pieces never comes; only the bound on the whole ends it."""

    def drip(wfile, *told):
        for letter in "HTTP/1.1 200 X\r\nX-Long: " + "a" * 5000:
            wfile.write(letter.encode())
            wfile.flush()
        return True

    monkeypatch.setitem(vars(sys.modules[type(server).__module__])["BEFORE"], "head", drip)
    server.fault = lambda method, path: "head"
    waits.tick = 40.0
    project = connect(bounds=Bounds(whole=150.0), pace=waits.pace(attempts=1))
    with pytest.raises(ConnectionFailedError, match="no whole answer in 150 s"):
        project.experiments.list()


def test_a_proxy_sees_nothing_of_a_project_on_this_machine(server, key, monkeypatch):
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        project = open_project(server.origin, 1, key)
        project.experiments.list()
        project.experiments.update(server.model.add(name="A")["id"], name="B")
        project.close()
        with contextlib.suppress(BlockingIOError):
            seen.append(listener.accept())
    assert seen == []
    assert len(server.model.requests) >= 2


def test_other_projects_are_asked_through_the_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy_for("https://us.posthog.com") == "http://proxy.example:3128"
    assert proxy_for("https://inside.example") is None
    for here in ("http://localhost:8000", "http://127.0.0.9", "http://[::1]:80", "https://[::1]"):
        assert proxy_for(here) is None


@pytest.mark.parametrize("proxy", ["socks4://x", "http://[::1", "nonsense://"])
def test_a_proxy_that_cannot_be_used_is_said(proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    project = open_project("https://us.posthog.com", 1, "phx_x")
    with pytest.raises(ConnectionFailedError, match="proxy") as caught:
        project.experiments.list()
    assert "HTTPS_PROXY" in caught.value.hint


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
    "origin",
    [
        *["http://us.posthog.com", "ftp://us.posthog.com", "us.posthog.com/x", "https://"],
        *["https://[::1", "https://[x]", "https://host:99999", "https://a b", "https://h/../x"],
        *["https://\u2100.example", "https://h\u0000", "https://h/a%20b", "https://..", "//h"],
    ],
)
def test_only_encrypted_origins_are_taken_beyond_this_machine(origin):
    with pytest.raises(InputError) as caught:
        open_project(origin, 1, "phx_x")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("address", "root", "number"),
    [
        ("https://us.posthog.com/project/77/experiments/2", "https://us.posthog.com", "77"),
        ("https://us.posthog.com/project/77", "https://us.posthog.com", "77"),
        ("https://us.posthog.com/experiments/2?tab=x#a", "https://us.posthog.com", "@current"),
        ("https://h.example/posthog/", "https://h.example/posthog", "@current"),
        ("https://h.example/a/b/project/5/insights", "https://h.example/a/b", "5"),
        ("https://h.example/posthog/api/projects/9/", "https://h.example/posthog", "9"),
        ("http://localhost:8010/posthog/login", "http://localhost:8010/posthog", "@current"),
        ("HTTPS://H.Example:443", "https://h.example", "@current"),
    ],
)
def test_an_address_keeps_its_path_and_its_project(address, root, number):
    project = open_project(address, None, "phx_x")
    assert project.origin == root
    assert project.path() == f"/api/projects/{number}/"


def test_an_address_of_another_project_than_named_is_refused():
    with pytest.raises(InputError, match="project 77"):
        open_project("https://us.posthog.com/project/77/experiments/2", 5, "phx_x")
    agreed = open_project("https://us.posthog.com/project/77", 77, "phx_x")
    assert agreed.path() == "/api/projects/77/"


def test_the_path_of_an_installation_is_kept_for_reads_writes_and_redirects(server, key):
    seen = []

    class Below(httpx.BaseTransport):
        move = "/posthog/moved/"

        def handle_request(self, request):
            seen.append(str(request.url))
            if request.method == "GET" and "moved" not in str(request.url):
                return httpx.Response(307, headers={"location": self.move})
            return httpx.Response(200, json=paged([]))

    project = open_project("https://h.example/posthog", 1, key, transport=Below())
    project.experiments.list()
    project.transport.write("POST", project.path("experiments"), {})
    assert seen == [
        "https://h.example/posthog/api/projects/1/experiments/",
        "https://h.example/posthog/moved/",
        "https://h.example/posthog/api/projects/1/experiments/",
    ]
    for outside in ("/moved/", "/posthogs/moved/", "https://h.example/", "//h.example:8/posthog/"):
        Below.move = outside
        with pytest.raises(ProtocolError, match="the key is not sent there"):
            project.experiments.list()
    assert len(seen) == 7


def test_a_key_in_the_address_is_refused_and_not_repeated():
    for address in ("https://phx_swordfish12", "https://h.example/phx_swordfish12?a"):
        with pytest.raises(CredentialsError) as caught:
            open_project(address, 1, "phx_x")
        assert "swordfish" not in str(caught.value.lines)
    with pytest.raises(InputError) as refused:
        open_project("https://h.example", "phx_swordfish12", "phx_x")
    assert "swordfish" not in str(refused.value.lines)


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
