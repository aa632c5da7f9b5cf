"""A notebook recorded once runs again offline: the same results, and nothing is ever written."""

import pytest

from exp_jupyter.errors import ConnectionFailedError, InputError, NotWrittenError, StoreError

LINES = (
    "%exp_list --status running",
    "%exp_show checkout-redesign",
    "%exp_health checkout-redesign",
    "%exp_results checkout-redesign",
    "%exp_timeseries checkout-redesign 0 --method sequential",
    "%exp_size --from checkout-redesign 0 --mde 3",
)


@pytest.fixture
def recorded(run):
    run("%exp_connect")
    run("%exp_record analysis.expsnap")
    return {line: run(line)._repr_mimebundle_() for line in LINES}


@pytest.fixture
def offline(monkeypatch):
    """No project answers any more, embedded or not."""
    from exp_jupyter.client.http.transport import Transport

    def unreachable(*_, **__):
        raise AssertionError("a replay asked a project")

    monkeypatch.setattr(Transport, "_attempt", unreachable)


def test_every_result_is_the_same_offline(run, recorded, offline):
    assert run("%exp_replay analysis.expsnap").replayed_from.name == "analysis.expsnap"
    for line, shown in recorded.items():
        assert run(line)._repr_mimebundle_() == shown, line


def test_a_replay_says_that_it_is_one(run, recorded, offline):
    shown = run("%exp_replay analysis.expsnap").to_text()
    assert "[replayed]" in shown
    assert "analysis.expsnap; nothing is asked, nothing is written" in shown
    assert "Ada Lindqvist" in shown


def test_recording_says_where(run):
    run("%exp_connect")
    shown = run("%exp_record analysis.expsnap").to_text()
    assert "analysis.expsnap, from now on" in shown


@pytest.mark.parametrize("line", ["%exp_archive larger-photos", "%exp_unarchive one-step-signup"])
def test_a_replay_never_writes(run, fail, line):
    run("%exp_connect")
    run("%exp_record analysis.expsnap")
    run(line)  # the plan, and where the write stands, are recorded
    run("%exp_replay analysis.expsnap")
    error = fail(f"{line} --yes")
    assert isinstance(error, NotWrittenError | ConnectionFailedError)
    assert "recording" in error.message


def test_what_was_not_recorded_is_said_by_name(run, fail, recorded, offline):
    run("%exp_replay analysis.expsnap")
    error = fail("%exp_results search-ranking")
    assert isinstance(error, ConnectionFailedError)
    assert "is not in the recording analysis.expsnap" in error.message
    assert "Record" in error.hint


def test_a_recording_made_from_python_replays_too(run, offline_file):
    assert run(f"%exp_replay {offline_file}").name == "Kettle & Cup"
    assert run("%exp_show checkout-redesign").name == "Checkout redesign"


@pytest.fixture
def offline_file(tmp_path):
    from exp_jupyter.connection import connect

    project = connect().record(tmp_path / "python.expsnap")
    project.experiments.get("checkout-redesign")
    return tmp_path / "python.expsnap"


def test_another_file_is_never_replaced(run, fail, tmp_path):
    run("%exp_connect")
    for name, content in (("notes.ipynb", b"{}"), ("data.parquet", b"PAR1\xff\xfe")):
        (tmp_path / name).write_bytes(content)
        error = fail(f"%exp_record {name}")
        assert isinstance(error, StoreError)
        assert "something else than a recording" in error.message
        assert (tmp_path / name).read_bytes() == content


def test_a_recording_is_replaced_by_a_newer_one(run, tmp_path, recorded):
    before = (tmp_path / "analysis.expsnap").read_bytes()
    run("%exp_connect")
    run("%exp_record analysis.expsnap")
    assert (tmp_path / "analysis.expsnap").read_bytes() != before


def test_a_replay_cannot_be_recorded(run, fail, recorded):
    run("%exp_replay analysis.expsnap")
    error = fail("%exp_record again.expsnap")
    assert isinstance(error, InputError)
    assert "is a recording already" in error.message


def test_a_failed_replay_keeps_the_project(shell, run, fail):
    project = run("%exp_connect")
    fail("%exp_replay missing.expsnap")
    assert shell.magics_manager.registry["ExpMagics"].session.project is project
