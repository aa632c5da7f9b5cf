"""Metric templates for prompt experiments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self, cast

from pydantic import ConfigDict, PrivateAttr, RootModel

from exp_jupyter.sanitize import sanitize
from exp_jupyter.schema.base import ApiObject
from exp_jupyter.shown import Shown, plain


class PromptTemplate(ApiObject):
    """A metric that ``create_from_prompt`` can add."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("key", "label")

    key: str
    label: str = ""
    description: str = ""


class Prompt(ApiObject):
    """One version of a prompt."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("name", "version", "latest_version")

    id: str | int | None = None
    name: str
    prompt: Any = None
    version: int = 1
    latest_version: int | None = None
    version_count: int | None = None


class PromptTemplates(Shown, RootModel[list[PromptTemplate]]):
    """The metric templates, in the project's order; read like a list."""

    model_config = ConfigDict(frozen=True)

    _code: str = PrivateAttr(default="")

    @property
    def results(self) -> list[PromptTemplate]:
        """The templates."""
        return self.root

    def __len__(self) -> int:
        return len(self.root)

    def __iter__(self) -> Iterator[PromptTemplate]:  # type: ignore[override]
        return iter(self.root)

    def __getitem__(self, index: int) -> PromptTemplate:
        return self.root[index]

    def to_dict(self) -> dict[str, Any]:
        """Return the templates under ``results``; the API's own body is a bare array."""
        return {"results": self.to_list()}

    def to_list(self) -> list[dict[str, Any]]:
        """Return the body as it came."""
        return cast("list[dict[str, Any]]", plain(self.model_dump(mode="json", exclude_unset=True)))

    def coded(self, code: str) -> Self:
        """Keep the Python call that makes this result again, and return the result."""
        self._code = code
        return self

    def __repr__(self) -> str:
        return f"PromptTemplates({sanitize(', '.join(one.key for one in self.root))})"

    __str__ = __repr__
