"""What a project answered can be kept in one file, and read again without the project."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exp_jupyter.client import replay
from exp_jupyter.client.http.concurrency import side_by_side
from exp_jupyter.errors import (
    ConnectionFailedError,
    InputError,
    NotFoundError,
    NotRecordedError,
    NotWrittenError,
    StoreError,
    StoreFullError,
    ThrottledError,
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


PRIVATE = [
    "mina.o'neil+a@mail.example.co.uk",
    "https://hooks.slack.com/services/T01/B02/swordfish",
    "https://discord.com/api/webhooks/12/swordfish",
    "https://acme.webhook.office.com/webhookb2/swordfish@1",
    "phx_" + "swordfish12" * 3,
    "https://mina:swordfish@tools.example.com/x",
    "https://tools.example.com/x?a=1&access_token=swordfish",
]


@pytest.mark.parametrize("private", PRIVATE)
def test_nothing_private_is_kept_wherever_it_stands(server, project, file, private):
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in private)
    about = {
        "webhook_url": private,
        "nested": [{private: 1}, f"see {private}, or ask", {"deep": {"text": private}}],
        "inside": json.dumps({"told": private}),
        "escaped": f'{{"told": "{escaped}"}}',
        "Slack Webhook": private,
    }
    server.model.add(name="Checkout", description=f"From {private}", parameters=about)
    project.record(file)
    live = [project.experiments.get(1).to_dict(), project.experiments.list(search=private).count]
    text = file.read_text(encoding="utf-8")
    for part in ("swordfish", "mail.example", "o'neil", escaped[:40].replace("\\", "\\\\")):
        assert part not in text
    again = replay(file)
    assert live == [
        again.experiments.get(1).to_dict(),
        again.experiments.list(search=private).count,
    ]
    assert live[0]["name"] == "Checkout"


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
    # As often as it was asked, and in that order: by the write's making, its state, its last
    # look, and then afterwards.
    again = replay(file)
    archived = [again.experiments.get(1).archived for _ in range(5)]
    assert archived == [True, True, True, False, False]


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


def test_an_answer_that_stays_the_same_is_kept_once_with_how_often_it_came(server, project, file):
    server.model.add(name="Checkout")
    project.record(file)
    for _ in range(3):
        project.experiments.get(1)
    (entry,) = [
        entry
        for entry in json.loads(file.read_text(encoding="utf-8"))["answers"]
        if entry["request"].endswith("/experiments/1/")
    ]
    assert [(one["times"], one["status"]) for one in entry["answers"]] == [(3, 200)]


def test_the_order_of_concurrent_questions_leaves_no_mark(server, connect, file):
    for number in range(12):
        server.model.add(name=f"Test {number}")
    texts = set()
    for chance in range(4):
        project = connect(clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
        project.record(file)
        numbers = [*range(1, 13)]
        random.Random(chance).shuffle(numbers)
        side_by_side(project.experiments.get, numbers)
        texts.add(file.read_bytes())
    assert len(texts) == 1


def test_a_recording_is_whole_at_every_instant(server, project, file, monkeypatch):
    server.model.add(name="Checkout")
    project.record(file)
    project.experiments.get(1)
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreFullError, match="the disk has no room"):
        project.experiments.list()
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [*file.parent.iterdir()] == [file]
    assert replay(file).experiments.get(1).name == "Checkout"


def test_the_file_reads_and_compares_line_by_line(recorded, file):
    text = file.read_text(encoding="utf-8")
    whole = json.loads(text)
    assert [*whole] == ["format", "version", "sha256", "project", "answers"]
    requests = [entry["request"] for entry in whole["answers"]]
    assert requests == sorted(requests)
    assert text == json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    assert max(map(len, text.splitlines())) < 200


def test_what_a_throttled_answer_said_is_kept(server, connect, file, fault):
    project = connect()
    project.record(file)
    fault("throttled:3600", on="experiments")
    with pytest.raises(ThrottledError) as live:
        project.experiments.list()
    with pytest.raises(ThrottledError) as replayed:
        replay(file).experiments.list()
    assert replayed.value.lines == live.value.lines
    assert replayed.value.wait == 3600


def test_a_question_that_is_not_there_is_told_with_the_nearest_one(recorded, file):
    again = replay(file)
    with pytest.raises(NotRecordedError) as caught:
        again.experiments.list("running")
    assert "?status=running" in caught.value.message
    assert "The nearest it holds is GET /api/projects/1/experiments/" in caught.value.hint
    with pytest.raises(NotRecordedError) as caught:
        again.transport.read("query/", body={"query": "x" * 10_000})
    assert len(caught.value.message) < 300


def test_recording_can_be_stopped(server, project, file):
    server.model.add(name="Checkout")
    project.record(file)
    assert project.now == project.now
    assert project.stop_recording() == file
    before = file.read_bytes()
    project.experiments.list()
    assert file.read_bytes() == before
    assert project.recorded_to is None
    assert project.now != project.now
    with pytest.raises(InputError, match="Nothing is being recorded"):
        project.stop_recording()


def test_recording_again_goes_to_the_new_file_and_stops_as_one(server, project, file, tmp_path):
    project.record(file)
    before = file.read_bytes()
    project.record(tmp_path / "second.expsnap")
    project.experiments.list()
    assert file.read_bytes() == before
    assert project.stop_recording() == tmp_path / "second.expsnap"
    assert project.now != project.now
