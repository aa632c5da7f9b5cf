"""Results broken down by properties: a table to choose a value from."""

import dataclasses

import pytest

from exp_jupyter import connect
from exp_jupyter.analysis.results.experiment import Results
from exp_jupyter.analysis.results.segments import ResultSegment, properties_of
from exp_jupyter.errors import InputError


@pytest.fixture(scope="module")
def experiments():
    return connect("demo").experiments


@pytest.fixture(scope="module")
def devices(experiments):
    return experiments.results(4, by="$device_type")


def words(shown):
    return " ".join(shown.to_text().split())


def test_every_value_is_a_row_below_the_whole(devices):
    text = words(devices)
    assert text.index("Returns in the week after") < text.index("By $device_type")
    assert text.index("Desktop") < text.index("Mobile") < text.index("Tablet")
    assert "some differ by chance" in text
    assert devices.code() == "project.experiments.results(4, by='$device_type')"


def test_the_values_add_up_to_the_whole(devices):
    first = [one for one in devices.segments if one.series.metric_name == "Checkout conversion"]
    assert sum(one.series.latest.exposures for one in first) == devices[0].latest.exposures


def test_further_metrics_are_folded(devices):
    folded = devices.to_html().split("<details")[2:]
    assert any("Revenue per customer by $device_type, 3 values" in part for part in folded)


def test_a_value_can_be_chosen(devices):
    mobile = devices.of("Mobile")
    assert "Checkout redesign · $device_type = Mobile" in words(mobile)
    assert "Decision" not in words(mobile)
    assert [one.metric_name for one in mobile] == [one.metric_name for one in devices]
    assert eval(mobile.code(), {"project": connect("demo")}).to_text() == mobile.to_text()


def test_a_value_that_nobody_has_is_refused_with_those_there_are(devices, experiments):
    with pytest.raises(InputError, match="No unit has 'Watch'") as refused:
        devices.of("Watch")
    assert "Desktop; Mobile; Tablet" in refused.value.hint
    with pytest.raises(InputError, match="not broken down"):
        experiments.results(4, 0).of("Mobile")


def test_a_property_that_no_unit_has_says_how_a_persons_is_written(experiments):
    text = words(experiments.results(4, 0, by="country"))
    assert "No unit has country." in text
    assert "person:country" in text


def test_units_without_the_property_are_said_to_miss_it(experiments):
    found = experiments.results(4, 0, by=["person:country", "person:plan"])
    assert found.segments[0].values == ("(missing)", "(missing)")
    assert found.by == ("person:country", "person:plan")
    assert found.of("DE", "club")[0].latest is not None


def test_a_frame_names_the_segment(devices):
    frame = devices.to_frame()
    assert set(frame["segment"]) == {
        "",
        *(f"$device_type = {kind}" for kind in ("Desktop", "Mobile", "Tablet")),
    }


def hostile(builders, values=40):
    one = builders["any-series"]("Metric", days=1)
    segments = tuple(ResultSegment((f"<img src=x>{n}",), one) for n in range(values))
    return Results(42, "Many", "running", (one,), by=("<b>",), segments=segments)


def test_values_from_outside_are_escaped_and_many_are_folded(builders):
    shown = hostile(builders)
    page = shown.to_html()
    assert "<img src=x>" not in page
    assert "By <b>" not in page
    assert "to_frame() holds all" in page
    assert len(shown.to_frame()) == 82
    assert "img src" not in shown.to_text().split("Next:")[0]
    assert len(page) < 60_000


def test_what_a_notebook_keeps_has_no_sums_of_segments(builders):
    kept = hostile(builders)._repr_mimebundle_()
    data = next(value for key, value in kept.items() if "json" in key)
    assert "segments" not in data["result"]
    assert data["result"]["by"] == ["<b>"]


def test_results_that_are_not_broken_down_say_nothing_of_it(devices):
    plain = dataclasses.replace(devices, by=(), segments=())
    assert "device_type" not in plain.to_html().replace(devices.code(), "")


@pytest.mark.parametrize(
    ("by", "kinds"),
    [
        (None, ()),
        ("plan", (("event", "plan"),)),
        ("utm:source", (("event", "utm:source"),)),
        (["event:plan", "person:plan"], (("event", "plan"), ("person", "plan"))),
    ],
)
def test_a_property_is_of_the_event_unless_it_says_person(by, kinds):
    assert properties_of(by) == kinds


def test_the_tables_fit_a_terminal(devices, experiments):
    for shown in (devices, devices.of("Mobile"), experiments.results(4, by="person:country")):
        assert max(map(len, shown.to_text(80).splitlines())) <= 80
