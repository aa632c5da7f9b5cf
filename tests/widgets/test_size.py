"""The size form: live, and every state of it is a magic line."""

import pytest

from exp_jupyter.engine.planning.sample_size import sample_size
from exp_jupyter.widgets.size import SizeForm


def line(form: SizeForm) -> str:
    import html
    import re

    (found,) = re.findall(r"<pre[^>]*>(%exp_size [^<]*)<", html.unescape(form.said))
    return found


def test_it_computes_at_once_and_at_every_change():
    form = SizeForm(kind="funnel", baseline=0.12, mde=5, rate=1800)
    assert form.plan == sample_size("funnel", baseline=0.12, mde=5, rate=1800)
    form.fields["mde"].value = "3"
    assert form.plan == sample_size("funnel", baseline=0.12, mde=3, rate=1800)
    form.fields["baseline"].value = "15%"
    assert form.plan.baseline == 0.15
    assert line(form) == "%exp_size funnel --baseline 0.15 --mde 3 --rate 1800"


def test_every_setting_is_in_the_line():
    form = SizeForm(
        kind="mean", baseline=41, variance=900, mde=3, power=0.9, alternative="greater",
        variants=3, comparisons=2, sequential=True,
    )  # fmt: skip
    expected = sample_size(
        "mean", baseline=41, variance=900, mde=3, power=0.9, alternative="greater",
        variants=3, comparisons=2, sequential=True,
    )  # fmt: skip
    assert form.plan == expected
    assert line(form) == (
        "%exp_size mean --baseline 41 --variance 900 --mde 3 --variants 3 --power 0.9 "
        "--comparisons 2 --alternative greater --sequential"
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("baseline", "12", "A funnel baseline is a fraction"),
        ("mde", "much", "Detectable effect, %: &#x27;much&#x27; is not a number."),
        ("variants", "2.5", "is not a whole number"),
        ("mde", "", "mde is missing"),
    ],
)
def test_a_value_that_cannot_be_is_said_and_then_mended(field, value, said):
    form = SizeForm(kind="funnel", baseline=0.12, mde=5)
    before = form.fields[field].value
    form.fields[field].value = value
    assert form.plan is None
    assert said in form.said
    form.fields[field].value = before
    assert form.plan is not None


def test_the_line_makes_the_same_plan_in_a_cell(tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config, ipython_dir=str(tmp_path))
    shell.run_line_magic("load_ext", "exp_jupyter")
    form = SizeForm(kind="funnel", baseline=0.12, margin=2, correlation=0.4, rate=2500)
    name, _, rest = line(form).partition(" ")
    assert shell.run_line_magic(name.lstrip("%"), rest) == form.plan
