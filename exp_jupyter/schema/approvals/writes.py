"""A write in words: what it would do, where it stands, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.shown import Shown

UNLESS_THERE = "x-unless-there"
"""The header of a request by which nothing is made where its like is there already."""

IS_THERE = 412
"""The status of the answer that says so."""


@dataclass(frozen=True)
class DiffRow:
    """One thing people care about, before and after; None where there is nothing."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Evidence:
    """What is known where a write decides about an experiment, for whoever has to agree to it.

    Attributes
    ----------
    marks
        Facts in a few words each, with a tone that repeats them: ``good``, ``bad``, ``notice`` or
        ``quiet``.
    warnings
        What speaks against it, in whole sentences; empty when nothing does.
    advice
        What the decision rule says, in a sentence.
    """

    marks: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, repr=False)
class WritePlan(Shown):
    """What a write would do; making a plan writes nothing.

    Attributes
    ----------
    title
        A few words, for a heading and a button's neighbourhood.
    sentence
        What will happen, in one or two sentences.
    method, path, body
        The request, exactly.
    diff
        Before and after of what people care about.
    gate
        A sentence about the approval policy that will likely catch the write; empty when none.
    confirm_name
        A name the person has to type before the write is sent, or None.
    evidence
        What the experiment's results say about it; None where there is nothing to say.
    """

    title: str
    sentence: str
    method: str
    path: str
    body: dict[str, Any] | None
    diff: tuple[DiffRow, ...] = ()
    gate: str = ""
    confirm_name: str | None = None
    evidence: Evidence | None = None

    @property
    def shown(self) -> tuple[object, ...]:
        """What a person agrees to: what is changed, neither the request nor the evidence."""
        return self.title, self.sentence, self.diff, self.gate, self.confirm_name


@dataclass(frozen=True, repr=False)
class WriteState(Shown):
    """Where a write stands, read from the project.

    Attributes
    ----------
    kind
        ``to_do``, ``already_done``, ``waiting`` (for approval) or ``refused``.
    sentence
        The same in words.
    change_request
        The request that waits, if one does.
    result
        The object the write is about, if it exists.
    next_step
        What to do next; empty when nothing is to be said.
    can_finish
        Whether a change request was applied and the rest of the write is still to be done.
    approvers
        Names of those who may approve the request that waits, as far as they are known.
    second_step
        What is left to be done after the approval; empty when the approval does all of it.
    can_ask_again
        Whether somebody rejected the same change and ``send(again=True)`` would ask once more.
    """

    kind: str
    sentence: str
    change_request: ChangeRequest | None = None
    result: Any = None
    next_step: str = ""
    can_finish: bool = False
    approvers: tuple[str, ...] = ()
    second_step: str = ""
    can_ask_again: bool = False


@dataclass(frozen=True, repr=False)
class WriteOutcome(Shown):
    """What came of a write.

    Attributes
    ----------
    kind
        ``applied``, ``already_done``, ``waiting`` (for approval), ``refused`` or ``unknown``
        (the answer was lost and the project does not show the change).
    sentence
        The same in words.
    next_step
        What to do next; empty when nothing is left to do.
    result
        The object as the project now has it, if the write has an object.
    change_request
        The change request, if there is one.
    can_finish
        Whether ``finish()`` has something left to do: the request was applied, and it changed
        only the flag.
    approvers
        Names of those who may approve the request that waits, as far as they are known.
    second_step
        What is left to be done after the approval; empty when the approval does all of it.
    can_ask_again
        Whether somebody rejected the same change and ``send(again=True)`` would ask once more.
    """

    kind: str
    sentence: str
    next_step: str = ""
    result: Any = None
    change_request: ChangeRequest | None = None
    can_finish: bool = False
    approvers: tuple[str, ...] = ()
    second_step: str = ""
    can_ask_again: bool = False
