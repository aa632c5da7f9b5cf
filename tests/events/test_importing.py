"""Importing a table of events: a column mapping, bad rows by number, all or nothing."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_columns import FRAMES, READ

from exp_jupyter.errors import DataWarning, InputError
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.events.imports import import_events
from exp_jupyter.server.store import ProjectStore


@pytest.fixture
def events(tmp_path):
    project = ProjectStore(tmp_path / "project", durable=False)
    events = EventStore(project)
    yield events
    events.close()
    project.close()


FRAME = pd.DataFrame(
    {
        "what": ["signup", "purchase"],
        "user": [17, 18],
        "when": pd.to_datetime(["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"], utc=True),
        "revenue": [None, 9.5],
        "plan": ["free", None],
    }
)
MAPPING = {"event": "what", "distinct_id": "user", "timestamp": "when"}


def stored(events):
    rows = events.fetch(
        "SELECT event, distinct_id, epoch_ms(timestamp), properties FROM events ORDER BY timestamp"
    )
    return [(*row[:3], json.loads(row[3])) for row in rows]


EXPECTED = [
    ("signup", "17", 1772359200000, {"plan": "free"}),
    ("purchase", "18", 1772362800000, {"revenue": 9.5}),
]


def test_a_frame_with_a_column_mapping(events):
    assert import_events(events, FRAME, **MAPPING) == 2
    assert stored(events) == EXPECTED


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_read_like_the_frame_it_holds(events, tmp_path, kind):
    file = tmp_path / f"it's.{kind}"
    if kind == "csv":
        FRAME.to_csv(file, index=False)
    else:
        with events.cursor() as cursor:
            cursor.register("frame", FRAME)
            cursor.execute(f"COPY frame TO '{tmp_path / 'plain.parquet'}'")
        (tmp_path / "plain.parquet").rename(file)
    assert import_events(events, file, **MAPPING) == 2
    assert stored(events) == EXPECTED


def test_one_name_for_all_rows_and_chosen_properties(events):
    import_events(
        events, FRAME, distinct_id="user", timestamp="when", name="order", properties=["revenue"]
    )
    assert [(row[0], row[3]) for row in stored(events)] == [
        ("order", {}),
        ("order", {"revenue": 9.5}),
    ]


def test_properties_may_be_a_column_of_json(events):
    frame = FRAME.assign(more=['{"a": {"b": 1}}', None])
    import_events(events, frame, **MAPPING, properties="more")
    assert [row[3] for row in stored(events)] == [{"a": {"b": 1}}, {}]


def test_bad_rows_are_named_by_number_and_nothing_is_imported(events):
    frame = pd.DataFrame(
        {
            "event": ["a", None, "c", "d"],
            "distinct_id": ["1", "2", "", "4"],
            "timestamp": ["2026-03-01", "2026-03-01", "2026-03-01", "yesterday"],
        }
    )
    with pytest.raises(InputError) as refused:
        import_events(events, frame)
    assert refused.value.message == (
        "3 rows are not events; nothing was added. Row 2: it has no event name; row 3: it has no "
        "distinct_id; row 4: its timestamp 'yesterday' is not a time."
    )
    assert stored(events) == []


def test_broken_json_is_a_bad_row(events):
    frame = FRAME.assign(more=["{not json", "[1]"])
    with pytest.raises(InputError, match="2 rows are not events"):
        import_events(events, frame, **MAPPING, properties="more")


def test_a_missing_column_is_named_with_those_there_are(events):
    with pytest.raises(InputError, match=r"no column 'event' for event; there are: what, user"):
        import_events(events, FRAME)


def test_other_files_are_refused(events, tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        import_events(events, tmp_path / "gone.csv")
    (tmp_path / "table.xlsx").write_bytes(b"")
    with pytest.raises(InputError, match="neither"):
        import_events(events, tmp_path / "table.xlsx")


# ---------------------------------------------------------------- columns of every type

WHEN = pd.to_datetime(["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"], utc=True)


def table(**columns):
    """Return two events with these columns in the place of, or beside, usual ones."""
    return pd.DataFrame(
        {"event": ["a", "b"], "distinct_id": ["1", "2"], "timestamp": WHEN} | columns
    )


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("timestamp", [1772359200, 1772362800], "holds BIGINT, expected dates or times"),
        ("timestamp", [1.5, 2.5], "holds DOUBLE, expected dates or times"),
        ("timestamp", [True, False], "holds BOOLEAN, expected dates or times"),
        ("timestamp", [dt.timedelta(1)] * 2, "holds INTERVAL, expected dates or times"),
        ("event", WHEN, "expected text"),
        ("event", [True, False], "expected text"),
        ("distinct_id", [True, False], "expected text or numbers"),
        ("distinct_id", WHEN, "expected text or numbers"),
        ("uuid", WHEN, "expected text or numbers"),
    ],
)
def test_a_column_of_the_wrong_type_is_named(events, column, values, says):
    with pytest.raises(InputError) as refused:
        import_events(events, table(**{column: values}))
    assert f"Column {column!r} cannot be the {column}" in refused.value.message
    assert says in refused.value.message
    assert refused.value.hint
    assert stored(events) == []


def test_bytes_that_are_no_text_are_named_by_column_and_row(events):
    with pytest.raises(InputError, match="Column 'x' holds bytes that are no text: row 2"):
        import_events(events, table(x=[b"fine", b"\xff"]))


def test_an_infinite_number_is_a_bad_row(events):
    with pytest.raises(InputError, match="Row 2: its x is infinite"):
        import_events(events, table(x=[1.0, np.inf]))


def test_a_number_that_is_none_is_left_out(events):
    import_events(events, table(x=[np.nan, 2.5]))
    assert [row[3] for row in stored(events)] == [{}, {"x": 2.5}]


def test_a_property_of_any_type_is_kept_as_json(events):
    values = np.array([3.0, 4.0])
    import_events(events, table(**{kind: column(values) for kind, column in READ.items()}))
    for kind in READ:
        assert [float(row[3][kind]) for row in stored(events)] == [3.0, 4.0], kind


def test_a_table_of_any_form_is_imported(events):
    for place, (form, shaped) in enumerate(FRAMES.items(), start=1):
        assert import_events(events, shaped(table(x=[3.0, 4.5]))) == 2, form
        assert sorted(row[3]["x"] for row in stored(events)) == [3.0] * place + [4.5] * place


def test_two_columns_of_one_name_are_refused(events):
    with pytest.raises(InputError, match="differ only in case"):
        import_events(events, table(x=[1, 2], X=[3, 4]))


def test_what_is_no_table_is_refused(events):
    with pytest.raises(InputError, match="A list is no table"):
        import_events(events, [1, 2])


def test_a_broken_file_is_named(events, tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + bytes(50) + b"PAR1")
    with pytest.raises(InputError, match=r"'broken\.parquet' cannot be read as a table"):
        import_events(events, tmp_path / "broken.parquet")
    (tmp_path / "broken.csv").write_bytes(b'event,distinct_id,timestamp\n\xff\xfe\x00,"a\n')
    with pytest.raises(InputError):
        import_events(events, tmp_path / "broken.csv")


# ---------------------------------------------------------------- numbers and answers as text


def csv(tmp_path, column, *cells):
    """Write a CSV file of events with one more column."""
    rows = [f"a,u{place},2026-03-01,{cell}" for place, cell in enumerate(cells)]
    file = tmp_path / "events.csv"
    file.write_text("\n".join([f"event,distinct_id,timestamp,{column}", *rows]) + "\n")
    return file


@pytest.mark.parametrize(
    ("cells", "options", "read"),
    [
        (['"2,800.00"', '"3.50"'], {"thousands": ","}, [2800.0, 3.5]),
        (['"2.800,50"', '"3,50"'], {"decimal": ",", "thousands": "."}, [2800.5, 3.5]),
        (["2 800", "3"], {"thousands": " "}, [2800.0, 3.0]),
        (['"2,800.00"', ""], {"thousands": ","}, [2800.0]),
    ],
)
def test_numbers_are_read_as_they_are_written(events, tmp_path, cells, options, read):
    import_events(events, csv(tmp_path, "revenue", *cells), **options)
    found = [row[3]["revenue"] for row in stored(events) if row[3]]
    assert sorted(found) == sorted(read)
    total = events.fetch("SELECT sum(revenue) FROM events")
    assert total == [(sum(read),)]


def test_a_text_among_such_numbers_is_named_by_column_and_row(events, tmp_path):
    file = csv(tmp_path, "revenue", '"2,800.00"', '"1,200.00"', "n/a")
    with pytest.raises(InputError, match=r"Column 'revenue' holds 1 text of 3 .* row 3 is 'n/a'"):
        import_events(events, file, thousands=",")
    assert stored(events) == []


def test_ids_stay_the_text_they_are(events, tmp_path):
    file = csv(tmp_path, "code,price", '007,"1,000"', '008,"2,000"')
    frame = pd.read_csv(file, dtype=str)
    import_events(events, frame, thousands=",")
    assert [row[3] for row in stored(events)] == [
        {"code": "007", "price": 1000.0},
        {"code": "008", "price": 2000.0},
    ]


def test_numbers_that_no_option_was_given_for_are_warned_of(events, tmp_path):
    file = csv(tmp_path, "revenue", '"2,800.00"', '"1,200.00"')
    with pytest.warns(DataWarning, match=r"'revenue' .* import with thousands=','"):
        import_events(events, file)


def test_a_format_that_is_none_is_refused(events):
    with pytest.raises(InputError, match="decimal and thousands are both"):
        import_events(events, FRAME, **MAPPING, decimal=",", thousands=",")


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        (["t", "f"], ["t", "f"]),
        (["yes", "no"], ["yes", "no"]),
        (["true", "false"], [True, False]),
    ],
)
def test_answers_in_words_stay_words_and_truth_values_are_read(events, tmp_path, cells, kept):
    import_events(events, csv(tmp_path, "answer", *cells))
    assert {row[3]["answer"] for row in stored(events)} == set(kept)


def test_ids_in_a_file_keep_their_zeros(events, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text("event,distinct_id,timestamp\na,007,2026-03-01\na,t,2026-03-01\n")
    import_events(events, file)
    assert {row[1] for row in stored(events)} == {"007", "t"}


# ---------------------------------------------------------------- the same events again


@pytest.mark.parametrize("column", ["uuid", "order"])
@pytest.mark.parametrize("kind", ["uuids", "numbers", "text"])
def test_a_table_with_ids_may_be_imported_twice(events, column, kind):
    ids = {"uuids": [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))], "numbers": [1, 2]}
    frame = table(**{column: ids.get(kind, ["A-1", "A-2"])})
    first = import_events(events, frame, uuid=column)
    again = import_events(events, frame, uuid=column)
    assert (first, first.already_there) == (2, 0)
    assert (again, again.already_there) == (0, 2)
    assert repr(again) == "0 events were added; 2 were there already."
    assert len(stored(events)) == 2


def test_new_rows_of_a_longer_table_are_added(events):
    frame = table(uuid=["A-1", "A-2"])
    more = pd.concat([frame, table(uuid=["A-3", "A-4"])])
    import_events(events, frame)
    found = import_events(events, more)
    assert (found, found.already_there) == (2, 2)


def test_a_row_that_is_there_twice_is_one_event(events):
    frame = table(uuid=["A-1", "A-2"])
    found = import_events(events, pd.concat([frame, frame]))
    assert (found, found.already_there) == (2, 2)


def test_one_id_may_be_of_an_order_and_of_a_signup(events):
    import_events(events, table(uuid=[1, 1]))
    assert len(stored(events)) == 2


def test_an_id_of_two_events_is_refused_by_its_row(events):
    frame = table(event=["a", "a"], uuid=["A-1", "A-1"])
    with pytest.raises(InputError, match="Row 2: its uuid is that of row 1, which is another"):
        import_events(events, frame)
    assert import_events(events, frame, uuid=None) == 2


def test_an_id_of_another_event_that_is_there_is_refused(events):
    import_events(events, table(uuid=["A-1", "A-2"]))
    moved = table(uuid=["A-1", "A-2"], timestamp=WHEN + pd.Timedelta(hours=1))
    with pytest.raises(InputError, match="another event which the project has"):
        import_events(events, moved)


def test_rows_without_an_id_are_events_of_their_own(events):
    frame = table(uuid=["A-1", None])
    import_events(events, frame)
    assert import_events(events, frame) == 1


def test_a_column_of_ids_that_is_not_there_is_named(events):
    with pytest.raises(InputError, match="no column 'order' for uuid"):
        import_events(events, FRAME, **MAPPING, uuid="order")


# ---------------------------------------------------------------- PostHog's own export

ADA, BEN = (str(uuid.UUID(int=n)) for n in (0xADA, 0xBE))


def exported(kind):
    """Return an export's events, with objects as text or as records."""
    properties = [
        {"$browser": "Firefox", "revenue": 9.5, "nested": {"a": [1, 2]}},
        {"$browser": "Chrome", "$set": {"plan": "pro"}},
        {"$feature/door": "test", "$set_once": {"first": "x"}},
    ]
    written = json.dumps if kind == "csv" else (lambda value: value)
    return pd.DataFrame(
        {
            "uuid": [str(uuid.UUID(int=n)) for n in (1, 2, 3)],
            "event": ["$pageview", "purchase", "$feature_flag_called"],
            "properties": [written(value) for value in properties],
            "distinct_id": ["ada@example.com", "anonymous-1", "ben"],
            "team_id": 2,
            "timestamp": pd.to_datetime(
                ["2026-03-01 10:00:00.123+00:00", "2026-03-02 10:00Z", "2026-03-03 10:00Z"],
                utc=True,
                format="mixed",
            ),
            "created_at": pd.Timestamp("2026-03-05", tz="UTC"),
            "elements_chain": "",
            "person_id": [ADA, ADA, BEN],
            "person_properties": [written({"plan": "free", "country": "NZ"})] * 3,
            "set": [None, written({"plan": "pro"}), None],
            "set_once": None,
        }
    )


def file_of(frame, tmp_path, kind):
    file = tmp_path / f"events.{kind}"
    if kind == "csv":
        frame.to_csv(file, index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame), file)
    return file


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_s_events_are_imported_as_they_are(events, tmp_path, kind):
    file = file_of(exported(kind), tmp_path, kind)
    assert import_events(events, file) == 3
    first, second, third = (row[3] for row in stored(events))
    assert first == {
        "$browser": "Firefox",
        "revenue": 9.5,
        "nested": {"a": [1, 2]},
        "$set": {"plan": "free", "country": "NZ"},
    }
    assert second["$set"] == {"plan": "pro", "country": "NZ"}
    assert third["$feature/door"] == "test"
    assert third["$set_once"] == {"first": "x"}
    again = import_events(events, file)
    assert (again, again.already_there) == (0, 3)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_distinct_ids_of_one_exported_person_are_one_person(events, tmp_path, kind):
    whole = exported(kind)
    for part in (whole[:1], whole[1:]):  # an export comes in files
        import_events(events, file_of(part, tmp_path, kind))
    found = events.fetch("SELECT count(DISTINCT person_id) FROM events")
    assert found == [(2,)]
    known = events.person_properties("anonymous-1")
    assert known == events.person_properties("ada@example.com")
    assert known == {"plan": "pro", "country": "NZ"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_s_persons_are_imported_as_they_are(events, tmp_path, kind):
    import_events(events, exported("parquet"))
    written = json.dumps if kind == "csv" else (lambda value: value)
    persons = pd.DataFrame(
        {
            "team_id": 2,
            "distinct_id": ["ada@example.com", "anonymous-1", "ben", "ben-at-work"],
            "person_id": [ADA, ADA, BEN, BEN],
            "properties": [written({"plan": plan}) for plan in ("max", "max", "basic", "basic")],
            "person_version": 1,
            "_inserted_at": pd.Timestamp("2026-03-06", tz="UTC"),
            "created_at": pd.Timestamp("2026-03-01", tz="UTC"),
        }
    )
    file = file_of(persons, tmp_path, kind)
    assert import_events(events, file) == 4
    assert import_events(events, file) == 0
    assert events.person_properties("ben-at-work")["plan"] == "basic"
    assert events.person_properties("ada@example.com")["plan"] == "max"
    assert events.names() == ["$feature_flag_called", "$pageview", "$set", "purchase"]


def test_properties_of_records_are_objects(events):
    import_events(events, table(p=[{"a": {"b": 1}}, {"a": None}]), properties="p")
    assert [row[3] for row in stored(events)] == [{"a": {"b": 1}}, {"a": None}]
