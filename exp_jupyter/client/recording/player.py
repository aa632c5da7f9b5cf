"""Answering from a recording, without a project."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from exp_jupyter.client.http.errors import Raw
from exp_jupyter.client.recording.file import load
from exp_jupyter.client.recording.privacy import public_text
from exp_jupyter.client.recording.recorder import as_raw
from exp_jupyter.errors import NotRecordedError, NotWrittenError

_LONGEST_QUESTION = 160


class Player:
    """Answers from a recording; several answers to one request come in the order they were given.

    The last one is given again to whoever asks more often than was asked then.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file is no recording, or was changed since it was made.
    """

    offline = True

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        whole = load(self.path)
        self.project: dict[str, Any] = whole["project"]
        self._answers = {
            public_text(entry["request"]): _Turns(entry["answers"]) for entry in whole["answers"]
        }
        self._lock = threading.Lock()

    @property
    def moment(self) -> datetime:
        """The present moment when the recording began."""
        return datetime.fromisoformat(self.project["now"])

    def read(self, request: str, live: Callable[[], Raw]) -> Raw:
        """Return the recorded answer to ``request``.

        Raises
        ------
        exp_jupyter.errors.NotRecordedError
            It was not recorded; the message names it.
        """
        del live  # there is no project to ask
        request = public_text(request)
        with self._lock:
            known = self._answers.get(request)
            if known is None:
                raise self._missing(request)
            return as_raw(known.next())

    def write(self) -> None:
        """Refuse.

        Raises
        ------
        exp_jupyter.errors.NotWrittenError
            Always.
        """
        raise NotWrittenError(
            f"Nothing was written: {self.path.name} is a recording.",
            hint="Connect to the project to write.",
        )

    def _missing(self, request: str) -> NotRecordedError:
        near = difflib.get_close_matches(request, self._answers, n=1, cutoff=0.6)
        nearest = f" The nearest it holds is {_shortened(near[0])}." if near else ""
        return NotRecordedError(
            f'"{_shortened(request)}" is not in the recording {self.path.name}.',
            hint=f"Record the notebook again, connected to the project.{nearest}",
        )


class _Turns:
    """The answers to one request in turn, each as often as it was given; the last one for ever."""

    def __init__(self, answers: Sequence[Mapping[str, Any]]) -> None:
        self._answers = answers
        self._place = self._given = 0

    def next(self) -> Mapping[str, Any]:
        """Return the answer whose turn it is."""
        last = self._place == len(self._answers) - 1
        if not last and self._given == self._answers[self._place].get("times", 1):
            self._place, self._given = self._place + 1, 0
        self._given += 1
        return self._answers[self._place]


def _shortened(request: str) -> str:
    if len(request) <= _LONGEST_QUESTION:
        return request
    return f"{request[: _LONGEST_QUESTION - 1]}…"
