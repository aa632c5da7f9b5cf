"""A planted key, used in a whole session against a served project, is found nowhere afterwards."""

import atexit
import contextlib
import copy
import io
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import traceback

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from exp_jupyter.errors import ExpError

CELLS = """
%load_ext exp_jupyter
project = %exp_connect {origin} --project 1
%exp_list
%exp
%exp_config
made = project.experiments.create("Checkout", variants=["control", "test"])
made
made.plan
made.send()
made.outcome
%exp_show Checkout
%exp_show Chekout
%exp_archive Checkout
%exp_archive Checkout --yes
%exp_launch Checkout --yes
%exp_results Checkout
%exp_health Checkout
%exp_approvals
%exp_flags
%exp_stats
%exp_templates
project.check()
project
project.transport, project.transport._auth, project.transport._key
vars(project), vars(project.transport), project.transport._clients
%whos
%who_ls
%history
%config ExpMagics.debug = True
project.transport.read(project.path("nothing", "there"))
project.experiments.get(99)
project.experiments.update("Checkout", nonsense=1)
project.transport.write("POST", project.path("experiments"), {{"name": ""}})
%config ExpMagics.debug = False
%exp_record session.expsnap
%exp_list
%exp_show Checkout
from exp_jupyter.widgets.confirmation import Confirmation
from exp_jupyter.widgets.flags import FlagForm
from exp_jupyter.widgets.from_prompt import FromPromptForm
from exp_jupyter.widgets.approvals import ApprovalsInbox
Confirmation(project.experiments.end("Checkout", "won"))
FlagForm(project), FromPromptForm(project), ApprovalsInbox(project)
import exp_jupyter
exp_jupyter.connect("{origin}", project=77)
%exp_replay session.expsnap
%exp_list
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A project on loopback, with the one key that its owner has."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "exp_jupyter.command", "serve", str(folder / "growth")]
    process = subprocess.Popen(
        [*command, "--port", "0", "--new-key"], stdout=subprocess.PIPE, text=True
    )
    said = ""
    while "phx_" not in said:
        said += process.stdout.readline()
    yield re.search(r"http://[\d.]+:\d+", said)[0], re.search(r"phx_[\w-]+", said)[0]
    process.kill()
    process.communicate()


class Session:
    """A shell with its history on disk, and everything a reader could see of what it did."""

    def __init__(self, folder, capsys):
        config = Config()
        config.HistoryManager.hist_file = str(folder / "history.sqlite")
        self.shell = InteractiveShell(config=config, ipython_dir=str(folder / "ipython"))
        self.shell.display_pub.publish = lambda data, *rest, **more: self.seen.append(repr(data))
        self.capsys = capsys
        self.seen = []
        self.values = []
        self.errors = []

    def run(self, cell):
        with contextlib.redirect_stderr(io.StringIO()) as wrong:
            result = self.shell.run_cell(cell, store_history=True)
        self.seen += [*self.capsys.readouterr(), wrong.getvalue()]
        error = result.error_in_exec or result.error_before_exec
        if error is not None:
            assert isinstance(error, ExpError), cell
            self.errors.append(error)
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            self.seen += told.format()
        elif result.result is not None:
            self.values.append(result.result)
            formatted, _ = self.shell.display_formatter.format(result.result)
            self.seen += [repr(result.result), str(result.result), repr(formatted)]

    def close(self):
        self.shell.history_manager.writeout_cache()
        self.shell.atexit_operations()
        atexit.unregister(self.shell.atexit_operations)


@pytest.fixture
def session(tmp_path, served, monkeypatch, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", served[1])
    session = Session(tmp_path, capsys)
    for cell in CELLS.format(origin=served[0]).strip().splitlines():
        session.run(cell)
    yield session
    ExpError.debug = False
    ipywidgets.Widget.close_all()


def test_the_key_was_used_and_is_nowhere(session, served, tmp_path, caplog):
    origin, key = served
    assert len(session.errors) == 9
    assert len(session.values) > 20
    shown = "\n".join(session.seen)
    assert "Checkout" in shown
    state = json.dumps(ipywidgets.Widget.get_manager_state())
    assert "Checkout" in state
    logged = caplog.get_records("setup")
    records = "".join(f"{record.__dict__!r} {record.getMessage()}" for record in logged)
    assert origin.rpartition(":")[2] in records  # so the requests themselves were logged
    session.close()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.name == "history.sqlite" for path in files)
    assert b"exp_connect" in files[tmp_path / "history.sqlite"]
    for part in (key, key[4:], key[4:24]):
        assert part not in shown
        assert part not in state
        assert part not in records
        assert [path.name for path, held in files.items() if part.encode() in held] == []
    assert os.environ["POSTHOG_PERSONAL_API_KEY"] == key


def stored(value):
    """Return what a pickle or a copy would hold; a refusal holds nothing."""
    try:
        return pickle.dumps(value)
    except Exception as refusal:  # noqa: BLE001 - whatever keeps it from being stored
        return repr(refusal).encode()


def test_no_pickle_and_no_copy_holds_the_key(session, served):
    key = served[1].encode()
    project = session.shell.user_ns["project"]
    held = [project, project.transport, project.experiments, session.shell.user_ns["made"]]
    for value in [*held, *session.values, *session.errors]:
        assert key not in stored(value)
    for value in held:
        with pytest.raises(Exception, match=r".") as caught:
            copy.deepcopy(value)
        assert served[1] not in repr(caught.value)
    session.close()
