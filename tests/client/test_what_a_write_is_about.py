"""A write is about what it was about: answers, interrupts and plans of something else are told."""

import random
import threading
import time

import httpx
import pytest

from exp_jupyter.client import EMBEDDED_ORIGIN, open_project
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.widgets.confirmation import Confirmation


def test_a_good_answer_about_another_experiment_is_not_reported_done(growth, waits):
    number = growth.draft("Mine")
    other = growth.draft("Other")
    real = growth.owner.transport._http

    class Elsewhere(httpx.BaseTransport):
        def handle_request(self, request):
            if request.method == "GET":
                return real.handle_request(request)
            there = f"/api/projects/@current/experiments/{other}/"
            headers = {"authorization": request.headers["authorization"]}
            return real.handle_request(
                httpx.Request("GET", f"{EMBEDDED_ORIGIN}{there}", headers=headers)
            )

    key = growth.owner.transport._key
    project = open_project(EMBEDDED_ORIGIN, None, key, transport=Elsewhere(), pace=waits.pace())
    for write in (
        project.experiments.launch(number),
        project.experiments.update(number, description="Fewer steps"),
        project.experiments.create("New", "new"),
        project.experiments.duplicate(number, "Twin"),
    ):
        outcome = write.send()
        assert outcome.kind == "unknown"
        assert "about" in outcome.sentence


def test_a_write_that_was_interrupted_and_made_again_is_made_once(growth):
    """The caller leaves at a random moment, as an interrupt makes it, and runs the cell again."""
    number = growth.draft("Mine")
    real = growth.owner.transport._http
    chance = random.Random(7)

    class Slow(InProcessTransport):
        def handle_request(self, request):
            if request.method == "POST":
                time.sleep(0.002)
            return super().handle_request(request)

    app = real.target
    for place in range(20):
        name = f"Copy {place}"
        carried = Slow(app)
        project = open_project(
            EMBEDDED_ORIGIN, None, growth.owner.transport._key, transport=carried
        )
        turn = project.transport.turn
        write = project.experiments.duplicate(number, name)
        left = turn.run

        def leave(send, left=left, turn=turn):
            threading.Thread(target=left, args=(send,), daemon=True).start()
            while not turn._under_way:
                time.sleep(0.0001)
            time.sleep(chance.random() * 0.004)
            raise KeyboardInterrupt

        turn.run = leave
        with pytest.raises(KeyboardInterrupt):
            write.send()
        del turn.run
        again = project.experiments.duplicate(number, name).send()
        assert again.kind in {"already_done", "applied"}
        found = [one for one in project.experiments.list(search=name) if one.name == name]
        assert len(found) == 1
        project.close()


def test_a_card_whose_before_has_changed_asks_again(growth):
    number = growth.draft("Mine", description="One")
    card = Confirmation(growth.owner.experiments.update(number, description="Three"))
    growth.owner.experiments.update(number, description="Two").send()
    growth.posts.clear()
    card.confirm.click()
    assert growth.posts == []
    assert card.stage == "ask"
    assert "Two" in card.card.value
    card.confirm.click()
    assert growth.owner.experiments.get(number).description == "Three"


def test_a_flag_that_is_on_is_not_said_to_be_seen_by_nobody(growth):
    number = growth.running("Checkout")
    plan = growth.owner.experiments.create("Second", "checkout").plan
    assert "Nobody sees" not in plan.sentence
    assert "The flag is on" in plan.sentence
    assert f"Experiment {number} uses it too" in plan.sentence
