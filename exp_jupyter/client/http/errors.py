"""What an answer says: its JSON, or the error it stands for with what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from exp_jupyter.client.http.next_steps import next_step
from exp_jupyter.client.http.retry import asked_wait
from exp_jupyter.errors import (
    ApiError,
    ApprovalRequiredError,
    AuthenticationError,
    ChangedMeanwhileError,
    NotFoundError,
    PermissionDeniedError,
    PolicyConflictError,
    ProtocolError,
    ServerError,
    ThrottledError,
    ValidationFailedError,
)

if TYPE_CHECKING:
    from exp_jupyter.schema.failure import ErrorBody

_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)
_LONGEST_WORDS = 2000

_BY_STATUS: dict[int, type[ApiError]] = {
    400: ValidationFailedError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: ThrottledError,
}


@dataclass(frozen=True)
class Raw:
    """One answer as it came: status, headers with lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def read_json(raw: Raw, origin: str) -> Any:
    """Return the body of a good answer; None for an empty one.

    Raises
    ------
    exp_jupyter.errors.ProtocolError
        The body is not JSON.
    """
    if not raw.content.strip():
        return None
    parsed, is_json = _try_json(raw.content)
    if is_json:
        return parsed
    raise _not_json(raw, origin)


def raise_for(raw: Raw, origin: str, *, asked: str = "") -> NoReturn:
    """Raise the error that ``raw`` stands for.

    Parameters
    ----------
    raw
        An answer whose status is 400 or more.
    origin
        The project's origin, for the message.
    asked
        The request in words, for the message, for example ``GET experiments/7/``.

    Raises
    ------
    exp_jupyter.errors.ApiError
        The error by status and body.
    exp_jupyter.errors.ProtocolError
        The answer is a web page or broken JSON, and its status is no sign of a busy project.
    """
    parsed, is_json = _try_json(raw.content)
    if not is_json:
        if raw.content.strip() and raw.status < 500 and raw.status != 429:
            raise _not_json(raw, origin)
        parsed = None
    body = _lenient(parsed)
    if raw.status == 409 and (waiting := _waiting_body(parsed)) is not None:
        raise _approval_required(body, waiting)
    kind = _class_for(raw.status, body)
    if raw.status == 409 and (_version_of(parsed) is not None or body.error_code == "conflict"):
        kind = ChangedMeanwhileError
    words = body.words[:_LONGEST_WORDS] or _words_for(raw.status, asked)
    error = kind(
        _message(raw.status, body, words),
        hint=next_step(raw.status, body, words, asked_wait(raw.headers, words)),
        status=raw.status,
        kind=body.type or "",
        code=body.error_code or "",
        attr=body.attr,
        detail=words,
        body=parsed,
    )
    if isinstance(error, ChangedMeanwhileError):
        error.current_version, error.fields = _version_of(parsed), _conflicts_of(parsed)
    if isinstance(error, ThrottledError):
        error.wait = asked_wait(raw.headers, words)
    raise error


def _try_json(content: bytes) -> tuple[Any, bool]:
    try:
        text = content.decode(json.detect_encoding(content), "replace")
        parsed = json.loads(text)
        # Halves of a character, which only an escape can bring in, can be written nowhere.
        return (_whole(parsed) if "\\ud" in text.lower() else parsed), True
    except (ValueError, RecursionError):
        return None, False


def _whole(parsed: Any) -> Any:
    if isinstance(parsed, str):
        return parsed.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(parsed, list):
        return [_whole(item) for item in parsed]
    if isinstance(parsed, dict):
        return {_whole(key): _whole(item) for key, item in parsed.items()}
    return parsed


def _lenient(parsed: Any) -> ErrorBody:
    from exp_jupyter.schema.failure import ErrorBody

    if not isinstance(parsed, dict):
        return ErrorBody(detail=parsed if isinstance(parsed, str) else None)
    known = {
        name: value
        for name, value in parsed.items()
        if name in ErrorBody.model_fields or name == "code"
        if name not in {"type", "code", "attr", "guidance"} or isinstance(value, str)
    }
    policies = known.get("conflicting_policies")
    if not (isinstance(policies, list) and all(isinstance(one, dict) for one in policies)):
        known.pop("conflicting_policies", None)
    return ErrorBody.model_validate(known)


def _class_for(status: int, body: ErrorBody) -> type[ApiError]:
    if status == 400 and body.error_code == "policy_conflict":
        return PolicyConflictError
    return ServerError if status >= 500 else _BY_STATUS.get(status, ApiError)


def _waiting_body(parsed: Any) -> dict[str, Any] | None:
    """Return a 409's body with the waiting request's id in it, or None for another conflict."""
    if not isinstance(parsed, dict):
        return None
    told: list[Any] = [parsed.get("change_request_id")]
    for key in ("change_request", "existing_change_request"):
        held = parsed.get(key)
        told.append(held.get("id") if isinstance(held, dict) else None)
    for number in told:
        if isinstance(number, (str, int)) and _ID.fullmatch(str(number)):
            return {**parsed, "change_request_id": str(number)}
    return None


def _approval_required(body: ErrorBody, waiting: dict[str, Any]) -> ApprovalRequiredError:
    pending = body.error_code == "change_request_pending"
    return ApprovalRequiredError(
        "A change request for this already waits for approval; nothing was changed."
        if pending
        else "This needs approval: a change request was made, and nothing was changed yet.",
        hint=f"Look at it with %exp_approvals (request {waiting['change_request_id']}).",
        status=409,
        kind=body.type or "",
        code=body.error_code or "",
        attr=body.attr,
        detail=body.words,
        body=waiting,
    )


def _version_of(parsed: Any) -> int | None:
    version = parsed.get("current_version") if isinstance(parsed, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def _conflicts_of(parsed: Any) -> tuple[str, ...]:
    """Return what both sides changed, as the project names it; nothing when it names nothing."""
    if not isinstance(parsed, dict):
        return ()
    told = [parsed.get(name) for name in ("conflicting_fields", "conflicting_metric_uuids")]
    listed = [one for many in told if isinstance(many, list) for one in many]
    return tuple(one for one in listed if isinstance(one, str))


def _message(status: int, body: ErrorBody, words: str) -> str:
    if status == 429:
        return "The project asks to slow down."
    if status >= 500:
        return f"The project failed ({status}): {words}"
    return f"{body.attr}: {words}" if body.attr else words


def _words_for(status: int, asked: str) -> str:
    what = f"{asked} " if asked else ""
    return {
        402: "This project's plan does not include it.",
        405: f"{what}is not allowed.",
        502: "a proxy could not reach it.",
        503: "it is not available now.",
        504: "it did not answer in time.",
        512: "the query would take too long.",
    }.get(status, f"{what}answered {status} without a reason.")


def _not_json(raw: Raw, origin: str) -> ProtocolError:
    page = raw.content.lstrip()[:1] == b"<"
    what = "a web page" if page else "text that is not whole JSON"
    return ProtocolError(
        f"{origin} answered {raw.status} with {what}, not with the API's JSON.",
        hint="Check that the origin is a PostHog project, and that no sign-in page or proxy "
        "stands in between."
        if page
        else "Try again; if it stays, a proxy may be cutting answers short.",
    )
