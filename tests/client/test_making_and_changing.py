"""Experiments and flags are made and changed by writes that know what is there already."""

from datetime import UTC, datetime

import pytest

from exp_jupyter.errors import ApiError, InputError, NotFoundError, ValidationFailedError

ORDERS = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Orders",
    "source": {"kind": "EventsNode", "event": "order"},
}


def rows(write):
    return {row.label: (row.before, row.after) for row in write.plan.diff}


@pytest.fixture
def experiments(growth):
    return growth.owner.experiments


@pytest.fixture
def flags(growth):
    return growth.owner.flags


# ---------------------------------------------------------------- making


def test_an_experiment_is_made_with_its_flag_and_only_once(growth, experiments):
    def write():
        return experiments.create(
            "Checkout", variants=["control", "a", "b"], rollout=40, metrics=[ORDERS],
            allow_unknown_events=True,
        )  # fmt: skip

    first = write()
    assert rows(first) == {
        "Experiment": (None, "Checkout (draft)"),
        "Flag": (None, "checkout (inactive)"),
        "Rollout": (None, "40 %"),
        "Variant control": (None, "33 %"),
        "Variant a": (None, "33 %"),
        "Variant b": (None, "34 %"),
        "Metrics": (None, "Orders"),
    }
    made = first.send().result
    assert (made.status, made.feature_flag_key) == ("draft", "checkout")
    assert made.split == {"control": 33, "a": 33, "b": 34}
    assert write().send().result.id == made.id
    assert len(growth.posts) == 1


def test_a_request_that_comes_twice_makes_one_experiment(growth, experiments):
    write = experiments.create("Checkout")
    assert "feature_flag" in write.plan.body
    growth.owner.transport.write("POST", write.plan.path, write.plan.body)
    with pytest.raises(ValidationFailedError):
        growth.owner.transport.write("POST", write.plan.path, write.plan.body)
    assert write.send().kind == "already_done"
    assert experiments.list().count == 1


def test_an_experiment_may_use_a_flag_there_is(growth, experiments):
    growth.draft("Checkout")
    write = experiments.create("Second look", "checkout")
    assert rows(write)["Flag"] == ("checkout (inactive)", "checkout (used as it is)")
    assert "feature_flag" not in write.plan.body
    assert write.send().result.feature_flag_key == "checkout"
    configured = experiments.create("Third look", "checkout", rollout=10)
    assert configured.state().kind == "refused"
    assert "flag_key" in configured.state().next_step


def test_a_flag_without_a_control_is_refused_before_anything_is_sent(growth, experiments):
    growth.post("feature_flags", key="plain", filters={"groups": []})
    write = experiments.create("Checkout", "plain")
    assert write.send().kind == "refused"
    assert growth.posts == []


def test_an_experiment_that_starts_at_once_says_so(growth, experiments):
    write = experiments.create("Checkout", start_date=datetime(2026, 3, 2, tzinfo=UTC))
    assert rows(write)["Experiment"] == (None, "Checkout (running)")
    assert rows(write)["Flag"] == (None, "checkout (active)")
    assert write.send().result.status == "running"


def test_a_new_flag_waits_for_approval_and_the_experiment_is_made_on_it(growth, experiments):
    growth.guard("feature_flag.update")
    write = experiments.create("Checkout", variants={"control": 80, "test": 20})
    assert "feature_flag.update" in write.plan.gate
    waiting = write.send()
    assert waiting.kind == "waiting"
    again = experiments.create("Checkout", variants={"control": 80, "test": 20})
    assert again.send().change_request.id == waiting.change_request.id
    growth.approve(waiting)
    assert write.refresh().can_finish
    made = write.finish().result
    assert made.split == {"control": 80, "test": 20}
    assert again.refresh().kind == "already_done"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": " "}, "empty"),
        ({"name": "x" * 401}, "401"),
        ({"name": "x", "flag_key": "a b"}, "a b"),
        ({"name": "x", "variants": ["a"]}, "variants are a"),
        ({"name": "x", "variants": ["control"]}, "control"),
        ({"name": "x", "variants": ["control", "a", "a"]}, "twice"),
        ({"name": "x", "variants": {"control": 50, "test": 40}}, "90 %"),
        ({"name": "x", "variants": "control"}, "'control'"),
        ({"name": "x", "rollout": 101}, "101"),
        ({"name": "x", "rollout": 10, "feature_flag": {"filters": {}}}, "feature_flag"),
        ({"name": "x", "descripton": "x"}, "descripton"),
    ],
)
def test_what_cannot_become_an_experiment_is_refused_at_once(growth, experiments, arguments, words):
    with pytest.raises(InputError, match=words) as caught:
        experiments.create(**arguments)
    assert caught.value.hint
    assert growth.posts == []


def test_a_copy_shares_the_flag_unless_it_gets_its_own(growth, experiments):
    number = growth.running()
    shared = experiments.duplicate(number)
    assert "share the flag checkout" in shared.plan.sentence
    made = shared.send().result
    assert (made.name, made.feature_flag_key, made.status) == (
        "Checkout (Copy)",
        "checkout",
        "draft",
    )
    assert experiments.duplicate(number).state().kind == "already_done"
    own = experiments.duplicate(number, "Second", flag_key="second")
    assert rows(own)["Flag"] == (None, "second (inactive)")
    assert own.send().result.feature_flag_key == "second"
    assert experiments.duplicate(number, "Second", flag_key="second").state().kind == "already_done"
    assert len(growth.posts) == 2


def test_a_copy_with_a_new_flag_waits_for_approval_and_is_finished(growth, experiments):
    number = growth.running()
    growth.guard("feature_flag.update")
    assert experiments.duplicate(number).plan.gate == ""
    write = experiments.duplicate(number, "Second", flag_key="second")
    assert "feature_flag.update" in write.plan.gate
    growth.approve(write.send())
    assert write.finish().result.feature_flag_key == "second"


# ---------------------------------------------------------------- changing


def test_only_what_differs_is_changed(growth, experiments):
    number = growth.draft(description="Old")
    write = experiments.update(number, description="New", name="Checkout")
    assert rows(write) == {"Description": ("Old", "New")}
    assert write.plan.method == "PATCH"
    assert write.plan.path.endswith(f"/experiments/{number}/")
    assert write.send().result.description == "New"
    assert experiments.update(number, description="New").state().kind == "already_done"
    assert experiments.update(number, description=None).state().kind == "to_do"
    assert experiments.update(number, description=None).code() == (
        f"project.experiments.update({number}, description=None)"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"stats_config": {"method": "frequentist", "frequentist": {"alpha": 0.01}}},
        {"exposure_criteria": {"filterTestAccounts": False}},
        {"parameters": {"variant_notes": {"test": "shorter"}}},
        {"running_time_calculation": {"minimum_detectable_effect": 5}},
        {"conclusion": "won", "conclusion_comment": "More orders."},
        {"start_date": "2026-03-02T09:15:00Z"},
        {"metrics": [ORDERS], "allow_unknown_events": True},
        {"feature_flag": {"filters": {"groups": [{"properties": [], "rollout_percentage": 10}]}}},
    ],
)
def test_every_kind_of_field_is_known_again_once_it_was_written(growth, experiments, fields):
    number = growth.draft()
    write = experiments.update(number, **fields)
    assert write.state().kind == "to_do"
    assert write.plan.diff
    assert write.send().kind == "applied"
    assert experiments.update(number, **fields).state().kind == "already_done"


def test_shared_metrics_are_known_again_by_their_numbers(growth, experiments):
    saved = growth.post("experiment_saved_metrics", name="Orders", query=ORDERS)
    number = growth.draft()
    fields = {"saved_metrics_ids": [{"id": saved["id"], "metadata": {"type": "secondary"}}]}
    assert experiments.update(number, **fields).send().kind == "applied"
    assert experiments.update(number, **fields).state().kind == "already_done"
    fields["saved_metrics_ids"][0]["metadata"]["type"] = "primary"
    assert experiments.update(number, **fields).state().kind == "to_do"


def test_new_definitions_of_metrics_say_that_their_series_begin_again(growth, experiments):
    number = growth.running(metrics=[ORDERS], allow_unknown_events=True)
    sums = {**ORDERS, "source": {**ORDERS["source"], "math": "sum", "math_property": "price"}}
    write = experiments.update(number, metrics=[sums], allow_unknown_events=True)
    assert "begin again" in write.plan.sentence
    assert rows(write)["Primary metrics"] == ("Orders", "Orders (defined anew)")


def test_a_change_of_rollout_waits_for_approval(growth, experiments):
    number = growth.running()
    growth.guard("feature_flag.update")
    half = {"filters": {"groups": [{"properties": [], "rollout_percentage": 50}]}}
    fields = {"feature_flag": half, "update_feature_flag_params": True, "description": "Half"}
    write = experiments.update(number, **fields)
    assert rows(write)["Rollout"] == ("100 %", "50 %")
    assert "feature_flag.update" in write.plan.gate
    waiting = write.send()
    assert waiting.kind == "waiting"
    growth.approve(waiting)
    done = write.finish()
    assert (done.kind, done.result.description) == ("applied", "Half")
    assert experiments.update(number, **fields).state().kind == "already_done"


def test_deleting_asks_for_the_name_and_happens_once(growth, experiments):
    number = growth.draft()
    write = experiments.update(number, deleted=True)
    assert write.plan.confirm_name == "Checkout"
    assert write.send().kind == "applied"
    assert write.state().kind == "already_done"
    assert len(experiments.list()) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Nothing"),
        ({"update_feature_flag_params": True}, "Nothing"),
        ({"naem": "x"}, "'naem'"),
        ({"type": "web"}, "'type'"),
        ({"feature_flag_key": "other"}, "'feature_flag_key'"),
    ],
)
def test_a_change_names_fields_that_can_change(growth, experiments, fields, words):
    with pytest.raises(InputError, match=words) as caught:
        experiments.update(growth.draft(), **fields)
    assert caught.value.hint


# ---------------------------------------------------------------- computing again


def test_daily_results_are_computed_again_once_at_a_time(growth, experiments):
    number = growth.running(metrics=[ORDERS], allow_unknown_events=True)
    write = experiments.recalculate_timeseries(number, "Orders")
    assert write.plan.body["metric"]["name"] == "Orders"
    outcome = write.send()
    assert outcome.kind == "applied"
    assert outcome.result.status in {"pending", "in_progress"}
    assert experiments.recalculate_timeseries(number).state().kind == "already_done"
    assert len(growth.posts) == 1


def test_a_draft_has_nothing_to_compute(growth, experiments):
    number = growth.draft(metrics=[ORDERS], allow_unknown_events=True)
    write = experiments.recalculate_timeseries(number)
    assert write.send().kind == "refused"


# ---------------------------------------------------------------- flags


def test_a_flag_is_switched_and_moved_once(growth, flags):
    growth.draft()
    write = flags.enable("checkout")
    assert rows(write) == {"Flag": ("inactive", "active")}
    assert write.plan.body == {"active": True}
    assert write.code() == "project.flags.enable('checkout')"
    assert write.send().result.active
    assert flags.enable("checkout").send().kind == "already_done"
    moved = flags.update("checkout", rollout=30, variants={"control": 70, "test": 30})
    assert rows(moved) == {
        "Rollout": ("100 %", "30 %"),
        "Variant control": ("50 %", "70 %"),
        "Variant test": ("50 %", "30 %"),
    }
    assert moved.send().result.split == {"control": 70, "test": 30}
    assert flags.update("checkout", rollout=30).state().kind == "already_done"
    assert flags.disable("checkout").send().result.active is False
    assert len(growth.posts) == 3


def test_a_flag_changed_by_somebody_else_meanwhile_is_left_alone(growth, flags):
    growth.draft()
    write = flags.update("checkout", rollout=30)
    assert write.state().kind == "to_do"
    growth.reviewer.flags.update("checkout", variants={"control": 90, "test": 10}).send()
    outcome = write.send()
    assert outcome.kind == "refused"
    assert "changed since" in outcome.sentence
    assert flags.get("checkout").rollout_percentage == 100


@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("feature_flag.enable", {"active": True}),
        ("feature_flag.update", {"rollout": 10}),
        ("feature_flag.update", {"variants": {"control": 20, "test": 80}}),
    ],
)
def test_an_approved_change_of_a_flag_is_done_with_its_approval(growth, flags, action, change):
    growth.draft()
    growth.guard(action)
    write = flags.update("checkout", **change)
    assert action in write.plan.gate
    waiting = write.send()
    assert waiting.kind == "waiting"
    assert flags.update("checkout", **change).state().kind == "waiting"
    growth.approve(waiting)
    assert write.refresh().kind == "already_done"


def test_changes_under_two_policies_are_said_to_conflict(growth, flags):
    growth.draft()
    growth.guard("feature_flag.enable", "feature_flag.update")
    assert "one at a time" in flags.update("checkout", active=True, rollout=10).plan.gate


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "Nothing"),
        ({"rollout": -1}, "rollout"),
        ({"rollout": True}, "True"),
        ({"variants": {"tset": 50}}, "'tset'"),
        ({"variants": {"test": 80}}, "130 %"),
    ],
)
def test_what_a_flag_cannot_be_is_refused_at_once(growth, flags, change, words):
    growth.draft()
    with pytest.raises(InputError, match=words) as caught:
        flags.update("checkout", **change)
    assert caught.value.hint


def test_a_flag_is_made_once_and_known_by_its_key(growth, flags):
    write = flags.create("banner", {"control": 80, "test": 20}, rollout=30, name="Of the shop")
    assert rows(write) == {
        "Flag": (None, "banner (inactive)"),
        "Rollout": (None, "30 %"),
        "Variant control": (None, "80 %"),
        "Variant test": (None, "20 %"),
    }
    assert write.send().result.split == {"control": 80, "test": 20}
    assert flags.create("banner", {"control": 80, "test": 20}, rollout=30).send().kind == (
        "already_done"
    )
    other = flags.create("banner", rollout=30).state()
    assert other.kind == "refused"
    assert "flags.update('banner'" in other.next_step
    assert len(growth.posts) == 1


def test_a_flag_that_waits_for_approval_is_made_by_it(growth, flags):
    growth.guard("feature_flag.enable")
    write = flags.create("banner", active=True)
    assert "feature_flag.enable" in write.plan.gate
    waiting = write.send()
    assert waiting.kind == "waiting"
    assert flags.create("banner", active=True).state().kind == "waiting"
    growth.approve(waiting)
    assert write.refresh().kind == "already_done"
    assert flags.get("banner").active


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("",), "empty"),
        (("a b",), "a b"),
        (("a", ["a"]), "variants are a"),
        (("a", {"control": 1, "test": 1}), "2 %"),
    ],
)
def test_what_cannot_be_a_flag_is_refused_at_once(growth, flags, arguments, words):
    with pytest.raises(InputError, match=words) as caught:
        flags.create(*arguments)
    assert caught.value.hint
    assert growth.posts == []


def test_what_else_a_flag_has_is_set_by_the_apis_names(growth, flags):
    growth.draft()
    write = flags.update("checkout", tags=["till"], archived=True)
    assert rows(write) == {"Tags": ("[]", '["till"]'), "Archived": ("no", "yes")}
    assert write.send().kind == "applied"
    assert flags.update("checkout", tags=["till"]).state().kind == "already_done"
    with pytest.raises(InputError, match="'tagz'") as caught:
        flags.update("checkout", tagz=[])
    assert caught.value.hint == 'Did you mean "tags"?'


def test_deleting_a_flag_asks_for_its_key_and_happens_once(growth, flags):
    growth.post("feature_flags", key="banner", filters={"groups": []})
    write = flags.update("banner", deleted=True)
    assert write.plan.confirm_name == "banner"
    assert write.send().kind == "applied"
    assert write.state().kind == "already_done"
    assert len(growth.posts) == 1


def test_a_change_after_the_last_look_is_refused_by_the_flags_version(growth, flags):
    growth.draft()
    write = flags.update("checkout", rollout=30)
    assert write.plan.body["version"] == 1
    growth.reviewer.flags.update("checkout", name="Theirs").send()
    with pytest.raises(ApiError) as caught:
        write.send()
    assert caught.value.status == 409
    assert "read it again" in caught.value.hint
    assert flags.get("checkout").rollout_percentage == 100


# ---------------------------------------------------------------- every metric at once


def test_a_recalculation_of_all_metrics_tells_how_far_it_is(growth, experiments):
    number = growth.running(metrics=[ORDERS], allow_unknown_events=True)
    with pytest.raises(NotFoundError, match="Recalculation not found"):
        experiments.metrics_recalculation(number)
    write = experiments.recalculate_metrics(number)
    assert rows(write)["Recalculation"] == (None, "pending: 0 of 1 metrics are computed")
    job = write.send().result
    assert experiments.recalculate_metrics(number).state().kind == "already_done"
    now = experiments.metrics_recalculation("Checkout")
    assert (now.id, now.is_under_way, now.words) == (job.id, True, "0 of 1 metrics are computed")
    assert experiments.metrics_recalculation(number, job.id).id == job.id
    assert now.code() == f"project.experiments.metrics_recalculation({number})"


def test_a_draft_has_no_metrics_to_compute(growth, experiments):
    assert experiments.recalculate_metrics(growth.draft()).send().kind == "refused"
    assert growth.posts == []
