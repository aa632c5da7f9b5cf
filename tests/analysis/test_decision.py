"""The rule that says ship, keep running, stop or review, and why."""

import pytest

from exp_jupyter.analysis.results.decision import Finding, decide, finding
from exp_jupyter.analysis.results.progress import PlanProgress

HALFWAY = PlanProgress(10, 1000, planned_units=2000)
DONE = PlanProgress(20, 2000, planned_units=2000)
SPANS = {"better": (0.04, 0.16), "worse": (-0.16, -0.04), "open": (-0.05, 0.15)}


def found(outcome, metric="Sign-up", role="primary", *, arm="test", margin=None, span=None):
    worst, best = span or SPANS[outcome]
    return Finding(metric, arm, role, outcome, (worst + best) / 2, (worst, best), margin)


def test_a_better_primary_metric_at_the_planned_size_is_shipped():
    decision = decide([found("better")], progress=DONE)
    assert (decision.action, decision.arm) == ("ship", "test")
    assert "nothing is worse" in decision.sentence


def test_a_difference_before_the_planned_size_does_not_decide():
    decision = decide([found("better")], progress=HALFWAY)
    assert decision.action == "keep running"
    assert "10 days are left" in decision.sentence


def test_always_valid_intervals_may_decide_early():
    assert decide([found("better")], progress=HALFWAY, any_time=True).action == "ship"


def test_without_a_plan_nobody_knows_whether_the_look_counts():
    assert "No plan is saved" in decide([found("better")]).sentence


def test_a_broken_split_comes_before_every_result():
    decision = decide([found("better")], split_as_planned=False, progress=DONE)
    assert decision.action == "review"
    assert "not split as planned" in decision.sentence


def test_a_worse_primary_metric_stops():
    decision = decide([found("worse")], control="old", progress=HALFWAY)
    assert (decision.action, decision.headline) == ("stop", "Stop, keep old")


def test_metrics_that_contradict_one_another_are_reviewed():
    assert decide([found("better"), found("worse", "Orders")], progress=DONE).action == "review"


def test_a_worse_secondary_metric_holds_a_ship_back():
    harm = found("worse", "Refunds", "secondary")
    decision = decide([found("better"), harm], progress=DONE)
    assert decision.action == "review"
    assert "Refunds is worse" in decision.sentence


@pytest.mark.parametrize(
    ("span", "guard"),
    [((-0.02, 0.1), "holds"), ((-0.08, 0.1), "open"), ((-0.3, -0.06), "broken")],
)
def test_a_guardrail_is_measured_at_its_margin(span, guard):
    assert found("open", role="guardrail", margin=0.05, span=span).guard == guard


def test_a_broken_guardrail_says_its_margin():
    guard = found("worse", "Latency", "guardrail", margin=0.05, span=(-0.3, -0.06))
    decision = decide([found("better"), guard], progress=DONE)
    assert decision.action == "review"
    assert "worse in test by more than its margin of 5 %" in decision.sentence


def test_an_open_guardrail_waits_while_waiting_helps():
    guard = found("open", "Latency", "guardrail", margin=0.02)
    waits = decide([found("better"), guard], progress=HALFWAY, any_time=True)
    assert waits.action == "keep running"
    assert decide([found("better"), guard], progress=DONE).action == "review"


def test_nothing_seen_at_the_planned_size_keeps_the_control():
    assert decide([found("open")], progress=DONE).action == "stop"
    assert decide([found("open")], progress=HALFWAY).action == "keep running"


def test_an_ended_experiment_is_not_told_to_wait():
    decision = decide([found("open")], progress=HALFWAY, ended=True)
    assert decision.action == "stop"
    assert "yet" not in decision.sentence


def test_a_paused_experiment_is_resumed_or_ended():
    assert decide([found("open")], progress=HALFWAY, paused=True).headline == "Resume it, or end it"


def test_of_several_arms_the_one_that_gains_most_is_shipped():
    small = found("better", arm="small", span=(0.01, 0.03))
    assert decide([small, found("better", arm="large")], progress=DONE).arm == "large"


def test_arms_that_show_nothing_are_named_together():
    both = [found("open", arm="a"), found("open", arm="b")]
    assert "Nothing distinguishes a or b from control" in decide(both).sentence


def test_without_a_comparison_there_is_nothing_to_decide_by():
    assert decide([]).action == "review"
    assert "No primary metric" in decide([found("better", role="secondary")]).sentence
    assert finding(None, metric="Sign-up", arm="test").outcome == "missing"


def test_a_goal_to_decrease_turns_the_numbers_round():
    from exp_jupyter import compare

    effect = compare("1390/10000", "1200/10000").effect
    lower = finding(effect, metric="Refunds", arm="test", goal="decrease")
    assert lower.outcome == "better"
    assert 0 < lower.span[0] < lower.lift < lower.span[1]
    assert finding(effect, metric="Sign-up", arm="test").outcome == "worse"


@pytest.mark.parametrize(
    ("progress", "finished", "days_left"),
    [
        (PlanProgress(22, 3909, 27, 4616), False, 4),
        (PlanProgress(30, 4700, 27, 4616), True, None),
        (PlanProgress(14, 3495, 21, 9800, growing=False), False, None),
        (PlanProgress(5, 100, 21), False, 16),
        (PlanProgress(5, 100), None, None),
        (PlanProgress(5, 0, planned_units=10), False, None),
    ],
)
def test_progress_promises_days_only_where_units_arrive(progress, finished, days_left):
    assert (progress.finished, progress.days_left) == (finished, days_left)
