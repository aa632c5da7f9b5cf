"""One table of sums, whether added up of events or read off the API, gives the same series."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from exp_jupyter.analysis.definition.methods import InferenceOptions, method_named
from exp_jupyter.analysis.posthog.series_reader import read_results
from exp_jupyter.analysis.results.series import Series, SeriesAbout
from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.engine.statistics.means import Mean
from exp_jupyter.errors import InputError

ABOUT = SeriesAbout(0, "checkout", "Revenue", "", "increase", "", "completed", ("a", "b"), None)


def row(key: str, n: int, total: float, squares: float, **more: Any) -> dict[str, Any]:
    return {"key": key, "number_of_samples": n, "sum": total, "sum_squares": squares, **more}


def day(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"baseline": rows[0], "variant_results": list(rows[1:])}


def series(results: dict[date, Any], **options: Any) -> Series:
    method = method_named(InferenceOptions(**{"method": "frequentist", **options}))
    return Series.from_sums(read_results(results, "mean"), ABOUT, method)


def test_days_that_the_engine_refuses_leave_the_others_as_they_are() -> None:
    possible = day(row("a", 90, 180.0, 500.0), row("b", 90, 220.0, 700.0))
    impossible = day(row("a", 90, 180.0, 1.0), row("b", 90, 220.0, 700.0))
    found = series({date(2026, 3, 2): impossible, date(2026, 3, 3): possible})
    alone = compare(Mean(90, 180.0, 500.0), Mean(90, 220.0, 700.0))
    assert found.days[0].effects == {"b": None}
    effect = found.days[1].effects["b"]
    assert effect is not None
    assert effect.interval == alone.interval
    assert effect.p_value == alone.p_value


def test_a_variant_that_comes_later_has_no_effect_before() -> None:
    early = day(row("a", 90, 180.0, 500.0))
    late = day(row("a", 90, 180.0, 500.0), row("b", 90, 220.0, 700.0))
    found = series({date(2026, 3, 2): early, date(2026, 3, 3): None, date(2026, 3, 4): late})
    assert [list(each.arms) for each in found.days] == [[], [], ["b"]]
    assert found.days[1].baseline is None
    assert found.variants == ("a", "b")


def test_a_baseline_that_changed_is_an_arm_on_its_other_days() -> None:
    before = day(row("b", 90, 180.0, 500.0), row("a", 90, 220.0, 700.0))
    after = day(row("a", 90, 220.0, 700.0), row("b", 90, 180.0, 500.0))
    found = series({date(2026, 3, 2): before, date(2026, 3, 3): after})
    assert [list(each.effects) for each in found.days] == [["a"], ["b"]]
    first, last = found.days[0].effects["a"], found.days[1].effects["b"]
    assert first is not None
    assert last is not None
    assert first.estimate > 0 > last.estimate


def test_settings_keep_what_the_project_states() -> None:
    told = row("b", 90, 220.0, 700.0, confidence_interval=[-0.1, 0.5], p_value=0.2)
    table = read_results({date(2026, 3, 2): day(row("a", 90, 180.0, 500.0), told)}, "mean")
    found = Series.from_sums(table, ABOUT, resolve({"method": "frequentist"}))
    effect = found.days[0].effects["b"]
    assert effect is not None
    assert (effect.estimate, effect.p_value, found.mode) == (0.2, 0.2, "compat")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"method": "t-test"}, "no method 't-test'"),
        ({"method": "frequentist", "tuning_n": 900}, "tuning_n is for the sequential method"),
        ({"method": "bayesian", "alternative": "less"}, "has no alternative"),
        ({"method": method_named(InferenceOptions("bayesian")), "interval": "test"}, "interval"),
    ],
)
def test_an_option_that_the_method_lacks_is_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        method_named(InferenceOptions(**options))
