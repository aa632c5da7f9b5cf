"""``exp-jupyter new``: a notebook that analyses one experiment, ready to run."""

import json
from pathlib import Path

import nbformat
import papermill
import pytest

from exp_jupyter.command import main
from exp_jupyter.errors import InputError, StoreError, StoreFullError
from exp_jupyter.notebooks.template import new_analysis


def first_cell(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[0].source


def test_it_is_a_valid_notebook_without_outputs(tmp_path, capsys):
    path = tmp_path / "analysis.ipynb"
    assert main(["new", str(path), "--experiment", "4"]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert notebook.cells[0].metadata.tags == ["parameters"]
    assert "experiment = '4'  # id" in first_cell(path)
    assert "metric = '0'  #" in first_cell(path)


def test_any_name_becomes_a_value_and_no_code(tmp_path):
    name = "O'Neil \"quoted\"\n\\ {x} $y; import os"
    path = new_analysis(tmp_path / "analysis.ipynb", experiment=name, target="./café")
    variables: dict[str, object] = {}
    exec(first_cell(path), variables)  # the cell is plain assignments
    assert variables["experiment"] == name
    assert variables["target"] == "./café"
    assert "os" not in variables


def test_a_file_that_is_there_is_left_as_it_is(tmp_path, capsys):
    path = tmp_path / "analysis.ipynb"
    path.write_text("mine")
    assert main(["new", str(path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdopen", full)
    with pytest.raises(StoreFullError):
        new_analysis(tmp_path / "analysis.ipynb")
    monkeypatch.undo()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("name", "parameters", "error", "said"),
    [
        ("analysis.py", {}, InputError, "is no notebook"),
        ("analysis.ipynb", {"colour": "red"}, InputError, "no parameter 'colour'"),
        ("missing/analysis.ipynb", {}, StoreError, "cannot be written"),
    ],
)
def test_a_mistake_is_named_and_writes_nothing(tmp_path, name, parameters, error, said):
    with pytest.raises(error, match=said):
        new_analysis(tmp_path / name, **parameters)
    assert not [*tmp_path.iterdir()]


def test_it_runs_and_writes_its_report(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = new_analysis(tmp_path / "analysis.ipynb", experiment="search-ranking", metric="0")
    papermill.execute_notebook(
        path,
        tmp_path / "done.ipynb",
        parameters={"report_to": "page.html", "guardrails": ["Order after a search=5"]},
        kernel_name="python3",
        cwd=tmp_path,
        progress_bar=False,
    )
    assert "Must not get worse" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "done.ipynb").read_text(encoding="utf-8"))["cells"]
