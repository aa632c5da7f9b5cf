"""A report: one page that answers first, and the files it becomes."""

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from exp_jupyter import analyze, connect
from exp_jupyter.analysis import Report
from exp_jupyter.display.documents import pdf
from exp_jupyter.errors import InputError, NotInstalledError, StoreError, StoreFullError

HOSTILE = "</title><script>alert(1)</script>\"'<img src=x onerror=alert(2)>"


@pytest.fixture
def report(builders) -> Report:
    return builders["report"]("New checkout")


def sections(report: Report) -> list[str]:
    return re.findall(r"^## (.+)$", report.to_markdown(), re.MULTILINE)


def units(**changes):
    table = {
        "variant": ["control", "test"] * 1000,
        "paid": [place % 10 < (2 if place % 2 else 4) for place in range(2000)],
        "seconds": [1.0 + (place * 7 % 13) + place % 2 for place in range(2000)],
    }
    options = {"metrics": ["paid:proportion", "seconds:mean"], "split": "equal"}
    return analyze(table, **{**options, **changes})


class TestPage:
    def test_it_has_every_section_in_the_order_of_reading(self, report):
        assert sections(report) == [
            "Question",
            "Design",
            "Can the data be trusted?",
            "Results",
            "Day by day",
            "Decision",
            "Where the numbers come from",
        ]

    def test_the_design_counts_the_units_of_every_variant(self, report):
        day = report.evidence.series[0].latest
        design = report.to_markdown().partition("## Design")[2].partition("## ")[0]
        for arm in (day.baseline, *day.arms.values()):
            assert f"{arm.n:,} units)" in design

    @pytest.mark.parametrize("number", [2, 3, 4, 6, 7, 8])
    def test_a_report_of_the_example_project_weighs_little(self, number):
        html = connect().experiments.report(number).to_html()
        assert len(html.encode()) <= 30_000

    def test_the_decision_and_its_reason_stand_first(self, report):
        first = report.to_text().splitlines()[1]
        assert first.startswith(f"Decision: {report.decision.headline}.")

    def test_segments_have_a_section_where_there_are_some(self, builders):
        assert "Segments" in sections(builders["report-of-events"]("New checkout"))
        assert "Segments" not in sections(builders["report-of-units"]("New checkout"))

    def test_segments_are_compared_and_the_frame_has_their_arms(self, builders):
        report = builders["report-of-events"]("New checkout")
        told = report.to_markdown().partition("## Segments")[2].partition("## Decision")[0]
        assert "Against the rest" in told
        assert "some differ by chance" in told
        assert "with its own value" in told
        for metric in ("New checkout", "Spent"):
            assert f"**{metric}, New checkout**" in told
        arms = report.to_frame().query("segment != ''")
        assert set(arms["variant"]) == {"control", "New checkout"}

    def test_it_says_where_the_numbers_come_from(self, report):
        told = report.to_markdown().partition("## Where the numbers come from")[2]
        for fact in ("sequential", "recommended", "8c74aa4b", "project.experiments.report(42)"):
            assert fact in told

    def test_the_digest_is_that_of_the_numbers(self, builders):
        def digest(report: Report) -> str:
            return re.search(r"Digest of the numbers \| `(\w+)`", report.to_markdown())[1]

        one = units().report("Why?")
        assert digest(one) == digest(units().report("Another question"))
        assert digest(one) != digest(units(metrics="paid:proportion").report("Why?"))

    def test_a_missing_question_is_said(self):
        assert "Nobody wrote down what was asked." in units().report().to_text()


class TestDecisionOnOwnData:
    def test_a_planned_look_may_decide(self):
        report = units().report(planned_look=True)
        assert report.decision.action == "stop"
        assert report.decision.reasons[0] == "paid:proportion is worse in test."

    def test_an_unplanned_look_at_a_fixed_interval_does_not_ship(self):
        better = units(metrics="paid:proportion", control="test")
        assert better.report().decision.action == "review"
        assert better.report(planned_look=True).decision.headline == "Ship control"

    def test_a_sequential_interval_decides_at_any_time(self):
        better = units(metrics="paid:proportion", control="test", method="sequential")
        assert better.report().decision.headline == "Ship control"

    def test_a_guardrail_that_breaks_its_margin_stops(self):
        report = units().report(
            primary="seconds:mean", guardrails={"paid:proportion": 5}, planned_look=True
        )
        assert "guardrail paid:proportion is worse" in report.decision.sentence

    def test_a_broken_split_is_reviewed_whatever_the_metrics_say(self):
        report = units(split={"control": 90, "test": 10}).report(planned_look=True)
        assert report.decision.action == "review"
        assert "not split as planned" in report.decision.sentence

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"primary": "paid"}, "no metric 'paid'"),
            ({"guardrails": ["speed"]}, "no metric 'speed'"),
            ({"guardrails": {"seconds:mean": 0}}, "is 0 %"),
            ({"primary": "paid:proportion", "guardrails": "paid:proportion"}, "and as a guardrail"),
        ],
    )
    def test_what_is_not_there_is_named(self, options, said):
        with pytest.raises(InputError, match=said):
            units().report(**options)

    def test_its_code_makes_it_again(self):
        report = units().report("Why?", guardrails={"seconds:mean": 10})
        assert report.code().endswith(".report(question='Why?', guardrails={'seconds:mean': 10})")


class TestFiles:
    @pytest.mark.parametrize("ending", [".html", ".md"])
    def test_the_same_report_is_the_same_bytes(self, builders, tmp_path, ending):
        paths = [
            builders["report"]("New checkout").save(tmp_path / f"{place}" / f"report{ending}")
            for place in range(2)
            if (tmp_path / f"{place}").mkdir() is None
        ]
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_html_stands_alone(self, report, tmp_path):
        text = report.save(tmp_path / "report.html").read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert "default-src 'none'" in text
        assert not re.search(r"(?:src|href)=\"(?!data:)", text)
        assert "<script" not in text
        assert text.count("<h1>") == 1
        assert text.count("<h2>") == len(sections(report))
        assert "data:image/svg+xml;base64," in text

    def test_a_hostile_name_stays_text(self, builders, tmp_path):
        report = builders["report"](HOSTILE)
        text = report.save(tmp_path / "report.html").read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<img src=x" not in text
        assert text.count("</title>") == 1

    def test_markdown_has_its_charts_beside_it(self, report, tmp_path):
        text = report.save(tmp_path / "check out.md").read_text(encoding="utf-8")
        (chart,) = re.findall(r"!\[.+\]\((.+?)\)", text)
        assert chart == "check%20out.chart-1.svg"
        assert (tmp_path / "check out.chart-1.svg").read_text(encoding="utf-8").startswith("<svg")

    def test_what_is_folded_is_open_on_paper(self, builders):
        from exp_jupyter.display import page
        from exp_jupyter.display.documents.standalone import document

        description = page(builders["results"]("New checkout")).description
        assert "<details open " not in document(description)
        paper = document(description, printed=True)
        assert paper.count("<details open ") == paper.count("<details ") > 0

    def test_a_file_keeps_the_rights_that_the_umask_gives(self, report, tmp_path):
        before = os.umask(0o022)
        try:
            path = report.save(tmp_path / "report.html")
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    @pytest.mark.parametrize("name", ["report", "report.docx", "report.html.zip"])
    def test_another_ending_is_refused(self, report, tmp_path, name):
        with pytest.raises(InputError, match="does not say what to write"):
            report.save(tmp_path / name)
        assert not [*tmp_path.iterdir()]

    @pytest.mark.parametrize("path", [5, None, "a\0b.html", "~nobody-of-this-name/report.html"])
    def test_what_is_no_path_is_refused(self, report, path):
        with pytest.raises(InputError, match="is no path"):
            report.save(path)

    def test_a_folder_is_refused(self, report, tmp_path):
        (tmp_path / "report.html").mkdir()
        with pytest.raises(InputError, match="is a folder"):
            report.save(tmp_path / "report.html")

    def test_a_folder_that_is_not_there_is_said(self, report, tmp_path):
        with pytest.raises(StoreError, match="cannot be written"):
            report.save(tmp_path / "missing" / "report.html")

    def test_a_full_disk_leaves_the_old_file(self, report, tmp_path, monkeypatch):
        path = report.save(tmp_path / "report.html")
        path.write_text("the old one")

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(StoreFullError, match="the disk has no room"):
            report.save(path)
        monkeypatch.undo()
        assert path.read_text() == "the old one"
        assert [*tmp_path.iterdir()] == [path]


class TestPdf:
    def test_without_a_browser_the_error_says_what_to_do(self, tmp_path):
        with pytest.raises(NotInstalledError) as caught:
            pdf.browser({"PATH": str(tmp_path), "HOME": ""})
        assert "Chromium, Chrome or Edge" in caught.value.message
        assert "write .html" in caught.value.hint

    def test_a_browser_that_is_named_and_not_there_is_said(self, tmp_path):
        with pytest.raises(InputError, match="no such program"):
            pdf.browser({"PATH": str(tmp_path), "EXP_JUPYTER_BROWSER": "firebird"})

    def test_a_browser_that_fails_leaves_the_old_file(self, report, tmp_path, monkeypatch):
        broken = tmp_path / "bin" / "chromium"
        broken.parent.mkdir()
        broken.write_text("#!/bin/sh\necho it broke >&2\nexit 3\n")
        broken.chmod(0o755)
        monkeypatch.setenv("EXP_JUPYTER_BROWSER", str(broken))
        path = tmp_path / "report.pdf"
        path.write_text("the old one")
        with pytest.raises(StoreError, match=r"ended with 3 \(it broke\)"):
            report.save(path)
        assert path.read_text() == "the old one"

    @pytest.mark.browser
    def test_it_prints_the_same_bytes_twice(self, report, tmp_path):
        try:
            pdf.browser()
        except NotInstalledError:
            pytest.skip("this machine has no browser")
        pages = [report.save(tmp_path / f"{place}.pdf").read_bytes() for place in range(2)]
        assert pages[0].startswith(b"%PDF-")
        assert pages[0] == pages[1]
