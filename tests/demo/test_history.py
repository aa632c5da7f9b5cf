"""The demo's events: the same everywhere, and like those of a real shop."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from exp_jupyter.server.demo.draws import Draws
from exp_jupyter.server.demo.history import drawn
from exp_jupyter.server.demo.setting import EVENTS, FIRST_DAY, NOW, STAFF_DOMAIN, TRIALS

DRAWN = "75dee509c1f059ee2607491924680b79ada00c2a68ba197b04a721f63fe6b423"
STORED = "12bf136e4cec37684c19277e2814bfa0"


def test_the_draws_are_the_same_on_every_machine():
    draws = Draws(2026)
    assert draws.below(1000, 6).tolist() == [178, 639, 467, 370, 354, 790]
    assert draws.uniform(2).tolist() == [0.9051438366771739, 0.17735319182304865]
    assert draws.pick((1, 2, 7), 8).tolist() == [2, 1, 2, 2, 2, 2, 2, 2]


def test_the_history_is_the_same_on_every_machine():
    digest = hashlib.sha256()
    for name, column in sorted(drawn().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    assert digest.hexdigest() == DRAWN


def test_the_stored_events_are_the_same_on_every_machine(world):
    rows = world.events.fetch(
        "SELECT md5(string_agg(line, '' ORDER BY line)) FROM (SELECT md5(concat_ws('|', uuid, "
        "event, distinct_id, person_id, epoch_us(timestamp), properties)) AS line FROM events)"
    )
    assert rows == [(STORED,)]


def test_another_seed_is_another_history():
    assert not np.array_equal(drawn(1)["at"][:1000], drawn(2)["at"][:1000])


def test_the_typed_columns_say_what_the_properties_say(world):
    text = {
        name: f"json_extract_string(properties, '$.\"{name}\"')"
        for name in ("$feature_flag", "$feature_flag_response", "$session_id", "$ai_prompt_name")
    }
    number = {
        name: f"CAST(json_extract_string(properties, '$.\"{name}\"') AS DOUBLE)"
        for name in ("revenue", "$ai_total_cost_usd", "$ai_latency")
    }
    differs = " OR ".join(
        f'"{name}" IS DISTINCT FROM {json}' for name, json in (text | number).items()
    )
    assert world.events.fetch(f"SELECT count(*) FROM events WHERE {differs}") == [(0,)]


def test_it_is_as_large_as_a_small_shops_history(world):
    ((count, first, last, people),) = world.events.fetch(
        "SELECT count(*), min(timestamp), max(timestamp), count(DISTINCT person_id) FROM events"
    )
    assert 250_000 <= count <= 350_000
    assert first.date() == FIRST_DAY.date()
    assert last.date() == NOW.date()
    assert last < NOW.replace(tzinfo=None)
    assert people > 20_000
    assert world.events.names() == sorted(EVENTS)


def test_weekends_are_quieter(world):
    rows = dict(
        world.events.fetch(
            "SELECT isodow(timestamp), count(*) FROM events "
            "WHERE event = 'session_start' AND timestamp < '2026-03-30' GROUP BY 1"
        )
    )
    assert max(rows[6], rows[7]) < min(rows[day] for day in range(1, 6))


def test_revenue_has_a_heavy_tail(world):
    ((mean, median, top, total),) = world.events.fetch(
        "SELECT avg(revenue), median(revenue), sum(revenue) FILTER (revenue > 150), sum(revenue) "
        "FROM events WHERE event = 'purchase'"
    )
    assert mean > 1.25 * median
    assert 0.1 < top / total < 0.4


def test_some_orders_come_much_later_than_their_checkout(world):
    ((late,),) = world.events.fetch(
        "SELECT avg(CAST(hours > 2 AS INTEGER)) FROM (SELECT date_diff('minute', max(c.timestamp), "
        'p.timestamp) / 60 AS hours FROM events p JOIN events c ON c."$session_id" = '
        "p.\"$session_id\" AND c.event = 'checkout_started' WHERE p.event = 'purchase' "
        "GROUP BY p.uuid, p.timestamp)"
    )
    assert 0.05 < late < 0.15


def test_some_events_arrive_after_later_ones(world):
    parts = world.events.listed.parts()
    assert len(parts) == 2
    assert parts[1].first < parts[0].last
    assert 500 < min(part.rows for part in parts) < 5_000


def test_many_buyers_of_the_checkout_experiment_have_bought_before_it(world):
    ((share,),) = world.events.fetch(
        "WITH exposed AS (SELECT person_id, min(timestamp) AS t FROM events "
        "WHERE \"$feature_flag\" = 'checkout-redesign' GROUP BY 1) SELECT avg(CAST(before AS "
        "INTEGER)) FROM (SELECT count(p.uuid) > 0 AS before FROM exposed e LEFT JOIN events p ON "
        "p.person_id = e.person_id AND p.event = 'purchase' AND p.timestamp < e.t GROUP BY "
        "e.person_id)"
    )
    assert share > 0.1


def test_a_person_keeps_their_number_when_they_sign_up(world):
    ((people, names),) = world.events.fetch(
        "SELECT count(*), max(names) FROM (SELECT count(DISTINCT distinct_id) AS names FROM events "
        "GROUP BY person_id HAVING count(DISTINCT distinct_id) > 1)"
    )
    assert people > 5_000
    assert names == 2


def test_staff_are_known_by_their_address(world):
    with world.events.cursor() as cursor:
        persons = world.events.source(cursor).persons
        rows = cursor.execute(
            f"SELECT count(*) FROM {persons} WHERE json_extract_string(properties, '$.email') "
            f"LIKE '%@{STAFF_DOMAIN}'"
        ).fetchall()
    assert rows == [(40,)]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.key)
def test_a_flag_is_asked_only_while_its_experiment_runs(world, trial):
    ((first, last, answers),) = world.events.fetch(
        'SELECT min(timestamp), max(timestamp), list(DISTINCT "$feature_flag_response") '
        'FROM events WHERE "$feature_flag" = ?',
        [trial.key],
    )
    assert first >= trial.start.replace(tzinfo=None)
    assert last < (trial.stop or NOW).replace(tzinfo=None)
    outside = {"false"} if trial.rollout < 100 else set()
    assert set(answers) == {*trial.variants, *outside}


def test_evaluations_come_in_all_their_kinds(world):
    kinds = world.events.fetch(
        "SELECT json_extract_string(properties, '$.\"$ai_evaluation_result_type\"'), "
        "json_extract_string(properties, '$.\"$ai_evaluation_applicable\"'), count(*) > 100 "
        "FROM events WHERE event = '$ai_evaluation' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert kinds == [("boolean", "false", True), ("boolean", "true", True), ("numeric", None, True)]
