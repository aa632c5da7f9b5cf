"""Which address a project has, and which addresses are the same."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from exp_jupyter.client.http.credentials import looks_like_key
from exp_jupyter.errors import CredentialsError, InputError

EMBEDDED_ORIGIN = "http://embedded.exp-jupyter.invalid"
"""The address of a project that lives in this process; ``.invalid`` is never looked up."""

_PORT = {"http": 80, "https": 443}
_HOST = re.compile(r"[^\W_](?:[\w.-]*[^\W_]\.?)?")
_SEGMENT = re.compile(r"[\w.~-]+")
_NO_BASE = frozenset({"us.posthog.com", "eu.posthog.com", "app.posthog.com"})
_PAGES = frozenset(
    {
        *("activity", "annotations", "api", "cohorts", "dashboard", "data-management", "events"),
        *("experiments", "feature_flags", "features", "home", "insights", "instance", "login"),
        *("logout", "me", "notebooks", "onboarding", "organization", "persons", "pipeline"),
        *("preflight", "project", "projects", "replay", "settings", "signup", "sql", "surveys"),
        "web",
    }
)
"""The first word of a page's or a call's own path: what stands before it is the base path."""

_REFUSED = "The address holds a key."
_WITHOUT_KEY = (
    "Put the key into the environment variable POSTHOG_PERSONAL_API_KEY or the system keyring, and "
    "give the bare address, such as https://us.posthog.com. Revoke a key that was shown."
)


@dataclass(frozen=True)
class Address:
    """Where a project is.

    Attributes
    ----------
    origin
        Scheme, host and port.
    base
        The path below which the whole installation lies, such as ``/posthog``; empty for the root.
    project
        The number of a project, as a pasted page's address has it; None when it has none.
    """

    origin: str
    base: str = ""
    project: int | None = None

    @property
    def root(self) -> str:
        """The address that every path of the API is joined to, without a slash at its end."""
        return f"{self.origin}{self.base}"


def origin_of(url: str) -> str:
    """Return scheme, host and port of ``url`` in their one normal form; empty if it has none.

    Examples
    --------
    >>> origin_of("HTTPS://US.posthog.com:443/api/")
    'https://us.posthog.com'
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if not scheme or not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return (
        f"{scheme}://{shown}" if port in (None, _PORT.get(scheme)) else f"{scheme}://{shown}:{port}"
    )


def checked_address(text: str) -> Address:
    """Return the address to connect to; a page's address counts as that of its project.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no address, holds a name or a password, or would send the key unencrypted over a
        network.
    exp_jupyter.errors.CredentialsError
        It holds a key, which is not repeated.

    Examples
    --------
    >>> checked_address("https://eu.posthog.com/project/77/experiments/2")
    Address(origin='https://eu.posthog.com', base='', project=77)
    >>> checked_address("https://tools.example.com/posthog/").root
    'https://tools.example.com/posthog'
    """
    given = text.strip()
    if looks_like_key(unquote(given)):
        raise CredentialsError(_REFUSED, hint=_WITHOUT_KEY)
    try:
        parts = urlsplit(given)
        host = parts.hostname or ""
    except ValueError:  # brackets that do not close, characters that are none in a name
        raise _no_address(text) from None
    if "@" in parts.netloc:
        # Not repeated in the message: what stands before the @ may be a password.
        raise InputError(
            "The address holds a name or a password.",
            hint="Give the bare address, for example https://us.posthog.com.",
        )
    origin = origin_of(given)
    if not origin or parts.scheme.lower() not in _PORT or not _is_host(host):
        raise _no_address(text)
    if origin.startswith("http://") and origin != EMBEDDED_ORIGIN and not _loopback(host):
        raise InputError(
            f"{origin} is not encrypted, so the key would be readable on its way.",
            hint=f"Use https://{origin.removeprefix('http://')}.",
        )
    base, project = _base_and_project(parts.path, text)
    return Address(origin, "" if host in _NO_BASE else base, project)


def is_this_machine(origin: str) -> bool:
    """Return whether an origin is an address of this machine.

    Examples
    --------
    >>> is_this_machine("http://127.0.0.1:8765"), is_this_machine("https://us.posthog.com")
    (True, False)
    """
    return _loopback(urlsplit(origin).hostname)


def _base_and_project(path: str, text: str) -> tuple[str, int | None]:
    segments = [segment for segment in path.split("/") if segment]
    base: list[str] = []
    for place, segment in enumerate(segments):
        if segment in _PAGES:
            following = segments[place + 1 :]
            if segment == "api":
                following = following[1:] if following[:1] == ["projects"] else []
            elif segment not in {"project", "projects"}:
                following = []
            number = following[0] if following else ""
            return _joined(base), int(number) if re.fullmatch(r"[0-9]{1,18}", number) else None
        if not _SEGMENT.fullmatch(segment) or segment in {".", ".."}:
            raise _no_address(text)
        base.append(segment)
    return _joined(base), None


def _joined(segments: list[str]) -> str:
    return "".join(f"/{segment}" for segment in segments)


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    return _HOST.fullmatch(host) is not None and ".." not in host


def _no_address(text: str) -> InputError:
    return InputError(
        f"{text!r} is not the address of a project.",
        hint="Give an address such as https://us.posthog.com, a folder such as ./growth, or demo.",
    )


def _loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
