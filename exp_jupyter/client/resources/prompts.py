"""Prompt experiments: the prompts there are, and the metrics they can be judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exp_jupyter.client.calls import call
from exp_jupyter.errors import NotFoundError
from exp_jupyter.schema.listing import Page
from exp_jupyter.schema.metrics.prompt import Prompt, PromptTemplates

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project


class Prompts:
    """What the project offers for prompt experiments."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def templates(self) -> PromptTemplates:
        """Return the metric templates that a prompt experiment can use."""
        path = self._project.path("experiments", "prompt_templates")
        return self._project.read(PromptTemplates, path).coded(call("prompts.templates"))

    def list(self, search: str | None = None) -> Page[Prompt]:
        """Return the project's prompts, each in its newest version.

        Parameters
        ----------
        search
            Part of the name.
        """
        path = self._project.path("llm_prompts")
        pages = self._project.pages(Page[Prompt], path, {"search": search})
        found = [prompt for page in pages for prompt in page]
        shown = call("prompts.list", search=search)
        return Page[Prompt](count=len(found), results=found).coded(shown)

    def find(self, name: str) -> Prompt | None:
        """Return the newest version of a prompt, or None if there is no such prompt."""
        try:
            return self._project.read(Prompt, self._project.path("llm_prompts", "name", name))
        except NotFoundError:
            return None
