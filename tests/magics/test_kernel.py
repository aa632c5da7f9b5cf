"""In a real kernel: who counts as a front end, and the panel's line."""

import os
import queue
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

WAIT = 60


class Notebook:
    """A front end's view of one kernel: cells with or without a person, and comm messages."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.comms: list[dict[str, Any]] = []

    def cell(self, code: str, *, person: bool) -> dict[str, Any]:
        """Run a cell and return its last value's mimes; comm messages are kept aside."""
        sent = self.client.execute(code, allow_stdin=person, stop_on_error=False)
        return self._listen(sent)

    def send(self, kind: str, comm_id: str, **data: Any) -> None:
        content = {"comm_id": comm_id, "data": data}
        if kind == "comm_open":
            content["target_name"] = "exp_jupyter"
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        self._listen(message["header"]["msg_id"])

    def snapshot(self) -> dict[str, Any]:
        """Return the newest snapshot the kernel sent."""
        sent = [m["content"]["data"] for m in self.comms if m["msg_type"] == "comm_msg"]
        return next(data for data in reversed(sent) if data["type"] == "snapshot")

    def _listen(self, parent: str) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        self.displayed: list[dict[str, Any]] = []
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=WAIT)
            except queue.Empty:
                pytest.fail("the kernel did not answer")
            if message["parent_header"].get("msg_id") != parent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind.startswith("comm_"):
                self.comms.append(message)
            elif kind in {"execute_result", "display_data"}:
                shown = content["data"]
                self.displayed.append(shown)
            elif kind == "error":
                shown = {"error": content["ename"], "text/plain": content["evalue"]}
            elif kind == "status" and content["execution_state"] == "idle":
                return shown


@pytest.fixture
def notebook(tmp_path, monkeypatch) -> Iterator[Notebook]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path), env=dict(os.environ))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=WAIT)
        yield Notebook(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


FRONT_END = "get_ipython().magics_manager.registry['ExpMagics'].session.has_front_end"


def test_only_a_front_end_that_lets_a_cell_ask_counts_as_one(notebook):
    notebook.cell("%load_ext exp_jupyter", person=False)
    assert notebook.cell(FRONT_END, person=False)["text/plain"] == "False"
    assert notebook.cell(FRONT_END, person=True)["text/plain"] == "True"


def test_a_kernel_without_a_person_opens_no_line(notebook):
    notebook.cell("%load_ext exp_jupyter", person=False)
    assert notebook.comms == []


def test_a_panel_is_told_that_the_extension_is_there_and_asks(notebook):
    notebook.cell("%load_ext exp_jupyter", person=True)
    (opened,) = notebook.comms
    assert opened["msg_type"] == "comm_open"
    assert opened["content"]["target_name"] == "exp_jupyter"
    line = opened["content"]["comm_id"]
    notebook.send("comm_msg", line, type="hello", version=1)
    snapshot = notebook.snapshot()
    assert snapshot["project"] is None
    assert snapshot["error"] is None
    notebook.cell("%unload_ext exp_jupyter", person=True)
    assert notebook.comms[-1]["msg_type"] == "comm_close"


def test_a_panel_that_comes_later_opens_the_line_itself(notebook):
    notebook.cell("%load_ext exp_jupyter", person=False)
    notebook.send("comm_open", "from-the-page", type="hello", version=1)
    assert notebook.snapshot()["experiments"] == []


WIDGET = "application/vnd.jupyter.widget-view+json"
LINE = "%exp_from_prompt support-reply 1 4 --templates cost --name 'In a kernel'"


def test_a_write_asks_a_person_and_only_shows_its_plan_to_nobody(notebook):
    notebook.cell("%load_ext exp_jupyter\n%exp_connect ", person=False)
    asked = notebook.cell(LINE, person=True)
    record = notebook.displayed[0]
    shown = notebook.cell(LINE, person=False)
    assert WIDGET in asked
    assert WIDGET not in shown
    assert WIDGET not in record
    plan, _, step = shown["text/plain"].partition("\n\nNext: ")
    assert "not written yet" in plan
    assert " ".join(step.split()) == (
        "nothing is written yet. To write it, add --yes to the line, or call send(); "
        "to_markdown() shows the exact request."
    )
    # The same plan for both, and the step that each can take.
    assert record["text/plain"] == f"{plan}\n│ Next: Run this cell again to confirm it."
    assert asked["text/plain"].startswith("The buttons of this cell ended with their kernel")
    count = "import exp_jupyter; len(exp_jupyter.connect().approvals.list())"
    assert notebook.cell(count, person=False)["text/plain"] == "0"
    assert "Waiting for Noor Haddad" in notebook.cell(f"{LINE} --yes", person=False)["text/plain"]
    assert notebook.cell(count, person=False)["text/plain"] == "1"


def test_a_listening_panel_hears_of_connections_and_writes(notebook):
    notebook.cell("%load_ext exp_jupyter", person=False)
    notebook.send("comm_open", "from-the-page", type="hello", version=1)
    notebook.cell("%exp_connect demo --as reviewer", person=False)
    assert notebook.snapshot()["project"]["person"] == "Noor Haddad"
    before = len(notebook.comms)
    notebook.cell("%exp_unarchive one-step-signup --yes", person=False)
    assert len(notebook.comms) == before + 1
    assert "one-step-signup" in {one["flag_key"] for one in notebook.snapshot()["experiments"]}
    notebook.send("comm_msg", "from-the-page", type="bye")
    heard = len(notebook.comms)
    notebook.cell("%exp_connect", person=False)
    assert len(notebook.comms) == heard


def test_a_panel_asks_for_one_reading_at_a_time(notebook):
    notebook.cell("%load_ext exp_jupyter\n%exp_connect", person=False)
    notebook.send("comm_open", "from-the-page", type="hello", version=3)
    (entry,) = [e for e in notebook.snapshot()["experiments"] if e["flag_key"] == "search-ranking"]
    assert entry["readable"]
    assert entry["reading"] is None
    notebook.send("comm_msg", "from-the-page", type="reading", id=entry["id"])
    answer = notebook.comms[-1]["content"]["data"]
    assert answer["type"] == "reading"
    assert answer["reading"]["trouble"] == "split is broken"
    notebook.send("comm_msg", "from-the-page", type="hello", version=3)
    known = {e["id"]: e["reading"] for e in notebook.snapshot()["experiments"]}
    assert known[entry["id"]] == answer["reading"]
    notebook.send("comm_msg", "from-the-page", type="refresh", version=3)
    assert all(e["reading"] is None for e in notebook.snapshot()["experiments"])


def test_a_failed_magic_fails_its_cell(notebook):
    notebook.cell("%load_ext exp_jupyter", person=False)
    assert notebook.cell("%exp_size funel", person=False)["error"] == "InputError"
