"""Keeping what a project answers, as it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exp_jupyter.client.http.errors import Raw
from exp_jupyter.client.recording.file import Written, refuse_another_file, save, written
from exp_jupyter.client.recording.privacy import public_text, without_private

_KEPT_HEADERS = ("retry-after",)


class Recorder:
    """Keeps every answer of a project in a file, as it comes.

    Parameters
    ----------
    path
        The file; replaced as a whole after each answer, so that it is never half written.
    project
        What the file says about the project: origin, reference, label, moment.

    Notes
    -----
    Keys are in headers and are not kept; people are kept by name and number, without e-mail
    addresses; ``privacy`` says what else is left out. What the file does not hold the recording
    notebook does not see either: it gives the same bytes live and replayed.

    The entries stand in the order of their requests, whatever came first. An answer that came
    several times in a row is kept once, with how often it came.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file cannot be written, or holds something else than a recording.
    """

    offline = False

    def __init__(self, path: str | Path, project: Mapping[str, Any]) -> None:
        self.path = Path(path).expanduser()
        self._project = without_private(dict(project))
        self._answers: dict[str, list[dict[str, Any]]] = {}
        self._entries: dict[str, Written] = {}
        self._lock = threading.Lock()
        refuse_another_file(self.path)
        save(self.path, self._project, ())

    def read(self, request: str, live: Callable[[], Raw]) -> Raw:
        """Ask the project by calling ``live``, keep its answer and return what was kept."""
        raw = live()
        try:
            body = json.loads(raw.content) if raw.content.strip() else None
        except (ValueError, RecursionError):
            return raw
        answer: dict[str, Any] = {"status": raw.status, "body": without_private(body)}
        if headers := {name: raw.headers[name] for name in _KEPT_HEADERS if name in raw.headers}:
            answer["headers"] = headers
        with self._lock:
            self._keep(public_text(request), answer)
            entries = (self._entries[known] for known in sorted(self._entries))
            save(self.path, self._project, entries)
        return as_raw(answer)

    def write(self) -> None:
        """Let writes through: recording is for a live project."""

    def _keep(self, request: str, answer: dict[str, Any]) -> None:
        known = self._answers.setdefault(request, [])
        last = {**known[-1]} if known else {}
        times = last.pop("times", 1)
        if last == answer:
            known[-1] = {"times": times + 1, **answer}
        else:
            known.append(answer)
        self._entries[request] = written({"request": request, "answers": known})


def as_raw(answer: Mapping[str, Any]) -> Raw:
    """Return a kept answer as it came from the project."""
    body = answer["body"]
    content = b"" if body is None else json.dumps(body).encode()
    return Raw(answer["status"], answer.get("headers", {}), content)
