"""Events as people have them: a right number, or a refusal that names the column or the metric."""

from __future__ import annotations

import datetime as dt
import json

import duckdb
import numpy as np
import pandas as pd
import pytest
from odd_columns import ARMS, FRAMES, READ, REFUSED

import exp_jupyter
from exp_jupyter.errors import InputError

UNITS = 240
DRAWS = np.random.default_rng(9)
TREATED = DRAWS.random(UNITS) < 0.5
AMOUNTS = DRAWS.poisson(3.0, UNITS).astype(float) + 1
START = pd.Timestamp("2026-03-02 08:00")
SEEN = pd.DataFrame(
    {
        "event": "seen",
        "person_id": range(UNITS),
        "timestamp": START + pd.to_timedelta(np.arange(UNITS) * 20, "min"),
        "arm": np.where(TREATED, "test", "control"),
    }
)
PAID = pd.DataFrame(
    {
        "event": "purchase",
        "person_id": range(UNITS),
        "timestamp": SEEN["timestamp"] + pd.Timedelta("1h"),
        "revenue": AMOUNTS,
    }
)
EVENTS = pd.concat([SEEN, PAID], ignore_index=True)
RIGHT = AMOUNTS[TREATED].mean() - AMOUNTS[~TREATED].mean()
REVENUE = {"Revenue": "purchase:sum(revenue)"}


def analysed(events, metrics=REVENUE, **options):
    usual = {
        "flag": "checkout",
        "start": "2026-03-02",
        "exposure": {"event": "seen", "variant": "arm"},
        "difference": "absolute",
    }
    return exp_jupyter.analyze_events(events, metrics=metrics, **(usual | options))


def with_revenue(column, frame=EVENTS):
    """Return the events with a column of amounts in the rows of the purchases."""
    values = pd.Series([None] * len(frame), dtype=object)
    listed = list(column)
    for place in range(UNITS):
        values[UNITS + place] = listed[place]
    if isinstance(getattr(column, "dtype", None), np.dtype) and column.dtype.kind in "fiu":
        whole = np.zeros(len(frame), dtype=column.dtype)
        whole[UNITS:] = column
        return frame.assign(revenue=whole)
    return frame.assign(revenue=values.to_numpy())


def planned(events, metric="purchase:sum(revenue)", **options):
    return exp_jupyter.plan_from_history(
        events, metric, exposure="seen", start="2026-03-02", end="2026-03-06", **options
    )


class TestColumns:
    @pytest.mark.parametrize("name", READ)
    def test_of_numbers_are_added_up_whatever_their_type(self, name):
        found = analysed(with_revenue(READ[name](AMOUNTS)))
        assert found.effect().estimate == pytest.approx(RIGHT)
        assert not found.warnings

    @pytest.mark.parametrize("form", FRAMES)
    def test_of_every_form_of_frame_give_the_same(self, form):
        assert analysed(FRAMES[form](EVENTS)).effect().estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize("name", [n for n in REFUSED if n not in ("nothing", "infinite")])
    def test_that_are_no_numbers_are_refused_by_name(self, name):
        column = REFUSED[name](AMOUNTS)
        frame = EVENTS.assign(
            revenue=pd.concat(
                [pd.Series([None] * UNITS), pd.Series(column)], ignore_index=True
            ).to_numpy()
        )
        with pytest.raises(InputError, match="'revenue'"):
            analysed(frame)
        with pytest.raises(InputError, match="'revenue'"):
            planned(frame)

    @pytest.mark.parametrize("math", ["sum", "avg", "min", "max"])
    def test_of_text_are_counted_whatever_is_made_of_them(self, math):
        frame = with_revenue([f"{1000 * v:,.2f}" for v in AMOUNTS])
        with pytest.raises(InputError, match=r"240 of 240 values of property 'revenue'") as refused:
            analysed(frame, {"Revenue": f"purchase:{math}(revenue)"})
        assert "thousands=','" in refused.value.hint
        found = analysed(frame, {"Revenue": f"purchase:{math}(revenue)"}, thousands=",")
        assert found.effect().estimate == pytest.approx(1000 * RIGHT)

    def test_of_yes_and_no_are_no_amounts(self):
        frame = EVENTS.assign(large=np.where(EVENTS["event"] == "purchase", True, None))
        with pytest.raises(InputError, match="property 'large'") as refused:
            analysed(frame, {"Large": "purchase:sum(large)"})
        assert "Yes and no" in refused.value.hint

    def test_with_an_infinite_amount_are_said(self):
        found = analysed(with_revenue(REFUSED["infinite"](AMOUNTS)))
        assert any("1 of 240 values of property 'revenue'" in said for said in found.warnings)

    @pytest.mark.parametrize("name", [name for name in ARMS if "interval" not in name])
    def test_of_arms_keep_them(self, name):
        make, control, variants = ARMS[name]
        arms = pd.Series(list(make(TREATED)))
        frame = EVENTS.assign(
            arm=pd.concat([arms, pd.Series([None] * UNITS)], ignore_index=True).to_numpy()
        )
        found = analysed(frame, control=control)
        assert sorted(found.exposures.units) == sorted(variants)
        assert found.effect().estimate == pytest.approx(RIGHT)

    def test_with_a_name_twice_are_refused_with_their_own_names(self):
        with pytest.raises(InputError, match="'revenue' and 'Revenue'"):
            analysed(EVENTS.assign(Revenue=1.0))


class TestProperties:
    def frame(self, write):
        rows = [write({"revenue": v}) for v in AMOUNTS]
        own = EVENTS.drop(columns=["revenue"])
        return own.assign(properties=[None] * UNITS + rows)

    @pytest.mark.parametrize("write", [json.dumps, dict, lambda row: pd.Series(row).to_json()])
    def test_are_json_or_records(self, write):
        assert analysed(self.frame(write)).effect().estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize(
        ("write", "hint"),
        [
            (str, "ast.literal_eval"),
            (lambda row: json.dumps(json.dumps(row)), "json.loads"),
            (lambda row: json.dumps([row]), "json.dumps"),
            (lambda row: "{revenue: 5}", "json.dumps"),
        ],
    )
    def test_of_other_text_are_refused_with_the_fix(self, write, hint):
        with pytest.raises(InputError, match=r"Column 'properties' .* no JSON objects") as refused:
            analysed(self.frame(write))
        assert hint in refused.value.hint
        with pytest.raises(InputError, match="Column 'properties'"):
            planned(self.frame(write))

    def test_of_other_text_far_below_are_refused_too(self):
        good = self.frame(json.dumps)
        many = pd.concat([good[good["event"] == "seen"], *[good] * 5], ignore_index=True)
        many.loc[len(many) - 1, "properties"] = "{'revenue': 5}"
        with pytest.raises(InputError, match=r"Column 'properties' .* 1 rows such as"):
            analysed(many)

    def test_of_text_are_read_as_they_are_written(self):
        frame = self.frame(lambda row: json.dumps({"revenue": f"{1000 * row['revenue']:,.2f}"}))
        with pytest.raises(InputError, match="240 of 240 values of property 'revenue'"):
            analysed(frame)
        found = analysed(frame, thousands=",")
        assert found.effect().estimate == pytest.approx(1000 * RIGHT)

    def test_that_are_numbers_stay_so_beside_text(self):
        def write(row):
            v = row["revenue"] + 0.125
            return json.dumps({"revenue": v if v < 4 else f"{v:.3f}".replace(".", ",")})

        found = analysed(self.frame(write), decimal=",", thousands=".")
        assert found.effect().estimate == pytest.approx(RIGHT)

    def test_of_which_a_few_are_no_numbers_are_said(self):
        frame = pd.concat([EVENTS, EVENTS[UNITS:].assign(revenue=0.0)], ignore_index=True)
        frame["revenue"] = frame["revenue"].astype(object)
        frame.loc[len(frame) - 1, "revenue"] = "free"
        found = analysed(frame)
        assert found.effect().estimate == pytest.approx(RIGHT)
        assert any("1 of 480 values of property 'revenue'" in said for said in found.warnings)


class TestTimes:
    @pytest.mark.parametrize(
        "write",
        [
            lambda t: t.astype("datetime64[s]"),
            lambda t: t.astype("datetime64[ms]"),
            lambda t: t.dt.tz_localize("UTC"),
            lambda t: t.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
            lambda t: np.array([v.to_pydatetime() for v in t], dtype=object),
            lambda t: np.array([v.to_pydatetime().replace(tzinfo=dt.UTC) for v in t], dtype=object),
            lambda t: np.array(
                [
                    v.tz_localize("UTC").tz_convert("Asia/Tokyo" if i % 2 else "UTC")
                    for i, v in enumerate(t)
                ],
                dtype=object,
            ),
            lambda t: [f"{v.isoformat()}Z" for v in t],
            lambda t: [v.isoformat() for v in t],
            lambda t: t.astype("timestamp[us][pyarrow]"),
        ],
    )
    def test_of_every_kind_give_the_same(self, write):
        frame = EVENTS.assign(timestamp=write(EVENTS["timestamp"]))
        assert analysed(frame).effect().estimate == pytest.approx(RIGHT)

    @pytest.mark.parametrize(
        "write",
        [
            lambda t: np.array(
                [
                    v.to_pydatetime().replace(tzinfo=dt.UTC if i % 2 else None)
                    for i, v in enumerate(t)
                ],
                dtype=object,
            ),
            lambda t: [v.isoformat() + ("Z" if i % 2 else "") for i, v in enumerate(t)],
        ],
    )
    def test_with_and_without_a_zone_are_refused_with_the_fix(self, write):
        frame = EVENTS.assign(timestamp=write(EVENTS["timestamp"]))
        with pytest.raises(InputError, match="Column 'timestamp' mixes times") as refused:
            analysed(frame)
        assert "'2026-03-02" in refused.value.message
        events = frame  # as the hint calls them
        fixed = pd.to_datetime(events["timestamp"], utc=True, format="ISO8601")
        assert analysed(frame.assign(timestamp=fixed)).effect().estimate == pytest.approx(RIGHT)


class TestCsv:
    @pytest.mark.parametrize(
        ("control", "test"),
        [("f", "t"), ("no", "yes"), ("False", "True"), ("0", "1"), ("00", "01"), ("false", "true")],
    )
    def test_keeps_the_text_of_arms(self, control, test, tmp_path):
        path = tmp_path / "events.csv"
        arms = np.where(TREATED, test, control)
        EVENTS.assign(arm=[*arms, *[None] * UNITS]).to_csv(path, index=False)
        found = analysed(str(path), control=control)
        assert sorted(found.exposures.units) == sorted([control, test])
        assert found.effect().estimate == pytest.approx(RIGHT)

    def test_keeps_the_text_of_arms_in_an_assignment_table(self, tmp_path):
        events, table = tmp_path / "events.csv", tmp_path / "arms.csv"
        PAID.to_csv(events, index=False)
        arms = {"person_id": range(UNITS), "variant": np.where(TREATED, "t", "f")}
        pd.DataFrame(arms).to_csv(table, index=False)
        found = analysed(str(events), exposure=str(table), control="f")
        assert found.effect().estimate == pytest.approx(RIGHT)

    def test_reads_numbers_as_text(self, tmp_path):
        path = tmp_path / "events.csv"
        with_revenue([f"{1000 * v:,.2f}" for v in AMOUNTS]).to_csv(path, index=False)
        with pytest.raises(InputError, match="property 'revenue'"):
            analysed(str(path))
        found = analysed(str(path), thousands=",")
        assert found.effect().estimate == pytest.approx(1000 * RIGHT)
        with pytest.raises(InputError, match="property 'revenue'"):
            planned(str(path))
        assert planned(str(path), thousands=",").days[-1].mean == pytest.approx(
            1000 * AMOUNTS.mean()
        )


class TestDeliveries:
    ONCE = EVENTS.assign(uuid=[f"0000-{place}" for place in range(len(EVENTS))])
    TWICE = pd.concat([ONCE, ONCE[UNITS:]], ignore_index=True)

    def forms(self, frame, tmp_path):
        path = tmp_path / "events.parquet"
        frame.to_parquet(path)
        connection = duckdb.connect()
        connection.execute(f"CREATE TABLE events AS FROM '{path}'")
        return [
            (frame, {}),
            (str(path), {}),
            (connection, {"table": "events"}),
            (connection.table("events"), {}),
        ]

    def test_that_came_twice_are_said_and_dropped_on_request(self, tmp_path):
        for events, where in self.forms(self.TWICE, tmp_path):
            doubled = analysed(events, **where)
            assert doubled.effect().estimate == pytest.approx(2 * RIGHT)
            assert any("240 rows repeat another's uuid" in said for said in doubled.warnings)
            found = analysed(events, duplicates="drop", **where)
            assert found.effect().estimate == pytest.approx(RIGHT)
            assert not found.warnings

    def test_that_came_once_are_not_mentioned(self, tmp_path):
        for events, where in self.forms(self.ONCE, tmp_path):
            assert not analysed(events, **where).warnings
            assert analysed(events, duplicates="drop", **where).effect().estimate == pytest.approx(
                RIGHT
            )

    def test_whose_uuid_is_not_their_own_are_kept(self):
        frame = EVENTS.assign(uuid=EVENTS["person_id"].astype(str))
        found = analysed(frame, duplicates="drop")
        assert found.effect().estimate == pytest.approx(RIGHT)
        said = analysed(frame).warnings
        assert any("does not identify events" in words for words in said)

    def test_without_a_uuid_count_each(self):
        frame = pd.concat([EVENTS, EVENTS[UNITS:]], ignore_index=True)
        assert analysed(frame, duplicates="drop").effect().estimate == pytest.approx(2 * RIGHT)

    def test_are_said_and_dropped_in_a_plan(self):
        doubled = planned(self.TWICE)
        assert any("repeat another's uuid" in said for said in doubled.warnings)
        found = planned(self.TWICE, duplicates="drop")
        assert found.days[-1].mean == pytest.approx(AMOUNTS.mean())
        assert "duplicates='drop'" in found.code()

    def test_keep_a_state_of_their_own(self, tmp_path):
        state = str(tmp_path / "checkout.state")
        analysed(self.TWICE, state=state)
        with pytest.raises(InputError, match="belongs to another analysis"):
            analysed(self.TWICE, state=state, duplicates="drop")

    def test_are_kept_or_dropped(self):
        with pytest.raises(InputError, match="duplicates is 'remove'"):
            analysed(EVENTS, duplicates="remove")


class TestYoungUnits:
    WINDOWS = (
        "purchase:conversion within 7 days",
        "purchase:sum(revenue) within 7 days",
        "seen > purchase within 7 days",
        "purchase:sum(revenue) / purchase within 7 days",
    )

    def ever(self, metric, **options):
        return analysed(EVENTS, {"It": metric}, as_of="2026-03-10", **options)

    @pytest.mark.parametrize("metric", WINDOWS)
    def test_of_a_window_are_counted_and_left_out_on_request(self, metric):
        start = f"{metric.partition(' >')[0]}"
        if start == "seen":
            metric = "purchase > purchase within 7 days"
            return  # a funnel of one event twice has no units here
        found = self.ever(metric)
        clock = found.as_of.replace(tzinfo=None)
        young = int((SEEN["timestamp"] + pd.Timedelta("7D") > clock).sum())
        assert 0 < young < UNITS
        said = [words for words in found.warnings if "is not over yet" in words]
        assert len(said) == 1
        assert f"the window of {young:,} of {UNITS:,} units" in said[0]
        ripe = self.ever(metric, matured=True)
        assert not any("is not over yet" in words for words in ripe.warnings)
        latest = ripe.series("It").latest
        assert latest.baseline.n + sum(arm.n for arm in latest.arms.values()) == UNITS - young
        assert "matured=True" in ripe.code()

    def test_of_a_retention_are_counted_and_left_out_on_request(self):
        back = PAID.assign(event="back", timestamp=SEEN["timestamp"] + pd.Timedelta("2D"))
        events = pd.concat([EVENTS, back], ignore_index=True)
        options = {"metrics": {"Back": "back:retention(1-6 days)"}, "as_of": "2026-03-10"}
        found = analysed(events, **options)
        assert any("the retention period of" in words for words in found.warnings)
        ripe = analysed(events, matured=True, **options)
        assert not any("is not over yet" in words for words in ripe.warnings)

    def test_are_not_mentioned_without_a_window_or_when_all_is_over(self):
        assert not analysed(EVENTS).warnings
        found = analysed(EVENTS, {"It": self.WINDOWS[0]}, as_of="2026-03-31")
        assert not found.warnings


class TestArms:
    def test_planned_at_nothing_break_the_split(self):
        arms = SEEN["arm"].where(np.arange(UNITS) < 150, "ghost")
        frame = EVENTS.assign(arm=[*arms, *[None] * UNITS])
        found = analysed(frame, split={"control": 50, "test": 50, "ghost": 0})
        assert found.exposures.mismatch
        assert found.exposures.days[-1].p_value == 0
        assert "ghost 90 instead of 0" in found.warnings[0]
        assert "split as planned" not in str(found.exposures) or "not split" in str(found.exposures)

    def test_that_the_split_does_not_have_are_said(self):
        arms = SEEN["arm"].where(np.arange(UNITS) < 150, "ghost")
        frame = EVENTS.assign(arm=[*arms, *[None] * UNITS])
        found = analysed(frame, split={"control": 50, "test": 50})
        assert any("90 exposures name 'ghost'" in words for words in found.warnings)

    @pytest.mark.parametrize(
        "metric", ["purchase:sum(revenue)", "purchase:sum(revenue) / purchase"]
    )
    def test_in_which_one_unit_carries_the_result_are_said(self, metric):
        heavy = AMOUNTS.copy()
        heavy[np.flatnonzero(TREATED)[3]] = 9000.0
        frame = with_revenue(heavy)
        found = analysed(frame, {"Revenue": metric})
        said = [words for words in found.warnings if words.startswith("one unit makes")]
        assert len(said) == 1
        assert "of the variance of 'Revenue' in test" in said[0]
        limited = analysed(frame, {"Revenue": metric}, winsorize=0.99)
        assert abs(limited.effect().estimate) < 2
        assert not any(words.startswith("one unit") for words in limited.warnings)
        assert not any("one unit" in words for words in analysed(EVENTS).warnings)

    def test_whose_denominator_is_always_0_leave_other_metrics_answered(self):
        frame = EVENTS.assign(items=np.where(EVENTS["event"] == "purchase", 1.0, 0.0))
        empty = np.array([*[0.0] * UNITS, *np.where(TREATED, 1.0, 0.0)])
        frame = frame.assign(visits=empty)
        found = analysed(
            frame,
            {"Ratio": "purchase:sum(items) / purchase:sum(visits)", **REVENUE},
        )
        assert found.effect("Revenue").estimate == pytest.approx(RIGHT)
        with pytest.raises(InputError):
            found.effect("Ratio")
