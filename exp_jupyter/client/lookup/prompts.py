"""Prompts: those there are, and the newest version of one."""

from __future__ import annotations

from collections.abc import Iterator

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.errors import NotFoundError
from exp_jupyter.schema.listing import Page
from exp_jupyter.schema.metrics.prompt import Prompt, PromptTemplates


def prompts_of(api: ProjectApi, search: str | None = None) -> Iterator[Prompt]:
    """Yield the prompts there are, each in its newest version."""
    for page in api.pages(Page[Prompt], api.path("llm_prompts"), {"search": search}):
        yield from page


def prompt_called(api: ProjectApi, name: str) -> Prompt | None:
    """Return the newest version of a prompt, or None if there is no such prompt."""
    try:
        return api.read(Prompt, api.path("llm_prompts", "name", name))
    except NotFoundError:
        return None


def prompt_templates(api: ProjectApi) -> PromptTemplates:
    """Return the metric templates that a prompt experiment can use."""
    return api.read(PromptTemplates, api.path("experiments", "prompt_templates"))
