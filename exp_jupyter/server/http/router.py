"""Which endpoint an address means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from exp_jupyter.server.http.endpoint import Endpoint


@dataclass
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    variable: tuple[str, _Node] | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)


class Router:
    """Finds endpoints by address; a word beats a variable, a slash at the end does not matter."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self._root = _Node()
        for endpoint in self.endpoints:
            node = self._root
            for part in endpoint.path.split("/"):
                if part.startswith("{"):
                    if node.variable is None:
                        node.variable = (part[1:-1], _Node())
                    node = node.variable[1]
                else:
                    node = node.fixed.setdefault(part, _Node())
            node.endpoints[endpoint.method] = endpoint

    def find(self, parts: list[str]) -> tuple[dict[str, Endpoint], dict[str, str]] | None:
        """Return the endpoints at an address by verb, and its variable parts; None if unknown."""
        return _walk(self._root, parts, {})


def _walk(
    node: _Node, parts: list[str], values: dict[str, str]
) -> tuple[dict[str, Endpoint], dict[str, str]] | None:
    if not parts:
        return (node.endpoints, values) if node.endpoints else None
    first, rest = parts[0], parts[1:]
    if first in node.fixed:
        found = _walk(node.fixed[first], rest, values)
        if found:
            return found
    if node.variable and first:
        name, child = node.variable
        return _walk(child, rest, {**values, name: first})
    return None
