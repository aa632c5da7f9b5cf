"""The checks of an experiment's health."""

from __future__ import annotations

import pytest

from exp_jupyter.analysis.results.health import Health


def experiment(status="running", split=(50, 50), **fields):
    variants = [
        {"key": key, "rollout_percentage": share}
        for key, share in zip(("control", "test"), split, strict=True)
    ]
    return {
        "id": 7,
        "name": "One-page checkout",
        "status": status,
        "start_date": None if status == "draft" else "2026-03-02T09:15:00Z",
        "end_date": None,
        "feature_flag": {"key": "f", "filters": {"multivariate": {"variants": variants}}},
        **fields,
    }


def exposures(**totals):
    return {
        "timeseries": [
            {"variant": key, "days": ["2026-03-02"], "exposure_counts": [n]}
            for key, n in totals.items()
        ],
        "total_exposures": dict(totals),
    }


def verdicts(health):
    return {check.name: check.verdict for check in health.checks}


def test_a_sound_experiment():
    health = Health.assemble(experiment(), exposures(control=1702, test=1698), False)
    assert set(verdicts(health).values()) == {"ok"}
    assert health.verdict == "ok"
    assert health.srm.p_value == pytest.approx(0.9453, abs=1e-4)
    assert health.exposures == {"control": 1702, "test": 1698}


def test_a_skewed_split_fails():
    health = Health.assemble(experiment(), exposures(control=1800, test=1500), False)
    assert verdicts(health)["Sample ratio"] == "fail"
    assert health.verdict == "fail"


def test_too_few_exposures_are_not_tested():
    health = Health.assemble(experiment(), exposures(control=40, test=20), False)
    assert health.srm is None
    assert verdicts(health)["Sample ratio"] == "unknown"
    assert verdicts(health)["Exposures"] == "warn"


def test_a_variant_nobody_saw_fails():
    health = Health.assemble(experiment(), exposures(control=400), False)
    check = next(c for c in health.checks if c.name == "Exposures")
    assert check.verdict == "fail"
    assert "test" in check.sentence


def test_an_experiment_launched_a_moment_ago_has_nobody_yet():
    health = Health.assemble(experiment(), exposures(control=0, test=0), True)
    assert verdicts(health)["Exposures"] == "fail"
    assert health.multiple_variant_share is None
    assert "Nobody has been exposed" in health.to_text()


def test_several_variants_bias_an_uneven_split_only():
    seen = exposures(**{"control": 900, "test": 95, "$multiple": 5})
    even = Health.assemble(experiment(), exposures(**{"control": 500, "$multiple": 5}), False)
    uneven = Health.assemble(experiment(split=(90, 10)), seen, False)
    assert verdicts(uneven)["Assignment"] == "warn"
    assert verdicts(even)["Assignment"] == "ok"
    assert uneven.multiple_variant_share == pytest.approx(0.005)


def test_a_flag_without_calls_fails():
    health = Health.assemble(experiment(), exposures(control=100, test=100), True)
    assert verdicts(health)["Flag implementation"] == "fail"


def test_an_activation_and_exclusions_are_named_where_they_matter():
    criteria = {
        "activation_config": {"event": "open"},
        "exclusions": [{"key": "id", "type": "cohort", "operator": "in", "value": 7}],
    }
    one = experiment(exposure_criteria=criteria)
    nobody = Health.assemble(one, exposures(), False)
    steps = {check.name: check.next_step for check in nobody.checks}
    assert steps["Exposures"] == (
        "Check that the flag is on and that the code asks for it, "
        'and that "open" after the flag call arrives, and who is excluded (cohort 7).'
    )
    skewed = Health.assemble(one, exposures(control=1800, test=1500), False)
    said = {check.name: check for check in skewed.checks}
    assert said["Exposures"].sentence == (
        '3,300 units are exposed by "open" after the flag call, without those of cohort 7.'
    )
    assert 'likelier to do "open" after the flag call' in said["Sample ratio"].next_step
    plain = Health.assemble(experiment(), exposures(control=1800, test=1500), False)
    assert "likelier" not in {check.name: check for check in plain.checks}["Sample ratio"].next_step


@pytest.mark.parametrize("status", ["draft", "paused", "stopped", "exposure_frozen"])
def test_every_status_has_a_sentence(status):
    health = Health.assemble(experiment(status), None, None)
    assert health.checks[0].sentence
    assert verdicts(health)["Exposures"] == "unknown"
