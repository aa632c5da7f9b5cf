"""A write is sent once, is not repeated, and follows its approval to the end."""

import threading

import pytest

from exp_jupyter.errors import (
    ConnectionFailedError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    ThrottledError,
    ValidationFailedError,
)

CREATE = "create_from_prompt"


@pytest.fixture
def write(project):
    return project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])


def posts(server):
    return [target for method, target, _ in server.model.requests if method == "POST"]


def request(state="pending", **fields):
    """A change request of mine for the flag of ``write``."""
    held = {
        "id": "r-1",
        "action_key": "feature_flag.update",
        "state": state,
        "is_requester": True,
        "created_by": {"id": 1, "first_name": "Mina"},
        "policy_snapshot": {"quorum": 1, "users": [2]},
        "intent": {
            "flag_id": None,
            "flag_key": "support-reply-v1-v2-cost-latency",
            "full_request_data": {"filters": {"payloads": {}}},
        },
        "approvals": [],
    }
    return held | fields


def gate(server, **fields):
    """Let the project answer the next creation with a change request."""

    def caught(body):
        held = request(**fields)
        server.model.change_requests = [held]
        return {
            "code": "approval_required",
            "status": "approval_required",
            "detail": "A change request has been created and is pending approval.",
            "resource_type": "feature_flag",
            "resource_id": None,
            "change_request_id": held["id"],
            "change_request": held | {"is_requester": False},
            "required_approvers": {"quorum": 1, "users": [2]},
        }

    server.model.gate = caught


def decide(server, state, **fields):
    server.model.change_requests[0] |= {"state": state} | fields
    if state == "applied":
        key = server.model.change_requests[0]["intent"]["flag_key"]
        server.model.flags = [{"id": 7, "key": key, "active": False, "filters": {}}]


def test_making_a_write_and_reading_its_plan_sends_nothing(server, write):
    plan = write.plan
    assert posts(server) == []
    assert plan.path == "/api/projects/1/experiments/create_from_prompt/"
    assert plan.body == {
        "prompt_name": "support-reply",
        "versions": [1, 2],
        "templates": ["cost", "latency"],
        "feature_flag_key": "support-reply-v1-v2-cost-latency",
    }
    assert [(row.label, row.before) for row in plan.diff][:2] == [
        ("Experiment", None),
        ("Flag", None),
    ]
    assert "control = v1 (50 %), test = v2 (50 %)" in [row.after for row in plan.diff]
    assert plan.gate == ""


def test_it_is_sent_once_however_often_it_is_asked_for(server, write):
    assert write.state().kind == "to_do"
    outcomes = []
    clicks = [threading.Thread(target=lambda: outcomes.append(write.send())) for _ in range(6)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert {outcome.kind for outcome in outcomes} == {"applied"}
    assert len(posts(server)) == 1
    assert outcomes[0].result.name == "support-reply: v1, v2 (cost, latency)"


def test_the_same_cell_again_writes_nothing(server, project, write):
    write.send()
    again = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert again.state().kind == "already_done"
    outcome = again.send()
    assert outcome.kind == "already_done"
    assert outcome.result.id == 1
    assert server.model.effects == 1


def test_another_prompt_experiment_is_not_taken_for_it(project, write):
    write.send()
    for versions, templates, name in (
        ([2, 1], ["cost", "latency"], None),
        ([1, 2], ["latency", "cost"], None),
        ([1, 2], ["cost", "latency"], "Second round"),
    ):
        other = project.experiments.from_prompt("support-reply", versions, templates, name=name)
        assert other.state().kind == "to_do"


def test_one_in_the_archive_counts_as_done(server, project, write):
    write.send()
    server.model.experiments[1]["archived"] = True
    again = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert again.state().kind == "already_done"
    assert "archive" in again.state().sentence


def test_a_made_key_that_is_taken_gets_a_number(server, write):
    server.model.add(name="Other", feature_flag_key="support-reply-v1-v2-cost-latency")
    outcome = write.send()
    assert outcome.kind == "applied"
    assert outcome.result.feature_flag_key == "support-reply-v1-v2-cost-latency-2"
    assert server.model.effects == 1


def test_a_given_key_that_is_taken_is_refused_before_anything_is_sent(server, project):
    server.model.flags = [{"id": 7, "key": "mine", "active": True, "filters": {}}]
    write = project.experiments.from_prompt("p", [1, 2], ["cost"], flag_key="mine")
    assert write.state().kind == "refused"
    assert write.send().kind == "refused"
    assert posts(server) == []


def test_what_the_project_refuses_is_an_error_and_changes_nothing(server, write):
    from_project = {"type": "validation_error", "code": "invalid_input", "attr": "versions"}
    detail = "Versions not found for prompt 'support-reply': [99]"
    server.model.create = lambda body: (400, from_project | {"detail": detail})
    with pytest.raises(ValidationFailedError, match=r"Versions not found.*99") as caught:
        write.send()
    assert caught.value.attr == "versions"
    assert len(posts(server)) == 1


@pytest.mark.parametrize(
    ("prompt", "versions", "words", "step"),
    [
        ("suport-reply", [1, 2], 'no prompt "suport-reply"', "support-reply"),
        ("support-reply", [1, 9], "no version 9; its newest is 5", "versions that exist"),
    ],
)
def test_a_prompt_that_is_not_there_is_refused_before_anything_is_sent(
    server, project, prompt, versions, words, step
):
    real = server.model.answer
    held = {"id": "p", "name": "support-reply", "version": 5, "latest_version": 5}

    def answer(method, path, query, body):
        if path.endswith("/llm_prompts/"):
            return 200, {"count": 1, "next": None, "previous": None, "results": [held]}
        if path.endswith("/llm_prompts/name/support-reply/"):
            return 200, held
        return real(method, path, query, body)

    server.model.answer = answer
    state = project.experiments.from_prompt(prompt, versions, ["cost"]).state()
    assert state.kind == "refused"
    assert words in state.sentence
    assert step in state.next_step
    assert posts(server) == []


def test_a_key_that_may_not_read_approvals_still_writes(server, write):
    real = server.model.answer

    def forbidden(method, path, query, body):
        if "experiments" in path:
            return real(method, path, query, body)
        detail = "API key missing required scope 'approvals:read'"
        return 403, {"code": "permission_denied", "detail": detail}

    server.model.answer = forbidden
    assert write.plan.gate == ""
    assert write.send().kind == "applied"


def test_a_write_that_needs_approval_waits_and_is_finished_once(server, project, write):
    gate(server)
    waiting = write.send()
    assert waiting.kind == "waiting"
    assert waiting.change_request.is_requester, "the request is read again, as its reader sees it"
    assert "0 of 1" in waiting.next_step
    assert write.send().kind == "waiting"
    assert len(posts(server)) == 1

    again = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert again.state().kind == "waiting"
    assert again.send().kind == "waiting"
    assert len(posts(server)) == 1

    decide(server, "applied")
    approved = write.refresh()
    assert (approved.kind, approved.can_finish) == ("waiting", True)
    assert len(posts(server)) == 1
    assert write.state().can_finish

    done = write.finish()
    assert done.kind == "applied"
    assert write.finish().kind == "already_done"
    assert server.model.effects == 1
    made = server.model.experiments[1]
    assert made["feature_flag_key"] == "support-reply-v1-v2-cost-latency"
    assert made["parameters"]["prompt_metadata"]["versions"] == [1, 2]
    assert again.send().kind == "already_done"


def test_the_notebook_of_another_day_finishes_what_was_approved(server, project, write):
    gate(server)
    write.send()
    decide(server, "applied")
    another_day = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert another_day.send().kind == "applied"
    assert server.model.effects == 1


def test_an_approved_flag_that_was_deleted_since_means_beginning_again(server, project, write):
    gate(server)
    write.send()
    decide(server, "applied")
    server.model.flags = []
    fresh = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    state = fresh.state()
    assert (state.kind, state.can_finish) == ("to_do", False)


def test_a_rejection_says_who_and_why_and_is_not_asked_again_by_itself(server, project, write):
    gate(server)
    write.send()
    vote = {"decision": "rejected", "reason": "Too early", "created_by": {"id": 2}}
    decide(server, "rejected", approvals=[vote])
    outcome = write.refresh()
    assert outcome.kind == "refused"
    assert "person 2: Too early" in outcome.sentence
    fresh = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert fresh.send().kind == "refused"
    assert len(posts(server)) == 1
    server.model.gate = None
    assert fresh.send(again=True).kind == "applied"


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        ("failed", {"apply_error": "Flag version mismatch"}, "Flag version mismatch"),
        ("expired", {}, "expired"),
        ("rejected", {"approvals": [{"decision": "rejected", "created_by": {"id": 1}}]}, "withdr"),
    ],
)
def test_a_request_that_ended_has_its_own_words(server, project, write, state, fields, words):
    gate(server)
    write.send()
    decide(server, state, **fields)
    outcome = write.refresh()
    assert outcome.kind == "refused"
    assert words in outcome.sentence
    assert outcome.next_step
    assert write.send().kind == "refused"
    assert len(posts(server)) == 1
    fresh = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert fresh.state().kind == "to_do"


def test_a_stale_request_says_that_it_cannot_be_applied(server, write):
    gate(server, validation_status="stale")
    assert "withdraw" in write.send().next_step


def test_withdrawing_takes_the_request_back_and_nothing_more(server, write):
    gate(server)
    write.send()
    real = server.model.answer

    def cancel(method, path, query, body):
        if not path.endswith("/r-1/cancel/"):
            return real(method, path, query, body)
        vote = {"decision": "rejected", "created_by": {"id": 1}}
        decide(server, "rejected", approvals=[vote], user_decision="rejected")
        held = server.model.change_requests[0]
        return 200, {"status": "canceled", "message": "", "change_request": held}

    server.model.answer = cancel
    outcome = write.withdraw()
    assert outcome.kind == "refused"
    assert "withdrawn" in outcome.sentence
    assert write.send().kind == "refused"
    assert server.model.effects == 0


def test_the_plan_says_whose_approval_it_will_need(server, project, write):
    server.model.policies = [
        {
            "id": "p-1",
            "action_key": "feature_flag.update",
            "conditions": {"type": "before_after", "field": "rollout_percentage"}
            | {"operator": ">", "value": 50},
            "approver_config": {"quorum": 2, "users": [2, 3], "roles": ["x"]},
            "created_by": {"id": 2, "first_name": "Tomas", "last_name": "Lind"},
            "enabled": True,
        }
    ]
    assert write.plan.gate == (
        "The approval policy on feature_flag.update will likely hold this: it needs 2 approvals "
        "from Tomas Lind, person 3 or whoever holds one role."
    )


@pytest.mark.parametrize("told", ["throttled:3", "throttled:detail9", "throttled:none"])
def test_a_throttled_write_waits_and_looks_before_it_is_sent(server, write, fault, waits, told):
    fault(told, on=CREATE)
    assert write.send().kind == "applied"
    kinds = [method for method, *_ in server.model.requests]
    first = kinds.index("POST")
    assert "GET" in kinds[first + 1 :][: kinds[first + 1 :].index("POST")]
    assert len(waits.slept) == 1
    assert server.model.effects == 1


def test_a_write_throttled_for_an_hour_is_told_instead(server, write, fault):
    fault("throttled:3600", on=CREATE)
    with pytest.raises(ThrottledError):
        write.send()
    assert server.model.effects == 0
    assert write.send().kind == "applied"


@pytest.mark.parametrize(
    "lost", ["cut_after", "cut_during", "status_after:500", "status_after:504", "truncated", "html"]
)
def test_a_write_whose_answer_was_lost_is_looked_for(server, write, fault, lost):
    fault(lost, on=CREATE)
    outcome = write.send()
    assert outcome.kind == "already_done"
    assert "answer was lost" in outcome.sentence
    assert outcome.result.id == 1
    assert len(posts(server)) == 1


@pytest.mark.parametrize(
    "lost",
    ["cut_before", "status_before:500", "status_before:503", "html_before", "redirect:http://x"],
)
def test_a_write_that_left_no_trace_is_unknown_and_not_sent_again(
    server, project, write, fault, lost
):
    fault(lost, on=CREATE)
    outcome = write.send()
    assert outcome.kind == "unknown"
    assert "not known" in outcome.sentence
    assert outcome.next_step
    assert write.send().kind == "unknown"
    assert write.refresh().kind == "unknown"
    assert len(posts(server)) == 1
    fresh = project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])
    assert fresh.send().kind == "applied"
    assert server.model.effects == 1


def test_a_write_that_takes_effect_late_is_found_when_looked_for_again(server, write, fault):
    fault("late:30", on=CREATE)
    assert write.send().kind == "unknown"
    while server.model.pending:
        write.state()
    assert write.refresh().kind == "already_done"
    assert server.model.effects == 1


def test_a_lost_gate_is_found_as_a_waiting_request(server, write, fault):
    gate(server)
    fault("cut_after", on=CREATE)
    outcome = write.send()
    assert outcome.kind == "waiting"
    assert outcome.change_request.id == "r-1"
    assert len(posts(server)) == 1


def test_a_finish_whose_answer_was_lost_is_not_repeated(server, write, fault):
    gate(server)
    write.send()
    decide(server, "applied")
    fault("cut_before", on="experiments/$", method="POST")
    assert write.finish().kind == "unknown"
    assert write.finish().kind == "unknown"
    assert len(posts(server)) == 2


def test_with_the_project_out_of_reach_nothing_is_sent(server, write, fault):
    fault(*["cut_before"] * 99)
    with pytest.raises(ConnectionFailedError):
        write.send()
    assert posts(server) == []


def test_an_interrupt_leaves_the_write_in_doubt(server, write, monkeypatch):
    real = write._project.transport.write

    def interrupted(*call):
        real(*call)
        raise KeyboardInterrupt

    monkeypatch.setattr(write._project.transport, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write.send()
    assert write.send().kind == "already_done"
    assert len(posts(server)) == 1


def test_unarchive_changes_one_thing_and_only_once(server, project):
    server.model.add(name="Old", archived=True, status="stopped")
    write = project.experiments.unarchive(1)
    assert [(row.label, row.before, row.after) for row in write.plan.diff] == [
        ("Archived", "yes", "no"),
        ("Status", "stopped", "stopped"),
    ]
    assert write.plan.body is None
    outcome = write.send()
    assert (outcome.kind, outcome.result.archived) == ("applied", False)
    assert project.experiments.unarchive("Old").send().kind == "already_done"
    assert server.model.effects == 1


def test_unarchive_of_what_is_not_there_is_refused_at_once(project):
    with pytest.raises(NotFoundError):
        project.experiments.unarchive(99)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", [1, 2], ["cost"]), "prompt"),
        (("p", [1], ["cost"]), "two to ten"),
        (("p", [*range(1, 12)], ["cost"]), "two to ten"),
        (("p", [1, 1], ["cost"]), "twice"),
        (("p", [0, 1], ["cost"]), "0 is not a version"),
        (("p", ["1", 2], ["cost"]), "'1' is not a version"),
        (("p", [True, 2], ["cost"]), "True is not a version"),
        (("p", "12", ["cost"]), "not a list"),
        (("p", [1, 2], []), "empty"),
        (("p", [1, 2], ["bogus"]), "bogus"),
        (("p", [1, 2], ["cost", "cost"]), "twice"),
        (("p", [1, 2], ["cost"], "x" * 401), "401"),
        (("p", [1, 2], ["cost"], None, "a b"), "a b"),
        (("p", [1, 2], ["cost"], None, None, "x" * 3001), "3001"),
    ],
)
def test_what_needs_no_project_to_be_wrong_is_refused_without_one(
    server, project, arguments, words
):
    with pytest.raises(InputError, match=words) as caught:
        project.experiments.from_prompt(*arguments)
    assert caught.value.hint
    assert server.model.requests == []


def test_three_versions_are_split_as_the_project_does(project):
    plan = project.experiments.from_prompt("p", [3, 5, 6], ["cost"], name="Round").plan
    variants = {row.label: row.after for row in plan.diff}["Variants"]
    assert variants == "control = v3 (33 %), test-1 = v5 (33 %), test-2 = v6 (34 %)"
    assert plan.body["name"] == "Round"


def vote(server, verb, status, **fields):
    real = server.model.answer

    def answer(method, path, query, body):
        if not path.endswith(f"/{verb}/"):
            return real(method, path, query, body)
        if status == 403:
            detail = "You are not in the approver set for this change request"
            return 403, {"code": "permission_denied", "detail": detail}
        server.model.change_requests[0] |= fields
        return 200, {
            "status": status,
            "message": "",
            "change_request": server.model.change_requests[0],
        }

    server.model.change_requests = [request(is_requester=False, can_approve=True)]
    server.model.answer = answer


def test_an_approval_that_reaches_the_quorum_applies_the_change(server, project):
    yes = {"decision": "approved", "created_by": {"id": 2}}
    vote(server, "approve", "applied", state="applied", approvals=[yes], user_decision="approved")
    write = project.approvals.approve("r-1", "fine")
    assert write.plan.body == {"reason": "fine"}
    assert ("Approvals", "0 of 1", "1 of 1") in [
        (row.label, row.before, row.after) for row in write.plan.diff
    ]
    outcome = write.send()
    assert (outcome.kind, outcome.change_request.state) == ("applied", "applied")
    assert project.approvals.approve("r-1").send().kind == "already_done"
    assert len(posts(server)) == 1


def test_an_approval_that_could_not_be_applied_is_no_success(server, project):
    vote(server, "approve", "failed", state="failed", apply_error="Flag version mismatch")
    outcome = project.approvals.approve("r-1").send()
    assert outcome.kind == "refused"
    assert "Flag version mismatch" in outcome.sentence


def test_a_vote_the_project_refuses_is_an_error(server, project):
    vote(server, "approve", 403)
    with pytest.raises(PermissionDeniedError, match="approver set"):
        project.approvals.approve("r-1").send()


def test_a_request_that_has_ended_takes_no_vote(server, project):
    server.model.change_requests = [request("expired")]
    outcome = project.approvals.approve("r-1").send()
    assert outcome.kind == "refused"
    assert posts(server) == []


def test_a_rejection_needs_a_reason(project):
    with pytest.raises(InputError, match="reason"):
        project.approvals.reject("r-1", " ")
