"""Every write of the contract is planned, looked for, sent once, and known again afterwards."""

import copy
import re

import httpx
import pytest

from exp_jupyter.client import EMBEDDED_ORIGIN, open_project
from exp_jupyter.server.http.endpoints import PROJECT_ENDPOINTS
from exp_jupyter.server.testing import TrialProject
from tests.client.conftest import Growth

ORDERS = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Orders",
    "source": {"kind": "EventsNode", "event": "order"},
}
MEASURED = {"metrics": [ORDERS], "allow_unknown_events": True}


def paused(growth):
    number = growth.running()
    growth.post("experiments", number, "pause")
    return number


def frozen(growth):
    number = growth.running()
    growth.post("experiments", number, "freeze_exposure")
    return number


def archived(growth):
    number = growth.ended()
    growth.post("experiments", number, "archive")
    return number


def asked(growth, by="owner"):
    """Return the number of a change request that one person has asked for."""
    growth.draft()
    config = {"quorum": 1, "users": [growth.trial.member_id, growth.owner.me.id]}
    growth.post("approval_policies", action_key="feature_flag.enable", approver_config=config)
    outcome = getattr(growth, by).flags.enable("checkout").send()
    growth.posts.clear()
    return outcome.change_request.id


def prompt(growth):
    made = growth.post("llm_prompts", name="support-reply", prompt="Be kind.")
    growth.owner.transport.write(
        "PATCH",
        growth.owner.path("llm_prompts", "name", "support-reply"),
        {"prompt": "Be brief.", "base_version": made["version"]},
    )
    growth.posts.clear()


def policy(growth):
    growth.guard("feature_flag.enable")


def metric(growth):
    growth.post("experiment_saved_metrics", name="Orders", query=ORDERS)


def holdout(growth):
    everyone = [{"properties": [], "rollout_percentage": 10}]
    growth.post("experiment_holdouts", name="Spring", filters=everyone)


# What there has to be first, and the write; what was set up is handed to the second.
WRITES = {
    "POST experiments": (lambda g: None, lambda p, _: p.experiments.create("Checkout")),
    "PATCH experiments/{id}": (
        lambda g: g.draft(),
        lambda p, n: p.experiments.update(n, description="Fewer steps"),
    ),
    "POST experiments/create_from_prompt": (
        prompt,
        lambda p, _: p.experiments.from_prompt("support-reply", [1, 2], ["cost"]),
    ),
    "POST experiments/{id}/launch": (lambda g: g.draft(), lambda p, n: p.experiments.launch(n)),
    "POST experiments/{id}/pause": (lambda g: g.running(), lambda p, n: p.experiments.pause(n)),
    "POST experiments/{id}/resume": (paused, lambda p, n: p.experiments.resume(n)),
    "POST experiments/{id}/end": (lambda g: g.running(), lambda p, n: p.experiments.end(n, "won")),
    "POST experiments/{id}/ship_variant": (
        lambda g: g.running(),
        lambda p, n: p.experiments.ship(n, "test"),
    ),
    "POST experiments/{id}/archive": (lambda g: g.ended(), lambda p, n: p.experiments.archive(n)),
    "POST experiments/{id}/unarchive": (archived, lambda p, n: p.experiments.unarchive(n)),
    "POST experiments/{id}/freeze_exposure": (
        lambda g: g.running(),
        lambda p, n: p.experiments.freeze(n),
    ),
    "POST experiments/{id}/unfreeze_exposure": (frozen, lambda p, n: p.experiments.unfreeze(n)),
    "POST experiments/{id}/reset": (lambda g: g.ended(), lambda p, n: p.experiments.reset(n)),
    "POST experiments/{id}/duplicate": (
        lambda g: g.running(),
        lambda p, n: p.experiments.duplicate(n),
    ),
    "POST experiments/{id}/create_exposure_cohort_for_experiment": (
        lambda g: g.running(),
        lambda p, n: p.experiments.create_exposure_cohort(n),
    ),
    "POST experiments/{id}/recalculate_timeseries": (
        lambda g: g.running(**MEASURED),
        lambda p, n: p.experiments.recalculate_timeseries(n),
    ),
    "POST experiments/{id}/metrics_recalculation": (
        lambda g: g.running(**MEASURED),
        lambda p, n: p.experiments.recalculate_metrics(n),
    ),
    "POST feature_flags": (
        lambda g: None,
        lambda p, _: p.flags.create("banner", ["control", "test"], rollout=20),
    ),
    "PATCH feature_flags/{id}": (
        lambda g: g.draft(),
        lambda p, _: p.flags.update("checkout", rollout=20, tags=["till"]),
    ),
    "POST experiment_saved_metrics": (
        lambda g: None,
        lambda p, _: p.saved_metrics.create("Orders", ORDERS),
    ),
    "PATCH experiment_saved_metrics/{id}": (
        metric,
        lambda p, _: p.saved_metrics.update("Orders", description="All of them"),
    ),
    "DELETE experiment_saved_metrics/{id}": (metric, lambda p, _: p.saved_metrics.delete(1)),
    "POST experiment_holdouts": (lambda g: None, lambda p, _: p.holdouts.create("Spring", 10)),
    "PATCH experiment_holdouts/{id}": (
        holdout,
        lambda p, _: p.holdouts.update("Spring", description="Nobody new"),
    ),
    "DELETE experiment_holdouts/{id}": (holdout, lambda p, _: p.holdouts.delete(1)),
    "POST approval_policies": (
        lambda g: None,
        lambda p, _: p.policies.create("feature_flag.update", [1]),
    ),
    "PATCH approval_policies/{uuid}": (
        policy,
        lambda p, _: p.policies.update("feature_flag.enable", enabled=False),
    ),
    "DELETE approval_policies/{uuid}": (
        policy,
        lambda p, _: p.policies.delete("feature_flag.enable"),
    ),
    "POST change_requests/{uuid}/approve": (
        lambda g: asked(g, by="reviewer"),
        lambda p, n: p.approvals.approve(n),
    ),
    "POST change_requests/{uuid}/reject": (
        lambda g: asked(g, by="reviewer"),
        lambda p, n: p.approvals.reject(n, "Not this week."),
    ),
    "POST change_requests/{uuid}/cancel": (asked, lambda p, n: p.approvals.withdraw(n)),
}

OTHERWISE = {
    # Computes, and writes nothing.
    "POST experiments/calculate_running_time": "read",
    "POST query": "read",
    "POST experiments/setup_context": "read",
    "DELETE query/{uuid}": "gives up a read",
    # The same with every field said again: PATCH says what is to change.
    **dict.fromkeys(
        [
            "PUT experiments/{id}",
            "PUT feature_flags/{id}",
            "PUT experiment_saved_metrics/{id}",
            "PUT experiment_holdouts/{id}",
            "PUT approval_policies/{uuid}",
        ],
        "PATCH",
    ),
    # Several experiments at once: PATCH changes the tags of one.
    "POST experiments/bulk_update_tags": "PATCH experiments/{id}",
    # Answered with 405, whatever they hold.
    "DELETE experiments/{id}": "refused",
    "DELETE feature_flags/{id}": "refused",
    # Between two projects, which a folder has not got; see test_copies.
    "POST experiments/{id}/copy_to_project": "elsewhere",
}
BESIDE = re.compile(r"llm_prompts|actions")
"""What the embedded project has beyond the contract, so that experiments have something to use."""


def test_every_write_of_the_contract_is_here():
    offered = {
        f"{one.method} {one.path}"
        for one in PROJECT_ENDPOINTS
        if one.method != "GET" and not BESIDE.match(one.path)
    }
    assert offered == {*WRITES, *OTHERWISE}


@pytest.fixture(params=WRITES)
def scene(request, growth):
    prepare, make = WRITES[request.param]
    held = prepare(growth)
    growth.posts.clear()
    growth.held = held
    return request.param, growth, lambda: make(growth.owner, held)


def test_a_write_is_sent_once_and_known_again(scene):
    called, growth, make = scene
    write = make()
    assert write.state().kind == "to_do"
    assert growth.posts == []
    assert write.send().kind == "applied"
    ((method, path, status),) = growth.posts
    pattern = re.sub(r"\{\w+\}", "[^/]+", called.partition(" ")[2])
    assert method == called.partition(" ")[0]
    assert re.fullmatch(f"/api/projects/[^/]+/{pattern}/", path)
    assert status in {200, 201, 204}
    write.send()
    if method == "DELETE":
        assert write.state().kind == "already_done"
    else:
        again = make()
        assert again.state().kind == "already_done"
        assert again.send().kind == "already_done"
    assert len(growth.posts) == 1


def test_a_plan_says_what_it_does_and_shows_itself(scene):
    called, growth, make = scene
    write = make()
    plan = write.plan
    assert f"{plan.method} " == called[: len(plan.method) + 1]
    assert plan.diff
    assert plan.sentence.endswith(".")
    for shown in (write, plan, write.state()):
        assert shown.to_text()
        assert "<" in shown.to_html()
    assert plan.title in write.to_text()
    assert all(row.label in write.to_text() for row in plan.diff)
    assert write.to_html() == make().to_html()
    assert write.code().startswith("project.")
    assert growth.posts == []


def test_a_write_that_a_code_line_makes_again_is_the_same(scene):
    _, growth, make = scene
    write = make()
    again = eval(write.code(), {"project": growth.owner})
    assert again.plan == write.plan


# What an answer says of whom it is about. Of what it has made, the number is the project's choice.
IDENTITY = ("id", "key", "feature_flag_key", "cohort.id", "change_request.id")
OF_THE_MADE = ("name", "key", "feature_flag_key", "action_key")
OF_A_JOB = ("experiment_id", "metric_uuid", "fingerprint")
MAKES = re.compile(r"POST (experiments|experiments/create_from_prompt|.*/duplicate|[a-z_]+)")


def identity(called):
    if "recalculat" in called:
        return OF_A_JOB
    return OF_THE_MADE if MAKES.fullmatch(called) else IDENTITY


class Misdirected(httpx.BaseTransport):
    """Answers a write as if it had been made of another object, and makes none."""

    def __init__(self, real, answer):
        self.real, self.answer = real, answer

    def handle_request(self, request):
        if request.method == "GET" or request.url.path.endswith("/query/"):
            return self.real.handle_request(request)
        return httpx.Response(200, json=self.answer)


def another(answer, path):
    """Return the answer with another value where it says whom it is about; None if it does not."""
    changed = copy.deepcopy(answer)
    *outer, last = path.split(".")
    inside = changed
    for part in outer:
        inside = inside.get(part) if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or inside.get(last) is None:
        return None
    value = inside[last]
    inside[last] = value + 1000 if isinstance(value, int) else f"{value[::-1]}x"
    return changed


@pytest.fixture
def twin(tmp_path, waits):
    """A second project in which everything is set up alike, for its answers."""
    trial = TrialProject(tmp_path / "twin")
    growth = Growth(trial, waits.pace())
    yield growth
    for project in (growth.owner, growth.reviewer):
        project.close()
    trial.close()


def test_a_good_answer_about_another_object_is_not_reported_done(scene, twin, waits):
    called, growth, _ = scene
    prepare, make_in = WRITES[called]
    held = prepare(twin)
    answers = []
    real_write = twin.owner.transport.write
    twin.owner.transport.write = lambda *call: answers.append(real_write(*call)) or answers[-1]
    assert make_in(twin.owner, held).send().kind == "applied"
    answer = {"id": "1"} if called.startswith("DELETE") else answers[-1]
    wrong = {
        path: changed for path in identity(called) if (changed := another(answer, path)) is not None
    }
    assert wrong, f"{called} does not say whom its answer is about: {answer}"
    carrier, key = growth.owner.transport._http, growth.owner.transport._key
    for path, changed in wrong.items():
        lying = Misdirected(carrier, changed)
        project = open_project(EMBEDDED_ORIGIN, None, key, transport=lying, pace=waits.pace())
        outcome = make_in(project, growth.held).send()
        assert (path, outcome.kind) == (path, "unknown")
        assert "answer" in outcome.sentence


CHANGES_ONE = [
    called
    for called in WRITES
    if re.fullmatch(r"PATCH .*|POST experiments/{id}/\w+", called)
    and not re.search("duplicate|cohort|recalculat", called)
]


@pytest.mark.parametrize("called", CHANGES_ONE)
def test_a_good_answer_that_does_not_show_the_change_is_not_reported_done(called, growth, waits):
    prepare, make = WRITES[called]
    held = prepare(growth)
    growth.posts.clear()
    owner = growth.owner
    plan = make(owner, held).plan
    where = plan.path if plan.method == "PATCH" else plan.path.rsplit("/", 2)[0] + "/"
    unchanged = owner.transport.read(where)
    lying = Misdirected(owner.transport._http, unchanged)
    key = owner.transport._key
    project = open_project(EMBEDDED_ORIGIN, None, key, transport=lying, pace=waits.pace())
    outcome = make(project, held).send()
    assert outcome.kind == "unknown"
    assert "does not show" in outcome.sentence
