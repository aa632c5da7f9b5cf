"""A disk that fails at a COMMIT: nothing is deleted that may be listed, no false word is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exp_jupyter.errors import StoreError
from exp_jupyter.schema.failure import NOTHING_WRITTEN
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.recovery import inspect, repair
from exp_jupyter.server.store import ProjectStore
from exp_jupyter.server.testing import TrialProject


class _Failing(sqlite3.Connection):
    """A connection to a disk that fails at COMMIT, once it is told to."""

    code: int | None = None
    written = False
    after = ""
    """Only where the connection has run a statement with this text in it."""
    armed = False

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        self.armed |= _Failing.code is not None and _Failing.after in statement
        if statement != "COMMIT" or _Failing.code is None or not self.armed:
            return super().execute(statement, *parameters)
        super().execute("COMMIT" if _Failing.written else "ROLLBACK")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = _Failing.code
        raise error


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int | None, bool], None]]:
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **options: connect(*given, factory=_Failing, **options)
    )

    def at_commit(code: int | None, written: bool, after: str = "") -> None:
        _Failing.code, _Failing.written, _Failing.after = code, written, after

    yield at_commit
    at_commit(None, False)


UNSURE = sqlite3.SQLITE_IOERR_FSYNC
SURE = sqlite3.SQLITE_FULL
EVENT = {"event": "opened", "distinct_id": "ada", "timestamp": "2026-03-01T12:00:00Z"}


def _files(folder: Path) -> list[str]:
    return [file.name for file in (folder / "events").rglob("*.parquet")]


def _count(folder: Path) -> int:
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        return int(events.fetch("SELECT count(*) FROM events")[0][0])


@pytest.mark.parametrize("written", [True, False])
def test_a_part_outlives_a_listing_that_may_have_been_written(
    tmp_path: Path, fail: Callable[..., None], written: bool
) -> None:
    folder = tmp_path / "growth"
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        fail(UNSURE, written)
        with pytest.raises(StoreError, match="cannot be written"):
            events.append([EVENT])
        fail(None, False)
    assert len(_files(folder)) == 1
    repair(folder)
    assert _count(folder) == 1
    assert not inspect(folder).findings


def test_a_part_that_was_never_listed_leaves_nothing(
    tmp_path: Path, fail: Callable[..., None]
) -> None:
    folder = tmp_path / "growth"
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        fail(SURE, False)
        with pytest.raises(StoreError):
            events.append([EVENT])
        fail(None, False)
    assert _files(folder) == []


@pytest.mark.parametrize("written", [True, False])
def test_merged_parts_outlive_a_listing_that_may_have_been_written(
    tmp_path: Path, fail: Callable[..., None], written: bool
) -> None:
    folder = tmp_path / "growth"
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        for _ in range(3):
            events.append([EVENT])
        fail(UNSURE, written)
        with pytest.raises(StoreError):
            events.merge_small()
        fail(None, False)
    repair(folder)
    assert _count(folder) == 3


@pytest.mark.parametrize("after", ["", "INSERT INTO event_parts"])
@pytest.mark.parametrize("written", [True, False])
def test_a_repair_that_the_disk_fails_can_be_repeated(
    tmp_path: Path, fail: Callable[..., None], written: bool, after: str
) -> None:
    folder = tmp_path / "growth"
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        events.append([EVENT])
        with store.write() as work:
            work.connection.execute("DELETE FROM event_parts")
        with closing(EventStore(store)):
            pass  # opening sets the file aside
    fail(UNSURE, written, after)
    with pytest.raises(StoreError):
        repair(folder)
    fail(None, False)
    repair(folder)
    assert _count(folder) == 1


@pytest.mark.parametrize(("code", "claimed"), [(UNSURE, False), (SURE, True)])
def test_nothing_written_is_said_only_where_that_is_certain(
    talk: Any, project: TrialProject, fail: Callable[..., None], code: int, claimed: bool
) -> None:
    with closing(ProjectStore(project.store.folder)) as store:
        talk.app.store = store
        fail(code, False, "BEGIN IMMEDIATE")
        answer = talk("POST", "actions/", {"name": "Bought"})
    assert answer.status_code in (503, 507)
    assert (answer.headers.get(NOTHING_WRITTEN) == "true") == claimed
