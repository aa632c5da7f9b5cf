"""What every form promises: one click one action, and everything that comes of it said inside."""

import threading

import ipywidgets as widgets
import pytest

from exp_jupyter.display.content.blocks import Description, Sentence
from exp_jupyter.errors import InputError
from exp_jupyter.widgets.form import Form


class Bench(Form):
    """A form with one button whose action a test decides."""

    def __init__(self, action):
        self.button = widgets.Button(description="Go")
        self.seen = []
        super().__init__([self.button])
        self.on_click(self.button, lambda: action(self), "Working …")

    def buttons(self):
        return (self.button,)

    def settle(self):
        self.button.disabled = False

    def fallback(self):
        return Description("bench", "Bench", (Sentence("A form for tests."),))


def test_what_an_action_says_is_announced_to_screen_readers():
    form = Bench(lambda form: form.tell(Sentence("Done.")))
    form.button.click()
    assert 'role="status"' in form.said
    assert "Done." in form.said


def test_what_is_said_takes_the_width_there_is_and_widens_nothing():
    form = Bench(lambda form: form.tell(Sentence("Done.")))
    form.button.click()
    assert '<div style="width:0;min-width:100%">' in form.said


def test_a_value_that_changes_meanwhile_waits_and_is_seen():
    started, go, seen = threading.Event(), threading.Event(), []
    field = widgets.Text()

    def action():
        seen.append(field.value)
        if field.value == "first":
            started.set()
            assert go.wait(30)

    form = Bench(print)
    form.on_change([field], action, "Working …")
    changes = [threading.Thread(target=setattr, args=(field, "value", "first"))]
    changes[0].start()
    assert started.wait(30)
    changes.append(threading.Thread(target=setattr, args=(field, "value", "second")))
    changes[1].start()
    go.set()
    for change in changes:
        change.join(30)
    assert seen[-1] == "second"


def test_what_an_action_sets_itself_changes_nothing_more():
    field, count = widgets.Text(), []

    def action():
        count.append(field.value)
        field.value = "set by the action"

    form = Bench(print)
    form.on_change([field], action, "")
    field.value = "typed"
    assert count == ["typed"]


def test_the_buttons_are_disabled_and_the_wait_is_said_while_an_action_runs():
    seen = []
    form = Bench(lambda form: seen.append((form.button.disabled, form.said)))
    form.button.click()
    ((disabled, said),) = seen
    assert disabled
    assert "Working …" in said
    assert not form.button.disabled


def test_an_error_is_said_with_its_hint_and_escaped(capsys):
    def action(form):
        raise InputError("<script>alert(1)</script> is no name.", hint="Try another.")

    form = Bench(action)
    form.button.click()
    assert "&lt;script&gt;" in form.said
    assert "<script>" not in form.said
    assert "Try another." in form.said
    assert not form.button.disabled
    assert capsys.readouterr() == ("", "")


def test_a_fault_is_said_too_instead_of_vanishing(capsys):
    form = Bench(lambda form: 1 / 0)
    form.button.click()
    assert "ZeroDivisionError" in form.said
    assert capsys.readouterr() == ("", "")


def test_an_interrupt_is_said_and_leaves_the_form_usable():
    def action(form):
        raise KeyboardInterrupt

    form = Bench(action)
    form.button.click()
    assert "Interrupted" in form.said
    assert not form.button.disabled


def test_a_click_that_comes_while_an_action_runs_is_dropped():
    started, go, count = threading.Event(), threading.Event(), []

    def action(form):
        count.append(threading.current_thread().name)
        started.set()
        assert go.wait(30)

    form = Bench(action)
    other = threading.Thread(target=form.button.click)
    other.start()
    assert started.wait(30)
    form.button.click()
    go.set()
    other.join(30)
    assert len(count) == 1


def test_where_no_widget_can_be_there_is_the_same_text_every_time():
    first, second = Bench(print)._repr_mimebundle_(), Bench(print)._repr_mimebundle_()
    assert set(first) == {
        "text/plain",
        "text/html",
        "application/vnd.jupyter.widget-view+json",
    }
    for mime in ("text/plain", "text/html"):
        assert first[mime] == second[mime]
    assert first["text/plain"].strip() == "A form for tests."


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit])
def test_leaving_the_kernel_is_not_swallowed(error):
    def action(form):
        raise error

    with pytest.raises(error):
        Bench(action).act(lambda: action(None))
