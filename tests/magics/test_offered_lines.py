"""Text of a project in every line that is offered: one magic with exactly that text, or no line."""

import hashlib
import html
import json
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from exp_jupyter.analysis.results.experiment import Results
from exp_jupyter.analysis.results.series import Series
from exp_jupyter.client.lookup.metrics import find_metric
from exp_jupyter.magic_line import MetricName, id_word, magic_line, metric_word, word
from exp_jupyter.magics.extension import ExpMagics, arguments_of
from exp_jupyter.magics.line.completion import matcher
from exp_jupyter.magics.names import ExperimentName
from exp_jupyter.magics.snapshot import snapshot

# Characters at which str.splitlines breaks, other controls, marks that reorder, odd blanks.
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
UNSEEN = ["\x00", "\x07", "\t", "\x1b[31m", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\ud800"]
SYNTAX = [
    *("'", '"', "'''", '"""', "\\", "\\'", "`", " ", "  ", "\xa0", "\u3000", "#", ";", "?", "??"),
    *("!", "!!", "%", "%%", ",", "/", "=", "(", ")", "[", "{", "}", "{{", "}}", "$", "$$", "-"),
    *("--", "--yes", "--help", "--out=hit", ">>> ", "In [1]: ", "@", "|", "&", "<b>"),
    *("{hit()}", "$hit", "{x}", "${x}", "{x!r}", "{0}", "{[hit() for _ in '1']}", "{__import__}"),
    *("!touch hit", "%exp_end 4 --yes", "get_ipython().system('touch hit')", "=!touch hit"),
    *("é", "実験", "\U0001f468\u200d\U0001f469", "a", "b c", "4", "0", "phx"),
]
PIECES = [*BREAKS, *UNSEEN, *SYNTAX, "\n!touch hit", "\nhit()", "\u2028!touch hit"]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join),
    st.text(min_size=1, max_size=12),
)
FEW = {"derandomize": True, "deadline": None, "database": None}
KEPT = [HealthCheck.function_scoped_fixture]


class Watched(ExpMagics):
    """The real magics up to where a family would run: what was asked for is kept."""

    asked: list[tuple[str, dict[str, Any]]]

    def carry_out(self, module: str, line: str, local: Any, body: str | None = None) -> None:
        with self.session.within(local):
            read = arguments_of(module).read(line, self.session.variables)
        self.asked.append((module.rpartition(".")[2], vars(read)))


class Cells:
    """A notebook in which every line is run for real, and whatever else runs is noticed."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.magics = Watched(shell)
        self.magics.asked = []
        shell.register_magics(self.magics)
        self.hits: list[str] = []
        shell.user_ns |= {"hit": lambda: self.hits.append("called"), "x": "WRONG", "a": "WRONG"}
        shell.system = self.hits.append
        shell.system_piped = self.hits.append

    def run(self, line: str) -> tuple[str, dict[str, Any]]:
        """Run a line as a cell, and return the one magic that it ran."""
        self.magics.asked.clear()
        before = set(self.shell.user_ns)
        done = self.shell.run_cell(line, store_history=False)
        done.raise_error()
        assert self.hits == []
        assert set(self.shell.user_ns) == before
        (asked,) = self.magics.asked
        return asked


@pytest.fixture
def cells(shell) -> Cells:
    return Cells(shell)


class TestWords:
    @given(TEXTS)
    @settings(max_examples=300, suppress_health_check=KEPT, **FEW)
    def test_a_word_is_read_back_as_exactly_its_text(self, cells, text):
        line = magic_line("%exp_update 4 --name", word(text), "--comment", word(text), "--yes")
        if line:
            module, options = cells.run(line)
            assert module == "update"
            assert (options["name"], options["comment"]) == (text, text)
            assert (options["ref"], options["yes"], options["out"]) == ("4", True, None)

    @given(TEXTS)
    @settings(max_examples=100, suppress_health_check=KEPT, **FEW)
    def test_a_word_stands_anywhere_in_a_line(self, cells, text):
        for lead in ("", "r = ", "    "):
            if line := magic_line(f"{lead}%exp_show", word(text)):
                cells.shell.user_ns["r"] = None
                module, options = cells.run(line)
                assert (module, options["ref"]) == ("show", text)

    @given(TEXTS)
    @settings(max_examples=300, suppress_health_check=KEPT, **FEW)
    def test_an_id_is_letters_digits_and_three_signs_or_no_line(self, cells, text):
        if line := magic_line("%exp_approvals --approve", id_word(text)):
            assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", text)
            assert cells.run(line)[1]["approve"] == text

    @pytest.mark.parametrize("broken", [*BREAKS, *UNSEEN, "\xa0", "\u3000"])
    def test_what_is_not_shown_as_itself_makes_no_line(self, broken):
        text = f"one{broken}two"
        assert word(text) is None
        assert id_word(text) is None
        assert magic_line("%exp_show", word(text)) == ""

    @pytest.mark.parametrize("text", ["plain", "two words", "it's", 'the "big" one', "-1", "a;b"])
    def test_ordinary_names_do_make_one(self, cells, text):
        assert cells.run(magic_line("%exp_show", word(text)))[1]["ref"] == text

    @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
    @settings(max_examples=100, suppress_health_check=KEPT, **FEW)
    def test_a_metric_is_named_alone_or_not_at_all(self, cells, pairs):
        metrics = [MetricName(name, uuid) for name, uuid in pairs]
        for metric in metrics:
            line = magic_line("%exp_timeseries 4", metric_word(metric, metrics))
            if line:
                experiment = SimpleNamespace(name="E", metric_entries=metrics)
                assert find_metric(experiment, cells.run(line)[1]["metric"]) is metric


class TestPanel:
    """A recording that somebody forged, shown by the panel: what its Run would run."""

    @pytest.fixture
    def recorded(self, run, session):
        run("%exp_connect demo --as reviewer\n%exp_record panel.expsnap")
        snapshot(session)
        return json.loads(Path("panel.expsnap").read_text(encoding="utf-8"))

    @pytest.fixture
    def session(self, shell):
        return shell.magics_manager.registry["ExpMagics"].session

    def forge(self, whole: dict[str, Any], text: str) -> None:
        """Write ``text`` wherever a project could have it: names, keys, uuids, ids of requests."""
        answers = json.loads(json.dumps(whole["answers"]))
        for entry in answers:
            for answer in entry["answers"]:
                overwrite(answer["body"], text)
                if "change_requests" in entry["request"]:
                    answer["body"]["results"] = [waiting(text)]
        body = {"project": whole["project"], "answers": answers}
        digest = hashlib.sha256(
            json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        forged = json.dumps({**whole, **body, "sha256": digest})
        Path("forged.expsnap").write_text(forged, encoding="utf-8")

    @given(TEXTS)
    @settings(max_examples=20, suppress_health_check=KEPT, **FEW)
    def test_runs_one_magic_on_what_it_says(self, recorded, session, shell, text):
        self.forge(recorded, text)
        shell.run_line_magic("exp_replay", "forged.expsnap")
        shown = snapshot(session)
        texts = json.dumps({**shown, "experiments": [], "flags": [], "templates": []})
        assert not re.search(r"\\u00[01]|\\u202e|\\n", texts)
        kept = dict(shell.magics_manager.magics["line"])
        cells = Cells(shell)
        try:
            lines = {*every_line(shown)}
            assert len(lines) > 20
            # A magic and a number is plainly that; what holds more is run.
            for line in (one for one in lines if not re.fullmatch(r"%exp_\w+ \d+", one)):
                _, options = cells.run(line)
                words = [v for v in strings(options) if v and not v.isdecimal()]
                assert {*words} <= {text, *OURS}
        finally:
            shell.magics_manager.magics["line"] = kept

    def test_a_uuid_with_a_line_break_runs_no_shell_command(self, recorded, session, shell):
        self.forge(recorded, "\n!touch hit")
        shell.run_line_magic("exp_replay", "forged.expsnap")
        lines = [*every_line(snapshot(session))]
        assert lines
        assert all("touch" not in line and "\n" not in line for line in lines)


OURS = {"New experiment", "cost", "latency", "eval_pass_rate"}


def waiting(text: str) -> dict[str, Any]:
    return {
        "id": text,
        "action_key": text,
        "intent": {"flag_key": text},
        "intent_display": {"description": text},
        "can_approve": True,
        "created_by": {"id": 3, "first_name": text, "last_name": "", "email": text},
    }


def overwrite(value: Any, text: str) -> None:
    """Replace every name, key and uuid inside; a second metric of the same name keeps its uuid."""
    if isinstance(value, list):
        for one in value:
            overwrite(one, text)
    elif isinstance(value, dict):
        for key, inner in value.items():
            spoiled = key in {"name", "key", "label", "feature_flag_key", "first_name", "uuid"}
            if spoiled and isinstance(inner, str):
                value[key] = text
            else:
                overwrite(inner, text)


def every_line(shown: dict[str, Any]):
    for one in shown["experiments"]:
        yield one["line"]
        yield from (step["line"] for step in one["steps"])
        yield from (metric["line"] for metric in one["metrics"] if metric["line"])
    for part in ("flags", "templates", "requests"):
        yield from (one["line"] for one in shown[part] if one["line"])


def strings(value: Any):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)


class TestTab:
    @given(
        name=TEXTS,
        metric=TEXTS,
        variant=TEXTS,
        key=TEXTS,
        opened=st.sampled_from(["", "'", '"']),
    )
    @settings(max_examples=40, suppress_health_check=KEPT, **FEW)
    def test_a_completed_line_means_what_was_picked(
        self, cells, name, metric, variant, key, opened
    ):
        names = cells.magics.session.names
        names.experiments = {
            7: ExperimentName(
                7, name, "running", key, variants=(variant,), metrics=(MetricName(metric, "u-1"),)
            )
        }
        names.flags, names.prompts, names.requests = {key: None}, {name: None}, {key: None}
        for lead, option, texts in (
            ("%exp_show ", "ref", {"7", name}),
            ("%exp_timeseries 7 ", "metric", {metric}),
            ("%exp_ship 7 ", "variant", {variant}),
            ("%exp_create New --flag-key ", "flag_key", {key}),
            ("%exp_from_prompt ", "prompt", {name}),
            ("%exp_approvals --approve ", "approve", {key}),
        ):
            for line in self.completed(cells.shell, lead + opened):
                assert cells.run(line)[1][option] in texts

    def completed(self, shell: InteractiveShell, line: str) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the completer's API is provisional
            matchers = shell.Completer.custom_matchers
            shell.Completer.custom_matchers = [matcher(shell.magics_manager.registry["Watched"])]
            try:
                found = [*shell.Completer.completions(line, len(line))]
            finally:
                shell.Completer.custom_matchers = matchers
        ours = [one for one in found if one._origin == "exp_jupyter"]
        return [line[: one.start] + one.text for one in ours]


class TestPages:
    @given(first=TEXTS, second=TEXTS, uuid=TEXTS)
    @settings(max_examples=40, suppress_health_check=KEPT, **FEW)
    def test_the_next_step_of_results_runs_the_days_of_its_metric(self, cells, first, second, uuid):
        shown = Results(4, first, "running", (series(first, uuid), series(second, "u-2")))
        text = shown.to_text().partition("\nNext: ")[2].partition("\n")[2].partition("\n")[0]
        page = re.findall(r"<pre[^>]*>(.*?)</pre>", shown.to_html())
        assert [text.strip(), *map(html.unescape, page)] in ([""], 2 * [text.strip()])
        if text:
            module, options = cells.run(text.strip())
            assert (module, options["ref"]) == ("timeseries", "4")
            assert options["metric"] in (first, uuid)


def series(name: str, uuid: str) -> Series:
    return Series.from_wire(
        {"metric_uuid": uuid, "status": "completed", "timeseries": {}},
        experiment={"id": 4, "name": name, "start_date": "2026-03-01T00:00:00Z"},
        metric={"name": name, "uuid": uuid, "metric_type": "mean"},
    )


class TestForms:
    @given(text=TEXTS)
    @settings(max_examples=40, suppress_health_check=KEPT, **FEW)
    def test_the_fallback_of_the_explorer_runs_what_it_was_asked_for(self, cells, text):
        from exp_jupyter.connection import connect
        from exp_jupyter.display.content.blocks import NextStep, walk
        from exp_jupyter.widgets.series import SeriesExplorer

        cells.project = getattr(cells, "project", None) or connect()
        form = SeriesExplorer(cells.project, text, text)
        (step,) = [b for b in walk(form.fallback().blocks) if isinstance(b, NextStep)]
        _, options = cells.run(step.code)
        expected = (text, text) if "example" not in step.words else ("42", "Checkout conversion")
        assert (options["ref"], options["metric"]) == expected

    @given(text=st.one_of(TEXTS, st.just("{x}")))
    @settings(max_examples=40, suppress_health_check=KEPT, **FEW)
    def test_the_line_of_a_filled_in_form_says_what_is_filled_in(self, cells, text):
        from exp_jupyter.connection import connect
        from exp_jupyter.widgets.from_prompt import FromPromptForm

        cells.form = getattr(cells, "form", None) or FromPromptForm(connect())
        form = cells.form
        form.versions.value, form.templates.value = "1 2", ("cost",)
        for field in (form.prompt, form.name, form.flag_key, form.description):
            field.value = text
        if line := form.line():
            _, options = cells.run(line)
            assert options["prompt"] == form.prompt.value.strip()
            for name in ("name", "flag_key", "description"):
                written = getattr(form, name).value
                assert (options[name] or "") == " ".join(written.split())
