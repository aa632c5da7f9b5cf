"""The kernel's end of the side panel's line: answers with snapshots of the connected project."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from exp_jupyter._version import __version__
from exp_jupyter.errors import ExpError
from exp_jupyter.magics.names import ExperimentName
from exp_jupyter.widgets.reading import quoted

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.people import UserBasic

TARGET = "exp_jupyter"
LISTENERS = 4
"""How many panels are served at a time."""
METRICS_READ = 20
"""How many experiments' metrics a snapshot reads at most; the rest show without their metrics."""


class Panel:
    """Speaks with the panels of one kernel over the comm target ``exp_jupyter``.

    A front end says ``hello`` and ``refresh``; each is answered with a whole snapshot. Nothing is
    read for nobody: a snapshot is pushed unasked only to a panel that said hello and not ``bye``.
    A plain terminal has no comms, and then all of this does nothing.

    Parameters
    ----------
    session
        The notebook's state. Its key never enters a message.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._replaced: Any = None
        self._ours: list[Any] = []
        self._listening: dict[str, Any] = {}

    @property
    def _manager(self) -> Any:
        kernel = getattr(self._session.shell, "kernel", None)
        return getattr(kernel, "comm_manager", None)

    def open(self) -> None:
        """Register the target and, where a person may have a panel, announce it."""
        manager = self._manager
        if manager is None:
            return
        self._replaced = manager.targets.get(TARGET)
        manager.register_target(TARGET, self._opened)
        if self._session.has_front_end:
            import comm

            # A panel that is there already answers this with its hello; a panel that comes later,
            # as after a page reload, finds the open comm and knows that this kernel speaks.
            line = comm.create_comm(target_name=TARGET, data={"type": "ready", "version": 1})
            self._listen(line)

    def close(self) -> None:
        """Take the target away again, and hang up."""
        manager = self._manager
        if manager is None:
            return
        if manager.targets.get(TARGET) == self._opened:
            manager.unregister_target(TARGET, self._opened)
            if self._replaced is not None:
                manager.register_target(TARGET, self._replaced)
        for line in self._ours:
            line.close()
        self._ours.clear()
        self._listening.clear()

    def push(self) -> None:
        """Send a snapshot to every panel that listens."""
        if self._listening:
            snapshot = self.snapshot()
            for line in list(self._listening.values()):
                line.send(snapshot)

    def snapshot(self) -> dict[str, Any]:
        """Return what a panel shows: project, experiments, waiting approvals, or one error."""
        answer: dict[str, Any] = {
            "type": "snapshot",
            "version": __version__,
            "project": None,
            "experiments": [],
            "approvals": 0,
            "error": None,
        }
        project = self._session.project
        if project is None:
            return answer
        try:
            answer["project"] = {
                "name": project.name,
                "origin": project.origin,
                "kind": project.kind,
                "person": _person(project.me),
            }
            names = self._session.names
            listed = project.experiments.list()
            names.see_experiments(listed)
            for experiment in listed[:METRICS_READ]:
                if names.experiments[experiment.id].metrics is None:
                    names.see_experiments([project.experiments.get(experiment.id)])
            answer["experiments"] = [_entry(names.experiments[one.id]) for one in listed]
        except ExpError as error:
            answer["error"] = error.message
        # Approvals are a paid feature and a scope of their own: without them there is no count.
        with contextlib.suppress(ExpError):
            waiting = project.approvals.list(state="pending").waiting_for_me
            answer["approvals"] = len(waiting)
        return answer

    def _opened(self, line: Any, message: dict[str, Any]) -> None:
        self._listen(line)
        self._heard(line, message)

    def _listen(self, line: Any) -> None:
        self._ours.append(line)
        line.on_msg(lambda message: self._heard(line, message))
        line.on_close(lambda _: self._gone(line))

    def _heard(self, line: Any, message: dict[str, Any]) -> None:
        said = message.get("content", {}).get("data", {})
        if said.get("type") in {"hello", "refresh"}:
            self._listening[line.comm_id] = line
            # A reloaded page opens a new line without closing its old one.
            while len(self._listening) > LISTENERS:
                self._gone(next(iter(self._listening.values())))
            line.send(self.snapshot())
        elif said.get("type") == "bye":
            self._listening.pop(line.comm_id, None)

    def _gone(self, line: Any) -> None:
        self._listening.pop(line.comm_id, None)
        if line in self._ours:
            self._ours.remove(line)


def _person(me: UserBasic | None) -> str:
    if me is None:
        return ""
    return " ".join(filter(None, (me.first_name, me.last_name))) or me.email or ""


def _entry(known: ExperimentName) -> dict[str, Any]:
    names = [metric.name for metric in known.metrics or ()]
    return {
        "id": known.id,
        "name": known.name,
        "status": known.status,
        "flag_key": known.flag_key,
        "line": f"%exp_show {known.id}",
        "metrics": [
            {
                "name": metric.name,
                "uuid": metric.uuid,
                "line": f"%exp_timeseries {known.id} "
                + metric_word(metric.name, metric.uuid, unique=names.count(metric.name) == 1),
            }
            for metric in known.metrics or ()
        ],
    }


def metric_word(name: str, uuid: str, *, unique: bool) -> str:
    """Return the word that names a metric in a magic's line: its name, or its uuid where it must.

    The notebook replaces ``{x}`` and ``$x`` in a magic's line, and a name may hold both quotes.
    """
    plain = unique and not (set("{}$\n") & set(name)) and not ('"' in name and "'" in name)
    return quoted(name) if plain and not name.startswith("-") else uuid
