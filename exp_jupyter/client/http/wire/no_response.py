"""Requests that got no answer, in words that cannot hold a key."""

from __future__ import annotations

from dataclasses import dataclass

from exp_jupyter.client.http.wire.lean_httpx import httpx
from exp_jupyter.errors import WriteOutcomeUnknownError


@dataclass(frozen=True)
class Broken:
    """A request without an answer; ``sent`` says whether it may have reached the project."""

    sent: bool
    words: str


def unknown(why: str) -> WriteOutcomeUnknownError:
    """Return the error of a write that was sent and whose answer says nothing."""
    return WriteOutcomeUnknownError(
        f"Whether the write took effect is not known: {why}.",
        hint="Look at the project before sending it again.",
    )


def words_for(failure: Exception) -> str:
    """Return what happened to a connection, in a few words."""
    # By class and never by the message: a library's message may quote the header it dislikes.
    for kind, words in (
        (httpx.ConnectTimeout, "no connection in time"),
        (httpx.ConnectError, "no connection"),
        (httpx.PoolTimeout, "too many requests at once"),
        (httpx.TimeoutException, "no answer in time"),
        (httpx.DecodingError, "the answer could not be decompressed"),
    ):
        if isinstance(failure, kind):
            return words
    return "the connection broke"
