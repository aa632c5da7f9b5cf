"""Every refusal of the contract is one error of the tree, and says what to do."""

import inspect
import json
import re
from pathlib import Path

import pytest

from exp_jupyter import errors
from exp_jupyter.client.http.errors import Raw, raise_for
from exp_jupyter.client.http.retry import asked_wait

EXAMPLES = Path(__file__).parents[1] / "contract" / "examples"
STATUS = {
    entry["file"]: entry["status"]
    for entry in json.loads((EXAMPLES / "index.json").read_text(encoding="utf-8"))["examples"]
    if entry.get("status", 0) >= 400
}
ORIGIN = "https://us.posthog.com"


def raised(status, body, headers=None):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(errors.ExpError) as caught:
        raise_for(Raw(status, headers or {}, content), ORIGIN, asked="POST x/")
    return caught.value


EXPECTED = {
    "approval.error_400_policy_conflict.json": (
        errors.PolicyConflictError, "policy_conflict", None, "feature_flag.enable",
    ),
    "approval.error_409_approval_required.json": (
        errors.ApprovalRequiredError, "approval_required", None, "%exp_approvals",
    ),
    "approval.error_409_change_request_pending.json": (
        errors.ApprovalRequiredError, "change_request_pending", None, "%exp_approvals",
    ),
    "calculate_running_time.error_400.json": (
        errors.ValidationFailedError, "invalid_input", "baseline_stats__denominator_sum",
        "baseline_stats.denominator_sum",
    ),
    "change_requests.approve.error_403.json": (
        errors.PermissionDeniedError, "permission_denied", None, "%exp_approvals",
    ),
    "change_requests.reject.error_400.json": (errors.ValidationFailedError, "", None, "reason="),
    "create_from_prompt.error_400_flag_key.json": (
        errors.ValidationFailedError, "invalid_input", "feature_flag_key", "feature_flag_key",
    ),
    "create_from_prompt.error_400_versions.json": (
        errors.ValidationFailedError, "invalid_input", "versions", "versions",
    ),
    "eligible_feature_flags.error_400_limit.json": (
        errors.ValidationFailedError, "", None, "at most 100",
    ),
    "eligible_feature_flags.error_400_order.json": (
        errors.ValidationFailedError, "invalid_input", None, "Order by",
    ),
    "errors.401_invalid_key.json": (
        errors.AuthenticationError, "authentication_failed", None, "POSTHOG_PERSONAL_API_KEY",
    ),
    "errors.401_no_credentials.json": (
        errors.AuthenticationError, "not_authenticated", None, "POSTHOG_PERSONAL_API_KEY",
    ),
    "errors.403_missing_scope.json": (
        errors.PermissionDeniedError, "permission_denied", None, "llm_prompt:read",
    ),
    "errors.404_not_found.json": (errors.NotFoundError, "not_found", None, "Check the id"),
    "errors.429_throttled.json": (errors.ThrottledError, "throttled", None, "42 s"),
    "timeseries_results.error_400_missing_param.json": (
        errors.ValidationFailedError, "invalid_input", None, "Give metric_uuid.",
    ),
    "timeseries_results.error_400_not_started.json": (
        errors.ValidationFailedError, "invalid_input", None, "Launch",
    ),
    "unarchive.error_400.json": (
        errors.ValidationFailedError, "invalid_input", None, "not in the archive",
    ),
}  # fmt: skip


def test_every_published_error_is_expected_here():
    assert set(EXPECTED) == set(STATUS)


@pytest.mark.parametrize("file", sorted(EXPECTED))
def test_a_published_error_is_raised_as_documented(file):
    kind, code, attr, hint = EXPECTED[file]
    body = json.loads((EXAMPLES / file).read_text(encoding="utf-8"))
    error = raised(STATUS[file], body)
    assert type(error) is kind
    assert (error.status, error.code, error.attr) == (STATUS[file], code, attr)
    assert error.body == body
    assert error.detail == (body.get("detail") or body.get("error"))
    assert hint in error.hint


def test_the_wait_is_the_one_the_project_asked_for():
    body = {"type": "throttled_error", "code": "throttled", "attr": None}
    assert raised(429, body | {"detail": "Expected available in 1 second."}).wait == 1
    assert raised(429, body | {"detail": "Request was throttled."}).wait is None
    assert raised(429, body | {"detail": "x"}, {"retry-after": "5"}).wait == 5
    assert raised(429, b"<html>slow down</html>").wait is None


def test_a_date_to_wait_for_is_understood():
    assert asked_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "") == 0
    assert asked_wait({"retry-after": "tomorrow"}, "available in 3 seconds") == 3


@pytest.mark.parametrize(
    ("detail", "hint"),
    [
        ("API key missing required scope 'llm_prompt:read'", "scope llm_prompt:read"),
        ("API key does not have access to the requested project: ID 1071.", "project 1071"),
        ("You don't have access to the project.", "administrator"),
        ("You do not have editor access to this resource.", "editor access"),
        ("This action does not support Personal API Key access", "web pages"),
        ("This action does not support personal API key access", "web pages"),
        ("This action is not allowed by approval policy: no", "policy"),
        ("You cannot approve your own change request", "%exp_approvals"),
        ("The organization forbids it.", "administrator"),
    ],
)
def test_a_403_says_what_is_missing(detail, hint):
    body = {"type": "authentication_error", "code": "permission_denied", "detail": detail}
    error = raised(403, body | {"attr": None})
    assert type(error) is errors.PermissionDeniedError
    assert hint in error.hint


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"detail": "… legacy metrics."}, errors.ValidationFailedError, "legacy"),
        (404, {"detail": "Target team not found."}, errors.NotFoundError, "Target team"),
        (404, {"detail": "Recalculation not found"}, errors.NotFoundError, "Recalculation"),
        (405, b"", errors.ApiError, "POST x/ is not allowed"),
        (402, {"type": "server_error", "code": "payment_required"}, errors.ApiError, "plan"),
        (500, {"error": "Failed to apply"}, errors.ServerError, "Failed to apply"),
        (503, b"", errors.ServerError, "not available"),
        (502, b"<html>bad gateway</html>", errors.ServerError, "502"),
        (512, {"detail": "too long"}, errors.ServerError, "too long"),
        (400, ["a list"], errors.ValidationFailedError, "400"),
        (400, "a text", errors.ValidationFailedError, "a text"),
        (400, {"detail": {"x": 1}, "attr": 7, "code": []}, errors.ValidationFailedError, "400"),
        (418, b"", errors.ApiError, "418"),
    ],
)
def test_an_odd_body_is_understood(status, body, kind, words):
    error = raised(status, body)
    assert type(error) is kind
    assert error.status == status
    assert words in error.message
    assert error.hint


def test_another_conflict_is_no_approval():
    error = raised(409, {"type": "server_error", "code": "conflict", "detail": "Stale version."})
    assert type(error) is errors.ChangedMeanwhileError
    assert (error.current_version, error.fields) == (None, ())
    assert "read it again" in error.hint


def test_a_conflict_of_versions_says_what_both_changed():
    body = {"detail": "It changed.", "current_version": 4, "conflicting_fields": ["name"]}
    error = raised(409, body | {"conflicting_metric_uuids": ["u-1", 7, None]})
    assert type(error) is errors.ChangedMeanwhileError
    assert (error.current_version, error.fields) == (4, ("name", "u-1"))


@pytest.mark.parametrize(
    "body",
    [
        {"change_request": {"id": {"a": 1}}},
        {"change_request": {"id": "../x"}},
        {"change_request_id": ["r"]},
        {"change_request": "r", "existing_change_request": None},
        {"current_version": "4"},
        {"current_version": True},
        [],
        None,
    ],
)
def test_an_odd_conflict_is_still_an_answer(body):
    assert type(raised(409, body)) is errors.ApiError


def test_the_gates_lenient_form_still_names_its_request():
    body = {"code": "change_request_pending", "error": "x", "existing_change_request": {"id": "r"}}
    error = raised(409, body)
    assert type(error) is errors.ApprovalRequiredError
    assert error.change_request_id == "r"


@pytest.mark.parametrize("body", [b"<!doctype html><p>404", b'{"type": "validation', b"\xff\xfe"])
def test_a_page_or_broken_json_is_a_protocol_error(body):
    assert type(raised(404, body)) is errors.ProtocolError


def test_a_very_deep_body_breaks_nothing():
    assert type(raised(400, b"[" * 100_000)) is errors.ProtocolError


@pytest.mark.parametrize(
    "header",
    [
        *["²", "١٢", "-3", "1e9", "9" * 400, "nan", "soon", "Fri, 31 Dec 99999 23:59:59 GMT"],
        *["Mon, 01 Jan 0001 00:00:00 +2359", "Sat, 01 Jan 2028 00:00:00 +9999", ",,,,", "\x00"],
    ],
)
def test_a_wait_that_is_none_is_not_kept(header):
    wait = asked_wait({"retry-after": header}, "")
    assert wait is None or 0 <= wait < 1e12
    error = raised(429, {"detail": "Request was throttled."}, {"retry-after": header})
    assert type(error) is errors.ThrottledError
    assert error.hint


def test_a_missing_project_is_told_from_a_missing_thing():
    body = {"type": "invalid_request", "code": "not_found", "detail": "Project not found."}
    assert "--project" in raised(404, body).hint


# ---------------------------------------------------------------- the page about them

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
TREE, SAID = (
    [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in part.splitlines()
        if line.startswith("| ") and not line.startswith(("| Class", "| Status"))
    ]
    for part in PAGE.split("## ")[1:]
)


def family(kind, depth=0):
    """Yield a class of error and all below it, in the order they are written in."""
    yield kind, depth
    for child in sorted(kind.__subclasses__(), key=lambda one: inspect.getsourcelines(one)[1]):
        if child.__module__ == errors.__name__:
            yield from family(child, depth + 1)


def test_the_page_shows_the_whole_tree_in_the_words_of_its_classes():
    told = [(name, parent, when) for name, parent, when, _ in TREE]
    assert told == [
        (
            f"`{kind.__name__}`",
            f"`{kind.__base__.__name__}`" if depth else "",
            inspect.getdoc(kind).split("\n\n")[0].replace("\n", " ").replace("``", "`"),
        )
        for kind, depth in family(errors.ExpError)
    ]
    assert all(todo.endswith(".") for *_, todo in TREE)


def test_the_module_draws_the_same_tree():
    drawn = re.findall(r"^([│├└─ ]*)(\w+)", errors.__doc__.partition("\n\n")[2], re.MULTILINE)
    assert [(name, len(line) // 4) for line, name in drawn] == [
        (kind.__name__, depth) for kind, depth in family(errors.ExpError)
    ]


@pytest.mark.parametrize(("status", "body", "name", "hint"), SAID)
def test_the_page_says_what_becomes_of_what_a_project_says(status, body, name, hint):
    told = b"" if body == "nothing" else body.strip("`").encode()
    error = raised(int(status), told)
    assert f"`{type(error).__name__}`" == name
    assert error.hint == hint


def test_the_page_knows_every_class_that_a_project_can_cause():
    caused = {kind.__name__ for kind, _ in family(errors.ApiError)} - {"ApiError"}
    assert caused <= {name.strip("`") for _, _, name, _ in SAID}
