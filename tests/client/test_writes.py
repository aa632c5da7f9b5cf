"""A write is sent once, is not repeated, and follows its approval to the end."""

import threading

import pytest

from exp_jupyter.errors import (
    ConnectionFailedError,
    ThrottledError,
    ValidationFailedError,
)

CREATE = "create_from_prompt"


@pytest.fixture
def write(project):
    return project.experiments.from_prompt("support-reply", [1, 2], ["cost", "latency"])


def posts(server):
    return [target for method, target, _ in server.model.requests if method == "POST"]


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


def test_with_the_project_out_of_reach_nothing_is_sent(server, write, fault):
    fault(*["cut_before"] * 99)
    with pytest.raises(ConnectionFailedError):
        write.send()
    assert posts(server) == []


def test_an_interrupt_leaves_the_write_in_doubt(server, project, write, monkeypatch):
    real = project.transport.write

    def interrupted(*call):
        real(*call)
        raise KeyboardInterrupt

    monkeypatch.setattr(project.transport, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write.send()
    assert write.send().kind == "already_done"
    assert len(posts(server)) == 1
