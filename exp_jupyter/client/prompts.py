"""Prompt experiments: the metrics they can be judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exp_jupyter.client.calls import call
from exp_jupyter.schema.prompt import PromptTemplates

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
