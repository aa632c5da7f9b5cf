"""One project as its key sees it: paths, reads, writes and pages, and who asks when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from exp_jupyter.client.http.origin import EMBEDDED_ORIGIN
from exp_jupyter.client.http.transport import Transport
from exp_jupyter.client.http.wire.wire_format import Parameters
from exp_jupyter.errors import ApiError, InputError, ProtocolError

if TYPE_CHECKING:
    from exp_jupyter.schema.people import UserBasic

Model = TypeVar("Model", bound=BaseModel)


class ProjectApi:
    """What can be asked of one project and said to it, whatever it is about.

    Everything that reads or writes stands on this, and not on what the project is made of.

    Parameters
    ----------
    transport
        The way to the project's origin.
    project
        The project's number, or ``@current``.
    label
        What to call the connection; by default the project's own name.
    clock
        The project's own clock, where it is not the world's.

    Attributes
    ----------
    origin
        Its address: scheme, host and port, and the path below which everything lies if there is
        one.
    kind
        ``embedded`` or ``remote``.
    """

    def __init__(
        self,
        transport: Transport,
        project: int | str,
        *,
        label: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.transport = transport
        self.origin = transport.root
        self.kind = "embedded" if transport.origin == EMBEDDED_ORIGIN else "remote"
        self._ref = str(project)
        self._label = label
        self._clock = clock

    @property
    def id(self) -> int | str:
        """The project's number, or ``@current`` when the project does not tell it."""
        found = self._about.get("id")
        if isinstance(found, int):
            return found
        return int(self._ref) if self._ref.isdecimal() else self._ref

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self._about.get("name") or self._label or f"project {self._ref}")

    @property
    def label(self) -> str:
        """What to call this connection: the project, and in the demo also the person."""
        return self._label or self.name

    @property
    def source(self) -> str:
        """Where numbers read from here come from, in words."""
        where = "embedded" if self.kind == "embedded" else self.origin
        return f"{self.name} ({where})"

    @property
    def timezone(self) -> str:
        """The time zone whose days the daily series has; UTC when the project does not say."""
        return str(self._about.get("timezone") or "UTC")

    @property
    def me(self) -> UserBasic | None:
        """The person whose key is used; None when the key may not read that."""
        return self._me

    @property
    def now(self) -> datetime:
        """The present moment in the project; the demo's clock stands still."""
        return self._clock() if self._clock else datetime.now(UTC)

    def path(self, *parts: str | int) -> str:
        """Return the path of something in this project, each part escaped, with its slash.

        Raises
        ------
        exp_jupyter.errors.InputError
            A part would lead out of the project.
        """
        if any(str(part) in {"", ".", ".."} for part in (self._ref, *parts)):
            raise InputError("An id is empty or only dots.", hint="Give the id as it is shown.")
        tail = "".join(f"{quote(str(part), safe='@', errors='replace')}/" for part in parts)
        return f"/api/projects/{quote(self._ref, safe='@')}/{tail}"

    def read(
        self, kind: type[Model], path: str, params: Parameters | None = None, *, body: Any = None
    ) -> Model:
        """Read ``path`` and return its answer as ``kind``.

        Raises
        ------
        exp_jupyter.errors.ProtocolError
            The answer is not of that shape.
        """
        return parse(kind, self.transport.read(path, params, body=body), path)

    def write(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request that changes something, once, and return its answer.

        Raises
        ------
        exp_jupyter.errors.WriteOutcomeUnknownError
            Whether it took effect is not known.
        exp_jupyter.errors.ExpError
            The project refused it or is out of reach; nothing was changed.
        """
        return self.transport.write(method, path, body, dict(headers or {}))

    def pages(
        self, kind: type[Model], path: str, params: Parameters | None = None
    ) -> Iterator[Model]:
        """Yield a list's pages as ``kind``, one request each."""
        for page in self.transport.pages(path, params):
            yield parse(kind, page, path)

    @cached_property
    def _about(self) -> dict[str, Any]:
        return self._optional(self.path())

    @cached_property
    def _me(self) -> UserBasic | None:
        from exp_jupyter.schema.people import UserBasic

        body = self._optional("/api/users/@me/")
        try:
            return UserBasic.model_validate(body) if body else None
        except ValidationError:
            return None

    def _forget(self) -> None:
        """Have the project and the person asked for again, the next time they are needed."""
        for known in ("_about", "_me"):
            self.__dict__.pop(known, None)

    def _optional(self, path: str) -> dict[str, Any]:
        # Who and where are asked outside the experiments' own scopes: a key that may not read
        # them still works for everything else.
        try:
            body = self.transport.read(path)
        except (ApiError, ProtocolError):
            return {}
        return body if isinstance(body, dict) else {}


def parse(kind: type[Model], body: Any, path: str) -> Model:
    """Return ``body`` as ``kind``.

    Raises
    ------
    exp_jupyter.errors.ProtocolError
        The body has another shape; the message names the first field at fault.
    """
    try:
        return kind.model_validate(body)
    except ValidationError as odd:
        first = odd.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole answer"
        reason = f"{where}: {first['msg']}"
    raise ProtocolError(
        f"{path} answered something else than expected ({reason}).",
        hint="Check that the origin is a PostHog project of a recent version.",
    )
