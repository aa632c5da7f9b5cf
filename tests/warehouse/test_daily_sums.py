"""Every day of every metric kind equals the naive analysis of that day."""

from __future__ import annotations

import math

import oracle
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from worlds import (
    funnels,
    means,
    ratios,
    request_of,
    retentions,
    source_of,
    worlds,
)

from exp_jupyter.warehouse import daily_exposures, daily_sums

small = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # the worlds are too dense to shrink
    suppress_health_check=list(HealthCheck),
)


def check(world, metrics, *, typed=False):
    for one_pass in (True, False):
        request = request_of(world, metrics)
        agree(world, metrics, daily_sums(source_of(world, typed=typed), request, one_pass=one_pass))


def agree(world, metrics, found):
    kept = [v for v in world.variants if v not in world.excluded]
    for metric, sums in zip(metrics, found, strict=True):
        for i, (day, stop) in enumerate(oracle.points(world)):
            expected = oracle.result(world, metric, stop)
            for g, values in enumerate(sums.breakdowns):
                for j, variant in enumerate(kept):
                    row = expected.get((values, variant), {})
                    for name, value in sums.of(g, j, i).items():
                        want = row.get(name, 0.0)
                        assert math.isclose(value, want, rel_tol=1e-9, abs_tol=1e-9 * scale(row)), (
                            f"{metric['metric_type']} {day} {values} {variant} {name}: "
                            f"{value} instead of {want}"
                        )
            missing = {key for key, row in expected.items() if row["n"]} - {
                (values, variant) for values in sums.breakdowns for variant in kept
            }
            assert not missing


def scale(row):
    # Differences cancel to about the size of the squares they are taken from.
    return max(1.0, *(abs(v) for v in row.values())) if row else 1e12


@small
@given(worlds(), means())
def test_means(world, metric):
    check(world, [metric])


@small
@given(worlds(), ratios())
def test_ratios(world, metric):
    check(world, [metric])


@small
@given(worlds(), funnels())
def test_funnels(world, metric):
    check(world, [metric])


@small
@given(worlds(), retentions())
def test_retentions(world, metric):
    check(world, [metric])


@small
@given(worlds(), st.lists(st.one_of(means(), ratios(), funnels(), retentions()), max_size=5))
def test_metrics_that_share_a_scan(world, metrics):
    check(world, metrics)


@settings(small, max_examples=15)
@given(worlds(), st.one_of(means(), funnels()))
def test_typed_columns_say_the_same_as_json(world, metric):
    check(world, [metric], typed=True)


@settings(small, max_examples=30)
@given(worlds())
def test_exposures(world):
    counts, multiple = daily_exposures(source_of(world), request_of(world, []))
    kept = [v for v in world.variants if v not in world.excluded]
    exclude = world.handling != "first_seen"
    for i, (_, stop) in enumerate(oracle.points(world)):
        people = oracle.units(world, stop)
        for j, variant in enumerate(kept):
            assert counts[j, i] == sum(
                unit.variant == variant and not (unit.multiple and exclude) for unit in people
            )
        assert multiple[i] == (sum(unit.multiple for unit in people) if exclude else 0)
