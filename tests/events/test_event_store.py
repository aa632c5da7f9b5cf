"""The event store: parts that are there whole or not at all, readable while others write."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.errors import InputError
from exp_jupyter.server.events.columns import person_number
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.store import ProjectStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    project = ProjectStore(tmp_path / "project")
    yield project
    project.close()


@pytest.fixture
def events(store):
    events = EventStore(store)
    yield events
    events.close()


def event(name="purchase", who="ada", at=NOON, **properties):
    return {"event": name, "distinct_id": who, "timestamp": at, "properties": properties}


def test_an_empty_store_has_no_rows_but_all_columns(events):
    assert events.fetch("SELECT * FROM events") == []
    described = events.fetch("DESCRIBE events")
    assert [row[:2] for row in described[:6]] == [
        ("uuid", "VARCHAR"),
        ("event", "VARCHAR"),
        ("distinct_id", "VARCHAR"),
        ("person_id", "BIGINT"),
        ("timestamp", "TIMESTAMP"),
        ("properties", "VARCHAR"),
    ]


def test_a_filled_store_has_the_same_columns_as_an_empty_one(events):
    empty = events.fetch("DESCRIBE events")
    events.append([event()])
    assert events.fetch("DESCRIBE events") == empty


def test_hot_properties_are_typed_columns(events):
    events.append(
        [event("$feature_flag_called", **{"$feature_flag": "f", "$feature_flag_response": "test"})]
    )
    events.append([event(revenue="12.5"), event(revenue="a lot"), event()])
    assert events.fetch(
        'SELECT "$feature_flag", "$feature_flag_response", revenue FROM events ORDER BY ALL'
    ) == [("f", "test", None), (None, None, 12.5), (None, None, None), (None, None, None)]


def test_times_are_utc_whatever_their_offset(events):
    events.append(
        [
            event(at="2026-03-01T14:00:00+02:00"),
            event(at="2026-03-01T12:00:00Z"),
            event(at="2026-03-01T12:00:00"),
            event(at=NOON),
        ]
    )
    assert events.fetch("SELECT DISTINCT timestamp FROM events") == [(NOON.replace(tzinfo=None),)]


def test_rows_lie_in_time_order(events):
    events.append([event(at=NOON + timedelta(minutes=m)) for m in (3, 1, 2)])
    times = [row[0] for row in events.fetch("SELECT timestamp FROM events")]
    assert times == sorted(times)


def test_bad_rows_are_numbered_and_nothing_is_added(events):
    with pytest.raises(InputError, match=r"2 rows are not events; nothing was added\. Row 2: "):
        events.append([event(), event(who=""), event(), {"event": "x", "distinct_id": "y"}])
    assert events.fetch("SELECT count(*) FROM events") == [(0,)]
    assert events.names() == []


def test_a_crash_before_the_listing_leaves_no_half_part(events, store, monkeypatch):
    events.append([event(who="before")])

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(events.listed, "add", crash)
        with pytest.raises(KeyboardInterrupt):
            events.append([event(who="during")])
    # The file is complete and in its place, yet it is no part of the project.
    assert len(list(events.folder.glob("*.parquet"))) == 2
    for reader in (events, EventStore(store)):
        assert reader.fetch("SELECT distinct_id FROM events") == [("before",)]


def test_a_failed_query_leaves_no_draft(events):
    with events.cursor() as cursor, pytest.raises(Exception, match="no_such_table"):
        events.append_query(cursor, "SELECT * FROM no_such_table")
    assert list(events.folder.iterdir()) == []


def test_a_relation_keeps_meaning_the_events_it_was_made_for(events):
    events.append([event()])
    with events.cursor() as cursor:
        relation = events.relation(cursor)
        events.append([event()])
        assert cursor.execute(f"SELECT count(*) FROM {relation}").fetchone() == (1,)
    assert events.fetch("SELECT count(*) FROM events") == [(2,)]


def test_several_writers_and_readers_at_once(store):
    failures = []

    def write(writer):
        mine = EventStore(store)
        try:
            for number in range(5):
                mine.append([event(who=f"{writer}-{number}"), event(who=f"{writer}-{number}")])
                (count,) = mine.fetch("SELECT count(*) FROM events")[0]
                assert count % 2 == 0, "half an append was seen"
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert EventStore(store).fetch("SELECT count(*) FROM events") == [(40,)]


def test_the_same_distinct_id_is_the_same_person_in_every_part(events):
    events.append([event(who="ada")])
    events.append([event(who="ada"), event(who="ben")])
    assert events.fetch("SELECT count(DISTINCT person_id) FROM events") == [(2,)]


def test_a_merged_person_takes_past_and_future_events_along(events):
    events.append([event(who="anonymous"), event(who="ada")])
    people = dict(events.fetch("SELECT distinct_id, person_id FROM events"))
    events.listed.merge_person(people["anonymous"], people["ada"])
    events.append([event(who="anonymous")])
    assert events.fetch("SELECT DISTINCT person_id FROM events") == [(people["ada"],)]


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=12))
def test_merging_never_makes_a_circle(pairs):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = ProjectStore(folder, durable=False)
        parts = EventStore(store).listed
        same = {who: {who} for who in range(1, 7)}
        for old, new in pairs:
            parts.merge_person(old, new)
            together = same[old] | same[new]
            for who in together:
                same[who] = together
        now = dict(parts.merged().tolist())
        assert not set(now.values()) & set(now)
        for who, group in same.items():
            assert len({now.get(other, other) for other in group}) == 1, who
        store.close()


def test_property_bags_come_newest_first_from_the_range_only(events):
    events.append([event(at=NOON - timedelta(days=d), day=d) for d in range(5)])
    sampled = events.sample_properties(
        "purchase", limit=2, since=NOON - timedelta(days=3), until=NOON
    )
    assert sampled == [{"day": 1}, {"day": 2}]


def test_names_with_quotes_and_odd_properties_survive(events):
    odd = {"it's": '"quoted"', "ünï": ["a", 1, None, {"deep": True}], "$feature/x": "test"}
    events.append([event('it\'s "odd"; DROP TABLE', **odd)])
    assert events.names() == ['it\'s "odd"; DROP TABLE']
    assert events.sample_properties(
        'it\'s "odd"; DROP TABLE', limit=1, since=NOON, until=NOON + timedelta(seconds=1)
    ) == [odd]


def test_small_parts_become_one_with_the_same_events(events, store):
    for number in range(5):
        events.append([event(who=f"u{number}", at=NOON - timedelta(days=number))])
    before = events.fetch("SELECT * FROM events ORDER BY uuid")
    with events.cursor() as cursor:
        relation = events.relation(cursor)
    assert events.merge_small() == 5
    assert len(events.listed.parts()) == 1
    assert events.fetch("SELECT * FROM events ORDER BY uuid") == before
    times = [row[0] for row in events.fetch("SELECT timestamp FROM events")]
    assert times == sorted(times)
    # Whoever began to read before goes on reading the parts as they were, after a new start too.
    EventStore(store)
    with events.cursor() as cursor:
        assert cursor.execute(f"SELECT count(*) FROM {relation}").fetchone() == (5,)


def test_parts_merge_by_themselves_when_there_are_many(events, monkeypatch):
    monkeypatch.setattr("exp_jupyter.server.events.event_store._MANY_SMALL", 4)
    for number in range(9):
        events.append([event(who=f"u{number}")])
        assert len(events.listed.parts()) < 4
    assert events.fetch("SELECT count(DISTINCT distinct_id) FROM events") == [(9,)]


def test_of_two_kernels_that_merge_only_one_does(events, store):
    for number in range(3):
        events.append([event(who=f"u{number}")])
    other = EventStore(store)
    seen = other.listed.parts()
    assert events.merge_small() == 3
    merged = events.listed.parts()
    assert other.listed.replace(seen, seen[0]) is False
    assert events.listed.parts() == merged
    other.close()


def test_a_crash_while_merging_leaves_the_parts_as_they_were(events, monkeypatch):
    for number in range(3):
        events.append([event(who=f"u{number}")])
    before = events.listed.parts()

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(events.listed, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        events.merge_small()
    assert events.listed.parts() == before
    assert events.fetch("SELECT count(*) FROM events") == [(3,)]


def test_a_statement_does_not_grow_with_the_merged_persons(events):
    events.append([event(who=str(number)) for number in range(40)])
    lengths = []
    for merges in (20, 30):
        for number in range(1, merges):
            events.listed.merge_person(person_number(str(number)), person_number("0"))
        with events.cursor() as cursor:
            relation = events.relation(cursor)
            lengths.append(len(relation))
            people = cursor.execute(f"SELECT count(DISTINCT person_id) FROM {relation}").fetchall()
            assert people == [(41 - merges,)]
    assert lengths[0] == lengths[1]


def test_a_merge_is_seen_on_a_connection_that_was_lent_before(events):
    events.append([event(who="ada"), event(who="ben"), event(who="cyd")])
    with events.cursor() as cursor:
        for gone, left in (("ben", 2), ("cyd", 1)):
            events.listed.merge_person(person_number(gone), person_number("ada"))
            relation = events.relation(cursor)
            people = cursor.execute(f"SELECT count(DISTINCT person_id) FROM {relation}").fetchall()
            assert people == [(left,)]


def test_unlisted_files_are_set_aside_and_said_and_old_drafts_removed(events, store):
    events.append([event()])
    (part,) = events.listed.parts()
    left = events.folder / "0000-left.parquet"
    young, old = (events.folder / f".draft-{name}.parquet" for name in ("young", "old"))
    for file in (left, young, old):
        file.write_bytes(part.file.read_bytes())
    two_days_ago = time.time() - 2 * 86_400
    for file in (left, old, part.file):
        os.utime(file, (two_days_ago, two_days_ago))
    again = EventStore(store)
    assert (events.folder / "lost+found" / left.name).read_bytes() == part.file.read_bytes()
    assert not left.exists()
    assert young.exists()
    assert not old.exists()
    assert part.file.exists()
    (said,) = again.notices
    assert said.startswith("1 file with events")
    assert "exp-jupyter check" in said


def test_a_merged_part_is_removed_when_nobody_can_be_reading_it(events, store):
    for number in range(2):
        events.append([event(who=str(number))])
    merged = [part.file for part in events.listed.parts()]
    assert events.merge_small() == 2
    assert EventStore(store).notices == []
    assert all(file.exists() for file in merged)
    for file in merged:
        os.utime(file, (0, 0))
    assert EventStore(store).notices == []
    assert not any(file.exists() for file in merged)
    assert events.fetch("SELECT count(*) FROM events") == [(2,)]


def test_a_file_that_is_just_being_listed_is_not_set_aside(events, store, monkeypatch):
    listing = events.listed.add

    def open_the_folder_meanwhile(part, names):
        assert EventStore(store).notices == []
        listing(part, names)

    monkeypatch.setattr(events.listed, "add", open_the_folder_meanwhile)
    events.append([event()])
    assert events.fetch("SELECT count(*) FROM events") == [(1,)]
