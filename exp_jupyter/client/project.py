"""A project: who it is, and the way to everything in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.client.http.credentials import Secret, looks_like_key
from exp_jupyter.client.http.origin import Address, checked_address
from exp_jupyter.client.http.retry import Pace
from exp_jupyter.client.http.transport import Bounds, Transport
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    import httpx

    from exp_jupyter.client.resources.access import Access
    from exp_jupyter.client.resources.approvals import Approvals
    from exp_jupyter.client.resources.collections import Holdouts, Policies, SavedMetrics
    from exp_jupyter.client.resources.experiments import Experiments
    from exp_jupyter.client.resources.flags import Flags
    from exp_jupyter.client.resources.prompts import Prompts


class Project(ProjectApi, Shown):
    """One project of one origin, seen with one key.

    Attributes
    ----------
    origin
        Its address: scheme, host and port, and the path below which everything lies if there is
        one.
    kind
        ``embedded`` or ``remote``.
    experiments, approvals, policies, flags, prompts, saved_metrics, holdouts
        What is in it.
    access
        What the key may read, as ``check`` found it last; None as long as nobody asked.
    """

    def __init__(
        self,
        transport: Transport,
        project: int | str,
        *,
        label: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(transport, project, label=label, clock=clock)
        self.access: Access | None = None
        self._live_clock: tuple[Callable[[], datetime] | None] | None = None

    def __repr__(self) -> str:
        # A repr asks nobody: what is known so far has to do.
        known = self._label or self.__dict__.get("_about", {}).get("name") or self._ref
        return f"Project({known!r}, {self.origin!r})"

    @cached_property
    def experiments(self) -> Experiments:
        """The project's experiments."""
        from exp_jupyter.client.resources.experiments import Experiments

        return Experiments(self)

    @cached_property
    def approvals(self) -> Approvals:
        """Change requests and approval policies."""
        from exp_jupyter.client.resources.approvals import Approvals

        return Approvals(self)

    @cached_property
    def flags(self) -> Flags:
        """The project's feature flags."""
        from exp_jupyter.client.resources.flags import Flags

        return Flags(self)

    @cached_property
    def prompts(self) -> Prompts:
        """Templates for prompt experiments."""
        from exp_jupyter.client.resources.prompts import Prompts

        return Prompts(self)

    @cached_property
    def saved_metrics(self) -> SavedMetrics:
        """Metrics that several experiments share."""
        from exp_jupyter.client.resources.collections import SavedMetrics

        return SavedMetrics(self)

    @cached_property
    def holdouts(self) -> Holdouts:
        """Shares of people kept out of experiments."""
        from exp_jupyter.client.resources.collections import Holdouts

        return Holdouts(self)

    @cached_property
    def policies(self) -> Policies:
        """The approval policies."""
        from exp_jupyter.client.resources.collections import Policies

        return Policies(self)

    def check(self) -> Access:
        """Return who the key belongs to and what it may read, the missing scopes by name."""
        from exp_jupyter.client.resources.access import access_of

        self.access = access_of(self).coded("project.check()")
        return self.access

    def record(self, path: str | Path) -> Project:
        """Keep every answer from now on in a file that ``exp_jupyter.replay`` answers from.

        Parameters
        ----------
        path
            The file; an older recording there is replaced. It holds no key and no e-mail
            address. From now on the project's clock stands still, here as in the replay. The file
            is whole after every answer, so nothing has to be closed; ``stop_recording`` ends it
            before the project does.

        Returns
        -------
        Project
            This project.

        Raises
        ------
        exp_jupyter.errors.InputError
            This project is itself a recording.
        exp_jupyter.errors.StoreError
            The file cannot be written, or holds something else than a recording.
        """
        from exp_jupyter.client.recording.recorder import Recorder

        if self.replayed_from is not None:
            raise InputError(
                f"{self.replayed_from.name} is a recording already; nothing was recorded.",
                hint="Connect to the project to record it.",
            )
        moment, clock = self.now, self._clock
        told = {
            "origin": self.origin,
            "project": self._ref,
            "label": self._label,
            "now": moment.isoformat(),
        }
        self.transport.tape = Recorder(path, told)
        if self._live_clock is None:
            self._live_clock = (clock,)
        self._clock = lambda: moment
        # What may have been read before is read again, so that the file holds it: a replay knows
        # what it is a recording of.
        self._forget()
        _ = self.name, self.me
        return self

    def stop_recording(self) -> Path:
        """Keep no answer from now on, let the project's clock go on, and return the file.

        Raises
        ------
        exp_jupyter.errors.InputError
            Nothing is being recorded.
        """
        file = self.recorded_to
        if file is None or self._live_clock is None:
            raise InputError(
                "Nothing is being recorded.", hint="project.record('analysis.expsnap') begins it."
            )
        self.transport.tape = None
        (self._clock,), self._live_clock = self._live_clock, None
        self._forget()
        return file

    @property
    def recorded_to(self) -> Path | None:
        """The file that keeps what this project answers, or None."""
        tape = self.transport.tape
        return tape.path if tape is not None and not tape.offline else None

    @property
    def replayed_from(self) -> Path | None:
        """The recording that answers instead of the project, or None."""
        tape = self.transport.tape
        return tape.path if tape is not None and tape.offline else None

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()


def replay(path: str | Path) -> Project:
    """Return a project that answers from a recording: offline, and never written to.

    Parameters
    ----------
    path
        A file made by ``Project.record``.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The file is no recording, or was changed since it was made.
    """
    from exp_jupyter.client.recording.player import Player

    tape = Player(path)
    told, moment = tape.project, tape.moment
    wire = Transport(told["origin"], Secret("none"), tape=tape)
    return Project(wire, told["project"], label=told["label"], clock=lambda: moment)


def open_project(
    origin: str,
    project: int | str | None,
    key: str | Secret,
    *,
    transport: httpx.BaseTransport | None = None,
    label: str = "",
    pace: Pace | None = None,
    bounds: Bounds | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Project:
    """Return a project; nothing is asked of it yet.

    Parameters
    ----------
    origin
        Its address: scheme, host and port; https, unless the host is this machine. A path below
        which the installation lies is kept, and the address of one of a project's pages counts as
        that project's.
    project
        The project's number; None for the one in the address, or else, as ``@current``, for the
        key's own current project.
    key
        A personal API key.
    transport
        What carries the requests; by default the network.
    label
        What to call the connection; by default the project's own name.
    pace, bounds
        How to wait between tries, and what one answer may cost.
    clock
        The project's own clock, where it is not the world's.

    Raises
    ------
    exp_jupyter.errors.InputError
        The origin or the project number is not usable.
    """
    ref = project_number(project, checked_address(origin))
    secret = key if isinstance(key, Secret) else Secret(key)
    wire = Transport(origin, secret, http=transport, pace=pace, bounds=bounds)
    return Project(wire, ref, label=label, clock=clock)


def project_number(project: int | str | None, address: Address) -> str:
    """Return the number by which a project is asked for, or ``@current``.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no number, or another one than the address has.
    """
    told = None if address.project is None else str(address.project)
    if project is None:
        return told or "@current"
    ref = str(project).strip()
    if ref != "@current" and not (ref.isascii() and ref.isdecimal()):
        shown = "That" if looks_like_key(ref) else repr(project)
        raise InputError(
            f"{shown} is not a project number.",
            hint="Give the number in the project's address, or leave it out for the current one.",
        )
    if told is not None and ref not in ("@current", told):
        raise InputError(
            f"The address is that of project {told}, and project is {ref}.",
            hint="Give one of them.",
        )
    return ref if told is None else told
