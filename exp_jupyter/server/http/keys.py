"""Who asks, and for which project: the Authorization header and the project in the address."""

from __future__ import annotations

from exp_jupyter.server.refusals import Refusal, not_found, refusal
from exp_jupyter.server.services.people.people import Actor, actor_of_key
from exp_jupyter.server.store import Work

CURRENT = "@current"


def asking(work: Work, authorization: str | None, site: str) -> Actor:
    """Return who asks, or refuse with 401.

    Parameters
    ----------
    authorization
        The header, or None.
    site
        Scheme and host of the request, for the challenge.
    """
    word, _, key = (authorization or "").partition(" ")
    if word.lower() != "bearer" or not key.strip():
        raise _challenged(
            refusal(401, "not_authenticated", "Authentication credentials were not provided."),
            site,
        )
    actor = actor_of_key(work, key.strip())
    if actor is None:
        raise _challenged(
            refusal(
                401,
                "authentication_failed",
                "Personal API key found in request Authorization header is invalid.",
            ),
            site,
        )
    return actor


def check_project(work: Work, named: str) -> None:
    """Refuse an address in another project than the folder's with 404."""
    if named != CURRENT and named != str(work.project["id"]):
        raise not_found("Project not found.")


def _challenged(answer: Refusal, site: str) -> Refusal:
    address = f"{site}/.well-known/oauth-protected-resource"
    answer.headers["WWW-Authenticate"] = f'Bearer resource_metadata="{address}"'
    return answer
