"""From raw events to results: what a person asks, what is answered, and what is refused."""

from __future__ import annotations

import _thread
import re
import threading

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from event_worlds import Driver
from shop_events import COLUMNS, EVENTS, FLAG, METRICS, START, analyzed, shop, until

import exp_jupyter
from exp_jupyter.analysis import EventAnalysis, ExperimentSpec, compute_series
from exp_jupyter.engine import Frequentist, MixtureSPRT, Sequential
from exp_jupyter.engine.multiple.corrections import adjust
from exp_jupyter.errors import InputError
from exp_jupyter.schema import Experiment
from exp_jupyter.warehouse.sources.open_events import event_source


@pytest.fixture(scope="module")
def found() -> EventAnalysis:
    return analyzed(split="equal")


def per_person(event: str, what: str) -> pd.DataFrame:
    """Return what every exposed person did after the exposure, by hand."""
    seen = EVENTS[EVENTS.event == "$feature_flag_called"]
    first = seen.groupby("person_id").timestamp.min()
    did = EVENTS[EVENTS.event == event]
    did = did[did.timestamp >= did.person_id.map(first)]
    own = did.groupby("person_id").agg(n=("event", "size"), revenue=("revenue", "sum"))
    people = seen.drop_duplicates("person_id").set_index("person_id")
    return people[["variant"]].assign(y=own[what].reindex(people.index).fillna(0.0))


def words(shown) -> str:
    return " ".join(shown.to_text().split())


# ---------------------------------------------------------------- what is answered


def test_every_variant_has_its_people_and_their_sums(found):
    by_hand = per_person("purchase", "revenue").groupby("variant").y
    latest = found.series("Revenue").latest
    for arm in (latest.baseline, *latest.arms.values()):
        assert arm.n == by_hand.size()[arm.key] == found.exposures.units[arm.key]
        assert arm.value == pytest.approx(by_hand.mean()[arm.key], rel=1e-12)


def test_the_effect_is_the_engine_s_of_these_people(found):
    people = per_person("purchase", "revenue")
    table = {"variant": list(people.variant), "revenue": list(people.y)}
    by_units = exp_jupyter.analyze(table, metrics="revenue:mean").effect()
    by_events = found.effect("Revenue")
    assert by_events.estimate == pytest.approx(by_units.estimate, rel=1e-9)
    assert by_events.standard_error == pytest.approx(by_units.standard_error, rel=1e-9)
    assert by_events.p_value == pytest.approx(by_units.p_value, rel=1e-7)


def test_there_is_a_day_for_every_day_and_each_holds_all_before_it(found):
    days = found.series("Paid").days
    assert [str(day.date) for day in days] == [f"2026-03-{n:02d}" for n in range(2, 12)]
    fewer = analyzed(until(4)).series("Paid").latest
    assert fewer.baseline.sums == days[3].baseline.sums  # counts, so equal to the bit
    assert [day.exposures for day in days] == [day.total for day in found.exposures.days]


def test_the_analysis_is_a_list_of_series(found):
    assert [series.metric_name for series in found] == list(METRICS)
    assert len(found) == 4
    assert found["Revenue"] is found.series("Revenue") is found[1]
    assert found.series() is found[0]
    assert [series.metric_kind for series in found] == ["funnel", "mean", "ratio", "retention"]


def test_p_values_of_the_last_day_are_corrected_for_how_many_there_are(found):
    corrected = analyzed(split="equal", correction="holm", breakdown="country")
    rows = corrected.to_frame()
    whole = rows[(rows.segment == "") & rows.p_value.notna()]
    assert len(whole) == 4
    expected = adjust(whole.p_value.to_numpy(), "holm").adjusted
    np.testing.assert_allclose(whole.adjusted_p_value.astype(float), expected)
    assert rows[rows.segment != ""].adjusted_p_value.isna().all()
    assert corrected.adjusted["Revenue"]["test"] >= corrected.effect("Revenue").p_value
    assert "p-values corrected: holm" in words(corrected)
    assert "correction='holm'" in corrected.code()
    assert found.correction == ""
    assert found.adjusted == {}
    assert "adjusted_p_value" not in found.to_frame()


def test_better_is_said_only_of_what_is_left_after_the_correction():
    events = shop(seed=5)
    found = analyzed(events)
    p = found.effect("Revenue").p_value
    assert 0.05 / 4 < p < 0.05
    corrected = analyzed(events, split="equal", correction="bonferroni")
    assert corrected.adjusted["Revenue"]["test"] == pytest.approx(4 * p)
    verdict = next(words for words in corrected.verdicts if words.startswith("Revenue"))
    assert "test is not distinguishable from control after correction" in verdict
    assert "not distinguishable after correction" in words(corrected)
    assert "not distinguishable after correction" not in words(found)


def test_a_refreshed_analysis_is_corrected_as_the_first_was():
    first = analyzed(until(4), correction="benjamini-hochberg")
    again = first.refresh(EVENTS)
    assert again.correction == "benjamini-hochberg"
    assert again.adjusted == analyzed(correction="benjamini-hochberg").adjusted


def test_it_says_where_its_numbers_came_from(found):
    assert found.source == "pandas DataFrame"
    assert found.engine.startswith("DuckDB ")
    assert found.as_of == EVENTS.timestamp.max().tz_localize("UTC") + pd.Timedelta("1us")
    assert (found.method, found.mode, found.level) == ("frequentist", "recommended", 0.95)
    assert re.fullmatch("[0-9a-f]{32}", found.fingerprint)
    said = words(found)
    for part in ("timestamps read as UTC", "pandas DataFrame", found.fingerprint[:8], "as of"):
        assert part in said


def test_the_same_events_give_the_same_bytes(found):
    again = analyzed(split="equal")
    assert again.to_text() == found.to_text()
    assert again.to_html() == found.to_html()


def test_timestamps_with_a_zone_are_said_to_have_one():
    zoned = EVENTS.assign(timestamp=EVENTS.timestamp.dt.tz_localize("UTC"))
    assert "timestamps with a time zone" in words(analyzed(zoned))


def test_the_code_makes_the_result_again(found):
    names = {"exp_jupyter": exp_jupyter, "events": EVENTS}
    assert eval(found.code(), names).to_text() == found.to_text()
    sequential = analyzed(method=Sequential(alpha=0.1), end=pd.Timestamp("2026-03-09"))
    assert eval(sequential.code(), names).effect().interval == sequential.effect().interval


def test_a_metric_that_is_alone_may_be_given_alone():
    (only,) = analyzed(metrics="purchase:sum(revenue)")
    assert only.metric_name == "purchase:sum(revenue)"


def test_a_row_that_is_there_twice_counts_twice():
    paid = EVENTS[EVENTS.event == "purchase"]
    twice = analyzed(pd.concat([EVENTS, paid]))
    once = analyzed()
    total = {key: arm.sums["sum"] for key, arm in once["Revenue"].latest.arms.items()}
    assert twice["Revenue"].latest.arms["test"].sums["sum"] == pytest.approx(2 * total["test"])


def test_events_without_a_person_are_left_out_and_told():
    nobody = EVENTS.head(3).assign(person_id=None)
    lost = analyzed(pd.concat([EVENTS, nobody.astype({"person_id": "Int64"})]))
    assert "3 events have no 'person_id' and are left out" in lost.warnings
    assert lost.exposures.units == analyzed().exposures.units


def test_a_broken_split_is_said_first_and_on_its_day():
    broken = analyzed(split={"control": 1, "test": 4})
    assert "not split as planned" in broken.warnings[0]
    assert broken.exposures.mismatch
    assert broken.exposures.first_mismatch is not None
    assert "split not as planned" in broken.to_text().splitlines()[0]


def test_without_a_split_nothing_is_checked_and_that_is_said():
    assert analyzed().exposures.sample_ratio is None
    assert "split not stated" in analyzed().to_text()


def test_the_variants_are_those_that_are_seen_unless_they_are_named():
    third = EVENTS.assign(variant=np.where(EVENTS.person_id % 3 == 0, "blue", EVENTS.variant))
    assert list(analyzed(third).exposures.units) == ["control", "blue", "test"]
    assert list(analyzed(third, variants=("control", "test")).exposures.units) == [
        "control",
        "test",
    ]


def test_a_flag_that_was_off_is_no_variant():
    off = EVENTS[EVENTS.event == "$feature_flag_called"].head(5).assign(variant="false")
    assert list(analyzed(pd.concat([off, EVENTS])).exposures.units) == ["control", "test"]


def test_who_saw_several_variants_is_left_out_or_kept():
    seen = EVENTS[EVENTS.event == "$feature_flag_called"].head(1)
    other = "test" if seen.variant.iloc[0] == "control" else "control"
    later = seen.assign(variant=other, timestamp=seen.timestamp + pd.Timedelta("1h"))
    both = pd.concat([EVENTS, later])
    out = analyzed(both)
    assert out.exposures.multiple == 1
    assert sum(out.exposures.units.values()) == 899
    assert any("several variants" in word for word in out.warnings)
    kept = analyzed(both, multiple_variants="first_seen")
    assert sum(kept.exposures.units.values()) == 900


def test_a_breakdown_analyses_every_value_on_its_own(found):
    parts = analyzed(breakdown="country")
    assert parts.effect("Revenue").estimate == pytest.approx(found.effect("Revenue").estimate)
    assert [one.values for one in parts.segments[:3]] == [("DE",), ("FR",), ("NZ",)]
    german = analyzed(EVENTS[EVENTS.country == "DE"]).series("Revenue").latest
    own = next(one for one in parts.segments if one.series.metric_name == "Revenue")
    for name in ("number_of_samples", "sum", "sum_squares"):
        told = own.series.latest.arms["test"].sums[name]
        assert told == pytest.approx(german.arms["test"].sums[name], rel=1e-12)
    assert "country = DE" in set(parts.to_frame()["segment"])


def test_what_people_did_before_reduces_the_variance():
    before = EVENTS[EVENTS.event == "purchase"].copy()
    before["timestamp"] -= pd.Timedelta(days=10)
    both = pd.concat([before[::2], EVENTS])  # half of what people buy they have bought before
    plain, adjusted = (analyzed(both, metrics="purchase:sum(revenue)", cuped=c) for c in (None, 14))
    assert adjusted.effect().standard_error < plain.effect().standard_error


@pytest.mark.parametrize("method", ["frequentist", "sequential", "bayesian"])
@pytest.mark.parametrize("mode", ["compat", "recommended"])
def test_every_method_and_mode_judges_and_says_so(method, mode):
    judged = analyzed(method=method, mode=mode)
    assert (judged.method, judged.mode) == (method, mode)
    assert judged.effect().method == method
    assert judged.effect().mode == mode


def test_a_method_of_the_engine_brings_its_own_settings():
    one_sided = analyzed(method=Frequentist(alpha=0.1, alternative="greater"))
    assert one_sided.level == 0.9
    assert one_sided.effect("Paid").alternative == "greater"
    assert analyzed(method=MixtureSPRT(tau=0.1)).method == MixtureSPRT(tau=0.1).name


def test_absolute_differences_have_a_table_a_metric():
    said = analyzed(difference="absolute").to_text()
    assert said.count("baseline") == 4
    assert said.count("Difference") == 4


def test_few_units_are_not_compared_and_the_reason_is_given():
    few = analyzed(EVENTS[EVENTS.person_id < 60], metrics="purchase:sum(revenue)")
    assert "fewer than 50 units in an arm" in few.verdicts[0]
    with pytest.raises(InputError, match="fewer than 50 units"):
        few.effect()


# ---------------------------------------------------------------- exposures of other kinds


def assignments(**names: str) -> pd.DataFrame:
    seen = EVENTS[EVENTS.event == "$feature_flag_called"]
    return seen[["person_id", "variant", "timestamp"]].rename(columns=names)


def test_an_assignment_table_exposes_as_the_flag_s_calls_do(found):
    others = EVENTS[EVENTS.event != "$feature_flag_called"].drop(columns=["variant", "flag"])
    by_table = analyzed(others, columns=None, exposure=assignments(), split="equal")
    assert by_table.exposures.units == found.exposures.units
    for one, other in zip(by_table, found, strict=True):
        arm, its = one.latest.arms["test"], other.latest.arms["test"]
        assert (arm.n, arm.value) == (its.n, pytest.approx(its.value, rel=1e-12))
    assert "exposed by the assignment table" in words(by_table)


@pytest.mark.parametrize("library", [pl.from_pandas, lambda table: table])
def test_an_assignment_table_has_column_names_of_its_own(library, found):
    named = assignments(person_id="customer", variant="arm", timestamp="since")
    exposure = {"table": library(named), "person_id": "customer", "variant": "arm"}
    by_table = analyzed(exposure=exposure | {"timestamp": "since"})
    assert by_table.exposures.units == found.exposures.units


def test_without_timestamps_everybody_was_assigned_at_the_start():
    table = assignments().drop(columns="timestamp")
    days = analyzed(exposure=table).exposures.days
    assert days[0].total == days[-1].total == 900


def test_an_assignment_table_may_stand_beside_the_events():
    connection = duckdb.connect()
    connection.register("frame", EVENTS)
    connection.execute("CREATE TABLE happened AS SELECT * FROM frame")
    connection.register("assigned", assignments())
    by_name = analyzed(connection, table="happened", exposure={"table": "assigned"})
    by_frame = analyzed(connection, table="happened", exposure=assignments())
    assert by_name.exposures.units == by_frame.exposures.units == analyzed().exposures.units


def test_a_funnel_that_begins_with_what_exposes_is_pointed_out():
    said = "etric 'Paid': its first step is the exposure itself"
    with pytest.raises(InputError) as caught:
        analyzed(metrics={"Paid": "$feature_flag_called > purchase"})
    assert said in caught.value.hint
    exposure = {"event": "view", "variant": "variant"}
    (word,) = analyzed(metrics={"Paid": "view > purchase"}, exposure=exposure).warnings
    assert said in word


def test_another_event_may_expose_and_name_the_variant_in_a_column(found):
    seen = EVENTS.replace({"event": {"$feature_flag_called": "checkout_opened"}})
    exposure = {"event": "checkout_opened", "variant": "variant"}
    by_event = analyzed(seen, columns=None, exposure=exposure)
    assert by_event.exposures.units == found.exposures.units
    named = analyzed(seen, columns={f"$feature/{FLAG}": "variant"}, exposure="checkout_opened")
    assert named.exposures.units == found.exposures.units


def test_the_exposing_event_may_be_filtered():
    german = [{"key": "country", "value": ["DE"], "operator": "exact", "type": "event"}]
    exposure = {"event": "$feature_flag_called", "properties": german}
    expected = analyzed(EVENTS[EVENTS.country == "DE"]).exposures.units
    assert analyzed(exposure=exposure).exposures.units == expected


# ---------------------------------------------------------------- an experiment of a project


def experiment(**changes) -> Experiment:
    orders = {"kind": "EventsNode", "event": "purchase"}
    revenue = {**orders, "math": "sum", "math_property": "revenue"}
    metric = {"kind": "ExperimentMetric", "uuid": "u1", "name": "Revenue", "metric_type": "mean"}
    variants = [{"key": key, "rollout_percentage": 50} for key in ("control", "test")]
    body = {
        "id": 42,
        "name": "New checkout",
        "feature_flag_key": FLAG,
        "feature_flag": {
            "id": 1,
            "key": FLAG,
            "filters": {"groups": [], "multivariate": {"variants": variants}},
        },
        "start_date": "2026-03-02T00:00:00Z",
        "metrics": [{**metric, "source": revenue}],
        "metrics_secondary": [
            {**metric, "uuid": "u2", "name": "Orders", "source": orders}
        ],
        "stats_config": {"method": "bayesian"},
    }  # fmt: skip
    return Experiment.model_validate(body | changes)


def of_experiment(**options):
    told = {"experiment": experiment(), "columns": COLUMNS} | options
    return exp_jupyter.analyze_events(EVENTS, **told)


def test_an_experiment_brings_its_definition_and_the_project_s_formulas():
    own = of_experiment()
    assert [one.metric_name for one in own] == ["Revenue", "Orders"]
    assert (own.method, own.mode) == ("bayesian", "compat")
    assert own.exposures.sample_ratio is not None
    with event_source(EVENTS, columns=COLUMNS) as source:
        spec = ExperimentSpec.from_experiment(experiment())
        expected = compute_series(source, spec, experiment().metrics[0], as_of=own.as_of)
    for day in own["Revenue"].days:
        told = expected[day.date]["variant_results"][0]
        assert day.arms["test"].sums["sum"] == told["sum"]
        if "credible_interval" in told:
            assert day.effects["test"].interval == tuple(told["credible_interval"])


def test_some_of_an_experiment_s_metrics_by_name_or_others_by_form():
    assert [one.metric_name for one in of_experiment(metrics="Orders")] == ["Orders"]
    assert [one.metric_name for one in of_experiment(metrics={"V": "view"})] == ["V"]
    with pytest.raises(InputError, match="no metric 'Ordres'") as caught:
        of_experiment(metrics=["Ordres"])
    assert "Did you mean 'Orders'?" in caught.value.hint


def test_another_method_judges_an_experiment_anew():
    judged = of_experiment(method="sequential", mode="recommended")
    assert (judged.method, judged.mode) == ("sequential", "recommended")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"columns": {"timestamp": "ts"}}, "no column 'ts' for 'timestamp'", "The columns are"),
        (
            {"columns": {"event": "country", **COLUMNS}, "metrics": "buy"},
            "No event is called '$f",
            "exposure=",
        ),
        (
            {"columns": {"person_id": "timestamp"}},
            "'timestamp' is both 'person_id' and 'timestamp'",
            "one meaning",
        ),
        ({"columns": {"uuid": "person_id"}}, "'person_id' is both", "one meaning"),
        (
            {"columns": {"person_id": "at"}, "as_of": None},
            "no column 'at' for 'person_id'",
            "The columns are",
        ),
        (
            {"columns": {"event": "revenue"}},
            "'revenue' cannot be 'event': it holds numbers",
            "Name another",
        ),
        ({"columns": None}, "reads the property '$feature_flag'", "columns={'$feature_flag': '…'}"),
        ({"columns": {"timestamp": "revenue"}}, "'revenue' cannot be 'timestamp'", "to_datetime"),
        ({"columns": {"timestamp": "country"}}, "'DE' are not ISO 8601", "to_datetime"),
        (
            {"metrics": {"Paid": "purchse:conversion"}},
            "Metric 'Paid': no event is called 'purchse'",
            "'purchase'",
        ),
        (
            {"metrics": {"Spent": "purchase:sum(revnue)"}},
            "Metric 'Spent' reads the property 'revnue'",
            "'revenue'",
        ),
        (
            {"metrics": {"Odd": "view:sum(revenue)"}},
            "'Odd': no exposed unit of any variant has it",
            "revenue",
        ),
        ({"metrics": {"Odd": "view:sum()"}}, "'view:sum()' is of no known form", "purchase:sum"),
        ({"metrics": {"Odd": 7}}, "'Odd' is 7; expected a short form", "purchase:sum"),
        ({"metrics": ()}, "no metric to analyse", "Name at least one"),
        ({"correction": "hulm"}, "correction is 'hulm'; expected one of bonferroni", ""),
        ({"correction": "holm", "method": "bayesian"}, "no p-values to correct", "frequentist"),
        ({"metrics": ["view", "view"]}, "'view' is given 2 times", "a name of its own"),
        ({"goal": {"Paied": "decrease"}}, "'Paied' belongs to no metric", "Paid"),
        ({"flag": "new-chekout"}, "flag 'new-chekout' has no rows", "Did you mean 'new-checkout'?"),
        (
            {"variants": ("a", "b"), "control": "a"},
            "900 rows in the period, and their variants are control (",
            "$feature_flag_response",
        ),
        ({"control": "contrl"}, "No unit was exposed to the control 'contrl'", "'control'"),
        ({"exposure": "opened"}, "No event is called 'opened'", "The events are"),
        ({"exposure": {"event": "view", "arm": "variant"}}, "exposure has no 'arm'", "variant"),
        ({"exposure": 3}, "exposure is 3; expected an event", "variant"),
        ({"exposure": {"table": [1, 2]}}, "no column 'person_id'", "table"),
        ({"start": "2026-04-01"}, "events end at 2026-03-11", "start"),
        ({"start": "soon"}, "start is 'soon'", "2026-03-02"),
        ({"start": None}, "did 'new-checkout' start", "start="),
        ({"end": "2026-03-01"}, "would end at", "first and the last day"),
        ({"flag": None}, "neither flag nor experiment", "flag="),
        ({"timezone": "Mars/Base"}, "no time zone 'Mars/Base'", "IANA"),
        ({"method": "magic"}, "no method 'magic'", "frequentist"),
        ({"mode": "fast"}, "mode is 'fast'", ""),
        ({"cuped": 90}, "cuped is 90", "14 days"),
        ({"breakdown": ["a", "b", "c", "d"]}, "4 properties", ""),
        ({"split": 3}, "split is 3", "equal"),
        ({"table": "events"}, "with a frame", "Leave table out"),
        ({"multiple_variants": "keep"}, "multiple_variants is 'keep'", "first_seen"),
        ({"metrics": {"X": {"metric_type": "mean"}}}, "Metric 'X' is not usable: mean.source", ""),
        ({"metrics": {"X": "purchase:hogql(sleep(3))"}}, "X", ""),
    ],
)
def test_what_is_wrong_is_named(options, message, hint):
    with pytest.raises(InputError) as caught:
        analyzed(**options)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_start_before_the_exposures_ends_in_a_count_of_rows():
    with pytest.raises(InputError, match="900 rows, none between"):
        analyzed(end="2026-02-22", start="2026-02-20", as_of="2026-03-10")


def test_there_is_nothing_to_analyse_in_no_rows():
    with pytest.raises(InputError, match="no rows"):
        analyzed(EVENTS.head(0))


def test_a_connection_needs_a_table_and_an_engine_that_is_known():
    import sqlite3
    from contextlib import closing

    with pytest.raises(InputError, match="none was named"):
        analyzed(duckdb.connect())
    with closing(sqlite3.connect(":memory:")) as lite, pytest.raises(InputError) as caught:
        analyzed(lite, table="events")
    assert "Events in sqlite cannot be analysed" in caught.value.message
    assert "postgres" in caught.value.hint
    with pytest.raises(InputError, match="no connection"):
        analyzed(object(), table="events")
    with pytest.raises(InputError, match="No file matches"):
        analyzed("nowhere/*.parquet")


def test_what_an_engine_cannot_be_asked_names_the_metric_and_the_engine(tmp_path):
    import json

    packed = EVENTS.assign(properties=[json.dumps({"price": 3.0})] * len(EVENTS))
    driver = Driver(packed)
    asked = {"table": "happened", "dialect": "duckdb"}
    assert analyzed(driver, metrics={"Price": "purchase:sum(price)"}, **asked).engine == "duckdb"
    with pytest.raises(InputError) as caught:
        analyzed(
            driver,
            metrics={"Orders": "purchase", "Odd": "purchase:hogql(quantile(0.9)(toFloat(price)))"},
            **asked,
        )
    assert "'Odd'" in caught.value.message


def test_a_metric_may_read_a_table_beside_the_events():
    paid = EVENTS[EVENTS.event == "purchase"]
    orders = paid[["person_id", "timestamp", "revenue"]].rename(columns={"timestamp": "placed_at"})
    node = {
        "kind": "ExperimentDataWarehouseNode",
        "table_name": "orders",
        "timestamp_field": "placed_at",
        "events_join_key": "person_id",
        "data_warehouse_join_key": "person_id",
        "math": "sum",
        "math_property": "revenue",
    }
    by_table = analyzed(
        metrics={"Revenue": {"metric_type": "mean", "source": node}}, tables={"orders": orders}
    )
    by_events = analyzed(metrics={"Revenue": METRICS["Revenue"]})
    assert by_table.effect().estimate == pytest.approx(by_events.effect().estimate)


def test_a_frame_cannot_be_joined_to_a_relation():
    relation = duckdb.connect().sql("SELECT 'a' AS event, 1 AS person_id, now() AS timestamp")
    with pytest.raises(InputError, match="assignment table is a DataFrame"):
        analyzed(relation, columns=None, exposure=assignments())


# ---------------------------------------------------------------- what is left behind


def contents(connection: duckdb.DuckDBPyConnection) -> list[str]:
    asked = "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION ALL "
    asked += "SELECT table_name FROM duckdb_tables() WHERE NOT internal"
    return sorted(name for (name,) in connection.execute(asked).fetchall())


def test_a_caller_s_connection_is_left_as_it_was():
    connection = duckdb.connect()
    connection.register("happened", EVENTS)
    connection.execute("SET TimeZone = 'Asia/Tokyo'")
    before = connection.execute("SELECT name, value FROM duckdb_settings()").fetchall()
    emails = {"person_id": [1], "email": ["a@example.com"]}
    analyzed(connection, table="happened", exposure=assignments(), persons=emails)
    assert contents(connection) == ["happened"]
    assert connection.execute("SELECT name, value FROM duckdb_settings()").fetchall() == before


def test_an_interrupted_analysis_stops_in_the_engine_and_leaves_nothing():
    connection = duckdb.connect()
    connection.execute(
        "CREATE VIEW happened AS SELECT 'view' AS event, (a.range * b.range % 7) AS person_id, "
        "TIMESTAMP '2026-03-02' AS timestamp, 'x' AS variant "
        "FROM range(3000000) a, range(3000000) b"
    )
    timer = threading.Timer(0.7, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        analyzed(
            connection,
            table="happened",
            columns=None,
            exposure=assignments(),
            metrics="view",
        )
    assert contents(connection) == ["happened"]
    assert connection.execute("SELECT 42").fetchall() == [(42,)]


def test_progress_is_told_from_nothing_to_everything():
    told = []
    analyzed(progress=lambda share, sentence: told.append((share, sentence)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert {sentence for _, sentence in told} == {"Adding up the events"}


def test_a_reader_who_has_enough_stops_it():
    class EnoughError(Exception):
        pass

    def tell(share, sentence):
        if share > 0:
            raise EnoughError

    with pytest.raises(EnoughError):
        analyzed(progress=tell)


def test_the_start_is_a_day_in_the_time_zone():
    berlin = analyzed(timezone="Europe/Berlin")
    assert berlin.start.isoformat() == "2026-03-01T23:00:00+00:00"
    assert START in str(berlin.series().days[0].date)
