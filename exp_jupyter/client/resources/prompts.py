"""Prompt experiments: the prompts there are, and the metrics they can be judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exp_jupyter.client.calls import call
from exp_jupyter.client.lookup.prompts import prompt_called, prompt_templates, prompts_of
from exp_jupyter.schema.listing import Page
from exp_jupyter.schema.metrics.prompt import Prompt, PromptTemplates

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


class Prompts:
    """What the project offers for prompt experiments."""

    def __init__(self, api: ProjectApi) -> None:
        self._api = api

    def templates(self) -> PromptTemplates:
        """Return the metric templates that a prompt experiment can use."""
        return prompt_templates(self._api).coded(call("prompts.templates"))

    def list(self, search: str | None = None) -> Page[Prompt]:
        """Return the project's prompts, each in its newest version.

        Parameters
        ----------
        search
            Part of the name.
        """
        found = [*prompts_of(self._api, search)]
        shown = call("prompts.list", search=search)
        return Page[Prompt](count=len(found), results=found).coded(shown)

    def find(self, name: str) -> Prompt | None:
        """Return the newest version of a prompt, or None if there is no such prompt."""
        return prompt_called(self._api, name)
