"""Tab on a magic's line: options and names, in every place a magic can stand, without a request."""

import warnings

import pytest

from exp_jupyter.magic_line import MetricName
from exp_jupyter.magics.names import ExperimentName


@pytest.fixture
def offered(shell):
    names = shell.magics_manager.registry["ExpMagics"].session.names
    metrics = (MetricName("Checkout conversion", "u1"), MetricName("Revenue", "u2"))
    names.experiments = {
        42: ExperimentName(
            42, "Faster checkout", "running", "fast-checkout",
            variants=("control", "test-1", "test-2"), metrics=metrics,
        ),
        7: ExperimentName(
            7, "New search", "draft", "search",
            variants=("control", "vector"), metrics=(MetricName("Clicks", "u3"),),
        ),
    }  # fmt: skip
    names.see_flags(["fast-checkout", "search"])
    names.see_prompts(["support-reply"])

    def at(line: str) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the completer's API is provisional
            found = shell.Completer.completions(line, len(line))
            return [line[: one.start] + one.text for one in found]

    return at


@pytest.mark.parametrize("start", ["", "x = ", "x=", "  "])
def test_options_are_offered_wherever_the_magic_stands(offered, start):
    assert offered(f"{start}%exp_size funnel --mo") == [f"{start}%exp_size funnel --mode"]


def test_nothing_else_is_offered_with_them(offered):
    assert all(line.split()[-1].startswith("--") for line in offered("%exp_compare 1/2 1/3 --"))


def test_an_option_is_offered_once(offered):
    assert "%exp_size --mde 5 --mde" not in offered("%exp_size --mde 5 --m")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%exp_size fu", ["%exp_size funnel"]),
        ("%exp_size funnel --alternative g", ["%exp_size funnel --alternative greater"]),
        ("%exp_show 4", ["%exp_show 42"]),
        ("%exp_show Fas", ['%exp_show "Faster checkout"']),
        ('%exp_show "Faster ch', ['%exp_show "Faster checkout"']),
        ("%exp_timeseries 42 ", ['%exp_timeseries 42 "Checkout conversion"',
                                 "%exp_timeseries 42 Revenue"]),
        ("%exp_timeseries 42 Re", ["%exp_timeseries 42 Revenue"]),
        ('%exp_timeseries "New search" ', ['%exp_timeseries "New search" Clicks']),
        ("%exp_flags --search fast", ["%exp_flags --search fast-checkout"]),
        ("%exp_from_prompt su", ["%exp_from_prompt support-reply"]),
        ("%exp_from_prompt support-reply 1 2 --templates cost la",
         ["%exp_from_prompt support-reply 1 2 --templates cost latency"]),
        ("%exp_results 42 Re", ["%exp_results 42 Revenue"]),
        ("%exp_results 42 Revenue --method seq", ["%exp_results 42 Revenue --method sequential"]),
        ("%exp_launch New", ['%exp_launch "New search"']),
        ("%exp_ship 42 ", ["%exp_ship 42 control", "%exp_ship 42 test-1", "%exp_ship 42 test-2"]),
        ("%exp_ship 42 test-2", ["%exp_ship 42 test-2"]),
        ('%exp_ship "New search" ', ['%exp_ship "New search" control',
                                    '%exp_ship "New search" vector']),
        ("%exp_ship 42 test-1 --conclusion w", ["%exp_ship 42 test-1 --conclusion won"]),
        ("%exp_end 42 --conclusion in", ["%exp_end 42 --conclusion inconclusive",
                                        "%exp_end 42 --conclusion invalid"]),
        ("%exp_duplicate 42 --flag-key se", ["%exp_duplicate 42 --flag-key search"]),
        ("%exp_create New --flag-key fast", ["%exp_create New --flag-key fast-checkout"]),
        ("%exp comp", []),
        ("%exp exp_comp", ["%exp exp_compare"]),
    ],
)  # fmt: skip
def test_names_are_offered_where_they_belong(offered, line, expected):
    assert offered(line) == expected


def test_a_line_of_python_is_left_alone(offered):
    assert "--mode" not in " ".join(offered("exp = 5; --mo"))


def test_what_was_never_seen_is_not_offered(shell, offered):
    shell.magics_manager.registry["ExpMagics"].session.names.experiments.clear()
    assert offered("%exp_show F") == []


class TestOwnData:
    """Variables, columns and the short forms of metrics, from what is in memory."""

    @pytest.fixture(autouse=True)
    def held(self, shell):
        shell.run_cell(
            "import pandas as pd\n"
            "units = pd.DataFrame({'variant': ['a'], 'revenue': [1.0], 'net worth': [2.0]})\n"
            "events = pd.DataFrame({'event': ['view', 'buy', 'view'], 'spent': [1.0, 2.0, 3.0]})\n"
            "renamed = events.rename(columns={'event': 'what'})\n"
            "plain, _hidden = 5, units\n"
        )

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("%exp_analyze u", ["%exp_analyze units"]),
            ("%exp_analyze ", [f"%exp_analyze {n}" for n in ("units", "events", "renamed")]),
            ("%exp_analyze_events ev", ["%exp_analyze_events events"]),
            ("%exp_history ev", ["%exp_history events"]),
            ("%exp_analyze units --metric re", ["%exp_analyze units --metric revenue:mean"]),
            ("%exp_analyze units --metric ne", ['%exp_analyze units --metric "net worth:mean"']),
            ("%exp_analyze units --metric revenue:q",
             ["%exp_analyze units --metric revenue:quantile(0.9)"]),
            ("%exp_analyze units --metric revenue/v",
             ["%exp_analyze units --metric revenue/variant:ratio"]),
            ("%exp_analyze units --variant v", ["%exp_analyze units --variant variant"]),
            ("%exp_analyze units --covariate r", ["%exp_analyze units --covariate revenue"]),
            ("%exp_analyze units --breakdown n", ['%exp_analyze units --breakdown "net worth"']),
            ("%exp_analyze_events events --metric b",
             ["%exp_analyze_events events --metric buy:conversion"]),
            ("%exp_analyze_events events --metric Spent=buy:sum(s",
             ["%exp_analyze_events events --metric Spent=buy:sum(spent)"]),
            ("%exp_analyze_events events --metric buy:t",
             ["%exp_analyze_events events --metric buy:total"]),
            ("%exp_analyze_events renamed --columns event=what --metric v",
             ["%exp_analyze_events renamed --columns event=what --metric view:conversion"]),
            ("%exp_history events buy:c", ["%exp_history events buy:conversion"]),
            ("%exp_history events buy --exposure v", ["%exp_history events buy --exposure view"]),
            ("%exp_create New --metrics buy:m",
             ["%exp_create New --metrics buy:min(", "%exp_create New --metrics buy:max("]),
        ],
    )  # fmt: skip
    def test_is_offered_where_it_belongs(self, offered, line, expected):
        assert offered(line) == expected

    def test_files_in_the_folder_are_offered(self, offered, tmp_path):
        (tmp_path / "shop events.parquet").touch()
        assert offered("%exp_analyze_events sh") == ['%exp_analyze_events "shop events.parquet"']

    def test_what_a_function_binds_is_offered_inside_it(self, shell, offered):
        cell = (
            "def country(rows, *, code='de'):\n"
            "    mine = rows[rows.code == code]\n"
            "    for part in mine:\n"
            "        %exp_analyze "
        )
        assert {line.split()[-1] for line in offered(cell)} >= {"rows", "code", "mine", "part"}

    def test_a_table_elsewhere_is_never_asked(self, shell, offered):
        asked = []

        class Remote:
            """A table of a database: to look at its columns is to ask the database."""

            def execute(self):
                asked.append("executed")

            @property
            def columns(self):
                asked.append("columns")
                return ["secret"]

        shell.user_ns["remote"] = Remote()
        assert "%exp_analyze remote" in offered("%exp_analyze ")
        offered("%exp_analyze remote --metric ")
        assert asked == []


def test_change_requests_that_were_seen_are_offered(shell, run, offered):
    run("%exp_connect")
    asked = run("%exp_from_prompt support-reply 1 4 --templates cost --name 'On Tab' --yes")
    number = asked.change_request.id
    for option in ("approve", "reject", "withdraw"):
        for typed, whole in ((number[:6], number[:8]), (number[:10], number)):
            line = f"%exp_approvals --{option} {typed}"
            assert f"%exp_approvals --{option} {whole}" in offered(line)
    run(f"%exp_approvals --withdraw {number} --yes\n%exp_approvals --state all")
    assert f"%exp_approvals --withdraw {number[:8]}" not in offered("%exp_approvals --withdraw ")


def test_a_name_that_two_have_is_offered_as_neither(shell, offered):
    names = shell.magics_manager.registry["ExpMagics"].session.names
    twice = (MetricName("Paid", "u-8"), MetricName("Paid", "u-9"))
    names.experiments = {
        1: ExperimentName(1, "Same", "running", "a", metrics=twice),
        2: ExperimentName(2, "Same", "running", "b"),
        3: ExperimentName(3, "42", "running", "c"),
    }
    assert offered("%exp_show ") == ["%exp_show 1", "%exp_show 2", "%exp_show 3"]
    assert offered("%exp_timeseries 1 ") == ["%exp_timeseries 1 u-8", "%exp_timeseries 1 u-9"]
