"""The same statement gives the same numbers wherever it runs: the naive analysis' own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from test_daily_sums import agree, small
from worlds import (
    funnels,
    means,
    members,
    ratios,
    request_of,
    retentions,
    source_of,
    worlds,
)

from exp_jupyter.warehouse import daily_exposures, daily_sums

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("default")]

KINDS = {"means": means, "ratios": ratios, "funnels": funnels, "retentions": retentions}


def examples(engine):
    return settings(small, max_examples={"spark": 2}.get(engine.name, 15))


def without_persons(world):
    # Persons' properties are JSON, which these sources do not have.
    kept = [item for item in world.exclusions if item["type"] != "person"]
    return replace(world, test_filters=(), exclusions=tuple(kept))


def loaded(engine, world):
    return replace(engine.load(world), cohorts=members(world))


@pytest.mark.parametrize("kind", KINDS)
def test_every_day_of_every_kind_equals_the_naive_analysis(engine, kind):
    @examples(engine)
    @given(worlds(), KINDS[kind]())
    def same(world, metric):
        world = without_persons(world)
        agree(world, [metric], daily_sums(loaded(engine, world), request_of(world, [metric])))

    same()


def test_the_exposures_are_the_same(engine):
    @examples(engine)
    @given(worlds())
    def same(world):
        world = without_persons(world)
        counts, multiple = daily_exposures(loaded(engine, world), request_of(world, []))
        here, several = daily_exposures(source_of(world), request_of(world, []))
        assert (counts == here).all()
        assert (multiple == several).all()

    same()
