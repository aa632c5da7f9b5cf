"""Importing a table of events: a column mapping, bad rows by number, all or nothing."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.events.rows import import_events
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
        "distinct_id; row 4: its timestamp is missing or not a time."
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
