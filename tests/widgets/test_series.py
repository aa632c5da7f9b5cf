"""The series explorer on the demo: live at every change, and each state is a magic line."""

import html
import re
import threading

import pytest

from exp_jupyter.connection import connect
from exp_jupyter.errors import ConnectionFailedError
from exp_jupyter.widgets.series import SeriesExplorer


@pytest.fixture
def project():
    return connect()


def line(form: SeriesExplorer) -> str:
    (found,) = re.findall(r"<pre[^>]*>(%exp_timeseries [^<]*)<", html.unescape(form.said))
    return found


def test_it_opens_with_the_newest_launched_experiment_and_its_first_metric(project):
    form = SeriesExplorer(project)
    newest = next(one for one in project.experiments.list() if one.start_date)
    assert form.experiment.value == newest.id
    assert form.series.to_text() == project.experiments.timeseries(newest.id).to_text()
    assert "gift-wrapping" not in str(form.experiment.options)  # a draft has no series
    assert 'role="status"' in form.said


def test_it_opens_where_it_is_told_to(project):
    form = SeriesExplorer(project, "checkout-redesign", "Average order value", method="sequential")
    assert form.series.metric_name == "Average order value"
    assert form.series.method == "sequential"
    assert line(form) == '%exp_timeseries 4 "Average order value" --method sequential'


def test_an_archived_experiment_can_be_named(project):
    form = SeriesExplorer(project, "one-step-signup")
    assert form.series.experiment_name == "One-step sign-up"


def test_every_change_is_followed_and_written_as_a_line(project):
    form = SeriesExplorer(project, 4)
    form.metric.value = 1
    assert form.series.metric_name == "Revenue per customer"
    assert line(form) == '%exp_timeseries 4 "Revenue per customer"'
    form.method.value = "frequentist"
    form.mode.value = "recommended"
    assert form.series.mode == "recommended"
    assert line(form).endswith("--method frequentist --mode recommended")
    form.experiment.value = 6
    assert (form.series.experiment_id, form.series.metric_name) == (6, "Cost")
    assert [name for name, _ in form.metric.options] == ["Cost", "Latency", "Eval pass rate"]
    assert line(form) == "%exp_timeseries 6 Cost --method frequentist --mode recommended"


def test_formulas_are_offered_only_where_something_is_computed_again(project):
    form = SeriesExplorer(project, 4)
    assert form.mode.disabled
    form.method.value = "bayesian"
    assert not form.mode.disabled
    form.method.value = ""
    assert form.mode.disabled


def test_the_picture_of_the_series_is_in_it(project):
    form = SeriesExplorer(project, 4)
    assert '<img alt="Difference from control by day' in form.said
    assert "<script" not in form.said
    assert "<style" not in form.said


def test_changes_from_several_threads_end_with_what_is_picked(project):
    form = SeriesExplorer(project, 4)
    changes = [
        threading.Thread(target=setattr, args=(field, "value", value))
        for field, value in (
            (form.experiment, 6),
            (form.method, "sequential"),
            (form.experiment, 5),
            (form.mode, "recommended"),
        )
    ]
    for change in changes:
        change.start()
    for change in changes:
        change.join(60)
    assert form.series.experiment_id == form.experiment.value
    assert form.series.method == "sequential"
    assert form.series.mode == "recommended"
    assert line(form) == form.line()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("chekout-redesign",), "chekout-redesign"),
        ((4, "Conversoin"), "Conversoin"),
        (("gift-wrapping",), "not been launched"),
    ],
)
def test_what_cannot_be_shown_is_said_inside(project, given, said, capsys):
    form = SeriesExplorer(project, *given)
    assert form.series is None
    assert said in html.unescape(form.said)
    assert capsys.readouterr() == ("", "")


def test_a_project_out_of_reach_is_said_and_the_next_change_works(project, monkeypatch):
    form = SeriesExplorer(project, 4)

    def unreachable(*_, **__):
        raise ConnectionFailedError("No route.", hint="Wait.")

    with monkeypatch.context() as broken:
        broken.setattr(type(project.experiments), "timeseries", unreachable)
        form.metric.value = 1
    assert form.series is None
    assert "No route." in form.said
    form.metric.value = 2
    assert form.series.metric_name == "Average order value"


def test_the_line_shows_the_same_in_a_cell(project, tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config, ipython_dir=str(tmp_path))
    shell.run_line_magic("load_ext", "exp_jupyter")
    shell.run_line_magic("exp_connect", "demo")
    form = SeriesExplorer(project, 6, "Latency", method="sequential", mode="recommended")
    name, _, rest = line(form).partition(" ")
    assert shell.run_line_magic(name.lstrip("%"), rest).to_text() == form.series.to_text()


def test_fallbacks_hold_the_line_it_began_with(project):
    form = SeriesExplorer(project, 4, "Checkout conversion", method="sequential")
    before = form._repr_mimebundle_()
    form.metric.value = 1
    after = form._repr_mimebundle_()
    for mime in ("text/plain", "text/html"):
        assert before[mime] == after[mime]
        assert '%exp_timeseries 4 "Checkout conversion" --method sequential' in html.unescape(
            before[mime]
        )
    assert "%exp_timeseries 42" in SeriesExplorer(project)._repr_mimebundle_()["text/plain"]
