"""Copies are made once as far as a project lets it be known, and the plan says how far that is."""

import pytest

from exp_jupyter.errors import InputError, NotFoundError

FLAG = {
    "id": 7,
    "key": "checkout",
    "filters": {
        "groups": [{"properties": [], "rollout_percentage": 40}],
        "multivariate": {
            "variants": [
                {"key": "control", "rollout_percentage": 50},
                {"key": "test", "rollout_percentage": 50},
            ]
        },
    },
}
ORDERS = {"kind": "ExperimentMetric", "metric_type": "mean", "name": "Orders", "uuid": "m-1"}


class Organization:
    """Two projects of one organization; the key may be kept out of the second one."""

    def __init__(self, model):
        self.first = model.answer
        self.model = model
        self.made = []
        self.open = True
        self.known = True
        link = {"id": 1, "name": "Visits", "saved_metric": 3, "query": {**ORDERS, "name": "Visits"}}
        model.add(
            name="Checkout",
            feature_flag_key="checkout",
            feature_flag=FLAG,
            metrics=[ORDERS],
            saved_metrics=[link],
        )
        model.answer = self.answer

    def answer(self, method, path, query, body):
        if path.endswith("/copy_to_project/"):
            if not self.known:
                return 404, {"detail": "Target team not found."}
            self.model.effects += 1
            self.made.append(
                {"id": 90 + len(self.made), "name": body["name"], "status": "draft"}
                | {"feature_flag_key": body["feature_flag_key"]}
            )
            return 201, self.made[-1]
        if path.endswith("/duplicate/"):
            key = body.get("feature_flag_key", "checkout")
            self.model.effects += 1
            return 201, self.model.add(name=body["name"], feature_flag_key=key)
        if not path.startswith("/api/projects/2/"):
            return self.first(method, path, query, body)
        if not self.open:
            detail = "API key does not have access to the requested project: ID 2."
            return 403, {"code": "permission_denied", "detail": detail, "attr": None}
        if path == "/api/projects/2/":
            return 200, {"id": 2, "name": "Staging"}
        found = self.made if path.endswith("/experiments/") and "archived" not in query else []
        return 200, {"count": len(found), "next": None, "previous": None, "results": found}


@pytest.fixture
def organization(server):
    return Organization(server.model)


@pytest.fixture
def experiments(organization, project):
    return project.experiments


def posts(server):
    return [target for method, target, _ in server.model.requests if method == "POST"]


def test_a_copy_in_another_project_is_looked_for_there(server, organization, experiments):
    write = experiments.copy_to_project("Checkout", 2, flag_key="checkout-2")
    assert write.plan.body == {
        "target_team_id": 2,
        "feature_flag_key": "checkout-2",
        "name": "Checkout",
    }
    assert "Staging (project 2)" in write.plan.sentence
    assert "Shared metrics stay behind: Visits." in write.plan.sentence
    rows = {row.label: row.after for row in write.plan.diff}
    assert rows["Flag"] == "checkout-2 (inactive)"
    assert rows["Rollout"] == "40 %"
    assert rows["Metrics"] == "Orders"
    outcome = write.send()
    assert (outcome.kind, outcome.result.id) == ("applied", 90)
    again = experiments.copy_to_project("Checkout", 2, flag_key="checkout-2")
    assert again.send().kind == "already_done"
    assert again.code() == ("project.experiments.copy_to_project(1, 2, flag_key='checkout-2')")
    assert len(posts(server)) == 1


def test_without_a_look_at_the_other_project_nothing_is_sent_unasked(
    server, organization, experiments
):
    organization.open = False
    write = experiments.copy_to_project("Checkout", 2)
    refused = write.send()
    assert refused.kind == "refused"
    assert "not known whether the copy is there" in refused.sentence
    assert "again=True" in refused.next_step
    assert posts(server) == []
    assert write.send(again=True).kind == "applied"
    assert write.send(again=True).kind == "applied"
    assert server.model.effects == 1


def test_a_lost_copy_is_found_in_the_other_project(server, organization, experiments, fault):
    fault("cut_after", on="copy_to_project")
    outcome = experiments.copy_to_project("Checkout", 2).send()
    assert outcome.kind == "already_done"
    assert "answer was lost" in outcome.sentence
    assert len(posts(server)) == 1


def test_a_lost_copy_that_cannot_be_looked_for_is_not_sent_again(
    server, organization, experiments, fault
):
    organization.open = False
    fault("cut_after", on="copy_to_project")
    write = experiments.copy_to_project("Checkout", 2)
    assert write.send(again=True).kind == "unknown"
    assert write.send(again=True).kind == "unknown"
    assert server.model.effects == 1


def test_a_project_that_is_not_there_is_said_in_its_words(organization, experiments):
    organization.open = organization.known = False
    with pytest.raises(NotFoundError, match="Target team not found"):
        experiments.copy_to_project("Checkout", 2).send(again=True)


@pytest.mark.parametrize(
    ("target", "words"), [("staging", "'staging'"), (1, "Project 1 is the one"), (True, "True")]
)
def test_the_other_project_is_a_number_and_another(experiments, organization, target, words):
    with pytest.raises(InputError, match=words) as caught:
        experiments.copy_to_project("Checkout", target)
    assert caught.value.hint


def test_a_plan_says_what_cannot_be_known_of_a_copy(experiments, organization):
    for write in (experiments.duplicate(1), experiments.copy_to_project(1, 2)):
        assert "look for the copy before sending it again" in write.plan.sentence


def test_two_copies_by_mischance_are_both_named(server, organization, experiments):
    late = server.model.answer

    def twice(method, path, query, body):
        if path.endswith("/duplicate/"):
            late(method, path, query, body)  # the lost request of an earlier session arrives
        return late(method, path, query, body)

    write = experiments.duplicate("Checkout")
    assert write.state().kind == "to_do"
    server.model.answer = twice
    outcome = write.send()
    assert outcome.kind == "applied"
    assert "created as experiment 3" in outcome.sentence
    assert "Experiment 2 has the same name and flag" in outcome.sentence
    assert "deleted=True" in outcome.next_step
