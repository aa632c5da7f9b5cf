"""Feature flags: to look at, and to build experiments on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.calls import NOTHING, call
from exp_jupyter.client.lookup.flags import flag_of_key, flags_of
from exp_jupyter.client.lookup.names import as_id, suggestion
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.flags.feature_flag import FeatureFlag, FlagList

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi
    from exp_jupyter.client.writes.flags.create import NewFlag
    from exp_jupyter.client.writes.flags.update import FlagUpdate


class Flags:
    """The feature flags of a project."""

    def __init__(self, api: ProjectApi) -> None:
        self._api = api

    def list(
        self, *, search: str | None = None, active: bool | None = None, archived: bool | None = None
    ) -> FlagList:
        """Return the project's flags.

        Parameters
        ----------
        search
            Part of the key or the name.
        active
            Only active, or only inactive flags.
        archived
            Only archived flags; by default those that are not.
        """
        params = {"search": search, "active": active, "archived": archived}
        found = [*flags_of(self._api, search=search, active=active, archived=archived)]
        return FlagList(count=len(found), results=found).coded(call("flags.list", **params))

    def get(self, ref: int | str) -> FeatureFlag:
        """Return one flag by its id or its exact key.

        Raises
        ------
        exp_jupyter.errors.InputError
            No flag has this key; the hint names the nearest.
        """
        known = as_id(ref)
        if known is not None:
            try:
                path = self._api.path("feature_flags", known)
                return self._api.read(FeatureFlag, path).coded(call("flags.get", known))
            except NotFoundError:
                if isinstance(ref, int):
                    raise
        text = str(ref).strip()
        found = self.find(text)
        if found is None:
            keys = [flag.key for flag in self.list()]
            raise InputError(
                f'There is no flag "{text}".',
                hint=suggestion(text, keys) or "%exp_flags lists the flags there are.",
            )
        return found.coded(call("flags.get", text))

    def create(
        self,
        key: str,
        variants: Mapping[str, float] | Sequence[str] | None = None,
        *,
        rollout: float = 100,
        active: bool = False,
        name: str = "",
    ) -> NewFlag:
        """Return the write that makes a flag; sends nothing.

        Parameters
        ----------
        key
            Letters, digits, hyphens and underscores.
        variants
            Shares in percent by key, or keys alone for an even split, ``control`` among them; by
            default the flag is only on or off.
        rollout
            Percent of people it lets in.
        active
            Whether it is on at once.
        name
            Its description.

        Raises
        ------
        exp_jupyter.errors.InputError
            An argument is not usable.
        """
        from exp_jupyter.client.writes.flags.create import NewFlag

        write = NewFlag(
            self._api, key, variants=variants, rollout=rollout, active=active, name=name
        )
        given = {"rollout": None if rollout == 100 else rollout, "active": active or None}
        return write.coded(call("flags.create", key, variants=variants, **given, name=name or None))

    def update(
        self,
        ref: int | str,
        *,
        active: bool | None = None,
        rollout: float | None = None,
        variants: Mapping[str, float] | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> FlagUpdate:
        """Return the write that changes a flag; sends nothing.

        Parameters
        ----------
        ref
            The flag's id or its exact key.
        active
            Switch it on or off.
        rollout
            Percent of those its first release group names who get into it.
        variants
            Shares of the variants in percent, by key; together with those not named, 100.
        name
            Its description.
        **fields
            What else is to be by the API's names: ``archived``, ``tags``,
            ``ensure_experience_continuity``, …; ``deleted=True`` takes it out of the project.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such flag, variant or field, a share is not usable, or nothing is to
            change.
        """
        from exp_jupyter.client.writes.flags.update import FlagUpdate

        given = {"active": active, "rollout": rollout, "variants": variants, "name": name}
        flag = self.get(ref)
        write = FlagUpdate(self._api, flag, **given, fields=fields)  # type: ignore[arg-type]
        shown = {field: NOTHING if value is None else value for field, value in fields.items()}
        return write.coded(call("flags.update", flag.key, **given, **shown))

    def enable(self, ref: int | str) -> FlagUpdate:
        """Return the write that switches a flag on; sends nothing."""
        return self._switch(ref, "enable", active=True)

    def disable(self, ref: int | str) -> FlagUpdate:
        """Return the write that switches a flag off; sends nothing."""
        return self._switch(ref, "disable", active=False)

    def _switch(self, ref: int | str, word: str, *, active: bool) -> FlagUpdate:
        write = self.update(ref, active=active)
        return write.coded(call(f"flags.{word}", ref))

    def find(self, key: str) -> FeatureFlag | None:
        """Return the flag with exactly this key, archived or not, or None."""
        return flag_of_key(self._api, key)
