"""People of the project, their personal keys, and who is asking."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.server.refusals import forbidden
from exp_jupyter.server.services.people.capture import project_token
from exp_jupyter.server.store import Document, Work, packed

MEMBER, ADMIN, OWNER = 1, 8, 15
"""Membership levels of the organization."""

KEY_PREFIX = "phx_"


@dataclass(frozen=True)
class Actor:
    """The person who asks, and what the key they ask with allows.

    Attributes
    ----------
    person
        The person's document.
    scopes
        The key's scopes, such as ``experiment:read``; empty means everything.
    """

    person: Document
    scopes: frozenset[str] = frozenset()

    @property
    def id(self) -> int:
        """The person's number."""
        return int(self.person["id"])

    @property
    def level(self) -> int:
        """The person's membership level."""
        return int(self.person["level"])

    def may(self, scope: str) -> bool:
        """Tell whether the key allows ``scope``; writing includes reading."""
        if not self.scopes or "*" in self.scopes or scope in self.scopes:
            return True
        return scope.endswith(":read") and scope.removesuffix(":read") + ":write" in self.scopes

    def require(self, scope: str) -> None:
        """Refuse with 403 when the key lacks ``scope``."""
        if not self.may(scope):
            raise forbidden(f"API key missing required scope '{scope}'")


def add_person(
    work: Work,
    *,
    email: str,
    first_name: str,
    last_name: str = "",
    level: int = MEMBER,
    role: str | None = None,
) -> Document:
    """Add a person and return their document.

    Parameters
    ----------
    level
        Membership level: 1 member, 8 admin, 15 owner.
    role
        What they do: engineering, data, product, founder, leadership, marketing, sales, other.
    """
    identity = work.new_uuid()
    return work.people.add(
        {
            "uuid": identity,
            "distinct_id": hashlib.sha256(identity.encode()).hexdigest()[:32],
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
            "role_at_organization": role,
            "level": level,
            "roles": [],
            "created_at": work.stamp(),
        }
    )


def add_key(
    work: Work,
    person_id: int,
    *,
    scopes: Iterable[str] = (),
    label: str = "",
    key: str | None = None,
) -> str:
    """Give a person a key and return it; the store keeps only its hash.

    Parameters
    ----------
    scopes
        What the key allows; everything by default.
    key
        The key itself, for a project that is the same on every machine; a random one by default.
    """
    key = key or KEY_PREFIX + secrets.token_urlsafe(32)
    if not key.startswith(KEY_PREFIX):
        raise InputError(
            f"A personal key starts with {KEY_PREFIX!r}.", hint="Leave the key out to get one."
        )
    work.connection.execute(
        "INSERT INTO keys (hash, person_id, label, scopes, created_at) VALUES (?, ?, ?, ?, ?)",
        [_digest(key), person_id, label, packed(sorted(scopes)), work.stamp()],
    )
    return key


def revoke_keys(work: Work, person_id: int) -> int:
    """Revoke every key of a person and return how many there were."""
    return work.connection.execute(
        "UPDATE keys SET revoked_at = ? WHERE person_id = ? AND revoked_at IS NULL",
        [work.stamp(), person_id],
    ).rowcount


def revoke_key(work: Work, key: str) -> bool:
    """Revoke one key, and tell whether there was one to revoke.

    A session that made itself a key takes it back when it ends.
    """
    revoked = work.connection.execute(
        "UPDATE keys SET revoked_at = ? WHERE hash = ? AND revoked_at IS NULL",
        [work.stamp(), _digest(key)],
    )
    return revoked.rowcount == 1


def actor_of_key(work: Work, key: str) -> Actor | None:
    """Return who asks with this key, or None when the project does not know it."""
    row = work.connection.execute(
        "SELECT person_id, scopes FROM keys WHERE hash = ? AND revoked_at IS NULL", [_digest(key)]
    ).fetchone()
    person = work.person(row[0]) if row else None
    return Actor(person, frozenset(json.loads(row[1]))) if person else None


def actor_of(work: Work, person_id: int) -> Actor:
    """Return a person as the one who asks, with everything allowed."""
    person = work.person(person_id)
    if person is None:
        raise InputError(
            f"There is no person {person_id} in this project.", hint="Add the person first."
        )
    return Actor(person)


def basic_view(person: Document | None) -> dict[str, Any] | None:
    """Return a person as other objects show them."""
    if person is None:
        return None
    return {
        "id": person["id"],
        "uuid": person["uuid"],
        "distinct_id": person["distinct_id"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "email": person["email"],
        "is_email_verified": True,
        "hedgehog_config": None,
        "role_at_organization": person["role_at_organization"],
    }


def project_view(work: Work) -> dict[str, Any]:
    """Return the project as its own endpoint shows it."""
    project = work.project
    settings = project["settings"]
    return {
        "id": project["id"],
        "uuid": project["uuid"],
        "organization": project["uuid"],
        "api_token": project_token(work),
        "name": project["name"],
        "timezone": project["timezone"],
        "default_experiment_confidence_level": settings.get("default_experiment_confidence_level"),
        "default_experiment_stats_method": settings.get("default_experiment_stats_method"),
        "flags_persistence_default": bool(settings.get("flags_persistence_default")),
    }


def own_view(work: Work, actor: Actor) -> dict[str, Any]:
    """Return the asking person as ``users/@me`` shows them."""
    project = project_view(work)
    return {
        **(basic_view(actor.person) or {}),
        "organization": {
            "id": project["organization"],
            "name": project["name"],
            "membership_level": actor.level,
        },
        "team": project,
        "scopes": sorted(actor.scopes) or ["*"],
    }


def change_settings(work: Work, **settings: Any) -> None:
    """Change settings of the project, such as ``default_experiment_confidence_level``."""
    work.save_project({**work.project, "settings": {**work.project["settings"], **settings}})


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
