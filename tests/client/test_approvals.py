"""A write that needs approval waits, is voted on, and is finished once."""

import pytest

from exp_jupyter.errors import InputError, NotFoundError, PermissionDeniedError

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


def test_a_write_that_needs_approval_waits_and_is_finished_once(server, project, write):
    gate(server)
    waiting = write.send()
    assert waiting.kind == "waiting"
    assert waiting.change_request.is_requester, "the request is read again, as its reader sees it"
    assert waiting.next_step == "Ask an approver, then refresh."
    assert waiting.second_step == "the experiment is made"
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


ROLLOUT = {"field": "rollout_percentage"}


@pytest.mark.parametrize(
    "conditions",
    [
        ROLLOUT | {"type": "any_change"},
        ROLLOUT | {"type": "before_after", "operator": ">", "value": True},
        ROLLOUT | {"type": "before_after", "operator": ">", "value": 1000},
        ROLLOUT | {"type": "change_amount", "operator": ">", "value": 1},
        {"field": "name", "type": "before_after", "operator": ">", "value": 1000},
        {},
    ],
)
@pytest.mark.parametrize(
    ("make", "caught_by_any_change"),
    [
        pytest.param(lambda p: p.experiments.update(1, holdout_id=None), True, id="path removed"),
        pytest.param(lambda p: p.experiments.update(1, holdout_id=2), True, id="path changed"),
        pytest.param(lambda p: p.experiments.update(1, name="Till"), False, id="nothing moved"),
        pytest.param(lambda p: p.flags.update("checkout", rollout=20), True, id="rollout"),
        pytest.param(lambda p: p.flags.create("banner", rollout=20), False, id="flag made"),
        pytest.param(lambda p: p.experiments.create("New", "new"), True, id="experiment made"),
        pytest.param(
            lambda p: p.experiments.create("New", "new", holdout_id=1), True, id="made held out"
        ),
    ],
)
def test_a_plan_foretells_the_gate(growth, conditions, make, caught_by_any_change):
    for name, share in (("Spring", 10), ("Autumn", 20)):
        everyone = [{"properties": [], "rollout_percentage": share}]
        growth.post("experiment_holdouts", name=name, filters=everyone)
    growth.draft(holdout_id=1)
    growth.guard("feature_flag.update", conditions=conditions)
    write = make(growth.owner)
    foretold = bool(write.plan.gate)
    assert foretold is (write.send().kind == "waiting")
    if conditions.get("type") == "any_change":
        assert foretold is caught_by_any_change
    if foretold:
        assert make(growth.owner).state().kind == "waiting"


def test_the_beginning_of_an_id_is_enough_where_only_one_request_has_it():
    from exp_jupyter.connection import connect

    owner, reviewer = connect(), connect(as_="reviewer")

    def asked(name: str) -> str:
        write = owner.experiments.from_prompt("support-reply", [1, 4], ["cost"], name=name)
        return write.send().change_request.id

    one, other = asked("Begins one"), asked("Begins other")
    assert reviewer.approvals.get(one[:8]).id == one
    assert reviewer.approvals.approve(one[:8]).send().result.id == one
    assert reviewer.approvals.reject(other[:8].upper(), "No").send().result.id == other
    with pytest.raises(NotFoundError, match="begins with 'zzzz'") as unknown:
        reviewer.approvals.get("zzzz")
    assert unknown.value.status == 404
    assert other[:8] in unknown.value.hint
    with pytest.raises(InputError, match="begins with ''") as several:
        reviewer.approvals.get("")
    assert "newest" in several.value.hint


def test_a_decision_names_the_request_in_human_words():
    from exp_jupyter.connection import connect

    owner, reviewer = connect(), connect(as_="reviewer")
    asked = owner.experiments.ship("checkout-redesign", "test").send().change_request
    plan = reviewer.approvals.reject(asked.id, "Not in a busy week").plan
    assert plan.title == "Reject: give everybody test of checkout-redesign"
    assert plan.sentence.startswith("Ada Lindqvist asked for it.")
    assert "groups[0]" not in plan.to_text()
    assert "test" in [row.label for row in plan.diff]
    assert owner.approvals.withdraw(asked.id).plan.sentence.startswith("You asked for it.")


def test_a_waiting_write_names_its_approvers_and_its_second_step():
    from exp_jupyter.connection import connect

    owner = connect()
    write = owner.experiments.ship("checkout-redesign", "test", conclusion="won")
    waiting = write.send()
    assert waiting.approvers == ("Noor Haddad",)
    assert waiting.second_step == "the experiment is ended"
    text = waiting.to_text()
    assert text.startswith("│ Waiting for Noor Haddad")
    assert "○ you finish: the experiment is ended" in text
    assert text.lower().count("nothing has changed") + text.lower().count("nothing was") == 1
