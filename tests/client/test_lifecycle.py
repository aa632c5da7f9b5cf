"""Every step of an experiment's life: said before, done once, and followed through its approval."""

import pytest

from exp_jupyter.errors import InputError, PermissionDeniedError, ValidationFailedError

STEPS = {
    "launch": ("draft", "running", ()),
    "pause": ("running", "paused", ()),
    "resume": ("paused", "running", ()),
    "end": ("running", "stopped", ()),
    "ship": ("running", "stopped", ("test",)),
    "archive": ("stopped", "stopped", ()),
    "reset": ("stopped", "draft", ()),
}


def stage(growth, status, name="Checkout"):
    if status == "draft":
        return growth.draft(name)
    if status == "stopped":
        return growth.ended(name)
    number = growth.running(name)
    if status == "paused":
        growth.post("experiments", number, "pause")
    return number


def rows(write):
    return {row.label: (row.before, row.after) for row in write.plan.diff}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_planned_taken_once_and_known_as_done(growth, step):
    before, after, arguments = STEPS[step]
    number = stage(growth, before)
    write = getattr(growth.owner.experiments, step)(number, *arguments)
    assert write.plan.method == "POST"
    assert write.plan.path.startswith(f"/api/projects/@current/experiments/{number}/{step}")
    assert write.plan.gate == ""
    assert write.state().kind == "to_do"
    assert growth.posts == []

    outcome = write.send()
    assert outcome.kind == "applied"
    assert outcome.result.status == after
    assert write.send() is outcome

    again = getattr(growth.owner.experiments, step)("Checkout", *arguments)
    assert again.state().kind == "already_done"
    assert again.send().kind == "already_done"
    assert len(growth.posts) == 1
    assert write.code() == again.code()


@pytest.mark.parametrize(
    ("step", "status", "words"),
    [
        ("pause", "draft", "not been launched"),
        ("pause", "stopped", "ended on"),
        ("resume", "draft", "not been launched"),
        ("resume", "stopped", "ended on"),
        ("end", "draft", "not been launched"),
        ("ship", "draft", "not been launched"),
        ("archive", "draft", "has not ended"),
        ("archive", "running", "has not ended"),
    ],
)
def test_what_the_project_would_refuse_is_refused_before_it_is_sent(growth, step, status, words):
    number = stage(growth, status)
    write = getattr(growth.owner.experiments, step)(number, *STEPS[step][2])
    outcome = write.send()
    assert outcome.kind == "refused"
    assert words in outcome.sentence
    assert outcome.next_step
    assert growth.posts == []


def test_a_launched_experiment_counts_as_launched_also_when_it_has_ended(growth):
    state = growth.owner.experiments.launch(growth.ended()).state()
    assert state.kind == "already_done"
    assert "and ended on" in state.sentence


def test_a_launch_says_that_there_are_no_metrics_yet(growth):
    plan = growth.owner.experiments.launch(growth.draft()).plan
    assert "no metrics" in plan.sentence
    assert rows(growth.owner.experiments.launch("checkout")) == {
        "Status": ("draft", "running"),
        "Start": (None, "now"),
        "Flag checkout": ("inactive", "active"),
        "Split": ("control 50 %, test 50 %",) * 2,
    }


@pytest.mark.parametrize("step", ["end", "ship"])
def test_what_cannot_be_taken_back_asks_for_the_experiments_name(growth, step):
    number = growth.running()
    write = getattr(growth.owner.experiments, step)(number, *STEPS[step][2])
    assert write.plan.confirm_name == "Checkout"


def test_an_experiment_ends_with_its_conclusion_and_no_other(growth):
    number = growth.running()
    write = growth.owner.experiments.end(number, "won", "More orders.")
    assert rows(write)["Conclusion"] == (None, "won")
    assert write.send().result.conclusion_comment == "More orders."
    assert growth.owner.experiments.end(number).state().kind == "already_done"
    assert (
        growth.owner.experiments.end(number, "won", "More orders.").state().kind == "already_done"
    )
    other = growth.owner.experiments.end(number, "lost")
    assert other.state().kind == "refused"
    assert "concluded as won" in other.state().sentence
    assert "update" in other.state().next_step


@pytest.mark.parametrize("step", ["end", "ship"])
def test_a_conclusion_is_one_of_the_known_words(growth, step):
    number = growth.running()
    with pytest.raises(InputError, match="victory") as caught:
        getattr(growth.owner.experiments, step)(number, *STEPS[step][2], conclusion="victory")
    assert "inconclusive" in caught.value.hint


def test_shipping_gives_one_variant_to_all_of_the_split(growth):
    number = growth.running()
    write = growth.owner.experiments.ship(number, "test", conclusion="won")
    assert rows(write) == {
        "Status": ("running", "stopped"),
        "End": (None, "now"),
        "Variant control": ("50 %", "0 %"),
        "Variant test": ("50 %", "100 %"),
        "Conclusion": (None, "won"),
    }
    done = write.send().result
    assert done.split == {"control": 0, "test": 100}
    assert done.conclusion == "won"


def test_shipping_to_everyone_is_another_write_than_shipping_to_the_released(growth):
    filters = {"groups": [{"properties": [], "rollout_percentage": 20}]}
    number = growth.running(feature_flag={"filters": filters})
    ship = growth.owner.experiments.ship
    assert ship(number, "test").send().kind == "applied"
    assert ship(number, "test").state().kind == "already_done"
    wider = ship(number, "test", to_everyone=True)
    assert rows(wider)["Released to"] == ("20 % of everybody", "everybody")
    assert wider.send().kind == "applied"
    assert ship(number, "test", to_everyone=True).state().kind == "already_done"


def test_a_variant_that_is_not_there_is_refused_with_the_nearest(growth):
    with pytest.raises(InputError, match="'tset'") as caught:
        growth.owner.experiments.ship(growth.running(), "tset")
    assert caught.value.hint == 'Did you mean "test"?'


def test_a_ship_waits_for_its_approval_and_is_finished_by_the_same_call(growth):
    number = growth.running()
    growth.guard("feature_flag.update")
    write = growth.owner.experiments.ship(number, "test")
    assert "feature_flag.update" in write.plan.gate
    assert "one approval" in write.plan.gate

    waiting = write.send()
    assert waiting.kind == "waiting"
    assert growth.owner.experiments.get(number).status == "running"
    # The notebook runs again while it waits: nothing new is asked for.
    again = growth.owner.experiments.ship(number, "test")
    assert again.send().change_request.id == waiting.change_request.id
    # Another variant is another change.
    assert growth.owner.experiments.ship(number, "control").state().kind == "to_do"

    assert growth.approve(waiting).kind == "applied"
    told = write.refresh()
    assert (told.kind, told.can_finish) == ("waiting", True)
    assert "still to be ended" in told.sentence
    assert growth.owner.experiments.get(number).end_date is None
    done = write.finish()
    assert done.kind == "applied"
    assert done.result.status == "stopped"
    assert again.refresh().kind == "already_done"
    assert [status for _, path, status in growth.posts if path.endswith("ship_variant/")] == [
        409,
        200,
    ]


@pytest.mark.parametrize(
    ("step", "action"),
    [
        ("launch", "feature_flag.enable"),
        ("resume", "feature_flag.enable"),
        ("pause", "feature_flag.disable"),
    ],
)
def test_switching_a_flag_waits_where_a_policy_guards_it(growth, step, action):
    before, after, _ = STEPS[step]
    number = stage(growth, before)
    growth.guard(action)
    write = getattr(growth.owner.experiments, step)(number)
    assert action in write.plan.gate
    waiting = write.send()
    assert waiting.kind == "waiting"
    assert getattr(growth.owner.experiments, step)(number).state().kind == "waiting"
    growth.approve(waiting)
    # A launch has more to do than its flag; the others are done with it.
    done = write.finish()
    assert done.kind == ("applied" if step == "launch" else "already_done")
    assert growth.owner.experiments.get(number).status == after


def test_a_rejection_stands_until_one_asks_again_or_the_flag_changes(growth):
    number = growth.running()
    growth.guard("feature_flag.disable")
    write = growth.owner.experiments.pause(number)
    growth.reject(write.send())
    told = write.refresh()
    assert told.kind == "refused"
    assert "Not this week." in told.sentence
    fresh = growth.owner.experiments.pause(number)
    assert fresh.send().kind == "refused"
    assert fresh.send(again=True).kind == "waiting"
    growth.reject(fresh.outcome)
    flag = growth.owner.experiments.get(number).feature_flag
    patch = {"name": "New words"}
    growth.owner.transport.write("PATCH", growth.owner.path("feature_flags", flag.id), patch)
    assert growth.owner.experiments.pause(number).state().kind == "to_do"


def test_a_request_for_the_same_switch_long_ago_does_not_count(growth):
    number = growth.running()
    growth.guard("feature_flag.disable")
    first = growth.owner.experiments.pause(number)
    growth.approve(first.send())
    assert growth.owner.experiments.resume(number).send().kind == "applied"
    second = growth.owner.experiments.pause(number)
    assert second.state().kind == "to_do"
    assert second.send().kind == "waiting"


def test_a_waiting_write_can_be_withdrawn_and_made_anew(growth):
    number = growth.running()
    growth.guard("feature_flag.update")
    write = growth.owner.experiments.ship(number, "test")
    write.send()
    assert write.withdraw().kind == "refused"
    fresh = growth.owner.experiments.ship(number, "test")
    assert fresh.state().kind == "to_do"
    assert fresh.send().kind == "waiting"


def test_archiving_may_switch_the_flag_off(growth):
    number = growth.ended()
    plain = growth.owner.experiments.archive(number)
    assert rows(plain) == {"Archived": ("no", "yes")}
    write = growth.owner.experiments.archive(number, disable_flag=True)
    assert rows(write)["Flag checkout"] == ("active", "inactive")
    assert write.send().result.feature_flag.active is False


def test_archiving_says_when_a_policy_forbids_switching_the_flag_off(growth):
    number = growth.ended()
    growth.guard("feature_flag.disable")
    write = growth.owner.experiments.archive(number, disable_flag=True)
    assert "flags.disable('checkout')" in write.plan.gate
    with pytest.raises(PermissionDeniedError):
        write.send()
    assert growth.owner.experiments.get(number).archived is False


def test_a_reset_forgets_dates_and_conclusion(growth):
    number = growth.running()
    growth.post("experiments", number, "end", conclusion="lost")
    write = growth.owner.experiments.reset(number)
    assert rows(write)["Conclusion"] == ("lost", None)
    done = write.send().result
    assert (done.start_date, done.end_date, done.conclusion) == (None, None, None)


def test_two_policies_at_once_are_told_apart_in_the_plan(growth):
    number = growth.running()
    growth.guard("feature_flag.update", "feature_flag.disable")
    assert "feature_flag.update" in growth.owner.experiments.ship(number, "test").plan.gate
    assert "feature_flag.disable" in growth.owner.experiments.pause(number).plan.gate


def test_a_pull_request_to_clean_up_is_opened_only_when_asked_for(growth):
    number = growth.running()
    experiments = growth.owner.experiments
    for bare, asking in (
        (experiments.end(number, "won"), experiments.end(number, "won", cleanup_pr=True)),
        (experiments.ship(number, "test"), experiments.ship(number, "test", cleanup_pr=True)),
    ):
        assert "open_cleanup_pr" not in bare.plan.body
        assert asking.plan.body["open_cleanup_pr"] is True
        assert "Pull request" in asking.to_text()
        assert asking.code().endswith("cleanup_pr=True)")
        with pytest.raises(ValidationFailedError) as caught:
            asking.send()
        assert caught.value.attr == "open_cleanup_pr"
    assert experiments.get(number).status == "running"
