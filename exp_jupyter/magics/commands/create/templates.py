"""``%exp_templates``: the metric templates for prompt experiments."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.metrics.prompt import PromptTemplates


def arguments() -> Arguments:
    """Return the arguments of ``%exp_templates``."""
    return Arguments(
        "exp_templates",
        "List the metric templates that %exp_from_prompt can use.",
        ["%exp_templates"],
    )


def run(session: Session, options: Namespace) -> PromptTemplates:
    """List the templates."""
    del options
    return session.connected().experiments.prompt_templates()
