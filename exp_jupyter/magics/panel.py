"""The kernel's end of the side panel's line: answers with snapshots of the connected project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.readings import Readings
from exp_jupyter.magics.snapshot import PROTOCOL, snapshot

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

TARGET = "exp_jupyter"
LISTENERS = 4
"""How many panels are served at a time."""


class Panel:
    """Speaks with the panels of one kernel over the comm target ``exp_jupyter``.

    A front end says ``hello`` and ``refresh``; each is answered with a whole snapshot. It asks for
    an experiment's ``reading``, one at a time, so that no cell waits for more than one. Nothing is
    read for nobody: a snapshot is pushed unasked only to a panel that said hello and not ``bye``.
    A plain terminal has no comms, and then all of this does nothing.

    Parameters
    ----------
    session
        The notebook's state. Its key never enters a message.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._readings = Readings()
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
            line = comm.create_comm(target_name=TARGET, data={"type": "ready", "version": PROTOCOL})
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
            shown = snapshot(self._session, self._readings)
            for line in list(self._listening.values()):
                line.send(shown)

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
            if said["type"] == "refresh":
                self._readings.forget()
            self._listening[line.comm_id] = line
            # A reloaded page opens a new line without closing its old one.
            while len(self._listening) > LISTENERS:
                self._gone(next(iter(self._listening.values())))
            line.send(snapshot(self._session, self._readings))
        elif said.get("type") == "reading":
            found = self._readings.read(self._session, said.get("id"))
            if found is not None:
                line.send({"type": "reading", "reading": found})
        elif said.get("type") == "bye":
            self._listening.pop(line.comm_id, None)

    def _gone(self, line: Any) -> None:
        self._listening.pop(line.comm_id, None)
        if line in self._ours:
            self._ours.remove(line)
