"""The tree of errors: every way in which exp_jupyter says no.

ExpError
├── InputError                 an argument is not usable
│   └── StatisticsError        the engine refuses these numbers; has a machine ``code``
├── NotConnectedError          no project yet
├── CredentialsError           no key, or a key in the wrong place
├── NotInstalledError          an optional program or package is needed and is not there
├── NotWrittenError            a write was planned and nobody said yes
├── StoreError                 a project folder cannot be opened or written
│   ├── StoreFullError             no room is left on the disk; nothing was written
│   └── StoreDamagedError          what lies in the folder is not what was written there
├── ConnectionFailedError      the project could not be reached
│   ├── NotRecordedError           a recording was asked for what it does not hold
│   └── WriteOutcomeUnknownError   a write was sent and its answer was lost
├── ProtocolError              the project answered something that is not its contract
└── ApiError                   the project said no: has ``status``, ``code``, ``attr``, ``detail``
    ├── AuthenticationError    401
    ├── PermissionDeniedError  403
    ├── NotFoundError          404
    ├── ValidationFailedError  400
    │   └── PolicyConflictError    400, the change matches several approval policies
    ├── ApprovalRequiredError  409, a change request waits for approval
    ├── ChangedMeanwhileError  409, somebody else changed it since it was read
    ├── ThrottledError         429, has ``wait`` in seconds
    └── ServerError            5xx
"""

from __future__ import annotations

import traceback
from typing import Any, ClassVar

from exp_jupyter.sanitize import sanitize, sanitize_lines


class ExpError(Exception):
    """Something exp_jupyter could not do: what happened, and what to do about it.

    Parameters
    ----------
    message
        What was wrong and what was expected, in one sentence.
    hint
        What to do next, in one sentence. May be empty.
    """

    debug: ClassVar[bool] = False
    """Show the whole traceback in a notebook; set by ``%config ExpMagics.debug``."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        # A message quotes names, answers and files: it is cleaned here, and so nowhere else.
        self.message = sanitize(message)
        self.hint = sanitize(hint)
        super().__init__(self.message)

    @property
    def lines(self) -> list[str]:
        """The error as a reader sees it: its kind and message, then the hint."""
        return [f"{type(self).__name__}: {self.message}", *([self.hint] if self.hint else [])]

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for its own rendering; the cell fails all the same.
        if ExpError.debug:
            return sanitize_lines("".join(traceback.format_exception(self)))
        return self.lines


class InputError(ExpError, ValueError):
    """An argument is not usable; the message names it, what was given and what is expected."""


class StatisticsError(InputError):
    """The engine refuses these numbers.

    Parameters
    ----------
    code
        The machine-readable reason, for example ``zero_variance``.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NotConnectedError(ExpError):
    """There is no project to ask."""


class CredentialsError(ExpError):
    """A key is missing, or was given where it would be kept."""


class NotInstalledError(ExpError):
    """Something optional is needed for this and is not installed; the hint says how to get it."""


class NotWrittenError(ExpError):
    """A write was planned and shown, and nobody said yes: nothing was written."""


class StoreError(ExpError):
    """A project folder cannot be opened, read or written."""


class StoreFullError(StoreError):
    """The disk has no room for it; nothing was written."""


class StoreDamagedError(StoreError):
    """A file of the project is missing, empty or damaged; nothing was changed."""


class StorageWarning(UserWarning):
    """A project opens, and something in its folder needs a look."""


class DataWarning(UserWarning):
    """Data was taken as it came, and some of it may be meant otherwise."""


class ConnectionFailedError(ExpError):
    """The project could not be reached, or the connection broke."""


class NotRecordedError(ConnectionFailedError):
    """A recording answers instead of the project, and was not asked this when it was made."""


class WriteOutcomeUnknownError(ConnectionFailedError):
    """A write was sent and its answer never came; look at the project before sending it again."""


class ProtocolError(ExpError):
    """The answer is not of the contract: not JSON, or not of the expected shape."""


class ApiError(ExpError):
    """The project answered with an error.

    Parameters
    ----------
    status
        The HTTP status.
    kind
        The envelope's ``type``, for example ``validation_error``; empty when it has none.
    code
        The envelope's ``code``; empty when it has none.
    attr
        The field at fault, nested names joined by ``__``; None for the whole request.
    detail
        The project's own words.
    body
        The parsed body, whatever its shape; never holds a key.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int = 0,
        kind: str = "",
        code: str = "",
        attr: str | None = None,
        detail: str = "",
        body: Any = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.kind = kind
        self.code = code
        self.attr = attr
        self.detail = detail
        self.body = body


class AuthenticationError(ApiError):
    """401: no key, or a key the project does not know."""


class PermissionDeniedError(ApiError):
    """403: the key or the person may not do this."""


class NotFoundError(ApiError):
    """404: there is no such thing in this project."""


class ValidationFailedError(ApiError):
    """400: the project refuses the request as it is; ``attr`` names the field."""


class PolicyConflictError(ValidationFailedError):
    """400: the change matches several approval policies; make it in smaller parts."""


class ApprovalRequiredError(ApiError):
    """409: nothing was changed; a change request waits for approval."""

    @property
    def change_request_id(self) -> str:
        """The id of the change request that waits."""
        return str(self.body["change_request_id"])


class ChangedMeanwhileError(ApiError):
    """409: nothing was changed, since somebody else has changed the same thing meanwhile.

    Attributes
    ----------
    current_version
        The version the project has now, or None when it does not say.
    fields
        What both have changed, by the API's names and metrics' uuids; empty when it does not say.
    """

    current_version: int | None = None
    fields: tuple[str, ...] = ()


class ThrottledError(ApiError):
    """429: too many requests.

    Attributes
    ----------
    wait
        Seconds to wait, or None when the project did not say.
    """

    wait: float | None = None


class ServerError(ApiError):
    """5xx: the project failed; the request may be tried again later."""
