"""Options in a cell's body: the same as on the line, and what is wrong is said with its line."""

import pandas as pd
import pytest

from exp_jupyter.errors import InputError

BODY = """\
flag = "checkout"
start = 2026-03-02
metric = ["Paid=purchase:conversion"]
"""


@pytest.fixture
def with_events(shell):
    def row(number, name, day, **properties):
        return {
            "event": name,
            "person_id": f"p{number}",
            "timestamp": pd.Timestamp(f"2026-03-{day:02d} 10:00", tz="UTC"),
            "$feature_flag": properties.get("flag"),
            "$feature_flag_response": properties.get("variant"),
        }

    rows = []
    for number in range(80):
        variant = "control" if number % 2 else "test"
        rows.append(row(number, "$feature_flag_called", 2, flag="checkout", variant=variant))
        if number % 3 == 0:
            rows.append(row(number, "purchase", 3))
    shell.user_ns["events"] = pd.DataFrame(rows)
    return shell


def test_a_body_says_the_same_as_the_line(with_events):
    in_body = with_events.run_cell_magic("exp_analyze_events", "events", BODY)
    on_line = with_events.run_line_magic(
        "exp_analyze_events",
        "events --flag checkout --start 2026-03-02 --metric Paid=purchase:conversion",
    )
    assert in_body.to_dict() == on_line.to_dict()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('flag = "checkout"\nstart = \n', "line 2"),
        ('flag = "checkout"\n\nfinish = "2026-03-02"\n', "'finish' (line 3 of the body)"),
        ('flag = "checkout"\nmethod = "guess"\n', "line 2 of the body"),
        ('flag = "one\\ntwo"\n', "line 1 of the body"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(with_events, body, said):
    with pytest.raises(InputError) as wrong:
        with_events.run_cell_magic("exp_analyze_events", "events", body)
    assert said in wrong.value.message


def test_what_is_wrong_with_the_line_is_not_blamed_on_the_body(with_events):
    with pytest.raises(InputError) as wrong:
        with_events.run_cell_magic("exp_analyze_events", "", BODY)
    assert "needs NAME" in wrong.value.message
    assert "of the body" not in wrong.value.message


def test_unloading_takes_the_cell_magic_away_too(with_events):
    with_events.run_line_magic("unload_ext", "exp_jupyter")
    assert "exp_analyze_events" not in with_events.magics_manager.magics["cell"]
