"""A write is about what it was about: answers, interrupts and plans of something else are told."""

import os
import random
import signal
import threading
from contextlib import closing, suppress

import httpx
import pytest

from exp_jupyter.client import EMBEDDED_ORIGIN, open_project
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.errors import ChangedMeanwhileError
from exp_jupyter.widgets.confirmation import Confirmation

ROUNDS = int(os.environ.get("EXP_INTERRUPTS", "40"))


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


class Interrupting(InProcessTransport):
    """Interrupts whoever waits, at one request and on its way there or back."""

    def __init__(self, app, at, on_the_way_back):
        super().__init__(app)
        self.left, self.on_the_way_back = at, on_the_way_back

    def handle_request(self, request):
        self.left -= 1
        if self.left == 0 and not self.on_the_way_back:
            interrupt()
        answer = super().handle_request(request)
        if self.left == 0 and self.on_the_way_back:
            interrupt()
        return answer


def interrupt():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def run_again_after_an_interrupt(growth, make, carried):
    """Run the cell until it comes to its end; it is interrupted at most once."""
    key = growth.owner.transport._key
    with closing(open_project(EMBEDDED_ORIGIN, None, key, transport=carried)) as project:
        for _ in range(2):
            with suppress(KeyboardInterrupt):
                outcome = make(project).send()
                if carried.left <= 0:
                    return outcome
        return make(project).send()


def test_a_write_that_was_interrupted_and_run_again_is_made_once(growth):
    number, chance = growth.draft("Mine"), random.Random(7)
    app = growth.owner.transport._http.target
    for place in range(ROUNDS):
        name = f"Copy {place}"
        make = chance.choice(
            (
                lambda project, name=name: project.experiments.duplicate(number, name),
                lambda project, name=name: project.experiments.create(name, "mine"),
            )
        )
        carried = Interrupting(app, chance.randint(1, 8), chance.random() < 0.5)
        outcome = run_again_after_an_interrupt(growth, make, carried)
        assert outcome.kind in {"applied", "already_done"}
        found = growth.owner.experiments.list(search=name)
        assert [one.name for one in found].count(name) == 1


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


def test_a_change_of_what_somebody_else_changed_meanwhile_says_what(growth):
    number = growth.draft("Mine", description="One")
    write = growth.owner.experiments.update(number, description="Three")
    growth.owner.experiments.update(number, description="Two").send()
    with pytest.raises(ChangedMeanwhileError) as caught:
        write.send()
    assert 'Description was "One" and is now "Two"' in caught.value.message
    assert caught.value.fields == ("description",)
    assert growth.owner.experiments.get(number).description == "Two"


def test_a_change_keeps_what_somebody_else_changed_of_something_else(growth):
    number = growth.draft("Mine", description="One")
    write = growth.owner.experiments.update(number, description="Three")
    growth.owner.experiments.update(number, name="Ours").send()
    assert write.send().kind == "applied"
    now = growth.owner.experiments.get(number)
    assert (now.name, now.description) == ("Ours", "Three")
