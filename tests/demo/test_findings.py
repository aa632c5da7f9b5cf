"""What the demo's experiments show: the findings its notebooks tell are really in the data."""

from __future__ import annotations

from datetime import date

import pytest

from exp_jupyter.analysis.posthog.compute import compute_result, compute_series
from exp_jupyter.analysis.results.exposures import compute_exposures
from exp_jupyter.server.demo.setting import NOW, STAFF_DOMAIN
from exp_jupyter.server.demo.shop import CHECKOUT_LIFT

LAUNCHED = (
    "One-step sign-up",
    "Welcome checklist",
    "Larger product photos",
    "Checkout redesign",
    "Search ranking",
    "support-reply: v3, v4 (cost, latency, eval_pass_rate)",
    "Bundle pricing",
    "Free shipping banner",
)
SKEWED = "Search ranking"


def exposures(world, name):
    with world.events.cursor() as cursor:
        return compute_exposures(world.events.source(cursor), world.specs[name], NOW)


def result(world, experiment, metric):
    with world.events.cursor() as cursor:
        return compute_result(
            world.events.source(cursor),
            world.specs[experiment],
            world.metric(experiment, metric),
            as_of=NOW,
        )


def series(world, experiment, metric):
    with world.events.cursor() as cursor:
        return compute_series(
            world.events.source(cursor),
            world.specs[experiment],
            world.metric(experiment, metric),
            as_of=NOW,
        )


def arm(body):
    (only,) = body["variant_results"]
    return only


@pytest.mark.parametrize("name", LAUNCHED)
def test_only_the_search_ranking_has_a_skewed_split(world, name):
    p_value = exposures(world, name)["sample_ratio_mismatch"]["p_value"]
    assert (p_value < 0.001) if name == SKEWED else (p_value > 0.05)


def test_about_one_in_two_hundred_saw_both_checkouts(world):
    totals = exposures(world, "Checkout redesign")["total_exposures"]
    assert 0.003 < totals["$multiple"] / sum(totals.values()) < 0.008


@pytest.mark.parametrize("name", LAUNCHED)
def test_no_test_account_is_ever_exposed(world, name):
    counted = exposures(world, name)["total_exposures"]
    spec = world.specs[name]
    with world.events.cursor() as cursor:
        source = world.events.source(cursor)
        ((customers, staff),) = cursor.execute(
            f"""SELECT count(DISTINCT e.person_id) FILTER (NOT coalesce(staff, false)),
                count(DISTINCT e.person_id) FILTER (coalesce(staff, false))
            FROM {source.relation} AS e
            LEFT JOIN (SELECT person_id, json_extract_string(properties, '$.email')
                LIKE '%@{STAFF_DOMAIN}' AS staff FROM {source.persons}) AS p USING (person_id)
            WHERE e."$feature_flag" = ? AND e."$feature_flag_response" IN
                (SELECT unnest(?)) AND e.timestamp >= ? AND e.timestamp <= ?""",
            [
                spec.flag_key,
                list(spec.variants),
                spec.start.replace(tzinfo=None),
                min(spec.end or NOW, NOW).replace(tzinfo=None),
            ],
        ).fetchall()
    assert staff > 0
    assert sum(counted.values()) == customers


def test_the_checkout_redesign_wins_in_the_end_but_not_on_the_first_day(world):
    days = series(world, "Checkout redesign", "Checkout conversion")
    first, last = arm(days[date(2026, 3, 9)]), arm(days[date(2026, 3, 30)])
    assert not first["significant"]
    assert last["significant"]
    assert last["chance_to_win"] > 0.999
    low, high = last["credible_interval"]
    assert low < CHECKOUT_LIFT - 1 < high


def test_the_bundles_are_not_distinguishable_on_any_day(world):
    days = series(world, "Bundle pricing", "Revenue per visitor")
    assert not any(arm(body).get("significant") for body in days.values())


def test_the_welcome_checklist_brought_customers_back(world):
    found = arm(result(world, "Welcome checklist", "Back within a week"))
    assert found["p_value"] < 0.001
    assert found["confidence_interval"][0] > 0


def test_the_photos_and_the_sign_up_form_made_no_difference_to_see(world):
    for experiment, metric in (
        ("Larger product photos", "Products put into the cart"),
        ("One-step sign-up", "Sign-up"),
    ):
        assert not arm(result(world, experiment, metric))["significant"]


def test_the_photos_are_compared_with_help_of_what_people_did_before(world):
    found = result(world, "Larger product photos", "Products put into the cart")
    assert found["baseline"]["covariate_sum"] > 0


def test_shorter_instructions_are_cheaper_and_not_worse(world):
    name = LAUNCHED[5]
    cost = arm(result(world, name, "Cost"))
    assert cost["chance_to_win"] < 0.001
    assert cost["credible_interval"][1] < 0
    assert not arm(result(world, name, "Eval pass rate"))["significant"]


def test_the_banner_has_three_arms_and_most_people_outside(world):
    totals = exposures(world, "Free shipping banner")["total_exposures"]
    assert {"control", "test-1", "test-2"} <= set(totals)
