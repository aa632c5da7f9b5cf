"""Events in every form give the naive analysis of every day, by the public call alone."""

from __future__ import annotations

import math
from contextlib import suppress

import duckdb
import oracle
import pandas as pd
import pytest
from event_worlds import FORMS, NAMES, frame, opened, spec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from worlds import TABLES, funnels, load_tables, means, ratios, retentions, worlds

import exp_jupyter
from exp_jupyter.errors import InputError

WIRE = {
    "n": "number_of_samples",
    "s": "sum",
    "ss": "sum_squares",
    "b": "denominator_sum",
    "bb": "denominator_sum_squares",
    "ab": "numerator_denominator_sum_product",
    "x": "covariate_sum",
    "xx": "covariate_sum_squares",
    "xy": "covariate_sum_product",
}
small = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # the worlds are too dense to shrink
    suppress_health_check=list(HealthCheck),
)
measures = st.one_of(means(), funnels(), ratios(), retentions())


def beside(world, connected):
    """Return the tables beside the events as frames, or as what the connection can read."""
    place = opened[0] if connected else duckdb.connect()
    load_tables(world, place)
    more = {name: name if connected else place.table(name).to_arrow_table() for name in TABLES}
    told = {"tables": more}
    if world.sessions is not None:
        told["sessions"] = "sessions" if connected else place.table("sessions").to_arrow_table()
    emails = {"person_id": list(world.emails), "email": list(world.emails.values())}
    members = [(p, c) for c, persons in world.cohorts.items() for p in persons or {None}]
    if not connected:
        table = pd.DataFrame(members, columns=["person_id", "cohort_id"])
        return told | {"persons": emails, "cohorts": table.astype({"person_id": "Int64"})}
    persons = ", ".join(f"""({p}, '{{"email": "{email}"}}')""" for p, email in world.emails.items())
    cohorts = ", ".join(f"({'NULL' if p is None else p}, {c})" for p, c in members)
    return told | {
        "persons": f"SELECT * FROM (VALUES {persons}) AS v(person_id, properties)",
        "cohorts": f"SELECT * FROM (VALUES {cohorts}) AS v(person_id, cohort_id)",
    }


def analyzed(world, metrics, events, **options):
    connected = "table" in options or isinstance(events, duckdb.DuckDBPyRelation)
    told = {"columns": NAMES, "as_of": world.as_of, "control": "control", "method": "frequentist"}
    told |= beside(world, connected)
    if world.lookback_days is not None:
        told["cuped"] = world.lookback_days
    return exp_jupyter.analyze_events(
        events, experiment=spec(world), metrics=metrics, **(told | options)
    )


def agree(world, metric, series):
    """See that every sum of every day and variant is the naive one's."""
    by_day = {day.date: day for day in series.days}
    for day, stop in oracle.points(world):
        naive = oracle.result(world, metric, stop)
        found = {series.baseline_key: by_day[day].baseline, **by_day[day].arms}
        for variant, own in found.items():
            rows = [row for (_, name), row in naive.items() if name == variant]
            size = max([1.0, *(abs(value) for row in rows for value in row.values())])
            for name, wire in WIRE.items():
                if wire in own.sums:
                    want = math.fsum(row[name] for row in rows)
                    assert math.isclose(own.sums[wire], want, rel_tol=1e-9, abs_tol=1e-9 * size), (
                        f"{metric['metric_type']} {day} {variant} {name}"
                    )
            for step, reached in enumerate(own.sums.get("step_counts") or (), start=1):
                assert reached == sum(row[f"k{step}"] for row in rows)


def answerable(world, metrics):
    """Whether every event is there and somebody in a variant has every metric."""
    names = {event.event for event in world.events}
    stop = oracle.points(world)[-1][1]
    kept = [key for key in world.variants if key not in world.excluded]
    for metric in metrics:
        rows = [row for (_, key), row in oracle.result(world, metric, stop).items() if key in kept]
        held = "k1" if metric["metric_type"] == "funnel" else "ss"
        starters = metric["metric_type"] == "retention" and any(row["n"] for row in rows)
        if not starters and not any(row[held] or row["bb"] for row in rows):
            return False
    return {"a", "b", "c", "signup", "$feature_flag_called"} <= names


def check(world, metrics, events, options):
    """Return whether there was an answer; what has none is refused by name."""
    named = [{**metric, "name": f"metric {place}"} for place, metric in enumerate(metrics)]
    if not answerable(world, metrics):
        with suppress(InputError):
            analyzed(world, named, events, **options)
        return False
    found = analyzed(world, named, events, **options)
    for metric, series in zip(named, found, strict=True):
        agree(world, metric, series)
    exclude = world.handling != "first_seen"
    for day, (_, stop) in zip(found.exposures.days, oracle.points(world), strict=True):
        people = oracle.units(world, stop)
        assert day.multiple == (sum(unit.multiple for unit in people) if exclude else 0)
        for key, n in day.units.items():
            own = [unit for unit in people if unit.variant == key]
            assert n == sum(not (unit.multiple and exclude) for unit in own)
    return True


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_events_gives_the_naive_analysis_of_every_day(form, tmp_path_factory):
    answered = []

    @settings(small, max_examples=30)
    @given(worlds(), st.lists(measures, min_size=1, max_size=2))
    def same(world, metrics):
        if sum(answered) >= 3:
            return  # many worlds have no answer; the others take their time
        events, options = FORMS[form](frame(world), tmp_path_factory.mktemp("events"))
        answered.append(check(world, metrics, events, options))

    same()
    assert sum(answered) >= 3
