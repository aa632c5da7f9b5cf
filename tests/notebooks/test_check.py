"""``exp-jupyter check`` on notebooks: what is saved in them is what they give."""

from pathlib import Path

import nbformat
import pytest

from exp_jupyter.command import main
from exp_jupyter.errors import InputError, NotInstalledError
from exp_jupyter.notebooks import check as checking


def notebook(path: Path, source: str, saved: str | None) -> Path:
    """Write a notebook of one cell, with the output it is said to have had."""
    cell = nbformat.v4.new_code_cell(source)
    if saved is not None:
        cell.execution_count = 1
        data = {"text/plain": saved}
        cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(whole, path)
    return path


def test_a_notebook_that_gives_what_is_saved_passes(tmp_path, capsys):
    path = notebook(tmp_path / "plan.ipynb", "1 + 1", "2")
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"✓ {path}: 1 cell as saved, twice; runs through papermill\n"


def test_another_output_fails_and_names_the_cell(tmp_path, capsys):
    path = notebook(tmp_path / "plan.ipynb", "1 + 1", "3")
    assert main(["check", str(path)]) == 1
    told = capsys.readouterr().out
    assert f"✕ {path}: cell 0 gives another output than the saved one\n" in told
    assert "--nbval-sanitize-with" in told


def test_a_notebook_that_was_never_run_fails(tmp_path):
    path = notebook(tmp_path / "plan.ipynb", "1 + 1", None)
    assert checking.check(path).fault == "cell 0 was never run; run all and save"


def test_what_is_no_notebook_fails(tmp_path):
    path = tmp_path / "plan.ipynb"
    path.write_text("{")
    assert checking.check(path).fault == "it cannot be read as a notebook"


def test_folders_are_searched_without_hidden_ones(tmp_path):
    first = notebook(tmp_path / "a" / "one.ipynb", "1", "1")
    notebook(tmp_path / ".ipynb_checkpoints" / "one.ipynb", "1", "1")
    assert checking.notebooks_in([tmp_path, first]) == [first]


@pytest.mark.parametrize("name", ["missing.ipynb", "."])
def test_where_there_is_no_notebook_it_is_said(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no notebook"):
        checking.notebooks_in([name])


def test_what_is_not_installed_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(checking.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotInstalledError) as caught:
        checking.require_installed()
    assert 'pip install "exp-jupyter[check]"' in caught.value.hint


def test_the_sanitize_file_is_shipped(capsys):
    assert main(["check", "--sanitize-file"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8").startswith("[")


@pytest.mark.parametrize(
    ("line", "said"),
    [([], "nothing to check"), (["plan.ipynb", "--repair"], "--repair is for a project's folder")],
)
def test_a_mistake_is_said(line, said, capsys):
    assert main(["check", *line]) == 1
    assert said in capsys.readouterr().err
