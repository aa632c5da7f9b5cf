"""The inbox, the flag form and the prompt form on the embedded demo."""

import html

import pytest

from exp_jupyter.connection import connect
from exp_jupyter.widgets.approvals import ApprovalsInbox
from exp_jupyter.widgets.flags import FlagForm
from exp_jupyter.widgets.from_prompt import FromPromptForm
from exp_jupyter.widgets.series import SeriesExplorer


@pytest.fixture
def owner():
    return connect()


@pytest.fixture
def reviewer():
    return connect(as_="reviewer")


def ask(owner, name: str) -> str:
    write = owner.experiments.from_prompt("support-reply", [1, 4], ["latency"], name=name)
    return write.send().change_request.id


class TestInbox:
    def test_lists_what_waits_for_this_person(self, owner, reviewer):
        asked = ask(owner, "In the inbox")
        inbox = ApprovalsInbox(reviewer)
        (title,) = [title for title, value in inbox.pick.options if value == asked]
        assert title == "Change the rollout of in-the-inbox, asked for by Ada Lindqvist"
        assert asked not in [value for _, value in ApprovalsInbox(owner).pick.options]

    def test_approves_the_picked_request_once(self, owner, reviewer):
        asked, changes = ask(owner, "Approved there"), []
        inbox = ApprovalsInbox(reviewer, on_change=lambda: changes.append(1))
        inbox.pick.value = asked
        assert "100\xa0%" in inbox.card.value
        inbox.approve.click()
        assert owner.approvals.get(asked).state == "applied"
        assert asked not in [value for _, value in inbox.pick.options]
        assert "applied" in inbox.said
        assert changes == [1]

    def test_rejects_only_with_a_reason(self, owner, reviewer):
        asked = ask(owner, "Rejected there")
        inbox = ApprovalsInbox(reviewer)
        inbox.pick.value = asked
        inbox.reject.click()
        assert "needs a reason" in inbox.said
        assert owner.approvals.get(asked).state == "pending"
        inbox.reason.value = "Too early"
        inbox.reject.click()
        assert owner.approvals.get(asked).state == "rejected"
        assert inbox.reason.value == ""

    def test_without_requests_it_says_so(self, owner):
        inbox = ApprovalsInbox(owner)
        assert "Nothing waits" in inbox.said
        assert inbox.approve.disabled
        assert inbox.reject.disabled


class TestFlags:
    def test_searches_and_shows_the_line_of_the_search(self, owner):
        form = FlagForm(owner, search="checkout-re")
        assert form.flag.key == "checkout-redesign"
        assert "checkout-redesign" in form.card.value
        line = '%exp_create "New experiment" --flag-key checkout-redesign'
        assert html.escape(line) in form.card.value
        form.search.value = ""
        form.active.value = "no"
        form.find.click()
        assert all(not flag.active for flag in form._flags)
        assert "%exp_flags --active no" in html.unescape(form.said)

    def test_without_a_match_nothing_is_picked(self, owner):
        form = FlagForm(owner, search="no such flag")
        assert form.flag is None
        assert "0 found." in form.said


class TestFromPrompt:
    def test_reviews_before_it_asks_and_asks_before_it_writes(self, owner):
        form = FromPromptForm(owner)
        assert [key for _, key in form.templates.options] == ["cost", "latency", "eval_pass_rate"]
        assert "support-reply" in form.prompt.options
        form.prompt.value = "support-reply"
        form.versions.value = "1, 4"
        form.templates.value = ("cost", "latency")
        form.name.value = "Filled in"
        form.review.click()
        assert form.confirmation.stage == "ask"
        assert (
            html.escape(
                '%exp_from_prompt support-reply 1 4 --templates cost latency --name "Filled in"'
            )
            in form.said
        )
        assert "Filled in" in form._repr_mimebundle_()["text/plain"]
        form.confirmation.confirm.click()
        assert form.confirmation.stage == "waiting"
        assert "Waiting for Noor Haddad" in form._repr_mimebundle_()["text/html"]
        form.review.click()
        assert "still on its way" in form.said

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [("versions", "1 two", "two"), ("versions", "1", "2"), ("prompt", "", "prompt")],
    )
    def test_what_is_missing_is_said(self, owner, field, value, said):
        form = FromPromptForm(owner)
        form.prompt.value, form.versions.value = "support-reply", "1 4"
        form.templates.value = ("cost",)
        getattr(form, field).value = value
        form.review.click()
        assert form.confirmation is None
        assert said in form.said


@pytest.mark.parametrize("make", [ApprovalsInbox, FlagForm, FromPromptForm, SeriesExplorer])
def test_fallbacks_do_not_depend_on_the_project(make, owner, reviewer):
    first, second = make(owner)._repr_mimebundle_(), make(reviewer)._repr_mimebundle_()
    assert first["text/plain"] == second["text/plain"]
    assert first["text/html"] == second["text/html"]
    assert "%exp_" in first["text/plain"]
