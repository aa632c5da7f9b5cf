"""``%exp_analyze``: a table of the notebook, or a file, analysed without a project."""

import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.progress import progress_line, written

TABLE = """
import pandas as pd
units = pd.DataFrame({
    "variant": ["control", "test"] * 200,
    "arm": [0, 1] * 200,
    "revenue": [float(place % 17) for place in range(400)],
    "visits": [1 + place % 3 for place in range(400)],
    "before": [float(place % 5) for place in range(400)],
})
"""


@pytest.fixture
def table(run):
    run(TABLE)
    return run("units")


def test_analyses_a_variable_of_the_notebook(run, table):
    found = run("%exp_analyze units --metric revenue:mean visits:mean --split equal")
    assert [str(result.metric) for result in found.results] == ["revenue:mean", "visits:mean"]
    assert found.units == {"control": 200, "test": 200}
    assert not found.sample_ratio.mismatch


def test_says_the_call_that_makes_the_result_again(run, table):
    found = run("%exp_analyze units --metric revenue:mean --covariate before --alpha 0.1")
    assert found.code() == (
        "exp_jupyter.analyze(units, metrics=['revenue:mean'], covariate='before', alpha=0.1)"
    )
    run("import exp_jupyter")
    assert run(found.code()).effect().p_value == found.effect().p_value


def test_metrics_may_be_given_one_by_one(run, table):
    together = run("%exp_analyze units --metric revenue:mean visits:mean")
    apart = run("%exp_analyze units --metric revenue:mean --metric visits:mean")
    assert apart.code() == together.code()


def test_takes_other_columns_for_variant_and_control(run, table):
    found = run("%exp_analyze units --variant arm --control 0 --metric revenue/visits:ratio")
    assert list(found.units) == ["0", "1"]


def test_analyses_a_parquet_file(run, table, tmp_path):
    table.to_parquet(tmp_path / "units.parquet")
    found = run("%exp_analyze units.parquet --metric revenue:mean --breakdown visits")
    assert len(found.segments) == 3
    assert found.code().startswith("exp_jupyter.analyze('units.parquet', ")


def test_analyses_a_table_of_a_connection(run, table):
    run("import duckdb; shop = duckdb.connect(); shop.register('u', units)")
    found = run("%exp_analyze shop --table u --metric revenue:mean")
    assert found.source == "u"


def test_takes_the_settings_of_the_notebook(run, table):
    run("%config ExpMagics.alpha = 0.01")
    assert run("%exp_analyze units --metric revenue:mean").level == 0.99


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("%exp_analyze unitz --metric revenue:mean", "no variable 'unitz'", "Did you mean units?"),
        ("%exp_analyze units", "no metric to analyse", "revenue:mean"),
        ("%exp_analyze units --metric revnue:mean", "no column 'revnue'", "'revenue'"),
        ("%exp_analyze units --metric revenue --split 50 50", "names no variant", "control=50"),
        ("%exp_analyze units --metric revenue --split control=x", "is not a number", ""),
    ],
)
def test_is_told_what_is_wrong(fail, table, line, message, hint):
    error = fail(line)
    assert isinstance(error, InputError)
    assert message in error.message
    assert hint in (error.hint or "")


def test_takes_how_numbers_are_written_and_bounds(run, fail, table):
    run("units['written'] = [f'{1000 * v:,.2f}' for v in units['revenue']]")
    wrong = fail("%exp_analyze units --metric written:mean")
    assert "thousands=','" in wrong.hint
    run("units['user'] = range(400)")
    found = run(
        "%exp_analyze units --metric written:mean --thousands , --winsorize 0.01 0.9 "
        "--unit user --duplicates drop"
    )
    run("import exp_jupyter")
    assert run(found.code()).effect().p_value == found.effect().p_value
    capped = run("%exp_analyze units --metric revenue:mean --cap 3")
    assert capped.results[0].arms[0].value <= 3


def test_shows_no_progress_where_nobody_looks(shell):
    session = shell.magics_manager.registry["ExpMagics"].session
    with progress_line(session) as tell:
        assert tell is None


def test_a_progress_line_says_what_is_done_and_how_far_it_is():
    line = written(0.423, "Adding up <units>")
    assert "Adding up &lt;units&gt;" in line
    assert "42 %" in line
    assert 'aria-valuenow="42"' in line


def test_a_bootstrap_takes_a_statistics_name_or_a_function_of_the_notebook(run, table):
    named = run('%exp_analyze units --metric "revenue:bootstrap(std, draws=300)"')
    assert named.effect().interval_kind == "bca"
    run("def spread(values): return float(values.max() - values.mean())")
    own = run("%exp_analyze units --metric revenue:bootstrap(spread)")
    assert own.results[0].metric.label == "revenue:bootstrap(spread)"
