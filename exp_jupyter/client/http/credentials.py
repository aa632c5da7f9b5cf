"""Where a key comes from, and the holder that never shows it."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from exp_jupyter.errors import CredentialsError

ENVIRONMENT_NAME = "POSTHOG_PERSONAL_API_KEY"
KEYRING_SERVICE = "exp_jupyter"

_HOW = (
    f"Put a personal API key (phx_…) into the environment variable {ENVIRONMENT_NAME} or the "
    "system keyring, or connect from an interactive session and type it when asked."
)


_KEY_LIKE = re.compile(r"(?<![A-Za-z0-9])ph[acorsx]_[A-Za-z0-9]", re.IGNORECASE)


def looks_like_key(text: str) -> bool:
    """Return whether ``text`` holds what could be a key, so that it must not be repeated.

    Examples
    --------
    >>> looks_like_key("phx_example"), looks_like_key("./growth")
    (True, False)
    """
    return _KEY_LIKE.search(text) is not None


class Secret:
    """A key, held so that it cannot slip into a repr, a log, a pickle or a message.

    Raises
    ------
    exp_jupyter.errors.CredentialsError
        The text is empty or holds characters no key has; it is not repeated in the message.

    Examples
    --------
    >>> Secret("phx_example")
    Secret(hidden)
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        text = text.strip()
        if not text:
            raise CredentialsError("The key is empty.", hint=_HOW)
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise CredentialsError(
                "The key holds blanks or characters that no key has.",
                hint="Copy the key again, without quotes, blanks or line ends.",
            )
        self._text = text

    def reveal(self) -> str:
        """Return the key itself, for the one header that needs it."""
        return self._text

    def hide_in(self, text: str) -> str:
        """Return ``text`` with the key taken out, should someone have echoed it.

        Whether it is echoed as it is, in other capitals, or in the escapes of JSON, HTML and
        addresses does not matter.
        """
        written = any(mark in text for mark in _ESCAPES)
        if not written and self._text.casefold() not in text.casefold():
            return text
        # Nothing of this is kept: a pattern shows what it looks for.
        return re.sub("".join(map(_written, self._text)), "[hidden]", text, flags=re.IGNORECASE)

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise CredentialsError(
            "A key is not stored in files.",
            hint="Connect again in the session that reads the file.",
        )


_ESCAPES = ("\\u00", "\\U00", "%", "&#")


def _written(character: str) -> str:
    """Return a pattern for one character of a key in every way it may be written."""
    code = ord(character)
    ways = (rf"\\+u00{code:02x}", f"%{code:02x}", f"&#0*{code};", f"&#x0*{code:x};")
    return f"(?:{re.escape(character)}|{'|'.join(ways)})"


@dataclass(frozen=True)
class FoundKey:
    """A key, and whether somebody has just typed it."""

    secret: Secret
    typed: bool = False


def find_key(
    origin: str,
    *,
    ask: Callable[[str], str] | None = None,
    interactive: bool | None = None,
) -> Secret:
    """Return the key for ``origin``: from the environment, the keyring, or a hidden prompt.

    Parameters
    ----------
    origin
        The project's origin; the keyring holds one key for each.
    ask
        How to ask for hidden input; by default ``getpass.getpass``.
    interactive
        Whether someone is there to answer; by default, whether this is a terminal or a notebook
        with a front end.

    Raises
    ------
    exp_jupyter.errors.CredentialsError
        There is no key and nobody to ask.
    """
    return look_for_key(origin, ask=ask, interactive=interactive).secret


def look_for_key(
    origin: str,
    *,
    variable: str | None = ENVIRONMENT_NAME,
    ask: Callable[[str], str] | None = None,
    interactive: bool | None = None,
) -> FoundKey:
    """Return the key for ``origin`` as ``find_key`` does, and how it was found.

    Parameters
    ----------
    origin, ask, interactive
        As ``find_key`` takes them.
    variable
        The environment variable to look at; None leaves the environment alone.

    Raises
    ------
    exp_jupyter.errors.CredentialsError
        There is no key and nobody to ask.
    """
    from_environment = os.environ.get(variable, "").strip() if variable else ""
    if from_environment:
        return FoundKey(Secret(from_environment))
    stored = _from_keyring(origin)
    if stored:
        return FoundKey(Secret(stored))
    if interactive if interactive is not None else _someone_is_there():
        typed = _typed(ask or getpass.getpass, f"Personal API key for {origin} (hidden): ")
        if typed is not None:
            return FoundKey(Secret(typed), typed=True)
    if variable is None:
        raise CredentialsError(
            f"A project file chose {origin}, and the key in the environment is not sent to an "
            "address that others chose.",
            hint="Name the address yourself, in the call or in your own settings file; or keep "
            "its key in the system keyring.",
        )
    hint = _HOW if variable == ENVIRONMENT_NAME else _HOW.replace(ENVIRONMENT_NAME, variable)
    raise CredentialsError(f"No personal API key for {origin}.", hint=hint)


def offer_to_remember(origin: str, key: Secret, *, ask: Callable[[str], str] | None = None) -> bool:
    """Ask whether to keep a typed key in the system keyring, and return whether it is kept now.

    Nothing is asked where there is no keyring. Anything but a yes is a no.
    """
    if not _has_keyring():
        return False
    question = f"Keep this key for {origin} in the system keyring? [y/N] "
    answer = _typed(ask or input, question)
    if (answer or "").strip().casefold() not in {"y", "yes"}:
        return False
    return remember_key(origin, key)


def remember_key(origin: str, key: Secret) -> bool:
    """Store ``key`` for ``origin`` in the system keyring; False where there is no keyring."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(KEYRING_SERVICE, origin, key.reveal())
    except (KeyringError, RuntimeError):
        return False
    return True


def _has_keyring() -> bool:
    import keyring

    try:
        # Those that only refuse, or that keep nothing, have no priority.
        return float(keyring.get_keyring().priority) > 0
    except (RuntimeError, TypeError, ValueError):
        return False


def _typed(ask: Callable[[str], str], words: str) -> str | None:
    # A kernel without a reader refuses input with a RuntimeError of its own, a closed terminal
    # ends it: either way nobody is there.
    try:
        return ask(words)
    except (EOFError, RuntimeError):
        return None


def _from_keyring(origin: str) -> str | None:
    # A machine without a keyring (a container, a server) is no error: the next source is asked.
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, origin)
    except (KeyringError, RuntimeError):
        return None


def _someone_is_there() -> bool:
    # A kernel replaces getpass with a prompt in the front end, and that one knows by itself
    # whether input is allowed; a plain process needs a terminal.
    if getpass.getpass.__module__ != "getpass":
        return True
    return bool(sys.stdin and sys.stdin.isatty())
