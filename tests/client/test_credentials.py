"""Where a key comes from, and that it is never seen again."""

import copy
import json
import logging
import pickle
import re
import traceback

import httpx
import keyring
import pytest
from keyring.errors import KeyringError, NoKeyringError

from exp_jupyter.client import Secret, find_key, open_project
from exp_jupyter.client.http.credentials import ENVIRONMENT_NAME, remember_key
from exp_jupyter.errors import CredentialsError, ExpError

ORIGIN = "https://us.posthog.com"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_NAME, raising=False)
    monkeypatch.setattr(keyring, "get_password", lambda service, name: None)


def test_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_NAME, " phx_environment\n")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: "phx_keyring")
    assert find_key(ORIGIN).reveal() == "phx_environment"


def test_the_keyring_holds_a_key_for_each_origin(monkeypatch):
    held = {("exp_jupyter", ORIGIN): "phx_keyring"}
    monkeypatch.setattr(keyring, "get_password", lambda *name: held.get(name))
    assert find_key(ORIGIN).reveal() == "phx_keyring"
    with pytest.raises(CredentialsError):
        find_key("https://eu.posthog.com", interactive=False)


def test_without_a_keyring_the_person_is_asked(monkeypatch):
    def none(service, name):
        raise NoKeyringError

    monkeypatch.setattr(keyring, "get_password", none)
    asked = []
    key = find_key(ORIGIN, ask=lambda words: asked.append(words) or "phx_typed", interactive=True)
    assert key.reveal() == "phx_typed"
    assert ORIGIN in asked[0]


@pytest.mark.parametrize("refusal", [EOFError, RuntimeError("raw_input was called")])
def test_a_kernel_without_a_reader_is_nobody_there(refusal):
    def refuse(words):
        raise refusal

    with pytest.raises(CredentialsError, match="No personal API key"):
        find_key(ORIGIN, ask=refuse, interactive=True)


def test_with_nobody_there_the_ways_to_give_a_key_are_named():
    with pytest.raises(CredentialsError) as caught:
        find_key(ORIGIN, interactive=False)
    assert ENVIRONMENT_NAME in caught.value.hint
    assert "keyring" in caught.value.hint


def test_a_key_can_be_remembered_where_there_is_a_keyring(monkeypatch):
    held = {}
    monkeypatch.setattr(keyring, "set_password", lambda *entry: held.update({entry[:2]: entry[2]}))
    assert remember_key(ORIGIN, Secret("phx_x"))
    assert held == {("exp_jupyter", ORIGIN): "phx_x"}

    def refuse(*entry):
        raise KeyringError

    monkeypatch.setattr(keyring, "set_password", refuse)
    assert not remember_key(ORIGIN, Secret("phx_x"))


@pytest.mark.parametrize("text", ["", "  ", "phx_a b", "phx_a\nX-Other: 1", "phx_é"])
def test_a_text_that_is_no_key_is_refused_and_not_repeated(text):
    with pytest.raises(CredentialsError) as caught:
        Secret(text)
    assert caught.value.hint
    if text.strip():
        assert text.strip() not in str(caught.value.lines)


def test_a_key_is_not_written_to_files(key):
    secret = Secret(key)
    for store in (pickle.dumps, copy.deepcopy):
        with pytest.raises(CredentialsError):
            store(secret)


def everything_about(error):
    """Return all that a traceback, a debugger or a log could show of an exception."""
    shown = [*traceback.format_exception(error)]
    seen = set()
    link = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        shown += [repr(link), str(link), repr(link.args), repr(vars(link))]
        frame = link.__traceback__
        while frame is not None:
            # The test's own frames hold the planted key; nobody else's may.
            if frame.tb_frame.f_code.co_filename != __file__:
                shown += [repr(value) for value in frame.tb_frame.f_locals.values()]
            frame = frame.tb_next
        link = link.__cause__ or link.__context__
    return "\n".join(shown)


def outcome_of(attempt):
    try:
        return ExpError(repr(attempt()))
    except ExpError as error:
        return error


def attempts(project):
    yield project.experiments.list
    yield lambda: project.experiments.get(99)
    yield lambda: project.experiments.get("nobody")
    yield lambda: project.experiments.from_prompt("p", [1, 2], ["cost"]).send()
    yield lambda: project.experiments.unarchive(1).send()


FAULTS = (
    "cut_before cut_after cut_during status_before:401 status_before:403 status_before:500 html "
)
FAULTS += "truncated throttled:999 redirect:https://elsewhere.example huge:999999"


@pytest.mark.parametrize("broken", FAULTS.split())
def test_no_error_holds_the_key(server, connect, fault, key, broken, caplog):
    from exp_jupyter.client import Bounds

    caplog.set_level(logging.DEBUG)
    server.model.add(name="a", archived=True)
    for number in range(5):
        project = connect(bounds=Bounds(size=500_000))
        server.fault = lambda method, path: broken
        error = outcome_of(list(attempts(project))[number])
        assert key not in everything_about(error)
    assert key not in caplog.text
    assert key not in "".join(repr(record.__dict__) for record in caplog.records)
    assert all(headers["authorization"] == f"Bearer {key}" for *_, headers in server.model.requests)


def test_a_key_that_a_project_echoes_is_taken_out(server, project, key):
    echo = {"type": "validation_error", "code": "x", "detail": f"Bad header {key}", "attr": None}
    server.model.answer = lambda *request: (400, echo)
    with pytest.raises(ExpError) as caught:
        project.experiments.list()
    assert key not in everything_about(caught.value)
    assert "[hidden]" in caught.value.message


def echoes(key):
    """The key as a project may give it back."""
    yield key
    yield key.upper()
    yield "".join(f"\\u{ord(letter):04x}" for letter in key)
    yield "".join(f"\\u{ord(letter):04X}" if letter in "ax_" else letter for letter in key)
    yield "".join(f"\\\\u{ord(letter):04x}" for letter in key)
    yield "".join(f"%{ord(letter):02X}" for letter in key)
    yield "".join(f"&#x{ord(letter):x};" for letter in key)


@pytest.mark.parametrize("status", [200, 400, 409, 500])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_key_is_taken_out_of_every_answer_in_every_form(key, status, encoding):
    class Echo(httpx.BaseTransport):
        form = ""

        def handle_request(self, request):
            form = self.form
            text = f'{{"detail": "bad {form}", "{form}": "x", "attr": "{form}", "results": []}}'
            return httpx.Response(status, content=text.encode(encoding))

    project = open_project(ORIGIN, 1, key, transport=Echo())
    for Echo.form in echoes(key):
        try:
            shown = json.dumps(project.transport.read("/x/"))
        except ExpError as error:
            shown = everything_about(error) + json.dumps(error.body)
        plain = re.sub(
            r"\\+u00(..)|%(..)|&#x(..);", lambda m: chr(int(m[1] or m[2] or m[3], 16)), shown
        )
        assert key.lower() not in plain.lower()
        assert "[hidden]" in shown


def test_nothing_that_holds_the_key_shows_it(project, key):
    write = project.experiments.from_prompt("p", [1, 2], ["cost"])
    held = [project, project.transport, project.experiments, project.approvals, write.plan.body]
    held += [write.plan.sentence, vars(project), vars(project.transport), write.code()]
    assert key not in repr(held)
    assert key not in json.dumps(write.plan.to_dict())


def test_an_interrupt_shows_no_frame_that_holds_the_key(key):
    class Interrupted(httpx.BaseTransport):
        def handle_request(self, request):
            held = request.headers["authorization"]
            raise KeyboardInterrupt(len(held))

    project = open_project("https://us.posthog.com", 1, key, transport=Interrupted())
    with pytest.raises(KeyboardInterrupt) as caught:
        project.experiments.list()
    assert key not in everything_about(caught.value)
