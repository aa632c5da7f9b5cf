"""The confirmation on the embedded demo: nothing before the yes, one request, its approval."""

import dataclasses
import threading
from collections.abc import Callable

import pytest

from exp_jupyter.client.writes.lifecycle.unarchive import Unarchive
from exp_jupyter.connection import connect
from exp_jupyter.errors import ConnectionFailedError
from exp_jupyter.schema.approvals.writes import WriteState
from exp_jupyter.widgets.confirmation import Confirmation


@pytest.fixture
def owner():
    return connect()


@pytest.fixture
def reviewer():
    return connect(as_="reviewer")


@pytest.fixture
def ask(owner) -> Callable[[str], Confirmation]:
    """Open the confirmation of a new prompt experiment, which a policy will catch."""

    def confirmation(name: str, **options) -> Confirmation:
        write = owner.experiments.from_prompt("support-reply", [1, 3], ["cost"], name=name)
        return Confirmation(write, **options)

    return confirmation


def requests_named(name: str) -> int:
    slug = name.lower().replace(" ", "-")
    return sum(one.flag_key == slug for one in connect().approvals.list())


def shown(form: Confirmation) -> list[str]:
    return [one.description for one in form.controls.children if is_usable(one)]


def is_usable(widget) -> bool:
    return hasattr(widget, "description") and widget.layout.display != "none"


def test_showing_it_writes_nothing_and_shows_what_would_be(ask):
    form = ask("Only shown")
    card = form.card.value
    assert "Only shown" in card
    assert "Exact request" in card
    assert "Approval" in card
    assert shown(form) == ["Confirm", "Cancel"]
    assert not any(one.disabled for one in form.controls.children if is_usable(one))
    assert requests_named("Only shown") == 0


def test_cancel_writes_nothing_and_ends_it(ask):
    form = ask("Cancelled")
    form.cancel.click()
    form.confirm.click()
    assert form.stage == "cancelled"
    assert shown(form) == []
    assert "Nothing was written." in form.said
    assert form.card.value == ""
    assert "What was asked for" in form.asked_for.value
    assert requests_named("Cancelled") == 0


def test_confirm_sends_once_however_often_it_is_clicked(ask):
    form = ask("Clicked often")
    clicks = [threading.Thread(target=form.confirm.click) for _ in range(5)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join(60)
    form.confirm.click()
    assert requests_named("Clicked often") == 1


def test_a_gated_write_becomes_a_waiting_card(ask):
    changes = []
    form = ask("Waiting", on_change=lambda: changes.append(1))
    form.confirm.click()
    assert form.stage == "waiting"
    assert form.outcome.kind == "waiting"
    assert shown(form) == ["Refresh", "Withdraw request"]
    assert "Waiting for Noor Haddad" in form.said
    assert form.said.lower().count("nothing has changed") == 1
    assert "you finish: the experiment is made" in form.said
    assert "expires" in form.said
    assert 'role="status"' in form.said
    assert changes == [1]
    form.refresh.click()
    assert form.stage == "waiting"


def test_after_the_approval_the_card_offers_to_finish(ask, owner, reviewer):
    form = ask("Approved")
    form.confirm.click()
    reviewer.approvals.approve(form.outcome.change_request.id).send()
    form.refresh.click()
    assert form.stage == "finish"
    assert shown(form) == ["Refresh", "Finish"]
    assert "not written yet" not in form.card.value
    assert "What was asked for" in form.asked_for.value
    form.finish.click()
    assert form.stage == "over"
    assert form.outcome.kind == "applied"
    assert owner.experiments.get("Approved").status == "draft"
    form.finish.click()
    assert sum(one.name == "Approved" for one in owner.experiments.list()) == 1


def test_a_rejection_is_said_with_its_reason(ask, reviewer):
    form = ask("Rejected")
    form.confirm.click()
    reviewer.approvals.reject(form.outcome.change_request.id, "Not in <May>").send()
    form.refresh.click()
    assert form.stage == "rejected"
    assert shown(form) == ["Ask again"]
    assert "Not in &lt;May&gt;" in form.said
    assert "send(" not in form.said
    form.ask_again.click()
    assert form.stage == "ask"
    assert "Rejected" in form.card.value
    form.confirm.click()
    assert form.stage == "waiting"
    assert requests_named("Rejected") == 2


def test_a_withdrawn_request_ends_it(ask):
    form = ask("Withdrawn")
    form.confirm.click()
    form.withdraw.click()
    assert form.stage == "over"
    assert "withdrawn" in form.said


def test_it_opens_where_the_write_stands(ask, reviewer):
    first = ask("Opened again")
    first.confirm.click()
    later = ask("Opened again")
    later = Confirmation(later.write, state=later.write.state())
    assert later.stage == "waiting"
    reviewer.approvals.approve(first.outcome.change_request.id).send()
    ready = Confirmation(first.write, state=first.write.state())
    assert shown(ready) == ["Refresh", "Finish"]


def test_it_looks_by_itself_until_it_is_decided(ask, reviewer):
    form = ask("Polled", poll=(0.0,) * 3)
    form.confirm.click()
    polling = form._polling
    if polling is not None:
        polling.thread.join(60)
        assert not polling.thread.is_alive()
    assert form.stage == "waiting"
    reviewer.approvals.approve(form.outcome.change_request.id).send()
    assert not form._look()
    assert form.stage == "finish"
    assert form._polling is None


def test_an_ungated_write_is_done_at_once(owner):
    write = owner.experiments.unarchive("one-step-signup")
    form = Confirmation(write)
    form.confirm.click()
    assert form.stage == "over"
    assert form.outcome.kind in {"applied", "already_done"}
    assert shown(form) == []


def test_a_refusal_is_said_and_ends_it(owner):
    write = owner.experiments.from_prompt("support-reply", [1, 99], ["cost"], name="Impossible")
    form = Confirmation(write)
    form.confirm.click()
    assert "99" in form.said
    assert form.stage == "over"
    assert requests_named("Impossible") == 0


class Scripted(Unarchive):
    """A write whose looks at the project come from a list, for what the demo never does."""

    def __init__(self, project, *looks, confirm_name=None):
        super().__init__(project, project.experiments.get("one-step-signup"))
        self._looks = list(looks)
        self._confirm_name = confirm_name

    def _describe(self):
        return dataclasses.replace(super()._describe(), confirm_name=self._confirm_name)

    def _look(self):
        look = self._looks.pop(0)
        if isinstance(look, BaseException):
            raise look
        return look


DONE = WriteState("already_done", "It has ended.")
WAITING = WriteState("waiting", "It waits.")


def test_a_project_out_of_reach_is_said_and_confirm_works_again(owner):
    form = Confirmation(
        Scripted(owner, ConnectionFailedError("No route.", hint="Wait."), DONE, DONE)
    )
    form.confirm.click()
    assert form.stage == "ask"
    assert "No route." in form.said
    assert not form.confirm.disabled
    form.confirm.click()
    assert form.stage == "over"
    assert "It has ended." in form.said


def test_an_interrupt_leaves_only_looking_again(owner):
    form = Confirmation(Scripted(owner, WAITING, KeyboardInterrupt(), DONE))
    form.confirm.click()
    assert form.stage == "lost"
    assert shown(form) == ["Refresh"]
    form.refresh.click()
    assert form.stage == "over"


def test_a_write_that_asks_for_the_name_gets_it_first(owner):
    form = Confirmation(Scripted(owner, DONE, DONE, confirm_name="Faster checkout"))
    assert form.confirm.disabled
    form.confirm.click()
    assert form.stage == "ask"
    form.name.value = "faster"
    assert form.confirm.disabled
    form.name.value = " Faster checkout "
    assert not form.confirm.disabled
    form.confirm.click()
    assert form.stage == "over"
    assert form.name.layout.display == "none"


def test_the_fallback_is_the_plan_and_the_same_every_time(ask):
    first, second = ask("Same"), ask("Same")
    before = first._repr_mimebundle_()
    assert before["text/plain"] == second._repr_mimebundle_()["text/plain"]
    assert before["text/html"] == second._repr_mimebundle_()["text/html"]
    assert "Same" in before["text/plain"]


def test_no_callback_prints(ask, capsys):
    form = ask("Silent")
    form.confirm.click()
    form.refresh.click()
    form.withdraw.click()
    assert capsys.readouterr() == ("", "")
