"""A project elsewhere: the key is found, and the project asked once whether it is the right one."""

from __future__ import annotations

from exp_jupyter.client.credentials import Secret, find_key
from exp_jupyter.client.origin import checked_origin
from exp_jupyter.client.project import Project, open_project
from exp_jupyter.errors import PermissionDeniedError


def remote(origin: str, project: int | str | None, key: str | None) -> Project:
    """Return the project at ``origin`` once it has answered.

    Raises
    ------
    exp_jupyter.errors.ExpError
        The origin, the key or the project's number is not right, or nobody answers there.
    """
    address = checked_origin(origin)
    secret = Secret(key) if key is not None else find_key(address)
    opened = open_project(address, project, secret)
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
    return opened
