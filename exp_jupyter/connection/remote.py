"""A project elsewhere: the key is found, and the project asked once whether it is the right one."""

from __future__ import annotations

from exp_jupyter.client.http.credentials import (
    ENVIRONMENT_NAME,
    FoundKey,
    Secret,
    look_for_key,
    offer_to_remember,
)
from exp_jupyter.client.http.origin import checked_address
from exp_jupyter.client.project import Project, open_project, project_number
from exp_jupyter.errors import PermissionDeniedError

CLOUD = frozenset({"https://us.posthog.com", "https://eu.posthog.com", "https://app.posthog.com"})
"""Origins that a key in the environment may be meant for whoever named them."""


def remote(
    origin: str,
    project: int | str | None,
    key: str | None,
    *,
    variable: str = "",
    chosen_by_me: bool = True,
) -> Project:
    """Return the project at ``origin`` once it has answered.

    Parameters
    ----------
    origin, project
        Its address and number.
    key
        The key, or None to look for one.
    variable
        The environment variable that holds it, when that is not the usual one.
    chosen_by_me
        False for an address out of a project file, which may be somebody else's: then the key in
        the environment is sent only to PostHog Cloud. This machine is no exception: whatever
        listens here may be anybody's too.

    Raises
    ------
    exp_jupyter.errors.ExpError
        The origin, the key or the project's number is not right, or nobody answers there.
    """
    where = checked_address(origin)
    project_number(project, where)  # refused before a key is asked for
    address = where.root
    trusted = chosen_by_me or address in CLOUD
    found = (
        FoundKey(Secret(key))
        if key is not None
        else look_for_key(address, variable=(variable or ENVIRONMENT_NAME) if trusted else None)
    )
    opened = open_project(origin, project, found.secret)
    try:
        # The cheapest question that needs the key, the project and the origin to be right.
        opened.transport.read(opened.path("experiments"), {"limit": 1})
    except PermissionDeniedError as refusal:
        # A key without this one scope may still be good for everything else.
        if "missing required scope" not in refusal.detail:
            opened.close()
            raise
    except BaseException:
        opened.close()
        raise
    if found.typed:
        offer_to_remember(address, found.secret)
    return opened
