"""The addresses that applications know through an SDK: capture of events, evaluation of flags.

They stand outside of the API and take the project's public token in place of a personal key.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.http.endpoint import Answer
from exp_jupyter.server.http.keys import asking
from exp_jupyter.server.http.reading import parsed
from exp_jupyter.server.jobs.batching import Intake
from exp_jupyter.server.refusals import Refusal, invalid, refusal
from exp_jupyter.server.services.flags import answers as flag_answers
from exp_jupyter.server.services.people import capture
from exp_jupyter.server.store import ProjectStore

LARGEST_BATCH = 8 * 1024 * 1024
"""Most bytes of a body of events, unpacked; the SDKs send at most 5 MB and one event more."""

_ACROSS = {
    # The token is public, and a page of the application in development has another port.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}


@dataclass(frozen=True)
class Sent:
    """A request of an SDK: its verb, query and headers, and its body as it came."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    site: str

    def body(self) -> Any:
        """Return the JSON of the body, unpacked from whatever an SDK wraps it in."""
        raw = _unpacked(self.raw, self._packing)
        kind = (self.headers.get("content-type") or "").split(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded" or raw[:5] == b"data=":
            fields = parse_qs(raw.decode("utf-8", "replace"), max_num_fields=20)
            raw = json.dumps(capture.from_form(fields.get("data", [""])[0])).encode()
        return parsed(raw, "application/json")

    @property
    def _packing(self) -> str:
        said = self.headers.get("content-encoding") or self.query.get("compression") or ""
        if self.raw[:2] == b"\x1f\x8b":
            return "gzip"
        return {"gzip-js": "gzip", "base64": ""}.get(said.lower(), said.lower())


class CaptureAddresses:
    """Answers what the SDKs ask.

    Parameters
    ----------
    store, events
        The project.
    """

    def __init__(self, store: ProjectStore, events: EventStore) -> None:
        self._store = store
        self._events = events
        self._intake = Intake(store, events)
        once: dict[str, Callable[[Sent], Answer]] = {
            **dict.fromkeys(("/batch", "/capture", "/e", "/track", "/engage"), self._capture),
            **dict.fromkeys(("/i/v0/e", "/i/v0/ai/batch"), self._capture),
            "/i/v1/analytics/events": self._capture_each,
            "/flags": self._flags,
            "/decide": self._flags,
        }
        self._addresses: dict[str, dict[str, Callable[[Sent], Answer]]] = {
            **{path: {"POST": run} for path, run in once.items()},
            "/flags/definitions": {"GET": self._definitions},
            "/api/feature_flag/local_evaluation": {"GET": self._definitions},
        }

    def __contains__(self, path: str) -> bool:
        return path in self._addresses

    def answer(self, path: str, sent: Sent) -> Answer:
        """Answer a request to one of the addresses."""
        verbs = self._addresses[path]
        try:
            if sent.method == "OPTIONS":
                return Answer(status=204, headers=_ACROSS)
            if sent.method not in verbs:
                refused = refusal(405, "method_not_allowed", f'Method "{sent.method}" not allowed.')
                refused.headers["Allow"] = ", ".join(verbs)
                raise refused
            answer = verbs[sent.method](sent)
        except Refusal as error:
            return Answer(error.body, error.status, {**_ACROSS, **error.headers})
        return Answer(answer.body, answer.status, {**_ACROSS, **answer.headers})

    def _admit(self, token: str | None) -> None:
        with self._store.read() as work:
            if token != capture.project_token(work):
                raise refusal(
                    401,
                    "invalid_api_key",
                    "The project token is missing or another project's; the project itself shows "
                    "its own as api_token.",
                )

    def _capture(self, sent: Sent) -> Answer:
        body = sent.body()
        events, whole = capture.listed(body)
        self._admit(capture.token_in(body, events) or sent.query.get("token"))
        taken, failures = self._read(events, whole)
        if failures and not taken:
            raise invalid(f"No event could be taken: {next(iter(failures.values()))}.")
        self._intake.take(taken)
        return Answer({"status": 1} if not failures else {"status": 1, "dropped": len(failures)})

    def _capture_each(self, sent: Sent) -> Answer:
        """Take a batch and say of each event what became of it."""
        word, _, token = (sent.headers.get("authorization") or "").partition(" ")
        self._admit(token.strip() if word.lower() == "bearer" else None)
        events, whole = capture.listed(sent.body())
        taken, failures = self._read(events, {**whole, **_sent_at(sent.headers)})
        self._intake.take(taken)
        results: dict[str, Any] = {}
        for index, event in enumerate(events):
            name = event.get("uuid") if isinstance(event, dict) else None
            if isinstance(name, str):
                results[name] = (
                    {"result": "drop", "details": failures[index]}
                    if index in failures
                    else {"result": "ok"}
                )
        return Answer({"results": results})

    def _read(
        self, events: list[Any], whole: Mapping[str, Any]
    ) -> tuple[list[capture.Captured], dict[int, str]]:
        with self._store.read() as work:
            now = work.now()
        taken: list[capture.Captured] = []
        failures: dict[int, str] = {}
        for index, event in enumerate(events):
            try:
                taken.append(capture.captured(event, whole, now))
            except ValueError as error:
                failures[index] = str(error)
        return taken, failures

    def _flags(self, sent: Sent) -> Answer:
        body = sent.body()
        if not isinstance(body, dict):
            raise invalid("The request must be an object.")
        self._admit(capture.token_in(body) or sent.query.get("token"))
        version = sent.query.get("v", "1")
        form = int(version) if version.isascii() and version.isdigit() and len(version) < 4 else 1
        request = flag_answers.read_request(body, sent.headers.get("user-agent"))
        return Answer(flag_answers.answer(self._store, self._events, request, form))

    def _definitions(self, sent: Sent) -> Answer:
        """Return all flags for an SDK that decides them itself; asks for a personal key."""
        with self._store.read() as work:
            actor = asking(work, sent.headers.get("authorization"), sent.site)
            actor.require("feature_flag:read")
            token = sent.query.get("token")
            if token is not None and token != capture.project_token(work):
                raise refusal(401, "invalid_api_key", "The token is another project's.")
            body = flag_answers.definitions(work)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
        tag = f'"{digest}"'
        if sent.headers.get("if-none-match") == tag:
            return Answer(status=304, headers={"ETag": tag})
        return Answer(body, headers={"ETag": tag})


def _sent_at(headers: Mapping[str, str]) -> dict[str, str]:
    stamp = headers.get("posthog-request-timestamp")
    return {"sent_at": stamp} if stamp else {}


def _unpacked(raw: bytes, packing: str) -> bytes:
    """Return the bytes of a packed body, or refuse what is too large as soon as that is known."""
    if packing in ("", "identity", "none"):
        return raw
    if packing not in ("gzip", "deflate"):
        raise refusal(415, "unsupported_media_type", "Bodies come plain, in gzip or in deflate.")
    stream = zlib.decompressobj(31 if packing == "gzip" else 15)
    try:
        content = stream.decompress(raw, LARGEST_BATCH + 1)
    except zlib.error:
        raise invalid(f"The body is not {packing}.", code="parse_error") from None
    if len(content) > LARGEST_BATCH:
        detail = f"The body may have at most {LARGEST_BATCH} bytes."
        raise refusal(413, "request_too_large", detail)
    if not stream.eof:
        raise invalid("The packed body breaks off.", code="parse_error")
    return content
