"""One notebook's state between magics: its project, the names it has seen, its listeners."""

from __future__ import annotations

import contextlib
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from exp_jupyter.errors import (
    ApiError,
    ConnectionFailedError,
    NotConnectedError,
    PermissionDeniedError,
)
from exp_jupyter.magics.names import Names

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from exp_jupyter.client import Project


class Settings(Protocol):
    """What ``%config ExpMagics`` holds that a magic needs."""

    @property
    def alpha(self) -> float | None:
        """The false-positive rate, if set."""

    @property
    def mode(self) -> str | None:
        """``compat`` or ``recommended``, if set."""

    @property
    def method(self) -> str | None:
        """The method of daily series, if set."""

    @property
    def chosen_target(self) -> str | None:
        """What to connect when nothing is named, if this session itself says so."""

    def rows(self) -> list[tuple[str, str, str]]:
        """Return each setting's name, value and source."""


@dataclass(frozen=True)
class MagicEntry:
    """One magic: its name with ``%``, what it does in one line, and what it is for."""

    name: str
    summary: str
    group: str


class Session:
    """What the magics of one shell share.

    Parameters
    ----------
    shell
        The shell the magics are loaded in.
    settings
        The values of ``%config ExpMagics``.
    magics
        Each magic by its name, in reading order.
    usage
        Gives a magic's whole usage text.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        settings: Settings,
        magics: Mapping[str, MagicEntry],
        usage: Callable[[str], str],
    ) -> None:
        self.shell = shell
        self.settings = settings
        self.magics = magics
        self.usage = usage
        self.project: Project | None = None
        self.connect_line = ""
        """The line that connects the project again; empty where none can say it."""
        self.names = Names()
        self.on_change: list[Callable[[], None]] = []
        self._local: Mapping[str, Any] = {}

    @property
    def variables(self) -> Mapping[str, Any]:
        """What a name on a line can mean: the function's variables, then the notebook's."""
        return ChainMap(cast("dict[str, Any]", self._local), self.shell.user_ns)

    @contextlib.contextmanager
    def within(self, local: Mapping[str, Any]) -> Iterator[None]:
        """Let names mean these variables first, while one magic runs."""
        before, self._local = self._local, local
        try:
            yield
        finally:
            self._local = before

    @property
    def has_front_end(self) -> bool:
        """Whether a person can click here.

        Only a front end lets a cell ask for input (``allow_stdin``); nbconvert, papermill and
        nbval run the same kernel and say no, as does a plain terminal, which has no kernel.
        """
        kernel = getattr(self.shell, "kernel", None)
        if kernel is None:
            return False
        parent = kernel.get_parent() or {}
        return bool(parent.get("content", {}).get("allow_stdin"))

    def connected(self) -> Project:
        """Return the project, or say how to connect one."""
        if self.project is None:
            raise NotConnectedError(
                "No project is connected.",
                hint="Run %exp_connect for the embedded demo, or "
                "%exp_connect https://us.posthog.com --project ID for your own.",
            )
        return self.project

    def use(self, project: Project, connect_line: str = "") -> None:
        """Make ``project`` the one every magic asks, and learn its experiments' names for Tab.

        Parameters
        ----------
        project
            The project.
        connect_line
            The line that connects it again, for a panel whose kernel was started anew.
        """
        names = Names()
        # The first request: a wrong key or number fails here, while the old project stays. A key
        # that may not list experiments is still good for other things; then Tab knows less. So
        # does a recording, which holds only what was asked when it was made.
        offline = (ConnectionFailedError,) if project.replayed_from else ()
        with contextlib.suppress(PermissionDeniedError, *offline):
            names.see_experiments(project.experiments.list())
            names.see_experiments(project.experiments.list(archived=True))
        # Prompts have a scope, and a product, of their own.
        with contextlib.suppress(ApiError, *offline):
            names.see_prompts(prompt.name for prompt in project.prompts.list())
        self.project, self.names, self.connect_line = project, names, connect_line
        self.changed()

    def changed(self) -> None:
        """Tell the panel, if one listens, that the project may look different now."""
        for tell in self.on_change:
            tell()

    def keep(self, name: str | None, result: Any) -> Any:
        """Store a result under ``--out NAME`` and return it."""
        if name is not None:
            self.shell.user_ns[name] = result
        return result
