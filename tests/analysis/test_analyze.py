"""An experiment analysed from a table with one row a unit."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exp_jupyter
from exp_jupyter.analysis import UnitMetric
from exp_jupyter.engine import (
    Bayesian,
    Frequentist,
    Mean,
    Proportion,
    Ratio,
    Sequential,
    compare,
    compare_quantiles,
    sample_ratio_mismatch,
)
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile
from exp_jupyter.engine.multiple.corrections import adjust
from exp_jupyter.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from unit_tables import FORMS, close_opened, units

METRICS = ["revenue:mean", "paid:proportion", "orders/sessions:ratio", "revenue:quantile(0.9)"]


def arms(frame: pd.DataFrame, key: str = "green") -> tuple[pd.DataFrame, pd.DataFrame]:
    return frame[frame.variant == "control"], frame[frame.variant == key]


def numbers(found: exp_jupyter.analysis.Analysis) -> np.ndarray:
    rows = found.to_frame()
    names = ["n", "value", "standard_deviation", "estimate", "interval_low", "interval_high"]
    return rows[[*names, "p_value"]].to_numpy(dtype=float)


@pytest.fixture(autouse=True)
def _closed():
    yield
    close_opened()


class TestEveryNumber:
    frame = units()

    def test_of_a_mean_is_the_engine_s_on_the_raw_values(self):
        effect = exp_jupyter.analyze(self.frame, metrics="revenue:mean").effect(arm="green")
        control, green = arms(self.frame)
        expected = compare(Mean.of(control.revenue), Mean.of(green.revenue))
        assert effect.estimate == pytest.approx(expected.estimate, rel=1e-12)
        assert effect.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
        assert effect.p_value == pytest.approx(expected.p_value, rel=1e-9)

    def test_of_a_proportion(self):
        effect = exp_jupyter.analyze(self.frame, metrics="paid").effect(arm="green")
        control, green = arms(self.frame)
        expected = compare(
            Proportion(len(control), control.paid.sum()), Proportion(len(green), green.paid.sum())
        )
        assert effect.estimate == expected.estimate
        assert effect.p_value == expected.p_value

    def test_of_a_ratio(self):
        found = exp_jupyter.analyze(self.frame, metrics="orders/sessions:ratio")
        control, green = arms(self.frame)
        expected = compare(
            Ratio.of(control.orders, control.sessions), Ratio.of(green.orders, green.sessions)
        )
        assert found.effect(arm="green").estimate == pytest.approx(expected.estimate, rel=1e-12)
        assert found.effect(arm="green").p_value == pytest.approx(expected.p_value, rel=1e-9)

    @pytest.mark.parametrize("level", [0.5, 0.9])
    def test_of_a_quantile(self, level):
        found = exp_jupyter.analyze(
            self.frame, metrics=f"revenue:quantile({level})", difference="absolute"
        )
        control, green = arms(self.frame)
        expected = compare_quantiles(
            Quantile.of(control.revenue, level), Quantile.of(green.revenue, level)
        )
        assert found.effect(arm="green").estimate == pytest.approx(expected.estimate, rel=1e-12)
        assert found.effect(arm="green").standard_error == pytest.approx(
            expected.standard_error, rel=1e-12
        )

    @pytest.mark.parametrize("mode", ["recommended", "compat"])
    @pytest.mark.parametrize("kind", ["mean", "proportion"])
    def test_of_an_adjustment_for_a_covariate(self, kind, mode):
        column = "revenue" if kind == "mean" else "paid"
        found = exp_jupyter.analyze(
            self.frame, metrics=f"{column}:{kind}", covariate="before", mode=mode
        )
        control, green = arms(self.frame)
        sides = [Mean.of(arm[column], arm.before) for arm in (control, green)]
        if kind == "proportion":
            sides = [Proportion(m.n, m.sum, covariate=m.covariate) for m in sides]
        expected = compare(*sides, Frequentist(mode=mode))
        effect = found.effect(arm="green")
        assert effect.estimate == pytest.approx(expected.estimate, rel=1e-9)
        assert effect.standard_error == pytest.approx(expected.standard_error, rel=1e-9)
        assert effect.variance_reduction == pytest.approx(expected.variance_reduction, rel=1e-9)

    def test_of_a_ratio_adjusted_for_a_covariate(self):
        found = exp_jupyter.analyze(
            self.frame, metrics="revenue/sessions:ratio", covariate="before"
        )
        plain = exp_jupyter.analyze(self.frame, metrics="revenue/sessions:ratio")
        assert found.effect(arm="green").standard_error < plain.effect(arm="green").standard_error
        moved = self.frame.assign(before=self.frame.before + 1e6)
        shifted = exp_jupyter.analyze(moved, metrics="revenue/sessions:ratio", covariate="before")
        assert shifted.effect(arm="green").estimate == pytest.approx(
            found.effect(arm="green").estimate, rel=1e-8
        )

    def test_keeps_a_small_spread_around_a_large_mean(self):
        # Raw sums of squares of such values lose their variance altogether.
        frame = self.frame.assign(revenue=self.frame.revenue + 1e9)
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", difference="absolute")
        control, green = arms(self.frame)
        expected = compare(
            Mean.of(control.revenue), Mean.of(green.revenue), Frequentist(difference="absolute")
        )
        effect = found.effect(arm="green")
        assert effect.standard_error == pytest.approx(expected.standard_error, rel=1e-6)

    @pytest.mark.parametrize("form", FORMS)
    def test_is_the_same_in_every_form_of_the_table(self, form, tmp_path):
        options = {
            "metrics": METRICS,
            "breakdown": "country",
            "unit": "user",
            "covariate": {"revenue:mean": "before"},
        }
        source, extra = FORMS[form](self.frame, tmp_path)
        found = exp_jupyter.analyze(source, **options, **extra)
        expected = exp_jupyter.analyze(self.frame, **options)
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-9)
        assert found.units == expected.units

    @given(st.randoms(use_true_random=False))
    @settings(derandomize=True, max_examples=5, deadline=None)
    def test_does_not_depend_on_the_order_of_rows(self, random):
        order = list(range(len(self.frame)))
        random.shuffle(order)
        shuffled = exp_jupyter.analyze(self.frame.iloc[order], metrics=METRICS)
        expected = exp_jupyter.analyze(self.frame, metrics=METRICS)
        np.testing.assert_allclose(numbers(shuffled), numbers(expected), rtol=1e-9)

    @given(
        st.lists(
            st.tuples(st.booleans(), st.floats(-1e6, 1e6), st.integers(1, 9)),
            min_size=6,
            max_size=40,
        )
    )
    @settings(derandomize=True, max_examples=40, deadline=None)
    def test_is_the_engine_s_on_any_values(self, rows):
        frame = pl.DataFrame(
            {
                "variant": ["test" if row[0] else "control" for row in rows] + ["control", "test"],
                "y": [row[1] for row in rows] + [1.0, 2.0],
                "b": [row[2] for row in rows] + [1, 2],
            }
        )
        found = exp_jupyter.analyze(frame, metrics=["y:mean", "y/b:ratio"], difference="absolute")
        for result in found.results:
            for arm in result.arms:
                part = frame.filter(pl.col("variant") == arm.key)
                raw = Mean.of(part["y"].to_numpy())
                if result.metric.kind == "ratio":
                    raw = Ratio.of(part["y"].to_numpy(), part["b"].to_numpy())
                assert arm.n == raw.n
                assert arm.value == pytest.approx(raw.mean, rel=1e-9, abs=1e-9)
                if arm.standard_deviation is not None:
                    assert arm.standard_deviation == pytest.approx(
                        math.sqrt(raw.variance), rel=1e-9, abs=1e-9
                    )


class TestBreakdowns:
    frame = units()

    def test_analyse_every_value_on_its_own(self):
        found = exp_jupyter.analyze(self.frame, metrics=METRICS, breakdown="country")
        alone = exp_jupyter.analyze(self.frame[self.frame.country == "FR"], metrics=METRICS)
        for segment in (r for r in found.segments if r.segment == ("FR",)):
            same = next(r for r in alone.results if str(r.metric) == str(segment.metric))
            for arm, expected in zip(segment.arms, same.arms, strict=True):
                assert arm.n == expected.n
                assert arm.value == pytest.approx(expected.value, rel=1e-12)
                if arm.effect is not None:
                    assert arm.effect.estimate == pytest.approx(expected.effect.estimate, rel=1e-9)

    def test_leave_the_whole_as_it_is(self):
        found = exp_jupyter.analyze(self.frame, metrics=METRICS, breakdown=["country", "paid"])
        whole = exp_jupyter.analyze(self.frame, metrics=METRICS)
        np.testing.assert_allclose(numbers(found)[: len(numbers(whole))], numbers(whole), rtol=1e-9)
        assert len(found.segments) == len(METRICS) * 6

    def test_give_units_without_a_value_a_segment_of_their_own(self):
        frame = self.frame.assign(country=self.frame.country.where(self.frame.country != "NZ"))
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", breakdown="country")
        assert [result.segment for result in found.segments] == [("DE",), ("FR",), (None,)]
        assert "country = (missing)" in found.to_text()

    def test_say_when_an_arm_has_no_unit_in_a_segment(self):
        lone = (self.frame.country == "NZ") & (self.frame.variant == "green")
        found = exp_jupyter.analyze(self.frame[~lone], metrics="revenue:mean", breakdown="country")
        segment = next(r for r in found.segments if r.segment == ("NZ",))
        green = next(arm for arm in segment.arms if arm.key == "green")
        assert (green.n, green.effect) == (0, None)
        assert green.refusal == "green has no unit with a value."


class TestVariants:
    frame = units()

    def test_come_control_first(self):
        assert list(exp_jupyter.analyze(self.frame, metrics="paid").units) == [
            "control",
            "blue",
            "green",
        ]

    @pytest.mark.parametrize(
        ("values", "control", "keys"),
        [
            ([0, 1], 0, ["0", "1"]),
            ([0.0, 1.0], 0, ["0", "1"]),
            ([False, True], False, ["false", "true"]),
            ([False, True], "false", ["false", "true"]),
            (["A", "B"], "A", ["A", "B"]),
            ([1, 2], np.int64(2), ["2", "1"]),
        ],
    )
    def test_may_be_numbers_or_yes_and_no(self, values, control, keys):
        frame = pd.DataFrame({"arm": values * 20, "y": np.arange(40.0)})
        found = exp_jupyter.analyze(frame, variant="arm", control=control, metrics="y:mean")
        assert list(found.units) == keys

    def test_are_checked_against_a_stated_split(self):
        shares = {"control": 50, "blue": 25, "green": 25}
        found = exp_jupyter.analyze(self.frame, metrics="paid", split=shares)
        counts = self.frame.variant.value_counts().to_dict()
        assert found.sample_ratio.p_value == sample_ratio_mismatch(counts, shares).p_value
        assert found.sample_ratio.mismatch
        assert "not split as planned" in found.warnings[0]
        assert list(found.units) == ["control", "blue", "green"]

    def test_that_are_split_as_planned_raise_no_doubt(self):
        found = exp_jupyter.analyze(self.frame, metrics="paid", split="equal")
        assert not found.sample_ratio.mismatch
        assert not found.warnings

    def test_without_a_stated_split_are_not_checked_and_the_page_says_so(self):
        found = exp_jupyter.analyze(self.frame, metrics="paid")
        assert found.sample_ratio is None
        assert "sample ratio was not checked" in " ".join(found.to_text().split())


class TestMethods:
    frame = units()

    @pytest.mark.parametrize(
        ("name", "method"),
        [
            ("frequentist", Frequentist(alpha=0.1, difference="absolute")),
            ("sequential", Sequential(alpha=0.1, difference="absolute")),
            ("bayesian", Bayesian(credible_level=0.9, difference="absolute")),
        ],
    )
    def test_by_name_or_as_objects_say_the_same(self, name, method):
        named = exp_jupyter.analyze(
            self.frame, metrics="revenue:mean", method=name, alpha=0.1, difference="absolute"
        )
        given = exp_jupyter.analyze(self.frame, metrics="revenue:mean", method=method)
        assert named.effect().interval == given.effect().interval
        assert (named.method, named.level, named.difference) == (name, 0.9, "absolute")

    def test_correct_for_the_number_of_comparisons(self):
        found = exp_jupyter.analyze(self.frame, metrics=METRICS, correction="holm")
        rows = found.to_frame().dropna(subset=["p_value"])
        expected = adjust(rows.p_value.to_numpy(), "holm").adjusted
        np.testing.assert_allclose(rows.adjusted_p_value, expected)

    def test_say_better_only_of_what_is_left_after_a_correction(self):
        draws = np.random.default_rng(4)
        frame = pd.DataFrame({"variant": ["control", "test"] * 200})
        frame["y"] = 10 + draws.normal(size=400) + 0.29 * (frame.variant == "test")
        others = {f"z{i}": 10 + draws.normal(size=400) for i in range(9)}
        metrics = ["y:mean", *(f"{name}:mean" for name in others)]
        alone = exp_jupyter.analyze(frame.assign(**others), metrics=metrics)
        among = exp_jupyter.analyze(
            frame.assign(**others), metrics=metrics, correction="bonferroni"
        )
        assert 0.005 < alone.effect("y").p_value < 0.05 < among.results[0].arms[1].adjusted_p_value
        assert "test is better" in alone.verdicts[0]
        assert "test is not distinguishable from control after correction" in among.verdicts[0]
        assert "test is not distinguishable from control after correction:" in among.to_text()
        assert "▲ better" not in among.to_text()

    def test_honour_the_goal(self):
        better = exp_jupyter.analyze(self.frame, metrics="revenue:mean")
        worse = exp_jupyter.analyze(self.frame, metrics="revenue:mean", goal="decrease")
        assert "is better" in better.verdicts[1]
        assert "is worse" in worse.verdicts[1]

    def test_say_why_a_comparison_is_refused_and_go_on(self):
        frame = self.frame.assign(nothing=0.0)
        found = exp_jupyter.analyze(frame, metrics=["nothing:mean", "revenue:mean"])
        assert found.results[0].arms[1].effect is None
        assert found.results[0].arms[1].refusal
        assert found.effect("revenue").p_value > 0
        with pytest.raises(InputError, match="nothing:mean, blue"):
            found.effect("nothing")

    def test_say_when_a_quantile_has_too_few_values(self):
        frame = pd.DataFrame({"variant": ["control", "test"] * 3, "y": np.arange(6.0)})
        found = exp_jupyter.analyze(frame, metrics="y:quantile(0.9)")
        assert "too few" in found.results[0].arms[1].refusal
        assert found.results[0].arms[1].value == pytest.approx(4.6)


class TestMissingValues:
    def frame(self) -> pd.DataFrame:
        frame = units()
        frame.loc[frame.index[::10], "revenue"] = np.nan
        return frame

    def test_are_refused_until_someone_says_what_they_mean(self):
        with pytest.raises(InputError, match="'revenue' is missing for 90 of 900 units") as told:
            exp_jupyter.analyze(self.frame(), metrics="revenue:mean")
        assert "missing='zero'" in told.value.hint
        assert "missing='drop'" in told.value.hint

    def test_count_as_zero(self):
        found = exp_jupyter.analyze(self.frame(), metrics=METRICS, missing="zero")
        filled = exp_jupyter.analyze(self.frame().fillna({"revenue": 0.0}), metrics=METRICS)
        np.testing.assert_allclose(numbers(found), numbers(filled), rtol=1e-12)

    def test_leave_their_units_out_of_that_metric_only(self):
        found = exp_jupyter.analyze(self.frame(), metrics=METRICS, missing="drop")
        kept = exp_jupyter.analyze(self.frame().dropna(), metrics="revenue:mean")
        assert found.effect("revenue").estimate == pytest.approx(kept.effect().estimate, rel=1e-12)
        assert sum(arm.n for arm in found.results[1].arms) == 900
        assert any("leaves out units without a value" in word for word in found.warnings)

    @pytest.mark.parametrize("form", ["polars", "arrow", "parquet", "pandas-nullable"])
    def test_are_the_same_as_null_or_as_nan(self, form, tmp_path):
        source, _ = FORMS[form](self.frame(), tmp_path)
        found = exp_jupyter.analyze(source, metrics=METRICS, missing="drop")
        expected = exp_jupyter.analyze(self.frame(), metrics=METRICS, missing="drop")
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-9)
        as_nan = pl.from_pandas(self.frame()).with_columns(
            pl.col("revenue").fill_null(float("nan"))
        )
        found = exp_jupyter.analyze(as_nan, metrics=METRICS, missing="drop")
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-9)

    def test_that_are_lost_more_often_in_one_arm_are_told(self):
        frame = units()
        lost = (frame.variant == "green") & (frame.index % 3 == 0)
        frame.loc[lost, "revenue"] = np.nan
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", missing="drop")
        assert any("more often in one arm" in word for word in found.warnings)

    def test_of_a_covariate_stand_at_its_mean(self):
        frame = units()
        frame.loc[frame.index[::10], "before"] = np.nan
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", covariate="before")
        filled = frame.fillna({"before": frame.before.mean()})
        expected = exp_jupyter.analyze(filled, metrics="revenue:mean", covariate="before")
        assert found.effect().estimate == pytest.approx(expected.effect().estimate, rel=1e-9)
        assert "covariate 'before' is missing for 90 units" in found.warnings[0]

    def test_of_both_parts_of_a_ratio_go_together(self):
        frame = units()
        frame["sessions"] = frame.sessions.astype(float)
        frame.loc[frame.index[::7], "sessions"] = np.nan
        found = exp_jupyter.analyze(frame, metrics="orders/sessions:ratio", missing="drop")
        kept = exp_jupyter.analyze(frame.dropna(), metrics="orders/sessions:ratio")
        assert found.effect().estimate == pytest.approx(kept.effect().estimate, rel=1e-12)


class TestShortForms:
    frame = units()

    @pytest.mark.parametrize(
        ("form", "metric"),
        [
            ("revenue", UnitMetric("mean", "revenue")),
            ("paid", UnitMetric("proportion", "paid")),
            ("paid:mean", UnitMetric("mean", "paid")),
            (" revenue : mean ", UnitMetric("mean", "revenue")),
            ("orders / sessions:ratio", UnitMetric("ratio", "orders", "sessions")),
            ("revenue:median", UnitMetric("quantile", "revenue", level=0.5)),
            ("revenue:quantile( 0.95 )", UnitMetric("quantile", "revenue", level=0.95)),
        ],
    )
    def test_are_read(self, form, metric):
        assert exp_jupyter.analyze(self.frame, metrics=form).results[0].metric == metric
        again = exp_jupyter.analyze(self.frame, metrics=str(metric)).results[0].metric
        assert again == metric

    def test_may_have_names_and_covariates_and_goals_of_their_own(self):
        found = exp_jupyter.analyze(
            self.frame,
            metrics={"Revenue": "revenue:mean", "Paid": "paid:proportion"},
            covariate={"Revenue": "before"},
            goal={"paid": "decrease"},
        )
        first, second = (result.metric for result in found.results)
        assert (first.label, first.covariate, first.goal) == ("Revenue", "before", "increase")
        assert (second.label, second.covariate, second.goal) == ("Paid", None, "decrease")

    def test_allow_names_with_slashes_and_colons(self):
        frame = self.frame.rename(columns={"orders": "a/b", "revenue": "net:revenue"})
        found = exp_jupyter.analyze(frame, metrics=["a/b/sessions:ratio", "net:revenue"])
        assert found.results[0].metric.columns == ["a/b", "sessions"]
        assert found.results[1].metric == UnitMetric("mean", "net:revenue")

    def test_allow_any_name_of_a_column(self):
        strange = 'a "quoted" name; DROP TABLE units --'
        frame = self.frame.rename(columns={"revenue": strange})
        found = exp_jupyter.analyze(frame, metrics=f"{strange}:mean")
        assert found.effect().estimate == pytest.approx(
            exp_jupyter.analyze(self.frame, metrics="revenue:mean").effect().estimate
        )


class TestWrongInput:
    frame = units()

    @pytest.mark.parametrize(
        ("options", "message", "hint"),
        [
            ({"metrics": "revnue:mean"}, "no column 'revnue'", "Did you mean 'revenue'?"),
            ({"metrics": "REVENUE:mean"}, "no column 'REVENUE'", "Did you mean 'revenue'?"),
            ({"metrics": "revenue:meen"}, "of no known kind", "Did you mean revenue:mean?"),
            ({"metrics": "revenue:ratio"}, "has no denominator", "orders/sessions:ratio"),
            ({"metrics": "orders/visits:ratio"}, "no column 'visits'", "The columns are"),
            ({"metrics": "orders/orders:ratio"}, "by itself", "two different"),
            ({"metrics": "revenue:quantile(90)"}, "between 0 and 1", "quantile(0.9)"),
            ({"metrics": "country:mean"}, "holds text, not numbers", "Convert"),
            ({"metrics": "orders:proportion"}, "neither 0 nor 1", "orders:mean"),
            ({"metrics": []}, "no metric", "revenue:mean"),
            ({"metrics": ["paid", "paid"]}, "given 2 times", "once"),
            ({"metrics": 3}, "metrics is 3", "short forms"),
            ({"breakdown": 3}, "breakdown is 3", "country"),
            ({"metrics": [3]}, "A metric cannot be 3", "Write it as"),
            ({"variant": "varint"}, "no column 'varint' for the variant", "'variant'"),
            ({"variant": "user"}, "more than 2,000 combinations|900 different", ""),
            ({"variant": "revenue", "metrics": "paid"}, "different values", "variant"),
            ({"variant": "revenue"}, "'revenue' is both the variant and part of metric", "role"),
            ({"unit": "variant"}, "both the variant and the unit", "role"),
            ({"unit": "usr"}, "no column 'usr' for the unit", "'user'"),
            ({"unit": "country"}, r"in column 'country' has \d+ rows under 3 variants", "Add"),
            ({"breakdown": "variant"}, "both the variant and a breakdown", "role"),
            ({"breakdown": "land"}, "no column 'land' for a breakdown", "columns are"),
            ({"breakdown": "user"}, None, ""),
            ({"control": "contrl"}, "has the control 'contrl'", "Did you mean 'control'?"),
            ({"covariate": "revenue"}, "both metric 'revenue:mean' and its covariate", "before"),
            ({"covariate": "bevore"}, "no column 'bevore'", "'before'"),
            ({"covariate": "country"}, "holds text", "Convert"),
            ({"covariate": {"rev": "before"}}, "'rev' belongs to no metric", "revenue:mean"),
            ({"goal": "up"}, "goal is 'up'", ""),
            ({"missing": "ignore"}, "missing is 'ignore'", "drop"),
            ({"method": "magic"}, "no method 'magic'", "bayesian"),
            ({"method": "bayesian", "alternative": "less"}, "has no alternative", ""),
            ({"method": "bayesian", "metrics": "revenue:median"}, "is a quantile", "frequentist"),
            ({"metrics": "revenue:median", "covariate": "before"}, "takes no covariate", ""),
            ({"method": "bayesian", "correction": "holm"}, "no p-values", ""),
            ({"correction": "hulm"}, "hulm", ""),
            ({"split": {"control": 1, "blue": 1}}, "'green' of column 'variant' has no", ""),
            ({"split": 50}, "split is 50", "split='equal'"),
            ({"alpha": 2.0}, "alpha is 2", ""),
            ({"table": "units"}, "given with a frame", "Leave table out"),
        ],
    )
    def test_is_told_by_name(self, options, message, hint):
        settings = {"metrics": "revenue:mean"} | options
        if message is None:
            assert exp_jupyter.analyze(self.frame[:60], **settings).segments
            return
        with pytest.raises(InputError, match=message) as told:
            exp_jupyter.analyze(self.frame, **settings)
        assert hint in told.value.hint

    def test_a_missing_variant_names_the_column(self):
        frame = self.frame.assign(variant=self.frame.variant.where(self.frame.index > 4))
        with pytest.raises(InputError, match="'variant' is missing for 5 units"):
            exp_jupyter.analyze(frame, metrics="paid")

    def test_a_metric_that_no_variant_has_is_named(self):
        frame = self.frame.assign(revenue=np.nan)
        with pytest.raises(InputError, match="'revenue:mean' has no values: column 'revenue'"):
            exp_jupyter.analyze(frame, metrics=["paid", "revenue:mean"], missing="drop")

    def test_a_covariate_that_no_unit_has_is_named(self):
        frame = self.frame.assign(before=np.nan)
        with pytest.raises(InputError, match="Covariate 'before' of metric 'revenue:mean'"):
            exp_jupyter.analyze(frame, metrics="revenue:mean", covariate="before")

    def test_a_metric_that_one_arm_lacks_says_so(self):
        frame = self.frame.assign(revenue=self.frame.revenue.where(self.frame.variant != "control"))
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", missing="drop")
        assert found.results[0].arms[1].refusal == "control has no unit with a value."

    @pytest.mark.parametrize("value", [math.inf, 1e200])
    def test_values_that_cannot_be_summed_name_the_column(self, value):
        frame = self.frame.assign(revenue=[value, *self.frame.revenue[1:]])
        with pytest.raises(InputError, match="are not finite"):
            exp_jupyter.analyze(frame, metrics="revenue:mean")

    def test_a_unit_without_a_name_is_told(self):
        frame = self.frame.assign(user=self.frame.user.where(self.frame.index > 1))
        with pytest.raises(InputError, match="'user' is missing for 2 rows"):
            exp_jupyter.analyze(frame, unit="user", metrics="paid")

    def test_units_with_several_rows_are_told_by_example(self):
        frame = pd.concat([self.frame, self.frame[:1]])
        with pytest.raises(InputError, match="'u0' in column 'user' has 2 rows; expected one row"):
            exp_jupyter.analyze(frame, unit="user", metrics="paid")

    def test_an_empty_table_is_told(self):
        with pytest.raises(InputError, match="no rows"):
            exp_jupyter.analyze(self.frame[:0], metrics="revenue:mean")

    def test_a_single_variant_is_told(self):
        with pytest.raises(InputError, match="holds only 'control'"):
            exp_jupyter.analyze(self.frame[self.frame.variant == "control"], metrics="paid")

    @pytest.mark.parametrize("source", [3, None, object()])
    def test_what_is_no_table_is_told(self, source):
        with pytest.raises(InputError, match="nothing that can be analysed"):
            exp_jupyter.analyze(source, metrics="revenue:mean")

    def test_a_path_without_files_is_told(self, tmp_path):
        with pytest.raises(InputError, match=r"No file matches .*none-\*"):
            exp_jupyter.analyze(tmp_path / "none-*.parquet", metrics="revenue:mean")

    def test_a_file_that_is_no_parquet_is_told(self, tmp_path):
        (tmp_path / "units.parquet").write_text("variant,revenue")
        with pytest.raises(InputError, match="cannot be analysed"):
            exp_jupyter.analyze(tmp_path / "units.parquet", metrics="revenue:mean")

    def test_a_connection_without_a_table_is_told(self):
        with pytest.raises(InputError, match="none was named"):
            exp_jupyter.analyze(duckdb.connect(), metrics="revenue:mean")

    @pytest.mark.parametrize("form", ["duckdb", "dbapi", "ibis"])
    def test_a_table_that_is_not_there_is_told(self, form, tmp_path):
        connection, _ = FORMS[form](self.frame, tmp_path)
        with pytest.raises(InputError, match="nowhere"):
            exp_jupyter.analyze(connection, table="nowhere", metrics="revenue:mean")


class TestTheResult:
    frame = units()
    found = exp_jupyter.analyze(
        frame, metrics=METRICS, split="equal", breakdown="country", covariate="before"
    )

    def test_is_shown_in_every_form(self):
        assert "revenue:mean: blue is not dist" in " ".join(self.found.to_text().split())
        for shown in (self.found.to_text(), self.found.to_markdown(), self.found.to_html()):
            assert "orders/sessions:ratio" in shown
            assert "country = DE" in shown
        assert self.found.plot() is not None
        json.dumps(self.found.to_dict(), allow_nan=False)

    def test_has_a_row_per_metric_and_arm(self):
        rows = self.found.to_frame()
        assert len(rows[rows.segment == ""]) == len(METRICS) * 3
        assert len(rows) == len(METRICS) * 3 * 4

    def test_says_where_its_numbers_come_from(self):
        assert self.found.source == "pandas DataFrame"
        assert self.found.engine.startswith("DuckDB")
        assert self.found.statement.startswith("WITH")
        assert "adjusted for before" in " ".join(self.found.to_text().split())

    def test_gives_the_call_that_makes_it_again(self):
        again = eval(self.found.code(), {"exp_jupyter": exp_jupyter, "data": self.frame})
        np.testing.assert_allclose(numbers(again), numbers(self.found))

    def test_writes_nothing_hostile_into_a_page(self):
        name = "<script>alert(1)</script>"
        frame = self.frame.rename(columns={"revenue": name}).replace({"country": {"DE": name}})
        found = exp_jupyter.analyze(frame, metrics=f"{name}:mean", breakdown="country")
        assert "<script>" not in found.to_html()

    def test_leaves_the_reader_s_own_database_as_it_was(self, tmp_path):
        connection, extra = FORMS["duckdb"](self.frame, tmp_path)
        asked = "SELECT * FROM duckdb_tables() UNION ALL BY NAME SELECT * FROM duckdb_views()"
        before = connection.execute(f"SELECT count(*) FROM ({asked})").fetchall()
        exp_jupyter.analyze(connection, metrics=METRICS, breakdown="country", **extra)
        assert connection.execute(f"SELECT count(*) FROM ({asked})").fetchall() == before
