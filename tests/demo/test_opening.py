"""Opening the demo: one project for both people, gone with the process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.server.demo import folders, history, open_demo, opening, setting
from exp_jupyter.server.services.people.people import actor_of_key


def test_both_people_see_one_project():
    owner, reviewer = open_demo(), open_demo("reviewer")
    assert owner.app is reviewer.app
    assert owner.key != reviewer.key
    assert owner == open_demo(as_="owner")


def test_a_key_is_a_persons_and_is_never_shown(world, fresh_world):
    demo = open_demo()
    assert demo.key.startswith("phx_")
    assert demo.key not in repr(demo)
    with world.store.read() as work:
        assert actor_of_key(work, demo.key) is None


def test_the_reviewer_may_approve_and_the_owner_may_not():
    store = opening._running[0].store if opening._running else None
    owner, reviewer = open_demo(), open_demo("reviewer")
    store = opening._running[0].store
    with store.read() as work:
        policy = next(work.policies.find())
        people = {
            "owner": actor_of_key(work, owner.key),
            "reviewer": actor_of_key(work, reviewer.key),
        }
    assert policy["action_key"] == "feature_flag.update"
    assert policy["approver_config"]["users"] == [people["reviewer"].id]
    assert people["owner"].person["first_name"] == "Ada"


def test_there_are_two_people_to_be():
    with pytest.raises(InputError, match=r"no 'nobody'; there are owner and reviewer"):
        open_demo("nobody")


def test_fresh_copies_are_alike_but_have_keys_of_their_own(world, fresh_world):
    assert world.experiments == fresh_world.experiments
    assert world.store.folder != fresh_world.store.folder


def test_the_demo_is_gone_when_the_process_is():
    code = "from exp_jupyter.server.demo import open_demo; print(open_demo().folder)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout.strip()
    assert not Path(ran.stdout.strip()).exists()


def test_it_holds_an_experiment_of_every_kind(world):
    states = {name: (body["status"], body["archived"]) for name, body in world.experiments.items()}
    assert states == {
        "One-step sign-up": ("stopped", True),
        "Welcome checklist": ("stopped", False),
        "Larger product photos": ("stopped", False),
        "Checkout redesign": ("running", False),
        "Search ranking": ("running", False),
        "support-reply: v3, v4 (cost, latency, eval_pass_rate)": ("running", False),
        "Bundle pricing": ("running", False),
        "Free shipping banner": ("paused", False),
        "Gift wrapping at checkout": ("draft", False),
    }
    conclusions = {name: body["conclusion"] for name, body in world.experiments.items()}
    assert conclusions["Welcome checklist"] == "won"
    assert conclusions["Larger product photos"] == "inconclusive"


def test_every_kind_of_metric_is_measured(world):
    kinds = {
        metric["metric_type"]
        for body in world.experiments.values()
        for metric in body["metrics"] + body["metrics_secondary"]
    }
    assert kinds == {"mean", "funnel", "ratio", "retention"}


def test_the_archived_experiments_flag_went_with_it(world):
    with world.store.read() as work:
        flag = work.flags.first("key = ?", ["one-step-signup"])
    assert (flag["archived"], flag["active"]) == (True, False)


def test_one_version_of_the_prompt_is_deleted(world):
    with world.store.read() as work:
        versions = {
            (prompt["name"], prompt["version"]): prompt["deleted"] for prompt in work.prompts.find()
        }
    assert [number for (name, number), gone in versions.items() if gone] == [6]
    assert {name for name, _ in versions} == {"support-reply", "order-summary"}


def test_the_project_answers_while_its_events_are_still_being_drawn(monkeypatch):
    drawn = threading.Event()
    monkeypatch.setattr(history, "record_history", lambda events: drawn.wait(60))
    running = opening._Running()
    try:
        with running.store.read() as work:
            assert work.experiments.count() == 9
        assert not running.events._drawing.done()
        assert running.events.names() == sorted(setting.EVENTS)
    finally:
        drawn.set()
        running.remove()


def _relation(events):
    with events.cursor() as cursor:
        return events.relation(cursor)


def test_whoever_reads_the_events_is_told_why_they_could_not_be_drawn(monkeypatch):
    def fail(events):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(history, "record_history", fail)
    running = opening._Running()
    for read in (_relation, lambda events: events.fetch("FROM events")):
        with pytest.raises(OSError, match="No space left"):
            read(running.events)
    running.remove()
    assert not running.folder.exists()


def test_drawing_does_not_move_the_projects_clock(fresh_world):
    fresh_world.events.fetch("SELECT 1")
    assert fresh_world.store.clock.now() - setting.NOW < timedelta(milliseconds=1)
    before = fresh_world.store.clock.now()
    fresh_world.events.fetch("SELECT count(*) FROM events")
    assert fresh_world.store.clock.now() - before == timedelta(microseconds=1)


def test_the_folder_of_a_killed_process_is_swept_by_the_next_demo(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = folders.LockedFolder()
    code = (
        "import os, tempfile; from exp_jupyter.server.demo.folders import LockedFolder; "
        f"tempfile.tempdir = {str(tmp_path)!r}; print(LockedFolder().path, flush=True); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    left = Path(killed.stdout.strip())
    folders.sweep()
    assert left.exists(), "it may be a moment old and not locked yet"
    for folder in (left, mine.path):
        os.utime(folder, (0, 0))
    folders.sweep()
    assert not left.exists()
    assert mine.path.exists()
    mine.remove()
    assert not mine.path.exists()
