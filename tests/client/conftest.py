"""A project that misbehaves on demand: a real server on this machine with a small, strict model."""

import json
import random
import re
import socket
import socketserver
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from exp_jupyter.client import EMBEDDED_ORIGIN, Bounds, Pace, open_project
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.server.app import create_app
from exp_jupyter.server.testing import TrialProject

KEY = "phx_planted_3f9b2c7d1e"


class Model:
    """The project behind the wire: what exists, and what was really done to it."""

    def __init__(self):
        self.experiments = {}
        self.effects = 0
        self.pending = []
        self.requests = []
        self.change_requests = []
        self.policies = []
        self.flags = []
        self.gate = None

    def add(self, **fields):
        number = len(self.experiments) + 1
        base = {"id": number, "name": f"E{number}", "feature_flag_key": f"e-{number}"}
        self.experiments[number] = base | {"archived": False, "status": "draft"} | fields
        return self.experiments[number]

    def answer(self, method, path, query, body):
        parts = path.removeprefix("/api/projects/1/").strip("/").split("/")
        if path == "/api/projects/1/":
            return 200, {"id": 1, "name": "Growth", "timezone": "Europe/Berlin"}
        if parts[0] in {"change_requests", "approval_policies", "feature_flags"}:
            held = {
                "change_requests": self.change_requests,
                "approval_policies": self.policies,
                "feature_flags": self.flags,
            }[parts[0]]
            if len(parts) > 1:
                (found,) = [one for one in held if one["id"] == parts[1]]
                return 200, found
            return 200, page(held)
        if method == "POST" and parts[1:] == ["create_from_prompt"]:
            return self.create(body)
        if method == "POST" and parts == ["experiments"]:
            self.effects += 1
            return 201, self.add(**{key: body[key] for key in body if key != "metrics"})
        if method == "POST" and len(parts) == 3:
            return self.step(self.experiments[int(parts[1])], parts[2], body)
        if parts == ["experiments"]:
            archived = query.get("archived") == ["true"]
            found = [one for one in self.experiments.values() if one["archived"] is archived]
            if wanted := query.get("search"):
                found = [one for one in found if wanted[0].lower() in one["name"].lower()]
            return 200, page(found)
        if parts[0] == "experiments" and parts[1].isdigit() and int(parts[1]) in self.experiments:
            return 200, self.experiments[int(parts[1])]
        return 404, {
            "type": "invalid_request",
            "code": "not_found",
            "detail": "Not found.",
            "attr": None,
        }

    def step(self, found, verb, body):
        if verb == "unarchive":
            if not found["archived"]:
                return 400, envelope("Experiment is not archived.")
            found["archived"] = False
        else:
            assert verb == "end"
            if found.get("end_date"):
                return 400, envelope("Experiment has already ended.")
            found.update(end_date="2026-03-09T09:15:00Z", status="stopped", **body)
        self.effects += 1
        return 200, found

    def create(self, body):
        key = body["feature_flag_key"]
        taken = {one["feature_flag_key"] for one in self.experiments.values()}
        if key in taken | {flag["key"] for flag in self.flags}:
            return 400, envelope(f"Feature flag '{key}' already exists.", attr="feature_flag_key")
        if self.gate is not None:
            return 409, self.gate(body)
        metadata = {name: body[name] for name in ("versions", "templates")}
        metadata["name"] = body["prompt_name"]
        listed = ", ".join(f"v{version}" for version in body["versions"])
        name = body.get("name") or (
            f"{body['prompt_name']}: {listed} ({', '.join(body['templates'])})"
        )
        self.effects += 1
        return 201, self.add(
            name=name, feature_flag_key=key, parameters={"prompt_metadata": metadata}
        )


def page(found):
    return {"count": len(found), "next": None, "previous": None, "results": found}


def envelope(detail, *, attr=None, code="invalid_input"):
    return {"type": "validation_error", "code": code, "detail": detail, "attr": attr}


class Double:
    """The server; ``fault(method, path)`` names what goes wrong with a request."""

    def __init__(self):
        self.model = Model()
        self.fault = lambda method, path: "ok"
        self.lock = threading.Lock()
        self.release = threading.Event()
        double = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while double.serve(self.rfile, self.wfile, self.connection):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A client that hangs up is part of the test."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def serve(self, rfile, wfile, connection):
        line = rfile.readline().decode()
        if not line.strip():
            return False
        method, target, _ = line.split()
        headers = {}
        while header := rfile.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        raw = rfile.read(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        with self.lock:
            model = self.model
            self.ripen(model)
            fault = self.fault(method, parts.path)
            model.requests.append((method, target, headers))
            keep = self.misbehave(
                fault, model, wfile, method, parts, json.loads(raw) if raw else None
            )
        if not keep:
            wfile.flush()
            connection.shutdown(socket.SHUT_RDWR)
        return keep

    def ripen(self, model):
        """Let the work that was answered too early take its effect when its time has come."""
        waiting, model.pending = model.pending, []
        for left, work in waiting:
            if left > 0:
                model.pending.append((left - 1, work))
            else:
                work()

    def misbehave(self, fault, model, wfile, method, parts, body):
        def work():
            return model.answer(method, parts.path, parse_qs(parts.query), body)

        name, _, detail = fault.partition(":")
        if name == "late":
            model.pending.append((int(detail), work))
            return send(wfile, 504, b"<html>gateway</html>", {"Content-Type": "text/html"})
        if name in BEFORE:
            return BEFORE[name](wfile, detail, parts.path)
        status, answer = work()
        text = json.dumps(answer).encode()
        return AFTER[name](wfile, status, text, detail)


def throttle(wfile, detail, path):
    wait = {"Retry-After": detail} if detail.isdigit() else {}
    words = "Request was throttled."
    if detail.startswith("detail"):
        words += f" Expected available in {detail[6:]} seconds."
    text = {"type": "throttled_error", "code": "throttled", "detail": words, "attr": None}
    return send(wfile, 429, json.dumps(text).encode(), wait)


def cut_during(wfile, status, text, detail):
    wfile.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode())
    wfile.write(text[: len(text) // 2])
    return False


def drip(wfile, status, text, detail):
    wfile.write(f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for byte in text:
        wfile.write(b"1\r\n" + bytes([byte]) + b"\r\n")
        wfile.flush()
    wfile.write(b"0\r\n\r\n")
    return True


def elsewhere(wfile, status, text, detail):
    return send(wfile, 200, json.dumps(json.loads(text) | {"next": f"{detail}/x/"}).encode())


# What goes wrong before the project has done anything, and what goes wrong afterwards.
BEFORE = {
    "cut_before": lambda wfile, detail, path: False,
    "status_before": lambda wfile, detail, path: send(wfile, int(detail), b"{}"),
    "throttled": throttle,
    "redirect": lambda wfile, detail, path: send(wfile, 307, b"", {"Location": f"{detail}{path}"}),
    "html_before": lambda wfile, detail, path: send(wfile, 200, b"<!doctype html><p>Sign in"),
}
AFTER = {
    "ok": lambda wfile, status, text, detail: send(wfile, status, text),
    "cut_after": lambda wfile, status, text, detail: False,
    "cut_during": cut_during,
    "status_after": lambda wfile, status, text, detail: send(wfile, int(detail), b""),
    "truncated": lambda wfile, status, text, detail: send(wfile, status, text[: len(text) // 2]),
    "html": lambda wfile, status, text, detail: send(wfile, status, b"<html></html>"),
    "next": elsewhere,
    "huge": lambda wfile, status, text, detail: send(wfile, 200, b" " * int(detail) + text),
    "slow": drip,
}


def send(wfile, status, text, headers=None):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    wfile.write("\r\n".join([*lines, "", ""]).encode() + text)
    return True


class Waits:
    """A clock that only moves when somebody sleeps, and remembers for how long."""

    def __init__(self):
        self.slept = []
        self.now = 0.0
        self.tick = 0.0

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        self.now += self.tick
        return self.now

    def pace(self, **options):
        chance = random.Random(7).random
        return Pace(sleep=self.sleep, clock=self.clock, chance=chance, **options)


@pytest.fixture(scope="session")
def double():
    double = Double()
    yield double
    double.close()


@pytest.fixture
def server(double):
    with double.lock:
        double.model = Model()
        double.fault = lambda method, path: "ok"
    return double


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def connect(server, waits):
    opened = []

    def connect(**options):
        options.setdefault("pace", waits.pace())
        options.setdefault("bounds", Bounds(connect=5, read=5, write=5))
        project = open_project(server.origin, 1, KEY, **options)
        opened.append(project)
        return project

    yield connect
    for project in opened:
        project.close()


@pytest.fixture
def project(connect):
    return connect()


@pytest.fixture
def fault(server):
    """Give the faults of the requests whose path matches, one after the other, then none."""

    def fault(*names, on="", method=None):
        queue = list(names)

        def choose(asked, path):
            if queue and re.search(on, path) and method in (None, asked):
                return queue.pop(0)
            return "ok"

        server.fault = choose

    return fault


class Growth:
    """The embedded project with two people, and the few things a test sets up in it."""

    def __init__(self, trial, pace):
        app = create_app(trial.store, trial.events)
        self.trial = trial
        self.posts = []
        self.owner, self.reviewer = (
            open_project(
                EMBEDDED_ORIGIN, None, trial.keys[role], transport=Counted(app, self), pace=pace
            )
            for role in ("owner", "member2")
        )

    def post(self, *parts, **body):
        """Set something up past the client's own writes."""
        made = self.owner.transport.write("POST", self.owner.path(*parts), body or None)
        self.posts.clear()
        return made

    def draft(self, name="Checkout", **fields):
        body = {"name": name, "feature_flag_key": name.lower().replace(" ", "-")} | fields
        return self.post("experiments", **body)["id"]

    def running(self, name="Checkout", **fields):
        number = self.draft(name, **fields)
        self.post("experiments", number, "launch")
        return number

    def ended(self, name="Checkout", **fields):
        number = self.running(name, **fields)
        self.post("experiments", number, "end")
        return number

    def guard(self, *actions, **fields):
        """Let nobody do these things without the reviewer."""
        config = {"quorum": 1, "users": [self.trial.member_id]}
        for action in actions:
            self.post("approval_policies", action_key=action, approver_config=config, **fields)

    def approve(self, outcome):
        return self.reviewer.approvals.approve(outcome.change_request.id).send()

    def reject(self, outcome, reason="Not this week."):
        return self.reviewer.approvals.reject(outcome.change_request.id, reason).send()


class Counted(InProcessTransport):
    """Remembers every request that writes."""

    def __init__(self, app, growth):
        super().__init__(app)
        self._growth = growth

    def handle_request(self, request):
        response = super().handle_request(request)
        if request.method not in {"GET"} and not request.url.path.endswith("/query/"):
            self._growth.posts.append((request.method, request.url.path, response.status_code))
        return response


@pytest.fixture
def growth(tmp_path, waits):
    trial = TrialProject(tmp_path / "growth")
    growth = Growth(trial, waits.pace())
    yield growth
    for project in (growth.owner, growth.reviewer):
        project.close()
    trial.close()
