"""The file of a recording: one readable text with a hash, replaced as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exp_jupyter._whole_file import write_whole
from exp_jupyter.client.recording.form import fault_of
from exp_jupyter.errors import StoreError

FORMAT = "exp_jupyter recording"
VERSION = 1


@dataclass(frozen=True)
class Written:
    """One entry of the file, as text to read and as text to hash.

    A recording is written after every answer; an entry that did not change is not written out
    in JSON again.
    """

    text: str
    canonical: str


def written(entry: Any) -> Written:
    """Return an entry in both its forms."""
    text = json.dumps(entry, indent=1, ensure_ascii=False)
    return Written(text.replace("\n", "\n  "), _canonical(entry))


def save(path: Path, project: Mapping[str, Any], entries: Iterable[Written]) -> None:
    """Write a recording, so that there is a whole one at any instant.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file cannot be written; of a full disk, ``StoreFullError``.
    """
    listed = [*entries]
    whole = ",".join(entry.canonical for entry in listed)
    digest = hashlib.sha256(f'{{"answers":[{whole}],"project":{_canonical(project)}}}'.encode())
    head = {"format": FORMAT, "version": VERSION, "sha256": digest.hexdigest(), "project": project}
    opened = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    answers = ",\n  ".join(entry.text for entry in listed)
    text = f'{opened},\n "answers": [\n  {answers}\n ]\n}}\n'
    write_whole(path, text.encode(), what="recording")


def refuse_another_file(path: Path) -> None:
    """Refuse to replace what is no recording: a slip of the name must not cost a notebook.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file holds something else, or cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except ValueError:  # no text at all
        head = "\0"
    except OSError as error:
        raise _unwritable(path, error) from error
    if head and FORMAT not in head:
        raise StoreError(
            f"{str(path)!r} holds something else than a recording; it was left as it is.",
            hint="Name another file, such as analysis.expsnap.",
        )


def load(path: Path) -> dict[str, Any]:
    """Return what a recording holds.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file is no recording, or was changed since it was made.
    """
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(
            f"The recording {str(path)!r} cannot be read: {error.strerror}.",
            hint="Give a file that %exp_record made.",
        ) from error
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise StoreError(
            f"{str(path)!r} is no recording.", hint="Give a file that %exp_record made."
        )
    if whole.get("version") != VERSION:
        raise StoreError(
            f"{str(path)!r} was made by a newer version.", hint="Update exp_jupyter, then replay."
        )
    body = {name: whole.get(name) for name in ("project", "answers")}
    try:
        digest = hashlib.sha256(_canonical(body).encode()).hexdigest()
    except RecursionError:
        digest = ""
    if whole.get("sha256") != digest:
        raise StoreError(
            f"{str(path)!r} was changed since it was recorded.",
            hint="Record again, or take the file back from version control.",
        )
    # The hash proves nothing about who made it: anybody can write one.
    if fault := fault_of(whole):
        raise StoreError(
            f"{str(path)!r} does not have the form of a recording ({fault}).",
            hint="Record again, or take the file back from version control.",
        )
    return whole


def _canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The recording {str(path)!r} cannot be written: {error.strerror}.",
        hint="Name a file in a folder that exists and that you may write to.",
    )
