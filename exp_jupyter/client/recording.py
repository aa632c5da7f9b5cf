"""Keeping what a project answered in one readable file, and answering from it without a project."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from exp_jupyter.client.answers import Raw
from exp_jupyter.errors import ConnectionFailedError, NotWrittenError, StoreError

FORMAT = "exp_jupyter recording"
VERSION = 1

_KEY = re.compile(r"\bph[acorsx]_[A-Za-z0-9_-]{20,}")
_PRIVATE = ("email", "distinct_id", "hedgehog_config", "is_email_verified")


class Recorder:
    """Keeps every answer of a project in a file, as it comes.

    Parameters
    ----------
    path
        The file; replaced as a whole after each answer, so that it is never half written.
    project
        What the file says about the project: origin, reference, label, kind, moment.

    Notes
    -----
    Keys are in headers and are not kept; people are kept by name and number, without e-mail
    addresses. What the file does not hold the recording notebook does not see either: it gives
    the same bytes live and replayed.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file cannot be written, or holds something else than a recording.
    """

    offline = False

    def __init__(self, path: str | Path, project: Mapping[str, Any]) -> None:
        self.path = Path(path).expanduser()
        self._project = dict(project)
        self._answers: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        _refuse_another_file(self.path)
        self._save()

    def read(self, request: str, live: Callable[[], Raw]) -> Raw:
        """Ask the project by calling ``live``, keep its answer and return what was kept."""
        raw = live()
        try:
            body = json.loads(raw.content) if raw.content.strip() else None
        except (ValueError, RecursionError):
            return raw
        body = _without_private(body)
        answer = {"status": raw.status, "body": body}
        with self._lock:
            known = self._answers.setdefault(request, [])
            if not known or known[-1] != answer:
                known.append(answer)
                self._save()
        return Raw(raw.status, raw.headers, json.dumps(body).encode())

    def write(self) -> None:
        """Let writes through: recording is for a live project."""

    def _save(self) -> None:
        body = {
            "project": self._project,
            "answers": [
                {"request": request, "answers": self._answers[request]}
                for request in sorted(self._answers)
            ],
        }
        whole = {"format": FORMAT, "version": VERSION, "sha256": _digest(body), **body}
        text = json.dumps(whole, indent=1, sort_keys=False, ensure_ascii=False)
        try:
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            Path(name).replace(self.path)
        except OSError as error:
            raise StoreError(
                f"The recording {str(self.path)!r} cannot be written: {error.strerror}.",
                hint="Name a file in a folder that exists and that you may write to.",
            ) from error


class Player:
    """Answers from a recording; several answers to one request come in the order they were given.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file is no recording, or was changed since it was made.
    """

    offline = True

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        whole = _loaded(self.path)
        self.project: dict[str, Any] = whole["project"]
        self._answers = {entry["request"]: entry["answers"] for entry in whole["answers"]}
        self._place: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def moment(self) -> datetime:
        """The present moment when the recording began."""
        return datetime.fromisoformat(self.project["now"])

    def read(self, request: str, live: Callable[[], Raw]) -> Raw:
        """Return the recorded answer to ``request``.

        Raises
        ------
        exp_jupyter.errors.ConnectionFailedError
            It was not recorded.
        """
        del live  # there is no project to ask
        with self._lock:
            known = self._answers.get(request)
            if not known:
                raise ConnectionFailedError(
                    f'"{request}" is not in the recording {self.path.name}.',
                    hint="Record the notebook again, connected to the project.",
                )
            place = self._place.get(request, 0)
            self._place[request] = min(place + 1, len(known) - 1)
            answer = known[place]
        body = answer["body"]
        return Raw(answer["status"], {}, b"" if body is None else json.dumps(body).encode())

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


def _refuse_another_file(path: Path) -> None:
    """Refuse to replace what is no recording: a slip of the name must not cost a notebook."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except ValueError:  # no text at all
        head = "\0"
    except OSError as error:
        raise StoreError(
            f"The recording {str(path)!r} cannot be written: {error.strerror}.",
            hint="Name a file in a folder that exists and that you may write to.",
        ) from error
    if head and FORMAT not in head:
        raise StoreError(
            f"{str(path)!r} holds something else than a recording; it was left as it is.",
            hint="Name another file, such as analysis.expsnap.",
        )


def _without_private(body: Any) -> Any:
    if isinstance(body, list):
        return [_without_private(item) for item in body]
    if isinstance(body, dict):
        person = "email" in body and "first_name" in body
        # A project's own answer names the tokens that its events are sent with.
        return {
            key: _without_private(value)
            for key, value in body.items()
            if not (person and key in _PRIVATE) and "token" not in key.lower().split("_")
        }
    return _KEY.sub("[hidden]", body) if isinstance(body, str) else body


def _digest(body: Any) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _loaded(path: Path) -> dict[str, Any]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(
            f"The recording {str(path)!r} cannot be read: {error.strerror}.",
            hint="Give the file that project.record() made.",
        ) from error
    except ValueError:
        whole = None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise StoreError(
            f"{str(path)!r} is no recording.", hint="Give the file that project.record() made."
        )
    if whole.get("version") != VERSION:
        raise StoreError(
            f"{str(path)!r} was made by a newer version.", hint="Update exp_jupyter, then replay."
        )
    body = {name: whole.get(name) for name in ("project", "answers")}
    if whole.get("sha256") != _digest(body):
        raise StoreError(
            f"{str(path)!r} was changed since it was recorded.",
            hint="Record again, or take the file back from version control.",
        )
    return whole
