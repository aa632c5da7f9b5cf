"""Shared metrics, holdouts and policies are found by what people call them."""

import pytest

from exp_jupyter.errors import InputError, NotFoundError

ORDERS = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "source": {"kind": "EventsNode", "event": "order"},
}
EVERYONE = [{"properties": [], "rollout_percentage": 10}]


@pytest.fixture
def stocked(growth):
    growth.post("experiment_saved_metrics", name="Orders", query=ORDERS)
    growth.post("experiment_saved_metrics", name="Visits", query=ORDERS, description="of the shop")
    growth.post("experiment_holdouts", name="Spring", filters=EVERYONE)
    growth.guard("feature_flag.update")
    return growth.owner


@pytest.mark.parametrize(
    ("shelf", "name"),
    [("saved_metrics", "Orders"), ("holdouts", "Spring"), ("policies", "feature_flag.update")],
)
def test_one_is_found_by_name_or_id(stocked, shelf, name):
    things = getattr(stocked, shelf)
    found = things.get(name)
    assert things.get(found.id).id == found.id
    assert found.code() == f"project.{shelf}.get({found.id!r})"
    assert name in [getattr(one, things.name_field) for one in things.list()]
    with pytest.raises(InputError) as caught:
        things.get(name[:-1])
    assert name in caught.value.hint


def test_an_id_that_is_not_there_is_not_found(stocked):
    with pytest.raises(NotFoundError):
        stocked.saved_metrics.get(99)


def test_lists_are_filtered_in_the_apis_words(stocked):
    assert [one.name for one in stocked.saved_metrics.list("shop")] == ["Visits"]
    assert [one.name for one in stocked.saved_metrics.list(event="other")] == []
    assert stocked.saved_metrics.list("shop").code() == (
        "project.saved_metrics.list(search='shop')"
    )
    assert stocked.policies.list("feature_flag.enable").count == 0
    assert stocked.policies.list(enabled=True).count == 1


def test_change_requests_are_filtered_by_who_asked(growth):
    number = growth.running()
    growth.guard("feature_flag.update")
    growth.owner.experiments.ship(number, "test").send()
    me, other = growth.owner.me.id, growth.reviewer.me.id
    assert growth.owner.approvals.list(requester=me).count == 1
    assert growth.owner.approvals.list("pending", requester=other).count == 0


# ---------------------------------------------------------------- writing


def made(project, shelf):
    things = getattr(project, shelf)
    return {
        "saved_metrics": lambda: things.create("Orders", ORDERS, description="All of them"),
        "holdouts": lambda: things.create("Spring", 10),
        "policies": lambda: things.create("feature_flag.update", [project.me.id]),
    }[shelf]()


CHANGES = {
    "saved_metrics": {"query": {**ORDERS, "goal": "decrease"}},
    "holdouts": {"filters": [{"properties": [], "rollout_percentage": 20}]},
    "policies": {"enabled": False},
}


@pytest.mark.parametrize("shelf", CHANGES)
def test_one_is_made_changed_and_removed_each_only_once(growth, shelf):
    things = getattr(growth.owner, shelf)
    write = made(growth.owner, shelf)
    assert write.plan.method == "POST"
    assert write.state().kind == "to_do"
    name = things.name_of(write.send().result)
    assert made(growth.owner, shelf).send().kind == "already_done"

    change = things.update(name, **CHANGES[shelf])
    assert [row.label.lower() for row in change.plan.diff] == [next(iter(CHANGES[shelf]))]
    assert change.send().kind == "applied"
    assert things.update(name, **CHANGES[shelf]).send().kind == "already_done"
    if shelf != "policies":
        other = made(growth.owner, shelf).state()
        assert other.kind == "refused"
        assert "update" in other.next_step

    removal = things.delete(name)
    assert removal.plan.confirm_name == name
    assert removal.send().kind == "applied"
    assert removal.state().kind == "already_done"
    assert things.list().count == 0
    assert [method for method, *_ in growth.posts] == ["POST", "PATCH", "DELETE"]


def test_names_of_fields_are_the_apis(stocked):
    with pytest.raises(InputError, match="'quer'") as caught:
        stocked.saved_metrics.update("Orders", quer={})
    assert caught.value.hint == 'Did you mean "query"?'
    with pytest.raises(InputError, match="Nothing"):
        stocked.saved_metrics.update("Orders")
    with pytest.raises(InputError, match="no name"):
        stocked.saved_metrics.create(" ", ORDERS)


# ---------------------------------------------------------------- waiting for approval


class Guarded:
    """A project whose holdouts change with approval only; what is asked for is kept."""

    def __init__(self, server):
        self.holdout = {"id": 5, "name": "Spring", "description": "", "filters": EVERYONE}
        self.server = server
        self.approved = False
        real = server.model.answer

        def answer(method, path, query, body):
            if not path.startswith("/api/projects/1/experiment_holdouts/"):
                return real(method, path, query, body)
            if method == "GET":
                here = [self.holdout] if self.holdout else []
                if path.endswith("/5/"):
                    return (200, self.holdout) if here else (404, {"detail": "Not found."})
                return 200, {"count": len(here), "next": None, "previous": None, "results": here}
            if self.approved:
                self.holdout = {**self.holdout, **body} if method == "PATCH" else None
                server.model.effects += 1
                return (200, self.holdout) if method == "PATCH" else (204, None)
            verb = {"PATCH": "update", "DELETE": "delete"}[method]
            request = {
                "id": "r-9",
                "action_key": f"experiment_holdout.{verb}",
                "resource_id": "5",
                "intent": {"full_request_data": body or {}},
                "state": "pending",
                "is_requester": True,
            }
            server.model.change_requests = [request]
            gate = {"code": "approval_required", "change_request_id": "r-9"}
            return 409, gate | {"change_request": request}

        server.model.answer = answer

    def decide(self, state):
        self.approved = state == "applied"
        self.server.model.change_requests[0]["state"] = state


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_guarded_holdout_waits_and_is_finished(server, project, verb):
    guarded = Guarded(server)
    action = f"experiment_holdout.{verb}"
    server.model.policies = [
        {"id": "p", "action_key": action, "enabled": True, "approver_config": {"quorum": 1}}
    ]

    def write():
        if verb == "delete":
            return project.holdouts.delete("Spring")
        return project.holdouts.update("Spring", description="Nobody new")

    first = write()
    assert action in first.plan.gate
    assert first.send().kind == "waiting"
    assert first.state().kind == "waiting"
    assert write().send().kind == "waiting"
    assert first.send().kind == "waiting"
    assert server.model.effects == 0
    guarded.decide("applied")
    assert first.refresh().can_finish
    assert first.finish().kind == "applied"
    assert first.state().kind == "already_done"
    assert server.model.effects == 1


def test_a_request_for_another_change_of_the_holdout_is_not_mine(server, project):
    Guarded(server)
    project.holdouts.update("Spring", description="Nobody new").send()
    assert project.holdouts.update("Spring", description="Nobody").state().kind == "to_do"
