"""The analysis template by papermill: other parameters, frozen and made again offline, and failing."""

import ast
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

TEMPLATE = Path(__file__).resolve().parents[2] / "notebooks" / "analysis_template.ipynb"


@pytest.fixture
def report(tmp_path, monkeypatch):
    """Run the template with parameters; return its cells' outputs by the cells' ids."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(**parameters: Any) -> dict[str, list[Any]]:
        made = papermill.execute_notebook(
            TEMPLATE,
            tmp_path / "report.ipynb",
            parameters=parameters,
            kernel_name="python3",
            cwd=tmp_path,
            progress_bar=False,
        )
        return {cell.id: cell.outputs for cell in made.cells if cell.cell_type == "code"}

    return run


def shown(outputs: list[Any]) -> str:
    """Return what the cells' outputs say as text."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    )


def test_its_parameters_are_plain_values_in_one_tagged_cell():
    cells = nbformat.read(TEMPLATE, as_version=4).cells
    (parameters,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", ())]
    assert cells[0] is parameters
    given = {
        target.id: ast.literal_eval(statement.value)
        for statement in ast.parse(parameters.source).body
        for target in statement.targets
    }
    assert set(given) == {"target", "experiment", "metric", "method", "guardrails"} | {
        *("report_to", "record", "replay")
    }
    assert not given["record"]
    assert not given["replay"]


def test_another_experiment_gives_another_report(report):
    made = report(
        experiment="search-ranking", metric="Products put into the cart", method="frequentist"
    )
    assert shown(made["show"]).startswith("Search ranking")
    assert "frequentist" in shown(made["series"])
    assert "The units are not split as planned" in shown(made["decide"])
    assert made["plan"] == []


def test_a_frozen_report_is_made_again_offline_with_the_same_numbers(report, tmp_path):
    live = report(record="checkout.expsnap")
    assert (tmp_path / "checkout.expsnap").exists()
    again = report(replay="checkout.expsnap", target="https://nowhere.invalid")
    assert "checkout.expsnap, from now on" in shown(live["connect"])
    assert "[replayed]" in shown(again["connect"])
    assert "not written yet" in shown(again["plan"])
    for cell in ("show", "health", "results", "series", "decide", "plan", "page", "frame"):
        assert live[cell], cell
        assert [without_count(one) for one in again[cell]] == [
            without_count(one) for one in live[cell]
        ], cell


def without_count(output: Any) -> Any:
    return {key: value for key, value in output.items() if key != "execution_count"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"experiment": "Chekout redesign"}, 'There is no experiment "Chekout redesign"'),
        ({"metric": "Conversoin"}, "Conversoin"),
        ({"replay": "missing.expsnap"}, "cannot be read"),
    ],
)
def test_what_cannot_be_analysed_fails_the_run(report, parameters, said):
    with pytest.raises(PapermillExecutionError, match=said):
        report(**parameters)
