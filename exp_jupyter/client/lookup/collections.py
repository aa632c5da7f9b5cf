"""Collections whose items people know by name: where they are, and what of an item is its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.schema.base import ApiObject
from exp_jupyter.schema.listing import Page

Item = TypeVar("Item", bound=ApiObject)


class NamedCollection(Generic[Item]):
    """The items of one kind in a project. A subclass says where they are and what they are called.

    Parameters
    ----------
    api
        The project.
    """

    kind: type[Any]
    where: ClassVar[str] = ""
    """The last part of their address."""
    called: ClassVar[str] = ""
    """The project's attribute for them."""
    word: ClassVar[str] = ""
    """One of them, in words."""
    name_field: ClassVar[str] = "name"
    """What people know one by."""
    written: ClassVar[tuple[str, ...]] = ()
    """The fields that can be written."""
    guarded: ClassVar[Mapping[str, str]] = {}
    """The action that an approval policy may be about, by the method of the request."""

    def __init__(self, api: ProjectApi) -> None:
        self._api = api

    def normal(self, name: str, value: Any) -> Any:
        """Return a field's value without what the project adds to it by itself."""
        del name
        return value

    def called_exactly(self, name: str) -> Item | None:
        """Return the one of this name, or None; upper and lower case are the same."""
        wanted = name.casefold()
        for item in self.iterate_with({}):
            if self.name_of(item).casefold() == wanted:
                return item
        return None

    def name_of(self, item: Item) -> str:
        """Return what people call one."""
        return str(getattr(item, self.name_field))

    def number_of(self, item: Item) -> str:
        """Return the id of one."""
        return str(getattr(item, "id", ""))

    def of_number(self, number: int | str) -> Item:
        """Return one by its id.

        Raises
        ------
        exp_jupyter.errors.NotFoundError
            There is none of this id.
        """
        item: Item = self._api.read(self.kind, self._api.path(self.where, number))
        return item

    def iterate_with(self, params: dict[str, Any]) -> Iterator[Item]:
        """Yield those that the project lists for a query, one page of requests at a time."""
        for page in self._api.pages(Page[self.kind], self._api.path(self.where), params):  # type: ignore[name-defined]
            yield from page
