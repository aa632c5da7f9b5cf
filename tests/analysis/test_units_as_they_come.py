"""Tables of units as people have them: a right number, or a refusal that names the column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from odd_columns import ARMS, FRAMES, READ, REFUSED

import exp_jupyter
from exp_jupyter.errors import InputError

ROWS = 400
DRAWS = np.random.default_rng(5)
AMOUNTS = DRAWS.poisson(3.0, ROWS).astype(float)
BEFORE = DRAWS.poisson(4.0, ROWS).astype(float)
TREATED = DRAWS.random(ROWS) < 0.5
UNITS = pd.DataFrame(
    {
        "variant": np.where(TREATED, "test", "control"),
        "revenue": AMOUNTS,
        "before": BEFORE,
        "visits": AMOUNTS + 1,
    }
)
RIGHT = AMOUNTS[TREATED].mean() - AMOUNTS[~TREATED].mean()


def effect_of(frame, metrics="revenue:mean", **options):
    return exp_jupyter.analyze(
        frame, metrics=metrics, **({"difference": "absolute"} | options)
    ).effect()


class TestColumns:
    @pytest.mark.parametrize("name", READ)
    def test_of_numbers_are_read_whatever_their_type(self, name):
        frame = UNITS.assign(revenue=READ[name](AMOUNTS))
        assert effect_of(frame).estimate == pytest.approx(RIGHT, rel=1e-12)

    @pytest.mark.parametrize("name", READ)
    def test_of_numbers_are_covariates_whatever_their_type(self, name):
        frame = UNITS.assign(before=READ[name](BEFORE))
        plain = effect_of(UNITS, covariate="before")
        assert effect_of(frame, covariate="before").estimate == pytest.approx(plain.estimate)

    @pytest.mark.parametrize("name", READ)
    def test_of_numbers_have_a_median_whatever_their_type(self, name):
        frame = UNITS.assign(revenue=READ[name](AMOUNTS))
        plain, found = (
            exp_jupyter.analyze(it, metrics="revenue:median").results[0].arms[1].value
            for it in (UNITS, frame)
        )
        assert found == plain

    @pytest.mark.parametrize("metrics", ["revenue:mean", "revenue/visits:ratio", "revenue:median"])
    @pytest.mark.parametrize("name", REFUSED)
    def test_that_are_no_numbers_are_refused_by_name(self, name, metrics):
        frame = UNITS.assign(revenue=REFUSED[name](AMOUNTS))
        if metrics == "revenue:median" and name == "infinite":
            return  # a median does not mind
        with pytest.raises(InputError, match="'revenue'"):
            effect_of(frame, metrics)

    @pytest.mark.parametrize("name", REFUSED)
    def test_that_nothing_reads_do_no_harm(self, name):
        frame = UNITS.assign(other=REFUSED[name](AMOUNTS))
        if name == "bytes that are no text":
            with pytest.raises(InputError, match="'other'"):
                effect_of(frame)
            return
        assert effect_of(frame).estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize("name", [*REFUSED])
    def test_that_are_no_numbers_are_no_covariates(self, name):
        frame = UNITS.assign(before=REFUSED[name](BEFORE))
        with pytest.raises(InputError, match="'before'"):
            effect_of(frame, covariate="before")

    def test_of_booleans_are_shares(self):
        for column in (
            AMOUNTS > 3,
            pd.array(AMOUNTS > 3, dtype="boolean"),
            np.array(list(AMOUNTS > 3), dtype=object),
            pd.array(AMOUNTS > 3, dtype="bool[pyarrow]"),
        ):
            found = effect_of(UNITS.assign(paid=column), "paid:proportion")
            right = (AMOUNTS[TREATED] > 3).mean() - (AMOUNTS[~TREATED] > 3).mean()
            assert found.estimate == pytest.approx(right)

    def test_of_amounts_too_large_for_an_integer_are_read(self):
        large = np.array([int(v) * 2**140 for v in AMOUNTS], dtype=object)
        found = effect_of(UNITS.assign(revenue=large))
        assert found.estimate == pytest.approx(RIGHT * 2.0**140)


class TestFrames:
    @pytest.mark.parametrize("form", FRAMES)
    def test_of_every_form_give_the_same(self, form):
        assert effect_of(FRAMES[form](UNITS)).estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize("name", ARMS)
    def test_keep_their_arms(self, name):
        make, control, variants = ARMS[name]
        frame = UNITS.assign(variant=make(TREATED))
        found = exp_jupyter.analyze(
            frame, metrics="revenue:mean", control=control, difference="absolute"
        )
        assert sorted(found.units) == sorted(variants)
        assert found.effect().estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize(
        ("names", "told"),
        [
            (["variant", "revenue", "revenue"], "two columns called 'revenue'"),
            (["variant", "revenue", "Revenue"], "'revenue' and 'Revenue', which differ only"),
            (["variant", "Straße", "STRASSE"], "'Straße' and 'STRASSE'"),
        ],
    )
    @pytest.mark.parametrize("form", ["pandas", "csv", "parquet"])
    def test_with_a_name_twice_are_refused_with_their_own_names(self, names, told, form, tmp_path):
        frame = pd.DataFrame({0: UNITS["variant"], 1: AMOUNTS, 2: AMOUNTS})
        frame.columns = names
        source = frame
        if form == "csv":
            source = str(tmp_path / "units.csv")
            frame.to_csv(source, index=False)
        if form == "parquet":
            if names[1] == names[2]:
                return  # nothing writes such a file
            source = str(tmp_path / "units.parquet")
            frame.to_parquet(source)
        with pytest.raises(InputError, match=told):
            effect_of(source, f"{names[1]}:mean")

    def test_may_have_names_that_are_no_text(self):
        frame = pd.DataFrame({0: UNITS["variant"], 1: AMOUNTS})
        assert effect_of(frame, "1:mean", variant=0).estimate == pytest.approx(RIGHT)

    def test_may_have_names_of_several_levels(self):
        frame = pd.DataFrame({("shop", "variant"): UNITS["variant"], ("shop", "paid"): AMOUNTS})
        found = effect_of(frame, "('shop', 'paid'):mean", variant="('shop', 'variant')")
        assert found.estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize(
        ("frame", "told"),
        [
            (UNITS[[]], "has no columns"),
            (UNITS[:0], "has no rows"),
            (UNITS[:1], "holds only"),
            (UNITS.assign(variant=[None, *UNITS["variant"][1:]]), "'variant' is missing"),
            (UNITS.assign(variant=np.nan), "'variant' is missing"),
            (UNITS["revenue"], "no column 'variant'"),
            ([], "A list is nothing"),
        ],
    )
    def test_that_hold_nothing_to_compare_are_refused(self, frame, told):
        with pytest.raises(InputError, match=told):
            effect_of(frame)


class TestNumbersAsText:
    @pytest.mark.parametrize(
        ("written", "options"),
        [
            (lambda v: f"{v:,.2f}", {"thousands": ","}),
            (lambda v: f"{v:,.2f}".replace(",", " "), {"thousands": " "}),
            (lambda v: f"{v:,.2f}".replace(",", "\u202f"), {"thousands": " "}),
            (lambda v: f"{v:,.2f}".replace(",", "'"), {"thousands": "'"}),
            (lambda v: f"{v:.2f}".replace(".", ","), {"decimal": ","}),
            (
                lambda v: f"{v:,.2f}".translate(str.maketrans(",.", ".,")),
                {"decimal": ",", "thousands": "."},
            ),
        ],
    )
    def test_are_read_as_the_refusal_says(self, written, options):
        amounts = 1000 * AMOUNTS + 1000
        frame = UNITS.assign(revenue=[written(v) for v in amounts])
        with pytest.raises(InputError, match="stand for no number") as refused:
            effect_of(frame)
        for name, sign in options.items():
            assert f"{name}={sign!r}" in refused.value.hint
        found = effect_of(frame, **options)
        right = amounts[TREATED].mean() - amounts[~TREATED].mean()
        assert found.estimate == pytest.approx(right)

    def test_are_counted_and_shown(self):
        frame = UNITS.assign(revenue=["2,800.00" if v == 3 else f"{v}" for v in AMOUNTS])
        n = int((AMOUNTS == 3).sum())
        with pytest.raises(InputError, match=rf"{n} of 400 values .* such as '2,800\.00'"):
            effect_of(frame)

    def test_that_a_few_units_lack_are_said_and_missing(self):
        frame = UNITS.assign(revenue=["n/a", "-", *(f"{v}" for v in AMOUNTS[2:])])
        with pytest.raises(InputError, match="missing for 2 of 400"):
            effect_of(frame)
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", missing="drop")
        assert any("2 of 400 values of column 'revenue'" in said for said in found.warnings)

    def test_are_not_guessed_where_groups_are_wrong(self):
        frame = UNITS.assign(revenue=[f"{int(v)},5" for v in AMOUNTS])
        with pytest.raises(InputError, match="stand for no number"):
            effect_of(frame, thousands=",")

    @pytest.mark.parametrize(
        "options", [{"decimal": ";"}, {"thousands": "x"}, {"decimal": ",", "thousands": ","}]
    )
    def test_are_written_in_a_known_way(self, options):
        with pytest.raises(InputError, match=r"decimal|thousands"):
            effect_of(UNITS, **options)


class TestCsv:
    @pytest.mark.parametrize(
        ("control", "test"),
        [
            *(("f", "t"), ("false", "true"), ("False", "True"), ("0", "1"), ("no", "yes")),
            *(("00", "01"), ("2026-01-01", "2026-01-02"), ("1e3", "2e3"), ("N", "Y")),
            *(("off", "on"), ("1.0", "2.0")),
        ],
    )
    def test_keeps_the_text_of_arms(self, control, test, tmp_path):
        path = tmp_path / "units.csv"
        UNITS.assign(variant=np.where(TREATED, test, control)).to_csv(path, index=False)
        found = exp_jupyter.analyze(
            str(path), metrics="revenue:mean", control=control, difference="absolute"
        )
        assert list(found.units) == [control, test]
        assert found.effect().estimate == pytest.approx(RIGHT)

    def test_finds_a_control_that_is_a_number(self, tmp_path):
        path = tmp_path / "units.csv"
        UNITS.assign(variant=TREATED.astype(float)).to_csv(path, index=False)
        assert effect_of(str(path), control=0).estimate == pytest.approx(RIGHT)

    def test_reads_answers_as_shares(self, tmp_path):
        path = tmp_path / "units.csv"
        UNITS.assign(paid=np.where(AMOUNTS > 3, "yes", "no")).to_csv(path, index=False)
        right = (AMOUNTS[TREATED] > 3).mean() - (AMOUNTS[~TREATED] > 3).mean()
        assert effect_of(str(path), "paid:proportion").estimate == pytest.approx(right)

    def test_reads_numbers_as_text(self, tmp_path):
        path = tmp_path / "units.csv"
        UNITS.assign(revenue=[f"{1000 * v:,.2f}" for v in AMOUNTS]).to_csv(path, index=False)
        with pytest.raises(InputError, match="'revenue' stand for no number") as refused:
            effect_of(str(path))
        assert "thousands=','" in refused.value.hint
        assert effect_of(str(path), thousands=",").estimate == pytest.approx(1000 * RIGHT)

    def test_says_which_column_holds_a_word_far_below(self, tmp_path):
        path = tmp_path / "units.csv"
        rows = pd.concat([UNITS] * 100, ignore_index=True)
        rows["revenue"] = rows["revenue"].astype(object)
        rows.loc[rows.index >= 30_000, "revenue"] = "x"
        rows.to_csv(path, index=False)
        with pytest.raises(InputError, match="column 'revenue' stand for no number, such as 'x'"):
            effect_of(str(path))


class TestUnits:
    REPEATED = pd.concat([UNITS.assign(user=range(ROWS))] * 2, ignore_index=True)

    def test_named_twice_are_said(self):
        found = exp_jupyter.analyze(self.REPEATED, metrics="revenue:mean")
        assert any("'user' names 400 units in 800 rows" in said for said in found.warnings)

    def test_named_twice_are_dropped_where_their_rows_agree(self):
        with pytest.raises(InputError, match="has 2 rows") as refused:
            effect_of(self.REPEATED, unit="user")
        assert "duplicates='drop'" in refused.value.hint
        found = effect_of(self.REPEATED, unit="user", duplicates="drop")
        assert found.p_value == pytest.approx(effect_of(UNITS).p_value)

    def test_whose_rows_differ_are_refused_all_the_same(self):
        frame = self.REPEATED.assign(revenue=range(2 * ROWS))
        with pytest.raises(InputError, match="has 2 rows"):
            effect_of(frame, unit="user", duplicates="drop")

    def test_planned_at_nothing_break_the_split(self):
        frame = UNITS.assign(variant=np.where(np.arange(ROWS) < 300, UNITS["variant"], "ghost"))
        split = {"control": 50, "test": 50, "ghost": 0}
        found = exp_jupyter.analyze(frame, metrics="revenue:mean", split=split)
        assert found.sample_ratio.mismatch
        assert found.sample_ratio.p_value == 0
        assert "ghost 100 instead of 0" in found.warnings[0]


class TestOneUnit:
    def heavy(self):
        revenue = AMOUNTS.copy()
        revenue[np.flatnonzero(TREATED)[0]] = 5000.0
        return UNITS.assign(revenue=revenue)

    @pytest.mark.parametrize("metric", ["revenue:mean", "revenue/visits:ratio"])
    def test_that_carries_the_result_is_said(self, metric):
        found = exp_jupyter.analyze(self.heavy(), metrics=metric)
        said = [words for words in found.warnings if words.startswith("one unit makes")]
        assert len(said) == 1
        assert f"of the variance of {metric!r} in test" in said[0]

    def test_that_carries_nothing_is_not_said(self):
        found = exp_jupyter.analyze(UNITS, metrics=["revenue:mean", "revenue/visits:ratio"])
        assert not found.warnings

    def test_can_be_limited_by_a_level(self):
        heavy = self.heavy()
        found = exp_jupyter.analyze(
            heavy, metrics="revenue:mean", winsorize=0.99, difference="absolute"
        )
        ordered = np.sort(heavy["revenue"])
        bound = ordered[int(np.floor(0.99 * ROWS))]
        y = np.minimum(heavy["revenue"].to_numpy(), bound)
        assert found.effect().estimate == pytest.approx(y[TREATED].mean() - y[~TREATED].mean())
        assert any(f"at most {bound:g}" in said for said in found.warnings)
        assert not any(said.startswith("one unit") for said in found.warnings)

    def test_can_be_limited_on_both_sides_and_by_metric(self):
        found = exp_jupyter.analyze(
            self.heavy(),
            metrics={"Revenue": "revenue:mean", "Visits": "visits:mean"},
            winsorize={"Revenue": (0.05, 0.95)},
            difference="absolute",
        )
        low, high = np.sort(self.heavy()["revenue"])[[20, 380]]
        y = np.clip(self.heavy()["revenue"].to_numpy(), low, high)
        assert found.effect("Revenue").estimate == pytest.approx(
            y[TREATED].mean() - y[~TREATED].mean()
        )
        assert found.effect("Visits").estimate == pytest.approx(RIGHT)

    def test_can_be_limited_by_a_cap(self):
        y = np.minimum(self.heavy()["revenue"].to_numpy(), 6)
        found = effect_of(self.heavy(), cap=6)
        assert found.estimate == pytest.approx(y[TREATED].mean() - y[~TREATED].mean())

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"winsorize": 99}, "winsorize is 99"),
            ({"winsorize": (0.9, 0.1)}, "lower level comes first"),
            ({"winsorize": "x"}, "winsorize is 'x'"),
            ({"cap": float("nan")}, "cap is nan"),
            ({"cap": 5, "winsorize": 0.9}, "both winsorize and cap"),
            ({"cap": {"nope": 5}}, "cap of 'nope' belongs to no metric"),
            ({"cap": 5, "metrics": "revenue:median"}, "is a quantile, which takes no bounds"),
        ],
    )
    def test_is_limited_by_numbers(self, options, told):
        with pytest.raises(InputError, match=told):
            effect_of(UNITS, **options)


class TestArms:
    def test_without_a_covariate_are_said(self):
        lacking = UNITS.assign(before=np.where(TREATED, np.nan, BEFORE))
        found = exp_jupyter.analyze(lacking, metrics="revenue:mean", covariate="before")
        assert any("missing for every unit of test" in said for said in found.warnings)

    def test_that_lack_a_covariate_more_often_are_said(self):
        gone = TREATED & (np.arange(ROWS) % 2 == 0)
        lacking = UNITS.assign(before=np.where(gone, np.nan, BEFORE))
        found = exp_jupyter.analyze(lacking, metrics="revenue:mean", covariate="before")
        assert any("more often in one arm" in said for said in found.warnings)

    @pytest.mark.parametrize("arm", ["control", "test"])
    def test_whose_denominator_is_always_0_leave_other_metrics_answered(self, arm):
        empty = UNITS.assign(visits=np.where(UNITS["variant"] == arm, 0, UNITS["visits"]))
        found = exp_jupyter.analyze(
            empty, metrics=["revenue/visits:ratio", "revenue:mean"], difference="absolute"
        )
        assert found.effect("revenue:mean").estimate == pytest.approx(RIGHT)
        with pytest.raises(InputError, match=f"revenue/visits:ratio, test: {arm}: .*denominator"):
            found.effect("revenue/visits:ratio")
