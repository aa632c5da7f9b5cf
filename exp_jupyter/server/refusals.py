"""How the project says no: a status and a body, exactly as the API writes them."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from exp_jupyter.errors import ExpError

_KINDS = {400: "validation_error", 401: "authentication_error", 403: "authentication_error"}


class Refusal(ExpError):  # noqa: N818 - an answer, not a fault of the program
    """A request that is not done, and the answer it gets.

    Attributes
    ----------
    status
        The HTTP status.
    body
        The answer's JSON; None for an empty body.
    headers
        More headers of the answer.
    """

    def __init__(
        self, status: int, body: Any, message: str = "", headers: dict[str, str] | None = None
    ) -> None:
        if not message and isinstance(body, dict):
            message = str(body.get("detail") or body.get("error") or "")
        super().__init__(message or f"The project refused the request with status {status}.")
        self.status = status
        self.body = body
        self.headers = headers or {}


def refusal(
    status: int, code: str, detail: str, *, attr: str | None = None, kind: str = ""
) -> Refusal:
    """Return a refusal with the API's usual envelope."""
    kind = kind or _KINDS.get(status, "invalid_request" if status < 500 else "server_error")
    return Refusal(status, {"type": kind, "code": code, "detail": detail, "attr": attr})


def invalid(detail: str, *, code: str = "invalid_input", attr: str | None = None) -> Refusal:
    """400: the request cannot be done as it is."""
    return refusal(400, code, detail, attr=attr)


def mismatch(reason: str) -> Refusal:
    """400: the query does not have the form of its kind."""
    return refusal(400, "parse_error", f"JSON parse error - {reason}", kind="validation_error")


def not_found(detail: str = "Not found.") -> Refusal:
    """404: there is no such thing in this project."""
    return refusal(404, "not_found", detail)


def forbidden(detail: str) -> Refusal:
    """403: this person or key may not do this."""
    return refusal(403, "permission_denied", detail)


def odd(status: int, **body: Any) -> Refusal:
    """Return one of the bodies that do not follow the envelope."""
    return Refusal(status, body)


def from_validation(error: ValidationError) -> Refusal:
    """Return the refusal for a request body: its first error only, as the API reports it."""
    first = error.errors(include_url=False)[0]
    code, detail, context = str(first["type"]), str(first["msg"]), first.get("ctx") or {}
    place = [str(part) for part in first["loc"] if part != "__root__"]
    if code == "missing":
        code, detail = "required", "This field is required."
    elif code in ("model_type", "model_attributes_type", "dict_type"):
        kind = type(first["input"]).__name__
        null = first["input"] is None and bool(place)
        code = "null" if null else "invalid"
        detail = (
            "This field may not be null."
            if null
            else f"Invalid data. Expected a dictionary, but got {kind}."
        )
    attr = context.get("attr") or "__".join(place) or None
    return invalid(detail, code="invalid_input" if code == "invalid" else code, attr=attr)
