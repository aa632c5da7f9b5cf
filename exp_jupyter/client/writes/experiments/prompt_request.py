"""What an experiment made from a prompt will be called and consist of, known before it is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exp_jupyter.client.writes.flags.keys import checked_key, slug
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.prompt_metrics import TEMPLATE_KEYS

LONGEST_NAME = 400
_LONGEST_DESCRIPTION = 3000


@dataclass(frozen=True)
class PromptRequest:
    """Versions of a prompt against each other, checked.

    Attributes
    ----------
    prompt, versions, templates
        The prompt's name, its versions with the control first, and the metric templates.
    name, description
        Of the experiment.
    flag_key
        The new flag's key; made from the name when none was given.
    name_given, flag_key_given
        Whether these came from the caller.
    """

    prompt: str
    versions: tuple[int, ...]
    templates: tuple[str, ...]
    name: str
    flag_key: str
    description: str
    name_given: bool
    flag_key_given: bool

    @classmethod
    def checked(
        cls,
        prompt: str,
        versions: Sequence[int],
        templates: Sequence[str],
        name: str | None = None,
        flag_key: str | None = None,
        description: str = "",
    ) -> PromptRequest:
        """Return the request, or say which argument is not usable.

        Raises
        ------
        exp_jupyter.errors.InputError
            An argument breaks one of the project's rules that need no project to check.
        """
        prompt = str(prompt).strip()
        if not prompt:
            raise InputError("prompt is empty.", hint="Give the name of a prompt.")
        numbers = _versions(versions)
        keys = _templates(templates)
        title = (name or "").strip() or default_name(prompt, numbers, keys)
        if len(title) > LONGEST_NAME:
            raise InputError(
                f"The name has {len(title)} characters, at most {LONGEST_NAME} are allowed.",
                hint="Give a shorter name=.",
            )
        if len(description) > _LONGEST_DESCRIPTION:
            raise InputError(
                f"The description has {len(description)} characters, at most "
                f"{_LONGEST_DESCRIPTION} are allowed.",
                hint="Give a shorter description=.",
            )
        key = checked_key(flag_key)
        return cls(
            prompt=prompt,
            versions=numbers,
            templates=keys,
            name=title,
            flag_key=key or slug(title),
            description=description,
            name_given=bool((name or "").strip()),
            flag_key_given=bool(key),
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """What the project stores to know the experiment by."""
        return {
            "name": self.prompt,
            "templates": [*self.templates],
            "versions": [*self.versions],
        }

    @property
    def variants(self) -> dict[str, int]:
        """Each variant's prompt version, in order."""
        if len(self.versions) == 2:
            return dict(zip(("control", "test"), self.versions, strict=True))
        keys = ["control", *(f"test-{place}" for place in range(1, len(self.versions)))]
        return dict(zip(keys, self.versions, strict=True))

    @property
    def split(self) -> dict[str, int]:
        """Each variant's share in percent; the last one takes the remainder."""
        count = len(self.versions)
        shares = [100 // count] * count
        shares[-1] += 100 - sum(shares)
        return dict(zip(self.variants, shares, strict=True))

    @property
    def rollout(self) -> dict[str, float]:
        """The new flag's rollout percentages by path, as approval policies see them."""
        paths: dict[str, float] = {"groups[0].rollout_percentage": 100}
        for place, share in enumerate(self.split.values()):
            paths[f"multivariate.variants[{place}].rollout_percentage"] = share
        return paths

    def body(self, key: str) -> dict[str, Any]:
        """Return the request's body with this flag key."""
        body: dict[str, Any] = {
            "prompt_name": self.prompt,
            "versions": [*self.versions],
            "templates": [*self.templates],
            "feature_flag_key": key,
        }
        if self.name_given:
            body["name"] = self.name
        if self.description:
            body["description"] = self.description
        return body

    def candidate(self, place: int) -> str:
        """Return the ``place``-th flag key to try: from 1 the key itself, then with its number."""
        return self.flag_key if place == 1 else f"{self.flag_key}-{place}"

    def owns_key(self, key: str) -> bool:
        """Return whether a flag of this key may have come from this request."""
        if key == self.flag_key:
            return True
        tail = key.removeprefix(f"{self.flag_key}-")
        return not self.flag_key_given and tail != key and tail.isdecimal()

    def agrees_with(self, payloads: Any) -> bool:
        """Return whether a flag's payloads are this request's; unknown payloads do not speak."""
        if not isinstance(payloads, dict) or not payloads:
            return True
        wanted = {
            key: {"prompt_name": self.prompt, "prompt_version": version}
            for key, version in self.variants.items()
        }
        return {key: _decoded(value) for key, value in payloads.items()} == wanted


def default_name(prompt: str, versions: Sequence[int], templates: Sequence[str]) -> str:
    """Return the project's default name.

    Examples
    --------
    >>> default_name("support-reply", [1, 2], ["cost", "latency"])
    'support-reply: v1, v2 (cost, latency)'
    """
    listed = ", ".join(f"v{version}" for version in versions)
    return f"{prompt}: {listed} ({', '.join(templates)})"


def _versions(versions: Sequence[int]) -> tuple[int, ...]:
    if isinstance(versions, (str, bytes)) or not isinstance(versions, Sequence):
        raise InputError(
            f"versions is {versions!r}, not a list of numbers.", hint="Give two to ten, as [1, 2]."
        )
    for version in versions:
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise InputError(
                f"{version!r} is not a version number.",
                hint="Versions are whole numbers from 1.",
            )
    if not 2 <= len(versions) <= 10:
        raise InputError(
            f"versions has {len(versions)} of them; two to ten can be compared.",
            hint="The first version is the control.",
        )
    if len(set(versions)) != len(versions):
        raise InputError("versions names one twice.", hint="Give each version once.")
    return tuple(versions)


def _templates(templates: Sequence[str]) -> tuple[str, ...]:
    if isinstance(templates, str):
        templates = [templates]
    known = ", ".join(TEMPLATE_KEYS)
    for key in templates:
        if key not in TEMPLATE_KEYS:
            raise InputError(f"There is no template {key!r}.", hint=f"Choose from {known}.")
    if not templates:
        raise InputError("templates is empty.", hint=f"Choose from {known}.")
    if len(set(templates)) != len(templates):
        raise InputError("templates names one twice.", hint="Give each template once.")
    return tuple(templates)


def _decoded(payload: Any) -> Any:
    if isinstance(payload, str):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return payload
