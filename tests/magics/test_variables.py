"""What a person writes for a variable on a line, and what stays text."""

import pytest

from exp_jupyter.errors import InputError, NotConnectedError
from exp_jupyter.magics.line.words import words

SCOPE = {
    "FLAG": "checkout-redesign",
    "name": "Two words --yes",
    "effect": 0.05,
    "winners": ["test", "control"],
    "row": {"key": "from a row"},
    "price": 3,
}


def read(line: str) -> list[str]:
    return [word.text for word in words(line, SCOPE)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{FLAG}", ["checkout-redesign"]),
        ("$FLAG", ["checkout-redesign"]),
        ('"{FLAG}"', ["checkout-redesign"]),
        ('"$FLAG"', ["checkout-redesign"]),
        ("{ FLAG }", ["checkout-redesign"]),
        ("x-{FLAG}-y", ["x-checkout-redesign-y"]),
        ("{winners[0]} {winners[-1]}", ["test", "control"]),
        ('{row["key"]} "{row["key"]}"', ["from a row", "from a row"]),
        ("{FLAG[:8]}", ["checkout"]),
        ("--mde {effect * 100}", ["--mde", "5.0"]),
        ("{0.25 + 0.5}", ["0.75"]),
        ("$FLAG.parquet", ["checkout-redesign.parquet"]),
        ("--flag-key={FLAG}", ["--flag-key=checkout-redesign"]),
        ("--templates {winners}", ["--templates", "test", "control"]),
    ],
)
def test_a_variable_stands_for_its_value(line, expected):
    assert read(line) == expected


@pytest.mark.parametrize("line", ["{name}", "$name", '"{name}"', '"$name"'])
def test_a_value_is_one_word_whatever_is_in_it_and_no_option(line):
    (word,) = words(line, SCOPE)
    assert word.text == "Two words --yes"
    assert type(word.text).__name__ == "Text"


@pytest.mark.parametrize(
    "text",
    [
        "Costs {1+1} more",
        "Costs {nothing} more",
        "Costs $5, $$ and $nothing",
        "{effect * 100}",
        "{print(1)}",
        "{}",
        "{FLAG!r}",
        "{FLAG, name}",
        "{[x for x in winners]}",
    ],
)
def test_in_double_quotes_what_is_no_variable_stands_as_it_is(text):
    assert read(f'"{text}"') == [text]


@pytest.mark.parametrize("text", ["{FLAG}", "$FLAG", "{1+1}", "{{FLAG}}", "$$FLAG", "{print(1)}"])
def test_in_single_quotes_everything_stands_as_it_is(text):
    assert read(f"'{text}'") == [text]


@pytest.mark.parametrize("text", ["$pageview", "data/{june,july}/*.parquet", "{}", "$", "{", "a}b"])
def test_signs_that_name_no_variable_stand_as_they_are(text):
    assert read(text) == [text]


def test_doubled_signs_stand_for_themselves():
    assert read('$$FLAG "{{FLAG}}"') == ["$FLAG", "{FLAG}"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{nothing}", "no variable nothing"),
        ("{print(1)}", "no variable print"),
        ("{len.__call__}", "no variable len"),
        ("{winners.sort()}", "more than a variable"),
        ("{FLAG * 3}", "no number to compute with"),
        ("{effect ** 2}", "more than a variable"),
        ("{effect.nothing}", "has no value"),
        ("{winners[7]}", "has no value"),
        ('"{winners[7]}"', "has no value"),
        ("{row[FLAG]}", "more than a variable"),
    ],
)
def test_what_has_no_value_is_refused_with_the_way_out(line, message):
    with pytest.raises(InputError) as refused:
        words(line, SCOPE)
    assert message in refused.value.message
    assert refused.value.hint


class TestInTheNotebook:
    def test_a_name_that_looks_like_code_is_kept(self, run):
        run("%exp_connect")
        write = run('%exp_create "Costs {1+1} more"')
        assert write.plan.body["name"] == "Costs {1+1} more"

    def test_a_persons_own_variables_work_as_they_always_did(self, run):
        run('%exp_connect\nFLAG = "checkout-redesign"')
        for line in ("{FLAG}", "$FLAG", '"{FLAG}"', '"$FLAG"'):
            assert run(f"%exp_show {line}").feature_flag_key == "checkout-redesign"

    def test_a_value_cannot_consent_to_a_write(self, run, fail):
        run('%exp_connect\nname = "welcome-checklist --yes"')
        assert "no experiment" in fail("%exp_archive {name}").message

    def test_a_quoted_word_is_never_an_option(self, fail):
        assert isinstance(fail("%exp_show '--help'"), NotConnectedError)

    @pytest.mark.parametrize("magic", ["exp_size", "exp_create", "exp_show", "exp"])
    def test_the_rule_is_in_the_help_of_every_magic(self, run, magic):
        text = " ".join(repr(run(f"%{magic} --help")).split())
        assert "{name} and $name stand for variables of the notebook" in text
        assert "'single quotes' keep text as it is" in text


class TestInAFunction:
    TABLES = (
        "import pandas as pd\n"
        "def table(mean):\n"
        "    values = [mean - 1.0, mean + 1.0, mean] * 40\n"
        "    return pd.DataFrame({'variant': ['control', 'test'] * 60, 'spent': values})\n"
        "df = table(100)\n"
    )

    def test_a_table_is_the_functions_own(self, run):
        found = run(
            self.TABLES + "def each(mean):\n"
            "    df = table(mean)\n"
            "    found = %exp_analyze df --metric spent:mean\n"
            "    return found.to_frame()\n"
            "each(5), each(9)"
        )
        five, nine = (frame.to_string() for frame in found)
        assert five != nine
        assert "100" not in five

    def test_events_and_assignments_are_too(self, run):
        found = run(
            "import pandas as pd\n"
            "def each(paid):\n"
            "    people = [f'p{n}' for n in range(80)]\n"
            "    at = pd.to_datetime(['2026-03-02 10:00'] * 80, utc=True)\n"
            "    seen = pd.DataFrame({'person_id': people, 'variant': ['control', 'test'] * 40,\n"
            "                         'timestamp': at})\n"
            "    bought = pd.DataFrame({'event': 'buy', 'person_id': people[:paid],\n"
            "        'timestamp': pd.to_datetime(['2026-03-02 12:00'] * paid, utc=True)})\n"
            "    found = %exp_analyze_events bought --flag f --start 2026-03-02 --exposure seen "
            "--metric buy:conversion --out kept\n"
            "    return sum(arm.value * arm.n for arm in found.series().latest.arms.values())\n"
            "each(20), each(40)"
        )
        assert [round(total) for total in found] == [10, 20]

    def test_braces_and_dollars_mean_the_functions_own(self, run):
        found = run(
            "mde = 50\n"
            "def plan(mde):\n"
            "    found = %exp_size funnel --baseline 0.12 --mde {mde}\n"
            "    again = %exp_size funnel --baseline 0.12 --mde $mde\n"
            "    return found.sample_size, again.sample_size\n"
            "plan(5)"
        )
        assert found == (94066, 94066)

    def test_the_notebooks_variables_can_be_named_there_too(self, run):
        found = run(
            self.TABLES + "def whole():\n"
            "    found = %exp_analyze df --metric spent:mean\n"
            "    return found\n"
            "whole().to_text()"
        )
        assert "100" in found
