"""Connecting: the demo, a folder, or a project elsewhere, all through the same client."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project

__all__ = ["connect"]


def connect(
    target: str = "demo",
    *,
    project: int | str | None = None,
    key: str | None = None,
    as_: str | None = None,
) -> Project:
    """Return a project to work with.

    Parameters
    ----------
    target
        ``demo`` for the embedded demo project; a folder, which is opened or made; or the origin
        of a project elsewhere, such as ``https://us.posthog.com``.
    project
        The project's number, for an origin; by default the key's current project.
    key
        A personal API key, for an origin; by default from ``POSTHOG_PERSONAL_API_KEY``, the
        system keyring, or a hidden prompt.
    as_
        For the demo: which of its people to be, ``owner`` (default) or ``reviewer``.

    Raises
    ------
    exp_jupyter.errors.InputError
        The target or an argument is not usable.
    exp_jupyter.errors.CredentialsError
        There is no key, and nobody to ask for one.
    exp_jupyter.errors.StoreError
        The folder cannot be opened.

    Examples
    --------
    The demo is made when it is first asked for, and gone with the process::

        project = connect()
        project.experiments.list(status="running")

    >>> connect("demo", key="phx_example")
    Traceback (most recent call last):
    exp_jupyter.errors.InputError: key is for a project elsewhere; 'demo' is in this process.
    """
    from exp_jupyter.errors import InputError

    text = str(target).strip()
    embedded = text == "demo" or "://" not in text
    if embedded and (project is not None or key is not None):
        name = "project" if project is not None else "key"
        raise InputError(
            f"{name} is for a project elsewhere; {text!r} is in this process.",
            hint=f"Leave {name} out, or give an origin such as https://us.posthog.com.",
        )
    if as_ is not None and text != "demo":
        raise InputError(
            "as_ is for the demo, which has two people.", hint="Leave it out, or connect to demo."
        )
    if text == "demo":
        from exp_jupyter.connection.embedded import demo

        return demo(as_ or "owner")
    if embedded:
        from exp_jupyter.connection.embedded import folder

        return folder(text)
    from exp_jupyter.connection.remote import remote

    return remote(text, project, key)
