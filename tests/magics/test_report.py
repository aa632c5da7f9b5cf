"""``%exp_report`` and ``exp-jupyter report``: one page, in the notebook and as a file."""

from pathlib import Path

import pytest

from exp_jupyter.command import main
from exp_jupyter.errors import InputError, NotConnectedError

UNITS = """
units = {"variant": ["control", "test"] * 500,
         "paid": [place % 10 < (6 if place % 2 else 3) for place in range(1000)]}
"""


@pytest.fixture
def demo(run):
    run("%exp_connect demo")
    return run


class TestOfAProject:
    def test_it_reports_on_an_experiment(self, demo):
        report = demo("%exp_report 4")
        assert report.title == "Checkout redesign"
        assert report.decision == demo("%exp_results 4").decision
        assert report.code() == "project.experiments.report(4)"
        assert len(report.to_html().encode()) <= 30_000

    def test_its_code_makes_the_same_page_again(self, demo, shell):
        report = demo('%exp_report 4 --method sequential --guardrail "Average order value=5"')
        shell.user_ns["project"] = demo("%exp_connect demo")
        assert demo(report.code()).to_html() == report.to_html()

    def test_a_broken_split_is_never_shipped(self, demo):
        report = demo("%exp_report search-ranking --method sequential")
        assert report.decision.action == "review"

    def test_one_metric_can_be_reported_alone(self, demo):
        report = demo('%exp_report 4 "Revenue per customer"')
        assert [one.metric_name for one in report.evidence] == ["Revenue per customer"]

    def test_it_says_which_file_it_wrote(self, demo):
        report = demo("%exp_report 4 --to checkout.html")
        assert Path("checkout.html").is_file()
        assert report.to_text().splitlines()[0] == "✓ written to checkout.html"
        assert "written to" not in Path("checkout.html").read_text(encoding="utf-8")

    def test_a_report_that_was_kept_can_be_written_later(self, demo):
        demo("%exp_report 4 --out page")
        demo("%exp_report page --to checkout.md")
        assert Path("checkout.md").read_text(encoding="utf-8").startswith("# Checkout redesign")

    def test_another_ending_is_refused_before_a_project_is_asked(self, fail):
        assert "does not say what to write" in fail("%exp_report 4 --to page.docx").message

    def test_without_a_project_it_says_how_to_connect_one(self, fail):
        assert isinstance(fail("%exp_report 4"), NotConnectedError)

    def test_a_draft_has_nothing_to_report(self, demo, fail):
        assert "not been launched" in fail("%exp_report gift-wrapping").message

    def test_a_rate_counts_as_it_does_in_the_results(self, demo, fail):
        line = "4 --method frequentist --alpha 0.2"
        report = demo(f"%exp_report {line}")
        assert report.evidence[0].level == demo(f"%exp_results {line}")[0].level == 0.8
        assert report.code() == "project.experiments.report(4, method='frequentist', alpha=0.2)"
        demo("%config ExpMagics.alpha = 0.01")
        assert demo("%exp_report 4 --method frequentist").evidence[0].level == 0.99
        assert "only read here" in fail("%exp_report 4 --alpha 0.1").message

    def test_a_breakdown_is_for_the_results(self, demo, fail):
        assert "--by" in fail("%exp_report 4 --by $browser").message

    def test_options_of_own_data_are_refused(self, demo, fail):
        error = fail("%exp_report 4 --planned-look")
        assert isinstance(error, InputError)
        assert "--planned-look is for an analysis of own data" in error.message


class TestOfOwnData:
    def test_it_reports_on_a_variable(self, run):
        run(UNITS)
        run("%exp_analyze units --metric paid:proportion --split equal --out analysis")
        report = run('%exp_report analysis --question "Do more pay?" --planned-look --to own.md')
        assert report.decision.headline == "Ship test"
        assert report.code() == "analysis.report(question='Do more pay?', planned_look=True)"
        assert "Do more pay?" in Path("own.md").read_text(encoding="utf-8")

    def test_another_result_is_refused_by_its_kind(self, run, fail):
        run("%exp_compare 120/1000 150/1000 --out lift")
        error = fail("%exp_report lift")
        assert "lift holds no analysis of own data, but a Comparison" in error.message

    def test_options_of_a_project_are_refused(self, run, fail):
        run(UNITS)
        run("%exp_analyze units --metric paid:proportion --out analysis")
        for option in ("--method bayesian", "--alpha 0", "--tuning 100"):
            told = fail(f"%exp_report analysis {option}").message
            assert f"{option.split()[0]} is for an experiment" in told


class TestCommand:
    def test_it_writes_a_file_without_a_notebook(self, tmp_path, capsys):
        target = tmp_path / "report.html"
        assert main(["report", "demo", "4", "--to", str(target)]) == 0
        assert capsys.readouterr().out == f"{target}: Keep running\n"
        assert "<h1>" in target.read_text(encoding="utf-8")

    def test_it_prints_the_page_without_a_file(self, capsys):
        assert main(["report", "demo", "4", "--guardrail", "Average order value=5"]) == 0
        assert "Must not get worse" in capsys.readouterr().out

    def test_a_mistake_is_said_on_stderr(self, tmp_path, capsys):
        assert main(["report", "demo", "44", "--to", str(tmp_path / "report.md")]) == 1
        told = capsys.readouterr()
        assert not told.out
        assert "There is no experiment 44" in told.err
        assert not [*tmp_path.iterdir()]
