"""The call that makes a result again states what differs from the function's own defaults."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from exp_jupyter._reproduce import Name, reproducible, variable
from exp_jupyter.engine import Sequential
from exp_jupyter.shown import Shown


@reproducible("ask", data="rows", always=("what",), beside=variable("table"), how=variable("how"))
def ask(
    rows: Any,
    *,
    what: str = "all",
    since: date | None = None,
    beside: Any = None,
    how: Any = "plain",
    progress: Any = None,
) -> Shown:
    return Shown()


def test_what_is_as_usual_is_left_out_even_where_it_was_given() -> None:
    assert ask([1], beside=None, how="plain").code() == "ask(rows, what='all')"


def test_paths_and_days_are_written_as_text() -> None:
    code = ask(Path("a.parquet"), since=date(2026, 3, 2)).code()
    assert code == "ask('a.parquet', what='all', since='2026-03-02')"


def test_what_has_no_short_writing_becomes_a_variable() -> None:
    tables = {"orders": object(), "users": "users"}
    code = ask([1], beside=tables, how=Sequential(tuning_n=9), progress=print).code()
    assert code.startswith("ask(rows, what='all', beside={'orders': orders, 'users': 'users'}, ")
    assert "how=exp_jupyter.engine.Sequential(alpha=0.05, tuning_n=9" in code
    assert "progress" not in code


def test_a_name_is_written_as_it_is() -> None:
    assert repr(Name("events")) == "events"
