"""What every magic does with its line: words, help, options, --out, errors."""

import pytest

from exp_jupyter.errors import CredentialsError, InputError, NotConnectedError
from exp_jupyter.magics.line.words import words

ALL = (
    *("exp", "exp_connect", "exp_list", "exp_show", "exp_size", "exp_flags", "exp_timeseries"),
    *("exp_health", "exp_stats", "exp_templates", "exp_from_prompt", "exp_unarchive"),
    *("exp_approvals", "exp_compare", "exp_analyze", "exp_config", "exp_results", "exp_launch"),
    *("exp_pause", "exp_resume", "exp_end", "exp_ship", "exp_archive", "exp_reset"),
    *("exp_duplicate", "exp_create", "exp_update", "exp_record", "exp_replay"),
    *("exp_analyze_events", "exp_history", "exp_freeze", "exp_unfreeze", "exp_aa", "exp_exposures"),
    "exp_report",
)


class TestWords:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("", []),
            ("  42   x ", ["42", "x"]),
            ('42 "Checkout conversion"', ["42", "Checkout conversion"]),
            ("'it is \"new\"'", ['it is "new"']),
            ("demo # the embedded project", ["demo"]),
            ("issue#42", ["issue#42"]),
            ('""', [""]),
            (r"C:\growth\new", [r"C:\growth\new"]),
            ("caf\u00e9 \u65e5\u672c", ["caf\u00e9", "\u65e5\u672c"]),
        ],
    )
    def test_split_as_a_shell_does(self, line, expected):
        assert [word.text for word in words(line)] == expected

    def test_an_open_quote_is_told(self, fail):
        error = fail('%exp_compare "8502/44700 8279/45489')
        assert isinstance(error, InputError)
        assert "never closed" in error.message


class TestHelp:
    @pytest.mark.parametrize("name", ALL)
    def test_help_shows_usage_description_and_examples(self, run, name):
        text = repr(run(f"%{name} --help"))
        assert text.startswith(f"usage: %{name}")
        assert "Examples:" in text
        assert "--out NAME" in text

    @pytest.mark.parametrize("name", ALL)
    def test_a_question_mark_shows_the_same(self, shell, name):
        method = shell.find_line_magic(name)
        asked = shell.inspector.info(method, oname=name)["docstring"]
        assert asked == repr(shell.run_line_magic(name, "--help"))

    @pytest.mark.parametrize("name", ALL)
    def test_options_are_kebab_case(self, shell, name):
        magics = shell.magics_manager.registry["ExpMagics"]
        for option in magics.arguments(name).option_names():
            assert option == option.lower()
            assert "_" not in option

    def test_the_family_lists_every_magic_once_by_what_it_is_for(self, run):
        listed = run("%exp").to_frame()
        assert sorted(listed["name"]) == sorted(f"%{name}" for name in ALL)
        assert [*listed["group"].unique()] == ["Plan", "Watch", "Analyse", "Decide", "Project"]

    def test_the_family_says_each_in_one_short_line(self, run):
        shown = run("%exp").to_text().splitlines()
        for name in ALL:
            (line,) = [line for line in shown if line.startswith(f"%{name} ")]
            assert len(line) <= 88
            assert line.endswith(".")

    def test_every_example_parses(self, shell):
        magics = shell.magics_manager.registry["ExpMagics"]
        for name in ALL:
            examples = magics.arguments(name).epilog.splitlines()[1:]
            for example in examples:
                magic, _, rest = example.strip().partition(" ")
                if magic.lstrip("%").rstrip("?") in ALL and not magic.endswith("?"):
                    magics.arguments(magic.lstrip("%")).read(rest)

    def test_the_family_gives_the_help_of_one(self, run):
        assert repr(run("%exp size")) == repr(run("%exp_size --help"))

    def test_a_misspelt_magic_is_met_with_a_suggestion(self, fail):
        error = fail("%exp siez")
        assert error.hint == "Did you mean %exp_size?"

    def test_units_are_in_the_help(self, run):
        text = repr(run("%exp_size --help"))
        assert "in percent of the baseline" in text
        assert "per day" in text


class TestWrongLines:
    @pytest.mark.parametrize(
        ("line", "message", "hint"),
        [
            ("%exp_size funnel --basline 0.1", "no option --basline", "Did you mean --baseline?"),
            ("%exp_size funel", "'funel' is none of", "Did you mean funnel?"),
            ("%exp_size funnel --mde", "--mde needs a value", "See %exp_size?"),
            ("%exp_size funnel --mde five", "--mde 'five' is not a number", "See"),
            ("%exp_size funnel --mde nan", "--mde 'nan' is not a number", "See"),
            ("%exp_size funnel --mde inf", "--mde 'inf' is not a number", "See"),
            ("%exp_size funnel --variants 2.5", "'2.5' is not a whole number", "See"),
            ("%exp_size funnel --split 50", "'50' is no split", "See"),
            ("%exp_size funnel extra", "a word too many: 'extra'", "quotes"),
            ("%exp_size funnel --base 0.1", "no option --base", "Did you mean"),
            ("%exp_compare 1/2", "needs TREATMENT", "See %exp_compare?"),
            ("%exp_flags --active maybe", "'maybe' is neither yes nor no", "See"),
            ("%exp_show", "needs REF", "See %exp_show?"),
            ("%exp_size --out 2x", "'2x' is not a Python variable name", "See"),
            ("%exp_size --out class", "'class' is not a Python variable name", "See"),
            ("%exp_size --out print", "would hide Python's own print", "See"),
            ("%exp_list --status runing", "'runing' is none of", "Did you mean running?"),
            ("%exp_end 4 --conclusion one", "'one' is none of won", "Did you mean"),
            ("%exp_end 4 won", "a word too many: 'won'", "quotes"),
            ("%exp_ship 4", "needs VARIANT", "See %exp_ship?"),
            ("%exp_ship", "needs REF, VARIANT", "See %exp_ship?"),
            ("%exp_launch 4 --force", "no option --force", "See %exp_launch?"),
            ("%exp_timeseries --metric x", "no option --metric", "Did you mean"),
            ("%exp_pause", "needs REF", "See %exp_pause?"),
            ("%exp_results 4 0 1", "a word too many: '1'", "quotes"),
            ("%exp_results 4 --method bayes", "'bayes' is none of", "Did you mean bayesian?"),
            ("%exp_create", "needs NAME", "See %exp_create?"),
            ("%exp_create A --rollout half", "'half' is not a number", "See"),
            ("%exp_create A --metrics", "--metrics needs at least one value", "See"),
            ("%exp_record", "needs FILE", "See %exp_record?"),
            ("%exp_replay", "needs FILE", "See %exp_replay?"),
        ],
    )
    def test_are_met_with_one_message_and_a_failed_cell(self, fail, line, message, hint):
        error = fail(line)
        assert isinstance(error, InputError)
        assert message in error.message
        assert hint in error.hint

    def test_show_the_message_and_not_a_traceback(self, shell, capsys):
        shell.run_cell("%exp_size funel")
        shown = capsys.readouterr().out
        assert shown.splitlines()[0].startswith("InputError: %exp_size: KIND 'funel'")
        assert "Traceback" not in shown

    def test_show_the_traceback_when_debugging(self, shell, capsys):
        shell.run_cell("%config ExpMagics.debug = True\n%exp_size funel")
        assert "Traceback" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "line",
        [
            "%exp_connect --key phx_0123456789",
            "%exp_connect --key=phx_0123456789",
            "%exp_connect https://us.posthog.com --project 1 --api-key phx_0123456789",
            "%exp_connect phx_0123456789",
            "%exp_connect --token abc",
        ],
    )
    def test_a_key_is_refused_and_not_repeated(self, fail, line):
        error = fail(line)
        assert isinstance(error, CredentialsError)
        assert "POSTHOG_PERSONAL_API_KEY" in error.hint
        assert "0123456789" not in " ".join(error.lines)

    @pytest.mark.parametrize(
        "line",
        [
            "%exp_list",
            "%exp_show 1",
            "%exp_timeseries 1 x",
            "%exp_flags",
            "%exp_flags --form",
            "%exp_timeseries --form",
            "%exp_health 1",
            "%exp_stats",
            "%exp_templates",
            "%exp_from_prompt p 1 2 --templates cost",
            "%exp_from_prompt --form",
            "%exp_unarchive 1 --yes",
            "%exp_approvals",
            "%exp_size --from 1 x --mde 3",
            "%exp_results 1",
            "%exp_launch 1 --yes",
            "%exp_ship 1 test --yes",
            "%exp_create New --yes",
            "%exp_record file.expsnap",
        ],
    )
    def test_without_a_project_say_how_to_connect(self, fail, line):
        error = fail(line)
        assert isinstance(error, NotConnectedError)
        assert "%exp_connect" in error.hint


class TestSize:
    def test_plans_for_the_test_that_is_made(self, run):
        plan = run("%exp_size funnel --baseline 0.12 --mde 5 --rate 1800")
        assert (plan.sample_size, plan.days, plan.mode) == (94066, 53, "recommended")

    @pytest.mark.parametrize("baseline", ["0.12", "12%", "{0.10 + 0.02}", "{base}"])
    def test_takes_numbers_as_people_write_them(self, run, baseline):
        plan = run(f"base = 0.12\n%exp_size funnel --baseline {baseline} --mde 5% --rate 1,800")
        assert (plan.sample_size, plan.days) == (94066, 53)

    def test_is_the_twin(self, run):
        from exp_jupyter.engine.planning import sample_size as planning

        plan = run(
            "%exp_size mean --baseline 41 --variance 900 --mde 3 --power 0.9 --variants 3 "
            "--split 50/25/25 --one-sided --correlation 0.5 --comparisons 2"
        )
        twin = planning.sample_size(
            "mean", baseline=41, variance=900, mde=3, power=0.9, variants=3, split=(50, 25, 25),
            alternative="greater", correlation=0.5, comparisons=2,
        )  # fmt: skip
        assert plan == twin

    def test_carries_the_python_call_that_makes_it_again(self, run):
        plan = run("%exp_size funnel --baseline 0.12 --mde 5 --power 0.9")
        assert eval(plan.code(), {"exp_jupyter": __import__("exp_jupyter")}) == plan

    def test_any_further_option_switches_to_the_general_formula(self, run):
        assert run("%exp_size funnel --baseline 0.12 --mde 5 --sequential").mode == "recommended"

    def test_contradicting_sides_are_refused(self, fail):
        assert "--one-sided" in fail("%exp_size funnel --one-sided --alternative less").message

    def test_the_engines_refusal_reaches_the_reader(self, fail):
        error = fail("%exp_size funnel --baseline 12 --mde 5")
        assert "A funnel baseline is a fraction: 12 % is 0.12." in error.hint


class TestCompare:
    def test_reads_a_published_test(self, run):
        found = run("%exp_compare 8502/44700 8279/45489 --names gate_30 gate_40")
        assert found.effect.p_value == pytest.approx(0.00155, abs=5e-6)
        assert "gate_40" in found.to_text()

    def test_takes_a_margin_in_the_unit_of_the_difference(self, run):
        run("%exp_compare 480/4000 475/4000 --margin 5")
        run("%exp_compare 480/4000 475/4000 --margin 0.5% --difference absolute")

    @pytest.mark.parametrize(
        "line",
        [
            "%exp_compare 8502 8279/45489",
            "%exp_compare 5/4 1/4",
            "%exp_compare -1/4 1/4",
            "%exp_compare 1/4 1/4 --margin wide",
            "%exp_compare 10/40 12/40 --alpha 2",
        ],
    )
    def test_impossible_counts_are_refused(self, fail, line):
        assert isinstance(fail(line), InputError)


class TestResults:
    def test_are_returned_kept_and_shown_once(self, shell, run, capsys):
        plan = run("plan = %exp_size funnel --baseline 0.12 --mde 5 --out kept\nplan")
        assert shell.user_ns["kept"] is plan
        assert shell.user_ns["plan"] is plan
        assert capsys.readouterr().out.count("93,867") == 1

    def test_are_not_shown_after_a_semicolon(self, shell, run, capsys):
        assert run("%exp_size funnel --baseline 0.12 --mde 5 --out kept;") is None
        assert capsys.readouterr().out == ""
        assert shell.user_ns["kept"].sample_size == 94066

    def test_a_failed_magic_keeps_nothing(self, shell, fail):
        fail("%exp_size funel --out kept")
        assert "kept" not in shell.user_ns

    def test_a_fault_of_another_kind_keeps_its_traceback(self, shell, monkeypatch):
        from exp_jupyter.engine.planning import sample_size as planning

        def broken(*_, **__):
            raise ZeroDivisionError

        monkeypatch.setattr(planning, "sample_size", broken)
        result = shell.run_cell("%exp_size funnel --baseline 0.1 --mde 5")
        assert isinstance(result.error_in_exec, ZeroDivisionError)
