"""One write: planned in words, sent at most once, and followed through its approval."""

from __future__ import annotations

import functools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import ValidationError

from exp_jupyter.client.http.wire.no_response import unknown
from exp_jupyter.client.lookup.approvals import change_request
from exp_jupyter.client.writes.approvals.pending_request import waiting_step
from exp_jupyter.client.writes.approvals.policy_preview import approver_names
from exp_jupyter.errors import (
    ApiError,
    ApprovalRequiredError,
    ConnectionFailedError,
    ExpError,
    NotWrittenError,
    ProtocolError,
    ThrottledError,
    WriteOutcomeUnknownError,
)
from exp_jupyter.schema.approvals.approval import ApprovalNeeded, ChangeRequest
from exp_jupyter.schema.approvals.writes import Evidence, WriteOutcome, WritePlan, WriteState
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_TRIES = 10
_LOOKS = 3
_FINAL = frozenset({"applied", "already_done"})
_Stands = TypeVar("_Stands", WriteState, WriteOutcome)


class Write(Shown, ABC):
    """A write that has not happened yet.

    Making one sends nothing. ``plan`` says what it would do, ``state()`` reads from the project
    whether there is anything to do, and ``send()`` does it.

    Notes
    -----
    At most one request of a ``Write`` ever takes effect, however often ``send()`` is called and
    from however many threads. A request whose answer was lost is never sent again: what the
    project shows decides what is reported, and without a trace there the outcome is ``unknown``.
    """

    def __init__(self, api: ProjectApi) -> None:
        self._api = api
        self._reader: Callable[[], Evidence | None] | None = None
        self._begin()

    def _begin(self) -> None:
        """Stand where nothing was planned or sent."""
        self._lock = threading.RLock()
        self._plan: WritePlan | None = None
        self._outcome: WriteOutcome | None = None
        # Set before a request leaves and cleared only by proof that it took no effect, so that
        # an interrupt in between leaves the doubt standing.
        self._in_doubt = ""
        self._doubt_is_of_finishing = False
        self._spent = False
        self._approvers: tuple[str, tuple[str, ...]] | None = None
        self._evidence = None if self._reader is None else functools.cache(self._reader)

    def __repr__(self) -> str:
        # A repr asks nobody; showing the plan, which may have to, is what ``to_text()`` is for.
        stands = self._outcome.kind if self._outcome else "not sent"
        return f"{type(self).__name__}({stands})"

    @property
    def plan(self) -> WritePlan:
        """What the write would do, the exact request included."""
        with self._lock:
            if self._plan is None:
                self._plan = replace(self._describe(), evidence=self._read_evidence())
            return self._plan

    def with_evidence(self, read: Callable[[], Evidence | None]) -> Self:
        """Have the plan show what is known about the write, and return the write.

        Parameters
        ----------
        read
            Reads it; called once, when the plan is first looked at. A plan whose evidence cannot be
            read is shown without.
        """
        self._reader, self._evidence = read, functools.cache(read)
        return self

    def _read_evidence(self) -> Evidence | None:
        if self._evidence is None:
            return None
        try:
            return self._evidence()
        except ExpError:
            return None

    @property
    def outcome(self) -> WriteOutcome | None:
        """What came of it last; None as long as nothing was sent."""
        return self._outcome

    def state(self) -> WriteState:
        """Read from the project whether the write is still to do."""
        with self._lock:
            self._api.transport.turn.wait()
            return self._peopled(self._look())

    def look_again(self) -> bool:
        """Plan anew from what the project has now, and return whether that is another plan.

        Whoever agreed to a plan agreed to its "before" too. Nothing is planned anew once something
        was sent, or where nothing is left to be sent.

        Raises
        ------
        exp_jupyter.errors.ExpError
            The project cannot be read.
        """
        with self._lock:
            if self._spent or self._in_doubt or self._look().kind != "to_do":
                return False
            before = self.plan
            self._renew()
            self._plan = None
            return self.plan.shown != before.shown

    def renewed(self) -> Self:
        """Return the same write as one that was never sent, planned from what there is now.

        A write whose request was rejected is spent; asking once more is another write.

        Raises
        ------
        exp_jupyter.errors.ExpError
            The project cannot be read.
        """
        with self._lock:
            twin = copy(self)
        twin._begin()  # noqa: SLF001 - another one of this very class
        twin._renew()  # noqa: SLF001
        return twin

    def send(self, *, again: bool = False) -> WriteOutcome:
        """Look at the project, then write if there is something to write.

        Parameters
        ----------
        again
            Ask once more although somebody rejected the same change before.

        Raises
        ------
        exp_jupyter.errors.ApiError
            The project refuses the request; nothing was changed.
        exp_jupyter.errors.ConnectionFailedError
            The project is out of reach; nothing was sent.
        """
        with self._lock, self._api.transport.turn.taken():
            if self._outcome is not None and self._outcome.kind in _FINAL:
                return self._outcome
            for _ in range(_TRIES):
                state = self._look()
                settled = self._settled(state, again=again)
                if settled is not None:
                    return self._keep(settled)
                try:
                    return self._keep(self._transmit(finishing=state.can_finish))
                except ApiError as refusal:
                    if not self._adapt(refusal):
                        raise self._explained(refusal) from None
            raise ConnectionFailedError(
                "The project kept asking to wait; nothing was written.",
                hint="Try again later.",
            )

    def refresh(self) -> WriteOutcome:
        """Read again where the write stands; sends nothing."""
        with self._lock:
            state = self._look()
            settled = self._settled(state, again=False)
            if settled is None and state.can_finish:
                settled = WriteOutcome(
                    "waiting",
                    state.sentence,
                    state.next_step,
                    change_request=state.change_request,
                    can_finish=True,
                )
            if settled is None:
                return self._outcome or WriteOutcome("refused", state.sentence, state.next_step)
            return self._keep(settled)

    def finish(self) -> WriteOutcome:
        """Do what is left after the change request was applied.

        An approved request has changed only the flag; the rest of the write is done here.
        """
        with self._lock:
            state = self._look()
            if not state.can_finish:
                return self.refresh()
            return self.send()

    def withdraw(self, reason: str = "") -> WriteOutcome:
        """Take the waiting change request back; nothing else is changed."""
        from exp_jupyter.client.writes.decision import Decision

        with self._lock:
            state = self._look()
            if state.change_request is None or state.kind != "waiting":
                return self.refresh()
            told = Decision(self._api, "cancel", state.change_request.id, reason).send()
            if told.kind not in _FINAL:
                return self._keep(told)
            self._spent = True
            return self._keep(
                WriteOutcome(
                    "refused",
                    "The request was withdrawn; nothing was changed.",
                    "Make the write again for a new request.",
                    change_request=told.change_request,
                )
            )

    @abstractmethod
    def _describe(self) -> WritePlan:
        """Say what the write would do."""

    @abstractmethod
    def _call(self) -> tuple[str, str, Any]:
        """Return the request: method, path and body."""

    @abstractmethod
    def _look(self) -> WriteState:
        """Read from the project where the write stands."""

    @abstractmethod
    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        """Read the good answer to the request."""

    @abstractmethod
    def _mismatch(self, body: Any, result: Any) -> str:
        """Say how a good answer is not about this write; empty when it is, and shows the change."""

    def _renew(self) -> None:
        """Read anew what the plan's "before" is taken from."""

    def _second_step(self) -> str:
        """Say what is left to be done once the request was approved; empty when nothing is."""
        return ""

    def _explained(self, refusal: ApiError) -> ApiError:
        """Return a refusal with what can be said about it here."""
        return refusal

    def _finishing(self) -> tuple[str, str, Any]:
        """Return the request that is left once the flag was changed: the same call again."""
        return self._call()

    def _headers(self) -> dict[str, str]:
        """Return what the request says in headers of its own."""
        return {}

    def _adapt(self, refusal: ApiError) -> bool:
        """Return whether the request, which took no effect, may be made once more."""
        if isinstance(refusal, ThrottledError):
            pace = self._api.transport.pace
            wait = pace.pause(1) if refusal.wait is None else refusal.wait
            if wait <= pace.longest:
                pace.sleep(wait)
                return True
        return False

    def _keep(self, outcome: WriteOutcome) -> WriteOutcome:
        self._outcome = self._peopled(outcome)
        return self._outcome

    def _peopled(self, stands: _Stands) -> _Stands:
        """Say of what waits who may approve it, and what comes after."""
        request = stands.change_request
        if stands.kind != "waiting" or stands.can_finish or request is None:
            return stands
        if self._approvers is None or self._approvers[0] != request.id:
            self._approvers = (request.id, approver_names(self._api, request))
        step = self._second_step()
        return replace(stands, approvers=self._approvers[1], second_step=step)

    def _settled(self, state: WriteState, *, again: bool) -> WriteOutcome | None:
        """Return the outcome if nothing is to be sent in this state, else None."""
        request = state.change_request
        if state.kind in {"already_done", "waiting"}:
            self._spent = True
            return WriteOutcome(state.kind, state.sentence, state.next_step, state.result, request)
        if state.kind == "refused" and not (again and not self._spent):
            return WriteOutcome(
                "refused",
                state.sentence,
                state.next_step,
                state.result,
                request,
                can_ask_again=state.can_ask_again,
            )
        if state.can_finish and not self._doubt_is_of_finishing:
            # The applied request shows that the first call arrived, so it is no longer in doubt.
            return None
        if self._in_doubt:
            return self._doubtful()
        if self._spent:
            return WriteOutcome(
                "refused",
                "This write was sent before and the project shows nothing of it now.",
                "Look at the project, then make the write again.",
            )
        return None

    def _transmit(self, *, finishing: bool) -> WriteOutcome:
        """Send the request, once."""
        method, path, body = self._finishing() if finishing else self._call()
        self._in_doubt = "Whether the write took effect is not known: it was interrupted"
        self._doubt_is_of_finishing = finishing
        what_came = "The answer was lost"
        try:
            answer = self._api.write(method, path, body, self._headers())
            what_came = "The answer was another one than expected"
            outcome = self._taken(answer, finishing=finishing)
            if odd := self._mismatch(answer, outcome.result):
                raise unknown(f"the answer {odd}")
        except ApprovalRequiredError as gate:
            self._clear_doubt()
            self._spent = True
            return self._gated(gate)
        except (WriteOutcomeUnknownError, ProtocolError) as lost:
            self._in_doubt = lost.message
        except (ApiError, ConnectionFailedError, NotWrittenError):
            self._clear_doubt()
            raise
        else:
            self._clear_doubt()
            self._spent = True
            return outcome
        return self._after_loss(what_came)

    def _after_loss(self, what_came: str) -> WriteOutcome:
        """Look at the project, a few times, since the request may still be on its way there."""
        pace = self._api.transport.pace
        for attempt in range(_LOOKS):
            try:
                state = self._look()
            except ExpError:
                state = None
            if state is not None and state.kind in {"already_done", "waiting"}:
                self._clear_doubt()
                self._spent = True
                return WriteOutcome(
                    state.kind,
                    f"{what_came}, but the project shows it. {state.sentence}",
                    state.next_step,
                    state.result,
                    state.change_request,
                )
            pace.sleep(pace.pause(attempt))
        return self._doubtful()

    def _clear_doubt(self) -> None:
        self._in_doubt = ""
        self._doubt_is_of_finishing = False

    def _doubtful(self) -> WriteOutcome:
        return WriteOutcome(
            "unknown",
            f"{self._in_doubt.rstrip('.')}. The project does not show the change so far.",
            "Look at the project in a while; if the change is still missing, make the write again.",
        )

    def _gated(self, gate: ApprovalRequiredError) -> WriteOutcome:
        """Say what waits; the request is read again, as the gate's copy knows no reader."""
        request: ChangeRequest | None = None
        try:
            request = change_request(self._api, gate.change_request_id)
        except ExpError:
            with suppress(ValidationError):  # a body that says less, or says it oddly
                request = ApprovalNeeded.model_validate(gate.body).request
        return WriteOutcome(
            "waiting",
            gate.message,
            waiting_step(request),
            change_request=request,
        )
