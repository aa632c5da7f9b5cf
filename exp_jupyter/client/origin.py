"""Which address a project has, and which addresses are the same."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from exp_jupyter.errors import InputError

EMBEDDED_ORIGIN = "http://embedded.exp-jupyter.invalid"
"""The address of a project that lives in this process; ``.invalid`` is never looked up."""

_PORT = {"http": 80, "https": 443}


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


def checked_origin(text: str) -> str:
    """Return the origin to connect to.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no origin, holds a name or a password, or would send the key unencrypted over a
        network.
    """
    parts = urlsplit(text.strip())
    if "@" in parts.netloc:
        # Not repeated in the message: what stands before the @ may be a password.
        raise InputError(
            "The address holds a name or a password.",
            hint="Give the bare origin, for example https://us.posthog.com.",
        )
    origin = origin_of(text.strip())
    if not origin or parts.scheme.lower() not in _PORT:
        raise InputError(
            f"{text!r} is not the origin of a project.",
            hint="Give an origin such as https://us.posthog.com, a folder, or demo.",
        )
    if origin.startswith("http://") and origin != EMBEDDED_ORIGIN and not _loopback(parts.hostname):
        raise InputError(
            f"{origin} is not encrypted, so the key would be readable on its way.",
            hint=f"Use https://{origin.removeprefix('http://')}.",
        )
    return origin


def is_this_machine(origin: str) -> bool:
    """Return whether an origin is an address of this machine.

    Examples
    --------
    >>> is_this_machine("http://127.0.0.1:8765"), is_this_machine("https://us.posthog.com")
    (True, False)
    """
    return _loopback(urlsplit(origin).hostname)


def _loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
