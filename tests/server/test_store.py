"""A project's folder: opened, made, refused; and what a transaction promises."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from exp_jupyter.errors import StoreDamagedError, StoreError
from exp_jupyter.server.identity import SeededIdentity
from exp_jupyter.server.services.people import people
from exp_jupyter.server.store import ProjectStore, Work
from exp_jupyter.server.store.migrations import MIGRATIONS, VERSION
from exp_jupyter.server.store.project_store import APPLICATION_ID, DATABASE


def _prompt(number: int) -> dict[str, object]:
    return {
        "id": f"prompt-{number}",
        "name": f"p{number}",
        "version": 1,
        "deleted": False,
        "created_at": "2026-03-06T09:00:00.000000Z",
    }


def test_a_new_folder_becomes_a_project_that_opens_again(tmp_path: Path) -> None:
    first = ProjectStore(tmp_path / "growth", timezone="Europe/Berlin")
    with first.write() as work:
        people.add_person(work, email="ada@example.com", first_name="Ada")
    first.close()
    again = ProjectStore(tmp_path / "growth")
    with again.read() as work:
        assert work.project["name"] == "growth"
        assert work.project["timezone"] == "Europe/Berlin"
        assert work.people.count() == 1
    again.close()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter one")
    with pytest.raises(StoreError, match="no project"):
        ProjectStore(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["missing/project", "bad\0name", "a" * 400])
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        ProjectStore(f"{tmp_path}/{name}")


def test_a_project_of_a_newer_version_is_refused_and_unharmed(tmp_path: Path) -> None:
    ProjectStore(tmp_path / "p").close()
    file = tmp_path / "p" / DATABASE
    newer = sqlite3.connect(file)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StoreError, match=f"version {VERSION + 1}") as refused:
        ProjectStore(tmp_path / "p")
    assert "Upgrade" in refused.value.hint


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / DATABASE)
    other.execute("PRAGMA user_version = 1")
    other.close()
    with pytest.raises(StoreError, match="something else"):
        ProjectStore(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database, though it is long enough to be read" * 99)
    with pytest.raises(StoreDamagedError, match="cannot be read"):
        ProjectStore(tmp_path)


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_project_of_an_older_version_opens_with_its_data(tmp_path: Path, version: int) -> None:
    old = sqlite3.connect(tmp_path / DATABASE)
    for step in MIGRATIONS[:version]:
        old.executescript(step)
    old.execute("INSERT INTO project (id, doc) VALUES (7, ?)", ['{"name":"old","settings":{}}'])
    old.execute(f"PRAGMA user_version = {version}")
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.commit()
    old.close()
    store = ProjectStore(tmp_path)
    with store.read() as work:
        assert (work.project["id"], work.project["name"]) == (7, "old")
        assert work.connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
    store.close()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = ProjectStore(tmp_path / "p", durable=False)

    def add_and_fail() -> None:
        with store.write() as work:
            work.prompts.add(_prompt(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    with store.read() as work:
        assert work.prompts.count() == 0
    store.close()


def test_a_savepoint_undoes_only_what_happened_inside(tmp_path: Path) -> None:
    store = ProjectStore(tmp_path / "p", durable=False)

    def add_and_fail(work: Work) -> None:
        with work.savepoint():
            work.prompts.add(_prompt(2))
            raise ZeroDivisionError

    with store.write() as work:
        work.prompts.add(_prompt(1))
        with pytest.raises(ZeroDivisionError):
            add_and_fail(work)
    with store.read() as work:
        assert [prompt["name"] for prompt in work.prompts.find()] == ["p1"]
    store.close()


def test_a_reader_sees_one_moment_and_cannot_write(tmp_path: Path) -> None:
    store = ProjectStore(tmp_path / "p", durable=False)
    with store.read() as before:
        assert before.prompts.count() == 0
        with store.write() as work:
            work.prompts.add(_prompt(1))
        assert before.prompts.count() == 0
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            before.prompts.delete("prompt-1")
    store.close()


def test_a_closed_project_says_so(tmp_path: Path) -> None:
    store = ProjectStore(tmp_path / "p", durable=False)
    store.close()
    with pytest.raises(StoreError, match="closed"), store.read():
        pass


def test_a_seed_gives_the_same_names_everywhere(tmp_path: Path) -> None:
    names = []
    for folder in ("a", "b"):
        store = ProjectStore(tmp_path / folder, identity=SeededIdentity(7), durable=False)
        with store.read() as work:
            names.append((work.project["uuid"], work.new_uuid()))
        store.close()
    assert names[0] == names[1]


def test_writers_take_turns_and_none_is_told_that_the_database_is_locked(tmp_path: Path) -> None:
    stores = [ProjectStore(tmp_path / "p", durable=False) for _ in range(2)]
    failures: list[BaseException] = []

    def add(store: ProjectStore, first: int) -> None:
        try:
            for number in range(first, first + 100):
                with store.write() as work:
                    work.prompts.add(_prompt(number))
                with store.read() as work:
                    assert work.prompts.get(f"prompt-{number}")
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [
        threading.Thread(target=add, args=(stores[number % 2], number * 1000))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with stores[0].read() as work:
        assert work.prompts.count() == 400
    for store in stores:
        store.close()
