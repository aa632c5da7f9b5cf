"""Field types that judge a request's values as the API does, with its codes and its words.

The API is lenient where it can be (``"5"`` is a number, ``"true"`` is a boolean) and says no with
a fixed code and sentence per field. Each class here goes into an ``Annotated`` and stands for one
kind of field; the error it raises has the API's code as its type.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

JsonSchema = dict[str, Any]
_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "off", "0"})
_LARGEST = 2**63 - 1
_INTEGER = re.compile(r"[+-]?\d{1,19}(\.0*)?")


def refuse(code: str, text: str, attr: str | None = None) -> PydanticCustomError:
    """Return the error that the API answers with this code and text.

    Parameters
    ----------
    code
        The API's code, where ``invalid`` becomes ``invalid_input`` on the wire.
    text
        The ``detail``.
    attr
        The field to name instead of the one being checked.
    """
    context: dict[str, Any] = {"text": text}
    if attr is not None:
        context["attr"] = attr
    return PydanticCustomError(code, "{text}", context)


class _Field:
    """A field whose value is checked by ``check`` alone."""

    described: ClassVar[JsonSchema] = {}

    def check(self, value: Any) -> Any:
        raise NotImplementedError

    def _checked(self, value: Any) -> Any:
        if value is None:
            raise refuse("null", "This field may not be null.")
        return self.check(value)

    def json_schema(self) -> JsonSchema:
        return dict(self.described)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self._checked)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        del schema, handler
        return self.json_schema()


@dataclass(frozen=True)
class Text(_Field):
    """Text; outer white space is dropped.

    Attributes
    ----------
    longest
        Most characters allowed.
    blank
        Whether it may be empty.
    trimmed
        Whether outer white space is dropped.
    """

    longest: int | None = None
    blank: bool = False
    trimmed: bool = True

    def check(self, value: Any) -> str:
        """Return the text, or refuse."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise refuse("invalid", "Not a valid string.")
        text = str(value).strip() if self.trimmed else str(value)
        if not text.strip() and not self.blank:
            raise refuse("blank", "This field may not be blank.")
        if self.longest is not None and len(text) > self.longest:
            raise refuse(
                "max_length", f"Ensure this field has no more than {self.longest} characters."
            )
        return text

    def json_schema(self) -> JsonSchema:
        """Describe the field for OpenAPI."""
        limit = {} if self.longest is None else {"maxLength": self.longest}
        return {"type": "string", **({} if self.blank else {"minLength": 1}), **limit}


@dataclass(frozen=True)
class Integer(_Field):
    """A whole number, or text that is one."""

    least: int | None = None
    most: int | None = None

    def check(self, value: Any) -> int:
        """Return the number, or refuse."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise refuse("invalid", "A valid integer is required.")
        text = str(value).strip()
        if not _INTEGER.fullmatch(text):
            raise refuse("invalid", "A valid integer is required.")
        number = int(text.split(".")[0])
        if abs(number) > _LARGEST:
            raise refuse("invalid", "A valid integer is required.")
        if self.least is not None and number < self.least:
            raise refuse(
                "min_value", f"Ensure this value is greater than or equal to {self.least}."
            )
        if self.most is not None and number > self.most:
            raise refuse("max_value", f"Ensure this value is less than or equal to {self.most}.")
        return number

    def json_schema(self) -> JsonSchema:
        """Describe the field for OpenAPI."""
        bounds = {"minimum": self.least, "maximum": self.most}
        return {"type": "integer", **{k: v for k, v in bounds.items() if v is not None}}


@dataclass(frozen=True)
class Number(_Field):
    """A finite number, or text that is one."""

    least: int | None = None
    positive: bool = False

    def check(self, value: Any) -> float:
        """Return the number, or refuse."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise refuse("invalid", "A valid number is required.")
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise refuse("invalid", "A valid number is required.") from None
        if not math.isfinite(number):
            raise refuse("invalid", "A valid number is required.")
        if self.least is not None and number < self.least:
            raise refuse(
                "min_value", f"Ensure this value is greater than or equal to {self.least}."
            )
        if self.positive and number <= 0:
            raise refuse("invalid", "Must be greater than 0.")
        return number

    def json_schema(self) -> JsonSchema:
        """Describe the field for OpenAPI."""
        least: JsonSchema = {} if self.least is None else {"minimum": self.least}
        return {"type": "number", **({"exclusiveMinimum": 0} if self.positive else least)}


@dataclass(frozen=True)
class Flag(_Field):
    """True or false, in any of the usual spellings."""

    described: ClassVar[JsonSchema] = {"type": "boolean"}

    def check(self, value: Any) -> bool:
        """Return the truth value, or refuse."""
        word = str(value).lower() if isinstance(value, (bool, int, str)) else ""
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise refuse("invalid", "Must be a valid boolean.")


@dataclass(frozen=True)
class Choice(_Field):
    """One of a few words."""

    words: tuple[str, ...]

    def check(self, value: Any) -> str:
        """Return the word, or refuse."""
        if isinstance(value, str) and value in self.words:
            return value
        shown = value if isinstance(value, (str, int, float)) else type(value).__name__
        raise refuse("invalid_choice", f'"{shown}" is not a valid choice.')

    def json_schema(self) -> JsonSchema:
        """Describe the field for OpenAPI."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Moment(_Field):
    """A point in time in ISO 8601; UTC when it has no offset. Becomes UTC text, six decimals."""

    described: ClassVar[JsonSchema] = {"type": "string", "format": "date-time"}

    def check(self, value: Any) -> str:
        """Return the moment as text, or refuse."""
        try:
            if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[T ]", value):
                raise ValueError  # noqa: TRY301 - one refusal for every way to be wrong
            moment = datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
        except (ValueError, OverflowError):
            raise refuse(
                "invalid",
                "Datetime has wrong format. Use one of these formats instead: "
                "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].",
            ) from None
        return text


@dataclass(frozen=True)
class Mapping(_Field):
    """An object of any content."""

    described: ClassVar[JsonSchema] = {"type": "object"}
    said: str = 'Expected a dictionary of items but got type "{kind}".'

    def check(self, value: Any) -> dict[str, Any]:
        """Return the object, or refuse."""
        if not isinstance(value, dict):
            raise refuse("not_a_dict", self.said.format(kind=type(value).__name__))
        return value


@dataclass(frozen=True)
class Uuid(_Field):
    """A UUID, in any of its spellings; kept in the usual one."""

    described: ClassVar[JsonSchema] = {"type": "string", "format": "uuid"}

    def check(self, value: Any) -> str:
        """Return the UUID as text, or refuse."""
        try:
            return str(UUID(value))
        except (ValueError, AttributeError, TypeError):
            raise refuse("invalid", "Must be a valid UUID.") from None


@dataclass(frozen=True)
class Level(_Field):
    """A membership level of the organization."""

    described: ClassVar[JsonSchema] = {"type": "integer"}

    def check(self, value: Any) -> int:
        """Return the level, or refuse."""
        try:
            return Integer().check(value)
        except PydanticCustomError:
            raise refuse(
                "invalid",
                "All membership levels must be integers",
                "bypass_org_membership_levels",
            ) from None


@dataclass(frozen=True)
class Repository(_Field):
    """The name of a repository, ``organization/name``; kept in lower case."""

    described: ClassVar[JsonSchema] = {"type": "string", "pattern": "^[^/ ]+/[^/ ]+$"}

    def check(self, value: Any) -> str:
        """Return the name, or refuse."""
        text = Text(longest=400).check(value).lower()
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
            raise refuse("invalid", "Repository must be in the format organization/repository.")
        return text


@dataclass(frozen=True)
class SavedReference(_Field):
    """A saved metric that an experiment uses: its ``id`` and how, in ``metadata``."""

    described: ClassVar[JsonSchema] = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "metadata": {"type": "object"}},
        "required": ["id"],
    }

    def check(self, value: Any) -> dict[str, Any]:
        """Return the reference, or refuse."""
        if not isinstance(value, dict):
            raise self._wrong("Saved metric must be an object")
        if "id" not in value:
            raise self._wrong("Saved metric must have an id")
        if "metadata" in value:
            if not isinstance(value["metadata"], dict):
                raise self._wrong("Metadata must be an object")
            if "type" not in value["metadata"]:
                raise self._wrong("Metadata must have a type key")
        try:
            number = Integer(least=0).check(value["id"])
        except PydanticCustomError:
            raise self._wrong(UNKNOWN_SAVED_METRIC) from None
        return {**value, "id": number}

    def _wrong(self, text: str) -> PydanticCustomError:
        return refuse("invalid", text, "saved_metrics_ids")


UNKNOWN_SAVED_METRIC = "Saved metric does not exist or does not belong to this project"


@dataclass(frozen=True)
class Anything(_Field):
    """Any JSON but null."""

    def check(self, value: Any) -> Any:
        """Return the value."""
        return value


@dataclass(frozen=True)
class Items:
    """A list; each item is checked as the annotated type says, and the length after that."""

    least: int | None = None
    most: int | None = None
    distinct: str = ""

    def _before(self, value: Any) -> Any:
        if value is None:
            raise refuse("null", "This field may not be null.")
        if not isinstance(value, list):
            raise refuse(
                "not_a_list",
                f'Expected a list of items but got type "{type(value).__name__}".',
            )
        return value

    def _after(self, value: list[Any]) -> list[Any]:
        if self.least is not None and len(value) < self.least:
            raise refuse("min_length", f"Ensure this field has at least {self.least} elements.")
        if self.most is not None and len(value) > self.most:
            raise refuse("max_length", f"Ensure this field has no more than {self.most} elements.")
        if self.distinct and any(item in value[:index] for index, item in enumerate(value)):
            raise refuse("invalid", f"{self.distinct} must not contain duplicates.")
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        items = core_schema.no_info_after_validator_function(self._after, handler(source))
        return core_schema.no_info_before_validator_function(self._before, items)
