"""The cohort of those exposed to an experiment, made from a notebook."""

import pytest

from exp_jupyter.schema import Cohort


@pytest.fixture
def exposed(growth):
    """A running experiment that three people have seen."""
    number = growth.running()
    seen = {"$feature_flag": "checkout", "$feature_flag_response": "test"}
    start = growth.owner.experiments.get(number).start_date
    rows = [
        {
            "event": "$feature_flag_called",
            "distinct_id": who,
            "timestamp": start.isoformat(),
            "properties": seen,
        }
        for who in ("ada", "bob", "cleo")
    ]
    growth.trial.events.append(rows)
    return number


def test_the_cohort_holds_those_exposed_and_is_made_once(growth, exposed):
    experiments = growth.owner.experiments
    write = experiments.create_exposure_cohort(exposed)
    assert [(row.label, row.before, row.after) for row in write.plan.diff] == [
        ("Exposure cohort", "none", "those exposed by now")
    ]
    outcome = write.send()
    assert isinstance(outcome.result, Cohort)
    assert outcome.result.count == 3
    assert outcome.sentence == '"Checkout" has its exposure cohort: cohort 1, with 3 people.'
    assert experiments.get(exposed).exposure_cohort == outcome.result.id
    again = experiments.create_exposure_cohort("checkout").send()
    assert again.kind == "already_done"
    assert again.sentence == '"Checkout" has its exposure cohort already: cohort 1.'
    assert len(growth.posts) == 1


def test_a_draft_exposed_nobody(growth):
    outcome = growth.owner.experiments.create_exposure_cohort(growth.draft()).send()
    assert outcome.kind == "refused"
    assert outcome.next_step == "Launch it first."
    assert growth.posts == []


def test_one_made_by_somebody_else_meanwhile_counts(growth, exposed):
    write = growth.owner.experiments.create_exposure_cohort(exposed)
    growth.reviewer.experiments.create_exposure_cohort(exposed).send()
    growth.posts.clear()
    assert write.send().kind == "already_done"
    assert growth.posts == []


def test_the_cohort_is_used_by_a_flag(growth, exposed):
    made = growth.owner.experiments.create_exposure_cohort(exposed).send().result
    condition = {"key": "id", "type": "cohort", "operator": "in", "value": made.id}
    filters = {"groups": [{"properties": [condition], "rollout_percentage": 100}]}
    growth.post("feature_flags", key="thanks", filters=filters)
    assert growth.owner.flags.get("thanks").filters.groups[0].properties[0]["value"] == made.id
