"""How a request is written on the wire: its query, its body, and the query of a page's link."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from exp_jupyter.errors import InputError, ProtocolError

Parameters = Mapping[str, str | int | float | bool | None]


def query_of_link(link: Any, path: str) -> str:
    """Return the query of a link to a next page, written anew.

    Raises
    ------
    exp_jupyter.errors.ProtocolError
        It is no link, or has no query.
    """
    try:
        pairs = parse_qsl(urlsplit(link).query, keep_blank_values=True, errors="strict")
        query = urlencode(pairs)
    except (ValueError, TypeError, AttributeError):
        query = ""
    if not query:
        raise ProtocolError(
            f"The next page of {path} has no address that could be asked.",
            hint="Check that the origin is a PostHog project of a recent version.",
        )
    return query


def content_of(body: Any) -> bytes | None:
    """Return a request's body as it is sent.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no JSON.
    """
    if body is None:
        return None
    try:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as wrong:
        reason = str(wrong)
    raise InputError(
        f"The request cannot be written as JSON ({reason}); nothing was sent.",
        hint="Give numbers that are finite, texts, lists and dictionaries.",
    )


def query_of(params: Parameters) -> str:
    """Return the query as it is sent.

    Raises
    ------
    exp_jupyter.errors.InputError
        A text in it is none that can be sent.
    """
    pairs = [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in params.items()
        if value is not None
    ]
    try:
        return urlencode(sorted(pairs))
    except UnicodeError:
        raise InputError(
            "A text that was asked for holds half a character.", hint="Give whole characters."
        ) from None
