"""``%exp_connect``: choose the project every other magic asks."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import (
    ApiError,
    ConnectionFailedError,
    CredentialsError,
    ProtocolError,
)
from exp_jupyter.magic_line import id_word, magic_line, word
from exp_jupyter.magics.line.arguments import Arguments, Help, nearest
from exp_jupyter.magics.line.words import words

if TYPE_CHECKING:
    from exp_jupyter.client import Project
    from exp_jupyter.magics.session import Session

_KEY_OPTIONS = frozenset(
    {"--key", "--api-key", "--apikey", "--personal-api-key", "--token", "--secret", "--password"}
)
_KEY_PREFIXES = ("phx_", "phc_", "phs_", "pha_")


class ConnectArguments(Arguments):
    """Arguments that refuse a key before anything else reads it."""

    def read(self, line: str, variables: Mapping[str, Any] | None = None) -> Namespace | Help:
        """Parse the line, unless it carries a key."""
        for given in words(line, variables):
            option, _, value = given.text.partition("=")
            if option.lower().replace("_", "-") in _KEY_OPTIONS or any(
                text.lower().startswith(_KEY_PREFIXES) for text in (option, value)
            ):
                raise CredentialsError(
                    "A key does not belong in a magic's line: the notebook and history keep it.",
                    hint="Put it in the environment variable POSTHOG_PERSONAL_API_KEY or the "
                    "system keyring, or run %exp_connect without it and type it when asked. "
                    "A key that was typed here should be revoked.",
                )
        return super().read(line, variables)


def arguments() -> Arguments:
    """Return the arguments of ``%exp_connect``."""
    it = ConnectArguments(
        "exp_connect",
        """
        Connect a project: the embedded demo, a folder, or a real one.

        The demo is a whole project inside this kernel: no account, no port, the same data on every
        machine. A folder with a project of your own is opened; where it is written as a path, as
        ./growth, a new one is made. For a real project the key
        is read from POSTHOG_PERSONAL_API_KEY, then the system keyring, then a hidden prompt.
        """,
        [
            "%exp_connect",
            "%exp_connect demo --as reviewer",
            "%exp_connect ./growth",
            "%exp_connect https://us.posthog.com --project 123",
        ],
    )
    it.add(
        "target",
        nargs="?",
        metavar="TARGET",
        offers="demo https://us.posthog.com https://eu.posthog.com",
        help="demo (default), a folder such as ./growth, or the https address of an instance or of "
        "one of a project's pages",
    )
    it.add("--project", metavar="ID", help="project number, where the address has none")
    it.add(
        "--as",
        dest="as_",
        metavar="PERSON",
        offers="owner reviewer",
        help="whom to be in the demo: owner (default) or reviewer",
    )
    return it


def run(session: Session, options: Namespace) -> Project:
    """Connect, and make the project the one the other magics ask."""
    from exp_jupyter.connection import connect

    # A target out of a file stays the file's: connect() knows which files may name an address.
    target = options.target or session.settings.chosen_target
    people = (None, "owner", "reviewer")
    if target in (None, "demo") and options.as_ not in people:
        from exp_jupyter.errors import InputError

        raise InputError(
            f"The demo has no person {options.as_!r}; it has owner and reviewer.",
            hint=nearest(options.as_, ("owner", "reviewer")),
        )
    project = connect(target, project=options.project, as_=options.as_)
    session.use(project, _line(target, options))
    if project.kind == "remote":
        # A key with a few scopes is good for something: what it lacks is said, and no obstacle.
        with contextlib.suppress(ApiError, ConnectionFailedError, ProtocolError):
            project.check()
    return project


def _line(target: str | None, options: Namespace) -> str:
    """Return the line that connects the same again."""
    said = [word(str(target or "demo"))]
    said += ["--project", id_word(options.project)] if options.project else []
    said += ["--as", word(options.as_)] if options.as_ else []
    return magic_line("%exp_connect", *said)
