"""Request bodies, read with bounded memory and judged before anything trusts them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from exp_jupyter.server.http.asgi import Message, Receive
from exp_jupyter.server.refusals import Refusal, refusal

LARGEST_BODY = 4 * 1024 * 1024
DEEPEST = 64
"""Levels of lists and objects a body may have."""

# A string without an end reaches to the end of the body, and is looked at once.
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+\\?(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
MOST_VALUES = 400_000
"""Values in a body: JSON is read in one go, and nobody else is answered meanwhile."""

_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


async def read_body(receive: Receive, length: str | None, largest: int = LARGEST_BODY) -> bytes:
    """Return the request's body, or refuse one that is too large as soon as that is known.

    Parameters
    ----------
    receive
        The ASGI channel.
    length
        The ``Content-Length`` header, if there is one.
    largest
        Most bytes to keep.
    """
    too_large = refusal(413, "request_too_large", f"The body may have at most {largest} bytes.")
    if length is not None and length.isdigit() and int(length[:18]) > largest:
        raise too_large
    parts: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise refusal(400, "parse_error", "The request broke off.", kind="invalid_request")
        part = message.get("body", b"")
        size += len(part)
        if size > largest:
            raise too_large
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def parsed(raw: bytes, content_type: str | None) -> Any:
    """Return the JSON of a body; an empty body is an empty object.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        415 for another content type; 400 for what is no JSON, or JSON that no store can keep.
    """
    if not raw.strip():
        return {}
    kind = (content_type or "application/json").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        shown = re.sub(r"[^\w/+.-]", "?", kind)[:100]
        raise refusal(
            415, "unsupported_media_type", f'Unsupported media type "{shown}" in request.'
        )
    if sum(map(raw.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise refusal(413, "request_too_large", f"The body may have at most {MOST_VALUES} values.")
    if _depth(raw) > DEEPEST:
        raise _malformed(f"nested more than {DEEPEST} levels deep")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError:
        raise _malformed("the body is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise _malformed(str(error)) from None
    if _ESCAPES.search(raw) and not _is_keepable(value):
        raise _malformed("text with half a character or a null character")
    if b"\x00" in raw:
        raise _malformed("text with a null character")
    return value


def _depth(raw: bytes) -> int:
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return 0
    depth = deepest = 0
    for mark in _MARKS.finditer(raw):
        first = mark.group()[:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def _is_keepable(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in text


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        _no_constant(text[:40])
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")


def _malformed(reason: str) -> Refusal:
    return refusal(400, "parse_error", f"JSON parse error - {reason}", kind="invalid_request")
