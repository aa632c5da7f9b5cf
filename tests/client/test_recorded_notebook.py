"""One notebook, run against the project and run against its recording: the same bytes."""

import json

import nbformat
import pytest
from nbclient import NotebookClient

LIVE = "%load_ext exp_jupyter\n%exp_connect\nproject = %exp_record analysis.expsnap"
REPLAYED = "%load_ext exp_jupyter\nproject = %exp_replay analysis.expsnap"
CELLS = (
    "project.experiments.list(status='running')",
    "%exp_show checkout-redesign",
    "%exp_results checkout-redesign",
    "project.experiments.all_timeseries('checkout-redesign')[0]",
    "%exp_timeseries checkout-redesign 0 --method sequential",
    "%exp_health checkout-redesign",
    "project.experiments.exposures('checkout-redesign')",
    "%exp_size --from checkout-redesign 0 --mde 3",
    "%exp_unarchive one-step-signup",
    "project.experiments.ship('checkout-redesign', 'test').state()",
    "project.check()",
    "project.now.isoformat(), project.source, project.me",
    "project.experiments.get('chekout-redesign')",
)
ALONE = "import sys; 'exp_jupyter.server.app' in sys.modules, project.replayed_from.name"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))

    def run(opening, *further):
        cells = [nbformat.v4.new_code_cell(code) for code in (opening, *CELLS, *further)]
        for number, cell in enumerate(cells):
            cell["id"] = f"cell-{number}"
        notebook = nbformat.v4.new_notebook(cells=cells)
        client = NotebookClient(
            notebook,
            timeout=300,
            allow_errors=True,
            record_timing=False,
            resources={"metadata": {"path": str(tmp_path)}},
        )
        client.execute()
        return notebook.cells[1:]

    return run


def as_bytes(cells):
    return json.dumps(cells, sort_keys=True).encode()


def test_a_notebook_gives_the_same_bytes_live_and_replayed(run, tmp_path):
    live = run(LIVE)
    recording = (tmp_path / "analysis.expsnap").read_bytes()
    *replayed, alone = run(REPLAYED, ALONE)
    for one, other in zip(live, replayed, strict=True):
        assert one.outputs, one.source
        assert as_bytes(one.outputs) == as_bytes(other.outputs), one.source
    failed = [cell.source for cell in live if cell.outputs[0].output_type == "error"]
    assert failed == [CELLS[-1]]
    assert b"data:image" in as_bytes(live[CELLS.index("%exp_results checkout-redesign")].outputs)
    assert alone.outputs[0].data["text/plain"] == "(False, 'analysis.expsnap')"
    assert (tmp_path / "analysis.expsnap").read_bytes() == recording
