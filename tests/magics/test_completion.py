"""Tab on a magic's line: options and names, in every place a magic can stand, without a request."""

import warnings

import pytest

from exp_jupyter.magics.names import ExperimentName, MetricName


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
