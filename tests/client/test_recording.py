"""What a project answered can be kept in one file, and read again without the project."""

import json
from datetime import UTC, datetime

import pytest

from exp_jupyter.client import replay
from exp_jupyter.errors import (
    ConnectionFailedError,
    InputError,
    NotFoundError,
    NotWrittenError,
    StoreError,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "analysis.expsnap"


def notebook(project):
    """Read as a notebook does; the texts are what a reader would see."""
    seen = [project.experiments.list().to_dict(), project.experiments.get("Checkout").to_dict()]
    seen.append(project.experiments.unarchive(2).state().sentence)
    with pytest.raises(NotFoundError) as caught:
        project.experiments.get(99)
    seen += [caught.value.lines, project.name, project.now.isoformat(), project.source]
    return json.dumps(seen)


@pytest.fixture
def recorded(server, project, file):
    person = {"id": 3, "first_name": "Mina", "email": "mina@example.com", "distinct_id": "d-3"}
    server.model.add(name="Checkout", created_by=person)
    server.model.add(name="Old", archived=True)
    project.record(file)
    return notebook(project)


def test_the_same_notebook_gives_the_same_live_and_replayed(server, recorded, file):
    before = len(server.model.requests)
    assert notebook(replay(file)) == recorded
    assert len(server.model.requests) == before


def test_the_file_holds_no_key_and_no_mail_address(recorded, file, key):
    text = file.read_text(encoding="utf-8")
    assert key not in text
    assert "Bearer" not in text
    assert "mina@example.com" not in text
    assert "d-3" not in text
    assert "Mina" in text


def test_the_projects_own_tokens_are_not_kept_either(server, project, file):
    real = server.model.answer
    token = "phc_" + "a1B2" * 10
    about = {"id": 1, "name": "Growth", "api_token": token, "secret_api_token": f"phs_{token[4:]}"}

    def answer(method, path, query, body):
        return (200, about) if path == "/api/projects/1/" else real(method, path, query, body)

    server.model.answer = answer
    server.model.add(
        name="Checkout", description=f"send with {token}", feature_flag_key="php_new_home"
    )
    project.record(file)
    assert project.name == "Growth"
    assert project.experiments.get(1).description == "send with [hidden]"
    text = file.read_text(encoding="utf-8")
    assert token[4:] not in text
    assert "token" not in text
    assert "php_new_home" in text


def test_the_same_answers_give_the_same_file(server, connect, file, tmp_path):
    server.model.add(name="Checkout")
    server.model.add(name="Old", archived=True)
    texts = []
    for reads in (["list", "get"], ["get", "list"]):
        project = connect(clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
        project.record(file)
        for read in reads:
            project.experiments.list() if read == "list" else project.experiments.get(1)
        texts.append(file.read_bytes())
    assert texts[0] == texts[1]


def test_what_was_not_recorded_is_said_by_its_name(recorded, file):
    with pytest.raises(ConnectionFailedError, match=r"search=other") as caught:
        replay(file).experiments.list(search="other")
    assert "Record" in caught.value.hint


def test_a_replay_never_writes(server, recorded, file):
    write = replay(file).experiments.unarchive(2)
    with pytest.raises(NotWrittenError):
        write.send()
    assert server.model.effects == 0


def test_answers_that_changed_come_in_their_order(server, project, file):
    server.model.add(name="Old", archived=True)
    project.record(file)
    write = project.experiments.unarchive(1)
    live = [write.state().kind, write.send().kind, project.experiments.get(1).archived]
    assert live == ["to_do", "applied", False]
    again = replay(file)
    assert [again.experiments.get(1).archived for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace("Checkout", "Chekout"), "changed since"),
        (lambda text: text[: len(text) // 2], "no recording"),
        (lambda text: "{}", "no recording"),
        (lambda text: text.replace('"version": 1', '"version": 2', 1), "newer version"),
    ],
)
def test_a_spoiled_file_is_refused(recorded, file, spoil, words):
    file.write_text(spoil(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(StoreError, match=words) as caught:
        replay(file)
    assert caught.value.hint


def test_a_file_that_cannot_be_is_refused(project, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        project.record(tmp_path / "nowhere" / "a.expsnap")
    with pytest.raises(StoreError, match="cannot be read"):
        replay(tmp_path / "a.expsnap")


@pytest.mark.parametrize("content", [b"{}", b'{"cells": []}', b"PAR1\xff\xfe", b"a,b\n1,2\n"])
def test_what_is_no_recording_is_never_replaced(project, tmp_path, content):
    other = tmp_path / "other.file"
    other.write_bytes(content)
    with pytest.raises(StoreError, match="something else than a recording"):
        project.record(other)
    assert other.read_bytes() == content
    assert project.recorded_to is None


def test_a_replay_says_what_it_is_a_recording_of(server, project, file):
    project.record(file)
    assert (project.recorded_to, project.replayed_from) == (file, None)
    again = replay(file)
    assert (again.recorded_to, again.replayed_from) == (None, file)
    assert (again.name, again.me) == (project.name, project.me)
    with pytest.raises(InputError, match="is a recording already"):
        again.record(file)
