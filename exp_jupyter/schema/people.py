"""People as the API names them."""

from __future__ import annotations

from typing import Any, ClassVar

from exp_jupyter.schema.base import ApiObject


class UserBasic(ApiObject):
    """A person of the organization."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "first_name", "last_name")

    id: int
    uuid: str | None = None
    distinct_id: str | None = None
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    is_email_verified: bool | None = None
    hedgehog_config: dict[str, Any] | None = None
    role_at_organization: str | None = None

    @property
    def label(self) -> str:
        """The person's name as a reader knows it: full name, else e-mail, else the number."""
        name = f"{self.first_name} {self.last_name}".strip()
        return name or self.email or f"person {self.id}"
