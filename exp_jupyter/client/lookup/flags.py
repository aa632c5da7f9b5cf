"""Flags: those there are, and the one of a key."""

from __future__ import annotations

from collections.abc import Iterator

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.schema.flags.feature_flag import FeatureFlag, FlagList


def flags_of(
    api: ProjectApi,
    *,
    search: str | None = None,
    active: bool | None = None,
    archived: bool | None = None,
) -> Iterator[FeatureFlag]:
    """Yield the flags there are, one page of requests at a time."""
    params = {"search": search, "active": active, "archived": archived}
    for page in api.pages(FlagList, api.path("feature_flags"), params):
        yield from page


def flag_of_key(api: ProjectApi, key: str) -> FeatureFlag | None:
    """Return the flag with exactly this key, archived or not, or None."""
    for archived in (None, True):
        for flag in flags_of(api, search=key, archived=archived):
            if flag.key == key:
                return flag
    return None
