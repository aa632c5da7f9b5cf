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
