"""What a target means: the demo, a named project, an address, or a folder that is meant as one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from exp_jupyter.client.http.credentials import looks_like_key
from exp_jupyter.errors import CredentialsError, InputError

if TYPE_CHECKING:
    from exp_jupyter.connection.profiles import Profile

_PATH_START = re.compile(r"[./~\\]|[A-Za-z]:[\\/]")
_WITH_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):[0-9]{1,5}(?:/.*)?")
_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}(?:/.*)?")
_NUMBERS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/.*)?")
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{32,}")
_TURNS_IN_A_KEY = 6


def refuse_key(text: str) -> None:
    """Refuse a target that is a key or holds one; it is not repeated.

    Raises
    ------
    exp_jupyter.errors.CredentialsError
        It looks like a key.
    """
    if looks_like_key(text) or _is_random(text):
        raise CredentialsError(
            "That is a key, not a project.",
            hint="Put it into the environment variable POSTHOG_PERSONAL_API_KEY or the system "
            "keyring, and connect to the address, such as https://us.posthog.com. A key that was "
            "written into a notebook should be revoked.",
        )


def is_path(text: str) -> bool:
    """Return whether ``text`` is written as a path, so that a new folder is meant on purpose.

    Examples
    --------
    >>> is_path("./growth"), is_path("growth/"), is_path("growth"), is_path("us.posthog.com/a")
    (True, True, False, False)
    """
    if _PATH_START.match(text):
        return True
    return ("/" in text or "\\" in text) and not looks_like_host(text)


def looks_like_host(text: str) -> bool:
    """Return whether ``text`` is written as a host, with a port or a page's path or without.

    Examples
    --------
    >>> looks_like_host("us.posthog.com"), looks_like_host("localhost:8000")
    (True, True)
    """
    bare = text.partition("/")[0].lower() == "localhost"
    return bare or any(form.fullmatch(text) for form in (_WITH_PORT, _NAME, _NUMBERS))


def is_folder(text: str, *, empty: bool = True) -> bool:
    """Return whether there is a folder of this name; an empty one counts if ``empty``."""
    place = Path(text)
    try:
        return place.is_dir() and (empty or any(place.iterdir()))
    except (OSError, ValueError):  # a name that no folder can have, or that may not be read
        return False


def refuse_to_make(text: str, known: Mapping[str, Profile]) -> NoReturn:
    """Refuse a word that names nothing, with what may have been meant.

    Raises
    ------
    exp_jupyter.errors.InputError
        Always.
    """
    from exp_jupyter.client.lookup.names import suggestion

    if looks_like_host(text):
        raise InputError(
            f"{text!r} is neither an address nor a folder.",
            hint=f"Did you mean {_as_address(text)}? A new folder of that name is written "
            f"./{text}.",
        )
    if is_folder(text):
        raise InputError(
            f"The folder {text!r} holds no project.",
            hint=f"To make one in it, write ./{text}.",
        )
    near = suggestion(text, [*known, "demo"])
    raise InputError(
        f"There is neither a project nor a folder {text!r}.",
        hint=f"{near + ' ' if near else ''}To make a new project in a folder, write ./{text}.",
    )


def _as_address(text: str) -> str:
    from exp_jupyter.client.http.origin import is_this_machine

    plain = f"http://{text}"
    try:
        here = is_this_machine(plain)
    except ValueError:
        here = False
    return plain if here else f"https://{text}"


def _is_random(text: str) -> bool:
    """Return whether a whole word is one that only a machine makes up."""
    if not _LONG_WORD.fullmatch(text):
        return False
    turns = re.findall(r"[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])", text)
    return len(turns) >= _TURNS_IN_A_KEY
