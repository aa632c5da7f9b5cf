"""What a recording leaves out: keys, tokens, e-mail addresses and the addresses of webhooks."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

HIDDEN = "[hidden]"

_OF_A_PERSON = frozenset({"email", "distinct_id", "hedgehog_config", "is_email_verified"})
_SECRET_WORDS = frozenset({"token", "secret", "password", "webhook", "webhooks"})
_ESCAPED = re.compile(r"\\+u00([0-9a-f]{2})", re.IGNORECASE)
_IN_TEXT = (
    re.compile(r"\bph[acorsx]_[A-Za-z0-9_-]{20,}", re.IGNORECASE),
    re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}"),
    # Whoever has the address of a webhook may post to it: its path is its password.
    re.compile(r"https?://[^\s\"'<>]*hook[^\s\"'<>]*", re.IGNORECASE),
    re.compile(r"(?<=://)[^\s/@]+:[^\s/@]+(?=@)"),
    re.compile(
        r"(?<=[?&])[\w.-]*(?:token|secret|signature|password|api_?key)[\w.-]*=[^&\s\"'#]+",
        re.IGNORECASE,
    ),
)


def without_private(body: Any) -> Any:
    """Return an answer without what a file that is handed on should not hold.

    A person's own fields and a project's tokens go with their names; in every other text, and in
    the names of fields, what looks private is replaced.

    Examples
    --------
    >>> without_private({"api_token": "t", "note": "ask mina@example.com"})
    {'note': 'ask [hidden]'}
    """
    if isinstance(body, list):
        return [without_private(item) for item in body]
    if isinstance(body, dict):
        person = "email" in body and "first_name" in body
        return {
            public_text(key): without_private(value)
            for key, value in body.items()
            if not (person and key in _OF_A_PERSON)
            and not _SECRET_WORDS & set(re.split(r"[_\W]+", key.lower()))
        }
    return public_text(body) if isinstance(body, str) else body


def public_text(text: str) -> str:
    """Return a text without keys, e-mail addresses and addresses of webhooks.

    Examples
    --------
    >>> public_text("see https://hooks.example.com/services/T0/B0/x9")
    'see [hidden]'
    """
    plain = text
    if "\\u00" in text.lower():
        plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), plain)
    if "%" in plain:
        plain = unquote(plain)
    hidden = _hidden(plain)
    # Only where something is hidden is a text written without its escapes.
    return text if hidden == plain else hidden


def _hidden(text: str) -> str:
    for private in _IN_TEXT:
        text = private.sub(HIDDEN, text)
    return text
