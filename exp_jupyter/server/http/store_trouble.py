"""What is answered when the project's folder refuses: busy, full, damaged, out of reach."""

from __future__ import annotations

from exp_jupyter.errors import StoreDamagedError, StoreError, StoreFullError
from exp_jupyter.server.http.endpoint import Answer
from exp_jupyter.server.refusals import refusal


def store_trouble(error: StoreError, *, outside: bool = False) -> Answer:
    """Return the answer for an error of the project's folder.

    Parameters
    ----------
    error
        What the store said.
    outside
        Whether an application asks, whom the folder's place does not concern.

    Notes
    -----
    A disk that is full or damaged will not be better in a second, so nobody is asked to try
    again, as they are by 503.
    """
    if isinstance(error, StoreFullError):
        status, code = 507, "storage_full"
    elif isinstance(error, StoreDamagedError):
        status, code = 507, "storage_damaged"
    else:
        status, code = 503, "service_unavailable"
    words = "The project is busy. Try again."
    if status == 507:
        words = "The project's storage fails." if outside else f"{error.message} {error.hint}"
    body = refusal(status, code, words).body
    return Answer(body, status, {} if status == 507 else {"Retry-After": "1"})
