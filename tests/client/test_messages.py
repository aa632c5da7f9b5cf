"""Text of a project in messages and plans: never a control character, a break or a reordering."""

import inspect
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from exp_jupyter import errors
from exp_jupyter.client.http.errors import Raw, raise_for
from exp_jupyter.sanitize import is_plain, sanitize

CONTROLS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
BIDI = [*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
FORBIDDEN = {*CONTROLS, *BIDI, "\u2028", "\u2029"}
NAME = "a" + "a".join(sorted(FORBIDDEN)) + "z"
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.ExpError)
]


def clean(*texts: str) -> None:
    for text in texts:
        assert not FORBIDDEN & set(text)


class TestSanitize:
    @pytest.mark.parametrize("char", sorted(FORBIDDEN), ids=lambda char: f"U+{ord(char):04X}")
    def test_no_such_character_is_left(self, char):
        assert not is_plain(f"one{char}two")
        assert sanitize(f"one{char}two") in ("one\ufffdtwo", "one two")
        clean(sanitize(char))

    def test_a_lone_surrogate_can_be_printed_afterwards(self):
        sanitize("one\ud800two").encode()

    @pytest.mark.parametrize("text", ["Größe", "実験 1", "عنوان", "👨\u200d👩\u200d👧", "a  b"])
    def test_what_people_write_stays(self, text):
        assert sanitize(text) == text
        assert is_plain(text)

    def test_every_break_is_a_blank(self):
        breaks = [chr(code) for code in range(0x3000) if len(f"a{chr(code)}b".splitlines()) > 1]
        assert len(breaks) >= 10
        assert all(len(sanitize(f"a{one}b").splitlines()) == 1 for one in breaks)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_cleans_its_message_and_its_hint(kind):
    first = ("code",) if kind is errors.StatisticsError else ()
    error = kind(*first, f"There is no {NAME}.", hint=f"Did you mean {NAME}?")
    clean(str(error), repr(error), error.message, error.hint, *error.lines)
    assert error.message.startswith("There is no a")
    errors.ExpError.debug = True
    try:
        clean(*error._render_traceback_())
    finally:
        errors.ExpError.debug = False


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 415, 429, 500, 502, 512])
@pytest.mark.parametrize(
    "body",
    [
        {"type": "validation_error", "code": "required", "attr": NAME, "detail": NAME},
        {"detail": NAME},
        {"error": NAME, "guidance": NAME, "code": "policy_conflict",
         "conflicting_policies": [{"name": NAME}]},
        {"code": "approval_required", "change_request_id": NAME, "detail": NAME},
        {"detail": f"API key missing required scope '{NAME}'"},
        NAME,
    ],
    ids=["attr", "detail", "policies", "approval", "scope", "text"],
)  # fmt: skip
def test_whatever_a_project_answers_is_shown_clean(status, body):
    import json

    with pytest.raises(errors.ExpError) as caught:
        raise_for(Raw(status, {}, json.dumps(body).encode()), "https://us.posthog.com", asked="x")
    clean(*caught.value.lines)


ASKED: dict[str, Callable[[Any], Any]] = {
    "an unknown experiment": lambda project: project.experiments.get("nothing"),
    "an unknown id": lambda project: project.experiments.get(77),
    "an unknown experiment of such a name": lambda project: project.experiments.get(f"x{NAME}"),
    "two of one name": lambda project: project.experiments.get("Twice"),
    "an unknown metric": lambda project: project.experiments.timeseries(1, "nothing"),
    "two metrics of one name": lambda project: project.experiments.timeseries(1, NAME),
    "no metrics": lambda project: project.experiments.timeseries(2),
    "an unknown variant": lambda project: project.experiments.ship(1, "nothing").state(),
    "an unknown flag": lambda project: project.flags.get("nothing"),
    "a flag of such a key": lambda project: project.flags.get(f"x{NAME}"),
    "a size of nothing": lambda project: project.experiments.size(1, "nothing", mde=5),
    "an unknown field": lambda project: project.experiments.update(1, **{f"x{NAME}": 1}),
    "an unknown conclusion": lambda project: project.experiments.end(1, f"x{NAME}"),
    "a request that is not there": lambda project: project.approvals.get(f"x{NAME}"),
}  # fmt: skip


@pytest.mark.parametrize("ask", ASKED.values(), ids=[*ASKED])
def test_names_in_what_the_client_refuses_are_clean(server, project, ask):
    metrics = [
        {"name": NAME, "uuid": f"{NAME}{place}", "metric_type": "mean", "fingerprint": "f"}
        for place in range(2)
    ]
    variants = [{"key": NAME, "rollout_percentage": 50}, {"key": "control"}]
    flag = {"id": 1, "key": NAME, "filters": {"multivariate": {"variants": variants}}}
    server.model.add(name=NAME, feature_flag_key=NAME, metrics=metrics, feature_flag=flag,
                     status="running", start_date="2026-03-01T00:00:00Z")  # fmt: skip
    server.model.add(name="Twice", feature_flag_key=f"{NAME}2", metrics=[])
    server.model.add(name="Twice", feature_flag_key=f"{NAME}3")
    server.model.flags.append(flag | {"id": NAME})
    with pytest.raises(errors.ExpError) as caught:
        ask(project)
    clean(*caught.value.lines, str(caught.value))


def test_a_folder_and_a_file_of_such_a_name_are_named_clean(tmp_path):
    from exp_jupyter import connect

    odd = "".join(char for char in NAME if char not in "\x00\u202e/" and char.isascii())
    folder = tmp_path / odd[:60]
    folder.write_text("no folder", encoding="utf-8")
    with pytest.raises(errors.ExpError) as caught:
        connect(str(folder))
    clean(*caught.value.lines)
    assert sys.getfilesystemencoding()
