"""Settings: what is valid is taken, the rest falls back and is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.posthog.settings import Settings, resolve

TEAM = {
    "cuped_enabled": True,
    "cuped_lookback_days": 9,
    "sequential_testing_enabled": True,
    "sequential_tuning_parameter": 12_000,
}
FREQUENTIST_KEYS = (
    "alpha",
    "difference_type",
    "sequential_testing_enabled",
    "sequential_tuning_parameter",
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_nothing_said_is_a_bayesian_relative_analysis() -> None:
    assert resolve(None) == Settings()


@given(
    json,
    st.fixed_dictionaries(
        {},
        optional={
            "method": json,
            "frequentist": json
            | st.dictionaries(
                st.sampled_from(FREQUENTIST_KEYS),
                json,
            ),
            "bayesian": json | st.dictionaries(st.sampled_from(["ci_level"]), json),
            "cuped": json | st.dictionaries(st.sampled_from(["enabled", "lookback_days"]), json),
        },
    ),
)
def test_any_configuration_resolves_to_usable_settings(team: Any, config: Any) -> None:
    settings = resolve(config, team)
    assert settings.method in ("bayesian", "frequentist")
    assert 0 <= settings.alpha <= 1
    assert 0 <= settings.ci_level <= 1
    assert 1 <= settings.tuning_n <= 1e9
    assert (settings.cuped_lookback_days is not None) == settings.cuped
    assert settings.cuped_lookback_days is None or 1 <= settings.cuped_lookback_days <= 30


def test_an_experiments_no_beats_a_teams_yes() -> None:
    off = resolve(
        {
            "method": "frequentist",
            "frequentist": {"sequential_testing_enabled": False},
            "cuped": {"enabled": False},
        },
        TEAM,
    )
    assert not off.sequential
    assert not off.cuped


def test_the_method_in_force_is_built() -> None:
    assert resolve({}).engine_method() == Bayesian(0.95, mode="compat")
    plain = {"method": "frequentist", "frequentist": {"alpha": 0.01, "difference_type": "ABSOLUTE"}}
    assert resolve(plain).engine_method() == Frequentist(0.01, difference="absolute", mode="compat")
    assert resolve({"method": "frequentist"}, TEAM).engine_method("recommended") == Sequential(
        0.05, 12_000
    )


@pytest.mark.parametrize("level", [0, 1, 0.0, "1"])
def test_a_level_of_exactly_zero_or_one_falls_back_and_is_said(level: float | str) -> None:
    settings = resolve({"method": "frequentist", "frequentist": {"alpha": level}})
    assert settings.alpha == 0.05
    assert settings.notes == (f"alpha {level!r} is not a number between 0 and 1: 0.05 is used",)
    assert settings.engine_method() == Frequentist(0.05, mode="compat")


@pytest.mark.parametrize(
    ("config", "metric_type", "note"),
    [
        ({"method": "other"}, None, "method 'other' is unknown"),
        ({"bayesian": {"ci_level": 95}}, None, "ci_level 95 is not a number between 0 and 1"),
        ({"bayesian": {"difference_type": "absolute"}}, None, "is not RELATIVE or ABSOLUTE"),
        ({"cuped": {"enabled": True}}, "ratio", "does not adjust a ratio"),
    ],
)
def test_what_was_not_taken_as_it_stood_is_said(
    config: dict[str, Any], metric_type: str | None, note: str
) -> None:
    assert note in resolve(config, metric_type=metric_type).notes[0]
