"""The ground every API object stands on: unknown fields are kept, and nothing sent is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar, cast, overload

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PrivateAttr,
    model_validator,
)

from exp_jupyter.shown import Shown, plain

T = TypeVar("T")


def _zulu(moment: datetime) -> str:
    text = moment.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


Moment = Annotated[AwareDatetime, PlainSerializer(_zulu, return_type=str, when_used="json")]
"""An instant, written with ``Z`` as the API's serializers write it."""

OffsetMoment = Annotated[
    AwareDatetime, PlainSerializer(datetime.isoformat, return_type=str, when_used="json")
]
"""An instant, written with ``+00:00`` as the API's own services write it."""

Number = int | float


class ApiObject(Shown, BaseModel):
    """One object of the project API.

    Fields the project sends and this version does not know are kept and sent back; fields it
    does not send stay unset, so ``to_dict()`` is the body as it came.

    Examples
    --------
    >>> from exp_jupyter.schema import UserBasic
    >>> person = UserBasic.model_validate({"id": 3, "first_name": "Mina", "shoe_size": 38})
    >>> person.to_dict()
    {'id': 3, 'first_name': 'Mina', 'shoe_size': 38}
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,  # a first read needs a few of the shapes, not all that are imported
    )

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "name", "key", "status", "state")

    _code: str = PrivateAttr(default="")

    @model_validator(mode="before")
    @classmethod
    def _nulls_are_absent(cls, data: Any) -> Any:
        """Read null as absent where a field is never null, so that one odd object fails no list."""
        if not isinstance(data, dict):
            return data
        odd = [name for name in _never_null(cls) if data.get(name, data) is None]
        return {key: value for key, value in data.items() if key not in odd} if odd else data

    def to_dict(self) -> dict[str, Any]:
        """Return the body as it came: JSON-ready, unset fields left out."""
        return cast("dict[str, Any]", plain(self.model_dump(mode="json", exclude_unset=True)))

    def coded(self, code: str) -> Self:
        """Keep the Python call that makes this result again, and return the result."""
        self._code = code
        return self

    def __repr__(self) -> str:
        known = type(self).model_fields
        pairs = (f"{name}={getattr(self, name)!r}" for name in self.shown_in_repr if name in known)
        return f"{type(self).__name__}({', '.join(pairs)})"

    __str__ = __repr__


@cache
def _never_null(kind: type[ApiObject]) -> tuple[str, ...]:
    """Return the wire's names of the fields that have a default of their own, which is not null."""
    # A factory makes an object, never null; calling it to see would build that object's shape.
    return tuple(
        field.alias or name
        for name, field in kind.model_fields.items()
        if not field.is_required() and (field.default_factory or field.default is not None)
    )


class ApiList(ApiObject, Generic[T]):
    """Objects of one kind, read like a list: ``len``, ``for``, ``[0]``, ``[:5]``."""

    results: list[T]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[T]:  # type: ignore[override]
        return iter(self.results)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self.results[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.results)} shown)"

    __str__ = __repr__
