"""Connecting: the demo, a folder, an address; and what is refused before anything is opened."""

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from exp_jupyter import connect, import_events
from exp_jupyter.client.http.credentials import ENVIRONMENT_NAME
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.errors import CredentialsError, InputError, StoreError
from exp_jupyter.sanitize import sanitize


@pytest.fixture(scope="module")
def owner():
    return connect()


@pytest.fixture(scope="module")
def reviewer():
    return connect("demo", as_="reviewer")


def test_the_demo_is_a_project_like_any_other(owner):
    assert owner.kind == "embedded"
    assert owner.me is not None
    assert owner.me.first_name in owner.label
    assert len(owner.experiments.list()) > 3
    assert owner.now.tzinfo is not None


def test_the_demos_clock_stands_still(owner):
    assert (owner.now - owner.now).total_seconds() == pytest.approx(0, abs=1e-3)


def test_the_demo_answers_inside_a_running_event_loop(owner):
    async def cell():
        return owner.experiments.stats().active_experiments

    assert asyncio.run(cell()) > 0


def test_the_demo_answers_many_threads(owner):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(len(owner.experiments.list())))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_prompt_experiment_goes_through_its_approval(owner, reviewer):
    prompt = owner.prompts.list(search="support-reply")[0]
    versions = [prompt.latest_version, prompt.latest_version - 1]
    write = owner.experiments.from_prompt(prompt.name, versions, ["latency"])
    assert reviewer.me.label in write.plan.gate
    assert write.state().kind == "to_do"

    waiting = write.send()
    assert waiting.kind == "waiting"
    again = owner.experiments.from_prompt(prompt.name, versions, ["latency"])
    assert again.send().change_request.id == waiting.change_request.id

    assert [one.id for one in reviewer.approvals.list().waiting_for_me] == [
        waiting.change_request.id
    ]
    assert reviewer.approvals.approve(waiting.change_request.id).send().kind == "applied"
    assert write.refresh().can_finish
    done = write.finish()
    assert done.kind == "applied"
    assert done.result.status == "draft"
    assert done.result.prompt_metadata["versions"] == versions
    assert [entry.name for entry in done.result.metric_entries] == ["Latency"]
    assert again.send().kind == "already_done"


def test_a_request_can_be_withdrawn_and_made_again(owner):
    prompt = owner.prompts.list(search="order-summary")[0]
    write = owner.experiments.from_prompt(prompt.name, [1, 2], ["cost"])
    assert write.send().kind == "waiting"
    assert write.withdraw().kind == "refused"
    fresh = owner.experiments.from_prompt(prompt.name, [1, 2], ["cost"])
    assert fresh.state().kind == "to_do"
    assert fresh.send().kind == "waiting"


def test_an_archived_experiment_comes_back_once(owner):
    archived = owner.experiments.list(archived=True)[0]
    assert owner.experiments.unarchive(archived.name).send().kind == "applied"
    assert owner.experiments.unarchive(archived.id).send().kind == "already_done"


def test_a_running_experiment_has_series_health_and_a_plan(owner):
    running = next(
        one
        for one in owner.experiments.list(status="running")
        if owner.experiments.series_data(one).status != "pending"
    )
    series = owner.experiments.timeseries(running, method="sequential")
    assert series.latest is not None
    assert series.method == "sequential"
    assert owner.experiments.health(running).checks
    assert owner.experiments.size(running, mde=5).sample_size > 0


def test_a_folder_is_made_and_opened_again(tmp_path):
    place = tmp_path / "growth"
    first = connect(str(place))
    assert (first.name, first.label, len(first.experiments.list())) == ("growth", "growth", 0)
    body = {"name": "First", "feature_flag_key": "first"}
    first.transport.write("POST", first.path("experiments"), body)
    assert connect(str(place)).experiments.get("First").feature_flag_key == "first"


def test_a_folders_key_is_written_nowhere(tmp_path):
    project = connect(str(tmp_path / "growth"))
    project.experiments.list()
    key = project.transport._key.reveal()
    for file in (tmp_path / "growth").rglob("*"):
        if file.is_file():
            assert key.encode() not in file.read_bytes()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError) as caught:
        connect(str(tmp_path))
    assert caught.value.hint
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"target": "demo", "project": 3},
        {"target": "demo", "key": "phx_x"},
        {"target": "./growth", "project": 3},
        {"target": "./growth", "as_": "owner"},
        {"target": "demo", "as_": "king"},
        {"target": "http://us.posthog.com"},
        {"target": "https://us.posthog.com", "project": "growth", "key": "phx_x"},
    ],
)
def test_what_makes_no_sense_is_refused_first(arguments):
    with pytest.raises(InputError) as caught:
        connect(**arguments)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("us.posthog.com", "https://us.posthog.com"),
        ("US.PostHog.com", "https://US.PostHog.com"),
        ("eu.posthog.com/project/77/experiments/2", "https://eu.posthog.com/project/77"),
        ("posthog.example.com:8443", "https://posthog.example.com:8443"),
        ("localhost:8000", "http://localhost:8000"),
        ("localhost", "http://localhost"),
        ("localhost/posthog", "http://localhost/posthog"),
        ("127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("10.0.0.7", "https://10.0.0.7"),
    ],
)
def test_a_host_without_its_scheme_makes_no_folder(tmp_path, monkeypatch, target, meant):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        connect(target)
    assert f"Did you mean {meant}" in caught.value.hint
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "target",
    [
        *["phx_swordfish", "PHX_Swordfish1", " phx_swordfish ", "./phx_swordfish"],
        *["https://phx_swordfish.example", "https://us.posthog.com/?key=phx_swordfish"],
        *["us.posthog.com phx_swordfish", "0a1b2c3d4e5f60718293a4b5c6d7e8f9swordfish"],
    ],
)
@pytest.mark.parametrize("place", ["target", "project"])
def test_a_key_in_a_wrong_place_is_refused_and_not_repeated(tmp_path, monkeypatch, target, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_x")
    given = {"target": target} if place == "target" else {"target": "https://h", "project": target}
    with pytest.raises((CredentialsError, InputError)) as caught:
        connect(**given)
    if place == "target" or "phx" in target.lower():
        assert "swordfish" not in "".join(caught.value.lines).lower()
    assert [*tmp_path.iterdir()] == []


def test_a_new_folder_is_made_on_purpose_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in ("growth", "my project", "growth.v2", "x" * 300, "a\0b"):
        with pytest.raises(InputError, match="folder") as caught:
            connect(word)
        assert f"./{sanitize(word)}" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no project") as caught:
        connect("empty")
    assert "./empty" in caught.value.hint
    assert [one.name for one in tmp_path.iterdir()] == ["empty"]
    for number, written in enumerate(("./a", "b/", str(tmp_path / "c"), Path("d"), "./empty")):
        assert connect(written).kind == "embedded", number
    # What is a project already opens by its bare name.
    assert connect("a").label == "a"
    assert connect(" d ").label == "d"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b", "c", "d", "empty"]


def test_an_address_needs_a_key(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_NAME, raising=False)
    monkeypatch.setattr("keyring.get_password", lambda *name: None)
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CredentialsError) as caught:
        connect("https://us.posthog.com")
    assert ENVIRONMENT_NAME in caught.value.hint


def test_connecting_imports_nothing_before_it_is_asked_to():
    program = (
        "import sys, exp_jupyter, exp_jupyter.client, exp_jupyter.schema, exp_jupyter.connection\n"
        "heavy = {'httpx', 'pydantic', 'duckdb', 'starlette', 'pandas', 'keyring', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_closed_transport_can_be_let_go(owner):
    carrier = owner.transport._http
    assert isinstance(carrier, InProcessTransport)
    owner.close()
    assert len(owner.experiments.list()) > 0


def test_the_http_library_comes_without_its_command_line():
    program = (
        "import sys, exp_jupyter.client.project\n"
        "print(sorted({'rich', 'click', 'httpx'} & set(sys.modules)))\n"
        "import httpx._main\n"
        "print('rich' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == ["['httpx']", "True"]


def test_a_folders_daily_results_are_computed_when_they_are_read(tmp_path):
    began = datetime(2026, 3, 2, 9, tzinfo=UTC)
    orders = {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "name": "Orders",
        "source": {"kind": "EventsNode", "event": "order"},
    }
    project = connect(tmp_path / "growth")
    project.experiments.create(
        "Checkout", "checkout", metrics=[orders], start_date=began.isoformat(),
        allow_unknown_events=True,
    ).send()  # fmt: skip
    rows = [
        {
            "event": name,
            "distinct_id": f"person-{number}",
            "timestamp": (began + timedelta(hours=1 + after)).isoformat(),
            "$feature_flag": "checkout",
            "$feature_flag_response": "test" if number % 2 else "control",
        }
        for number in range(120)
        for after, name in enumerate(("$feature_flag_called", "order"))
    ]
    assert import_events(tmp_path / "growth", pd.DataFrame(rows)) == 240
    series = project.experiments.timeseries("checkout", "Orders")
    assert series.latest is not None
    assert series.latest.exposures == 120


def test_a_folders_recalculation_comes_to_an_end(tmp_path):
    project = connect(tmp_path / "growth")
    project.experiments.create(
        "Checkout", "checkout", start_date="2026-03-02T09:00:00Z", allow_unknown_events=True,
        metrics=[{"kind": "ExperimentMetric", "metric_type": "mean", "name": "Orders",
                  "source": {"kind": "EventsNode", "event": "order"}}],
    ).send()  # fmt: skip
    assert project.experiments.recalculate_timeseries("checkout").send().kind == "applied"
    for thread in threading.enumerate():
        if thread.name == "exp-jupyter-recalculation":
            thread.join(60)
    assert project.experiments.series_data("checkout").recalculation_status is None


def test_an_import_with_bad_rows_adds_nothing(tmp_path):
    connect(tmp_path / "growth")
    rows = pd.DataFrame(
        {
            "event": ["order", ""],
            "distinct_id": ["a", "b"],
            "timestamp": ["2026-03-02", "2026-03-02"],
        }
    )
    with pytest.raises(InputError, match="2"):
        import_events(tmp_path / "growth", rows)
    assert import_events(tmp_path / "growth", rows.head(1)) == 1


def test_an_import_makes_no_project(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        import_events(tmp_path / "nowhere", pd.DataFrame())
    assert not (tmp_path / "nowhere").exists()
