"""How a page is found, drawn and kept cheap."""

import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exp_jupyter import compare, sample_size
from exp_jupyter.client.writes.base import Write
from exp_jupyter.display import page, register
from exp_jupyter.display.content.blocks import Description, Sentence
from exp_jupyter.display.pages.project.connection import project
from exp_jupyter.display.render import html, text
from exp_jupyter.errors import InputError
from exp_jupyter.schema import WritePlan
from exp_jupyter.shown import Shown

HEAVY = ("pydantic", "duckdb", "pandas", "matplotlib", "httpx", "scipy", "IPython")


@dataclass(frozen=True, repr=False)
class Novelty(Shown):
    first_field: int
    label: str | None = None


@dataclass(frozen=True, repr=False)
class NewerNovelty(Novelty):
    pass


def loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stdout.split())


def test_importing_display_imports_nothing_heavy():
    assert loaded("import exp_jupyter.display") == set()


def test_showing_a_plan_imports_no_more_than_planning_it_does():
    plan = "import exp_jupyter; p = exp_jupyter.sample_size('funnel', baseline=0.1, mde=5, rate=9)"
    assert loaded(f"{plan}; p.to_html(); p.to_text()") == loaded(plan)


def test_a_class_nobody_has_described_gets_its_fields():
    shown = Novelty(3).to_text()
    assert shown.splitlines()[0] == "Novelty"
    assert "first field  3" in shown
    assert page(Novelty(3)).kind == "novelty"


def test_a_description_can_be_registered_and_is_inherited():
    register(Novelty, lambda it: Description("n", "n", (Sentence(f"It is {it.first_field}."),)))
    assert NewerNovelty(4).to_text() == "It is 4."


class Shipping(Write):
    """A write whose plan is all that is asked of it here."""

    def __init__(self) -> None:
        self._described = WritePlan("Ship it", "Everyone gets test.", "POST", "/x/", None)

    plan = property(lambda self: self._described)
    _describe = _look = _transmit = lambda self, **_: None


Shipping.__abstractmethods__ = frozenset()


def test_a_write_is_shown_as_its_plan():
    shown = page(Shipping())
    assert shown.kind == "write-plan"
    assert shown.to_text().startswith("│ Ship it [not written yet]")
    assert shown.to_data()["result"]["method"] == "POST"


def test_a_connection_says_where_and_as_whom():
    connection = SimpleNamespace(
        id=1,
        name="Growth <demo>",
        origin="https://example.test",
        kind="remote",
        me=SimpleNamespace(label="Mina Okafor"),
        timezone="UTC",
        now=None,
        recorded_to=None,
        replayed_from=None,
        access=None,
    )
    description = project(connection)
    shown = text.render(description)
    assert shown.splitlines()[0] == "Growth <demo> [connected]"
    assert "Where              https://example.test\n" in shown
    assert "Mina Okafor" in shown
    assert "<demo>" not in html.render(description)


@pytest.mark.parametrize("name", ["series", "series-of-three", "size-plan", "comparison", "effect"])
def test_a_chart_is_drawn_on_the_axes_given(builders, name):
    ax = Figure().add_subplot()
    assert builders[name]("Checkout").plot(ax) is ax
    assert ax.has_data()


def test_without_axes_a_figure_is_made_that_nothing_global_knows():
    ax = compare("80/1200", "92/1230").plot()
    assert isinstance(ax, Axes)
    assert ax._repr_png_().startswith(b"\x89PNG")
    if "matplotlib.pyplot" in sys.modules:
        assert not mpl.pyplot.get_fignums()


def test_a_result_without_a_chart_says_so(builders):
    with pytest.raises(InputError, match="has no chart"):
        builders["stats"]("").plot()


def test_a_picture_says_in_words_what_it_shows(builders):
    html = builders["any-series"]("Checkout").to_html()
    assert 'alt="Difference from control by day with its interval. test: +17.0' in html
    assert "above 0 since" in html


def test_the_reproducing_call_survives_being_shown():
    plan = sample_size("funnel", baseline=0.12, mde=5)
    plan.to_html()
    assert plan.code() == "exp_jupyter.sample_size('funnel', baseline=0.12, mde=5)"


@pytest.mark.parametrize("width", ["80", 60.5, [80]])
def test_a_width_that_is_no_whole_number_is_refused(builders, width):
    with pytest.raises(InputError, match="is no width"):
        builders["comparison"]("test").to_text(width)


def test_several_axes_are_refused(builders):
    with pytest.raises(InputError, match="ndarray, not matplotlib axes"):
        builders["comparison"]("test").plot(Figure().subplots(1, 2))
