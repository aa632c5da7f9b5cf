"""The form of a recording: what it must hold, so that whoever replays it can rely on it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field, StrictInt, StrictStr, ValidationError


class _Answer(BaseModel):
    status: Annotated[StrictInt, Field(ge=100, le=599)]
    body: Any
    headers: dict[StrictStr, StrictStr] = {}
    times: Annotated[StrictInt, Field(ge=1)] = 1


class _Entry(BaseModel):
    request: StrictStr
    answers: Annotated[list[_Answer], Field(min_length=1)]


class _Project(BaseModel):
    origin: StrictStr
    project: StrictInt | StrictStr
    label: StrictStr
    now: AwareDatetime


class _Recording(BaseModel):
    project: _Project
    answers: list[_Entry]


def fault_of(whole: dict[str, Any]) -> str:
    """Return what in a recording does not have its form, in words; empty for nothing.

    Examples
    --------
    >>> fault_of({"project": {}, "answers": []})
    'project.origin: Field required'
    """
    try:
        _Recording.model_validate(whole)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return ""
