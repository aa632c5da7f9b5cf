"""Folders damaged in every way that was thought of: said, never made worse, repaired."""

from __future__ import annotations

import gc
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import exp_jupyter
from exp_jupyter.command import main
from exp_jupyter.errors import ExpError, StorageWarning, StoreDamagedError, StoreError
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.events.warehouse_tables import import_table
from exp_jupyter.server.recovery import inspect, repair
from exp_jupyter.server.services.people import people
from exp_jupyter.server.store import DATABASE, ProjectStore

pytestmark = pytest.mark.filterwarnings("ignore::exp_jupyter.errors.StorageWarning")


def _append(folder: Path, *who: str) -> None:
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
        events.append(
            [
                {"event": "opened", "distinct_id": one, "timestamp": moment, "properties": {"n": 1}}
                for one in who
            ]
        )


def _people(folder: Path) -> list[str]:
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        return [who for (who,) in events.fetch("SELECT distinct_id FROM events ORDER BY 1")]


def _parts(folder: Path) -> list[Path]:
    return sorted((folder / "events").glob("[!.]*.parquet"))


def _everything(folder: Path) -> set[bytes]:
    """Return the bytes of every file of events and tables, wherever in the folder it lies."""
    return {file.read_bytes() for file in folder.rglob("*.parquet*")}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with experiments, three parts of events and a warehouse table."""
    folder = tmp_path_factory.mktemp("original") / "growth"
    project = exp_jupyter.connect(f"{folder}")
    for number in range(3):
        project.experiments.create(f"Try {number}", flag_key=f"try-{number}").send()
    del project
    gc.collect()  # whoever lets go of the project closes its database
    for who in ("ada", "ben", "cyd"):
        _append(folder, who)
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        import_table(events, "orders", pd.DataFrame({"at": ["2026-03-01"], "amount": [3.5]}))
        with store.write() as work:
            work.connection.execute("DELETE FROM keys")
    assert not (folder / f"{DATABASE}-wal").exists()
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return shutil.copytree(original, tmp_path / "growth")


# ---------------------------------------------------------------- the ways


def _sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def _put_back_an_older_copy(folder: Path) -> None:
    older = folder.parent / "older.sqlite3"
    shutil.copy(folder / DATABASE, older)
    _append(folder, "dee")
    _append(folder, "eve")
    shutil.copy(older, folder / DATABASE)


def _put_back_a_copy_from_before_a_merge(folder: Path) -> None:
    older = folder.parent / "older.sqlite3"
    shutil.copy(folder / DATABASE, older)
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        merged = [part.file for part in events.listed.parts()]
        assert events.merge_small() == 3
    for file in merged:
        file.unlink()  # a day later
    shutil.copy(older, folder / DATABASE)


def _copy_without_the_log(folder: Path) -> None:
    copy = folder.parent / "copy"
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        events.append(
            [{"event": "opened", "distinct_id": "dee", "timestamp": "2026-03-02T00:00:00Z"}]
        )
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    shutil.rmtree(folder)
    copy.rename(folder)


def _copy_a_new_project_without_the_log(folder: Path) -> None:
    shutil.rmtree(folder)
    copy = folder.parent / "copy"
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        events.append(
            [
                {"event": "opened", "distinct_id": who, "timestamp": "2026-03-02T00:00:00Z"}
                for who in ("ada", "ben", "cyd")
            ]
        )
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    shutil.rmtree(folder)
    copy.rename(folder)


def _break_pages(folder: Path) -> None:
    file = folder / DATABASE
    content = bytearray(file.read_bytes())
    with closing(sqlite3.connect(file)) as connection:
        size = int(connection.execute("PRAGMA page_size").fetchone()[0])
        root = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'experiments'"
        ).fetchone()[0]
    content[(root - 1) * size : (root - 1) * size + 200] = random.Random(7).randbytes(200)
    file.write_bytes(content)


def _break_most_pages(folder: Path) -> None:
    file = folder / DATABASE
    content = bytearray(file.read_bytes())
    chance = random.Random(11)
    for start in range(4096, len(content), 4096):
        if chance.random() < 0.5:
            content[start : start + 64] = chance.randbytes(64)
    file.write_bytes(content)


def _cut(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(100, len(content) - 100, 97):
        content[place] ^= 0xFF
    file.write_bytes(content)


def _table_file(folder: Path) -> Path:
    (file,) = (folder / "tables").glob("*.parquet")
    return file


WAYS: dict[str, Callable[[Path], object]] = {
    "the database is emptied": lambda p: (p / DATABASE).write_bytes(b""),
    "the database is gone": lambda p: (p / DATABASE).unlink(),
    "the database is text": lambda p: (p / DATABASE).write_text("gone " * 2000),
    "the database is cut in half": lambda p: _cut(p / DATABASE, 0.5),
    "the database is cut to its first page": lambda p: _cut(p / DATABASE, 0.02),
    "the database's header is overwritten": lambda p: (p / DATABASE).write_bytes(
        b"\0" * 100 + (p / DATABASE).read_bytes()[100:]
    ),
    "a table's first page is broken": _break_pages,
    "half of the pages are broken": _break_most_pages,
    "an older copy of the database is put back": _put_back_an_older_copy,
    "a copy from before a merge is put back": _put_back_a_copy_from_before_a_merge,
    "the folder is copied without its log": _copy_without_the_log,
    "a new folder is copied without its log": _copy_a_new_project_without_the_log,
    "the project's row is missing": lambda p: _sql(p, "DELETE FROM project"),
    "a flag's row is missing": lambda p: _sql(p, "DELETE FROM flags WHERE id = 2"),
    "all flags' rows are missing": lambda p: _sql(p, "DELETE FROM flags"),
    "the people are missing": lambda p: _sql(
        p, "INSERT INTO keys VALUES ('x', 77, '', '[]', '2026', NULL)"
    ),
    "the list of parts is emptied": lambda p: _sql(p, "DELETE FROM event_parts"),
    "a part's file is missing": lambda p: _parts(p)[1].unlink(),
    "all parts' files are missing": lambda p: [file.unlink() for file in _parts(p)],
    "the folder of events is missing": lambda p: shutil.rmtree(p / "events"),
    "a part's file is empty": lambda p: _parts(p)[0].write_bytes(b""),
    "a part's file is cut": lambda p: _cut(_parts(p)[0], 0.6),
    "a part's bytes are flipped": lambda p: _flip(_parts(p)[2]),
    "a part's file is text": lambda p: _parts(p)[0].write_text("gone"),
    "a part's file is another part's": lambda p: shutil.copy(_parts(p)[0], _parts(p)[1]),
    "a part is there twice": lambda p: shutil.copy(_parts(p)[0], p / "events" / "twice.parquet"),
    "a stray file is no Parquet": lambda p: (p / "events" / "x.parquet").write_text("gone"),
    "a stray file has other columns": lambda p: shutil.copy(
        _table_file(p), p / "events" / "x.parquet"
    ),
    "a table's file is missing": lambda p: _table_file(p).unlink(),
    "a table's file is cut": lambda p: _cut(_table_file(p), 0.5),
    "the log is text": lambda p: (p / f"{DATABASE}-wal").write_text("gone " * 2000),
}
HARMLESS = {"the log is text"}


@pytest.fixture(params=WAYS, ids=[way.replace(" ", "-") for way in WAYS])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def damaged(folder: Path, way: str) -> tuple[Path, set[bytes]]:
    WAYS[way](folder)
    return folder, _everything(folder)


def _use(folder: Path) -> None:
    """Open a folder, and read and write what there is in it."""
    project = exp_jupyter.connect(f"{folder}")
    for experiment in project.experiments.list():
        project.experiments.get(experiment.id)
    project.flags.list()
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        events.fetch("SELECT * FROM events")
        with events.cursor() as cursor:
            for relation in events.tables.relations().values():
                cursor.execute(f"SELECT max(hash(t)) FROM {relation} AS t").fetchall()


# ---------------------------------------------------------------- what holds for all of them


def test_nothing_is_deleted_by_opening_and_every_error_says_what_to_do(
    damaged: tuple[Path, set[bytes]], way: str
) -> None:
    folder, files = damaged
    errors = []
    for _ in range(2):
        try:
            _use(folder)
        except ExpError as error:
            errors.append(error)
    assert all(error.hint and "500" not in error.message for error in errors)
    assert _everything(folder) >= files


def test_the_check_tells_a_damaged_folder_from_one_in_order(
    damaged: tuple[Path, set[bytes]], way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, files = damaged
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet*")}
    assert main(["check", str(folder)]) == (0 if way in HARMLESS else 1)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert ("--repair" in said.out) is (way not in HARMLESS)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet*")} == before
    assert _everything(folder) == files


def test_a_repaired_folder_can_be_used_and_keeps_every_file(
    damaged: tuple[Path, set[bytes]], way: str
) -> None:
    folder, files = damaged
    report = repair(folder)
    assert bool(report.done) is (way not in HARMLESS)
    assert report.is_whole, report.lines
    assert _everything(folder) >= files
    _use(folder)
    again = repair(folder)
    assert (again.done, again.is_whole) == ((), True)


# ---------------------------------------------------------------- what is repaired


@pytest.mark.parametrize(
    ("way", "kept"),
    [
        ("the database is emptied", "ada ben cyd"),
        ("the database is gone", "ada ben cyd"),
        ("the database is text", "ada ben cyd"),
        ("a table's first page is broken", "ada ben cyd"),
        ("half of the pages are broken", "ada ben cyd"),
        ("an older copy of the database is put back", "ada ben cyd dee eve"),
        ("a copy from before a merge is put back", "ada ben cyd"),
        ("the folder is copied without its log", "ada ben cyd dee"),
        ("a new folder is copied without its log", "ada ben cyd"),
        ("the list of parts is emptied", "ada ben cyd"),
        ("a part is there twice", "ada ben cyd"),
    ],
)
def test_a_repair_brings_back_every_event_once(folder: Path, way: str, kept: str) -> None:
    WAYS[way](folder)
    repair(folder)
    assert _people(folder) == kept.split()


def test_a_repair_brings_back_events_even_after_the_folder_was_opened(folder: Path) -> None:
    _put_back_an_older_copy(folder)
    for _ in range(2):
        with pytest.warns(StorageWarning, match="2 files with events"):
            exp_jupyter.connect(f"{folder}")
    assert _people(folder) == ["ada", "ben", "cyd"]
    assert len([*(folder / "events" / "lost+found").iterdir()]) == 2
    repair(folder)
    assert _people(folder) == ["ada", "ben", "cyd", "dee", "eve"]


def test_a_part_that_is_partly_known_is_taken_in_without_what_is_known(folder: Path) -> None:
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        events.merge_small()
        _append(folder, "dee")
        events.merge_small()
        with store.write() as work:
            work.connection.execute("DELETE FROM event_parts")
            work.connection.execute("DELETE FROM retired_files")
    report = repair(folder)
    assert _people(folder) == ["ada", "ben", "cyd", "dee"]
    assert any("were there already" in sentence for sentence in report.done)


def test_a_repair_brings_back_a_warehouse_table_by_its_name(folder: Path) -> None:
    (folder / DATABASE).unlink()
    repair(folder)
    with closing(ProjectStore(folder)) as store, closing(EventStore(store)) as events:
        assert list(events.tables.relations()) == ["orders"]


def test_a_broken_database_keeps_the_rows_that_can_be_read(folder: Path) -> None:
    _break_pages(folder)
    repair(folder)
    with closing(ProjectStore(folder)) as store, store.read() as work:
        assert [flag["key"] for flag in work.flags.find()] == ["try-0", "try-1", "try-2"]
        assert work.project["name"] == "growth"
        assert work.people.count() == 1


def test_rows_whose_others_are_missing_are_kept_in_a_file(folder: Path) -> None:
    _sql(folder, "DELETE FROM flags WHERE id = 2")
    repair(folder)
    with closing(ProjectStore(folder)) as store, store.read() as work:
        assert [found["name"] for found in work.experiments.find()] == ["Try 0", "Try 2"]
    (kept,) = (folder / "lost+found").glob("rows-*.json")
    assert "Try 1" in kept.read_text()


@pytest.mark.parametrize("way", ["the database is emptied", "the database is gone"])
def test_an_empty_database_beside_events_is_no_new_project(folder: Path, way: str) -> None:
    WAYS[way](folder)
    with pytest.raises(StoreDamagedError, match=r"project\.sqlite3 is (empty|missing)") as refused:
        exp_jupyter.connect(f"{folder}")
    assert "exp-jupyter check" in refused.value.hint
    assert len(_parts(folder)) == 3


def test_a_missing_row_is_said_by_whatever_is_asked(folder: Path) -> None:
    project = exp_jupyter.connect(f"{folder}")
    _sql(folder, "DELETE FROM flags")
    for ask in (lambda: project.experiments.get(2), lambda: project.experiments.launch(2).send()):
        with pytest.raises(ExpError, match="damaged: a row of flags is missing") as told:
            ask()
        assert "nothing was written" in told.value.hint


def test_the_command_says_that_there_is_no_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        assert main(["check", str(place)]) == 1
        assert capsys.readouterr().err.startswith("StoreError: There is no")
    with pytest.raises(StoreError):
        repair(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_order_is_said_to_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder)]) == 0
    assert capsys.readouterr().out == (
        "The project has 3 experiments and 3 events.\nNothing is missing or damaged.\n"
    )
    assert inspect(folder).findings == ()


def test_a_project_whose_people_are_gone_gets_its_owner_again(folder: Path) -> None:
    _sql(folder, "DELETE FROM people", "DELETE FROM keys")
    assert len(exp_jupyter.connect(f"{folder}").experiments.list()) == 3
    with closing(ProjectStore(folder)) as store, store.read() as work:
        assert [person["level"] for person in work.people.find()] == [people.OWNER]
