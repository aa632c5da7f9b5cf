"""``%exp_from_prompt``: an experiment that compares versions of a prompt."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, one_of, whole
from exp_jupyter.magics.line.writing import add_again, add_yes, present
from exp_jupyter.schema.metrics.prompt_metrics import TEMPLATE_KEYS

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def template(text: str) -> str:
    """Read a metric template; a hyphen may stand for an underscore."""
    return one_of(*TEMPLATE_KEYS)(text.replace("-", "_"))


def arguments() -> Arguments:
    """Return the arguments of ``%exp_from_prompt``."""
    it = Arguments(
        "exp_from_prompt",
        """
        Create a draft experiment that compares versions of a prompt, after a confirmation.

        The first version is the control. A new feature flag, switched off, is made with it; where
        an approval policy guards new flags, the creation waits for its approval.
        """,
        [
            "%exp_from_prompt support-reply 1 2 --templates cost latency",
            '%exp_from_prompt support-reply 1 2 3 --templates cost --name "Shorter reply"',
        ],
    )
    it.add("prompt", nargs="?", metavar="PROMPT", offers="prompt", help="name of the prompt")
    it.add(
        "versions",
        nargs="*",
        type=whole,
        metavar="VERSION",
        help="2 to 10 versions to compare, the control first",
    )
    it.add(
        "--templates",
        nargs="+",
        type=template,
        metavar="TEMPLATE",
        offers="template",
        help="metrics to measure: cost, latency, eval_pass_rate",
    )
    it.add("--name", metavar="TEXT", help="name of the experiment; made from the prompt by default")
    it.add("--flag-key", metavar="KEY", help="key of the new flag; made from the name by default")
    it.add("--description", metavar="TEXT", default="", help="description of the experiment")
    add_again(it)
    add_yes(it)
    it.add("--form", action="store_true", help="open a form to fill in")
    return it


def run(session: Session, options: Namespace) -> Any:
    """Create an experiment from a prompt."""
    project = session.connected()
    if options.form:
        from exp_jupyter.widgets.from_prompt import FromPromptForm

        return FromPromptForm(project, on_change=session.changed)
    missing = [
        name
        for name, value in (
            ("the prompt's name", options.prompt),
            ("at least two versions", len(options.versions) >= 2),
            ("--templates", options.templates),
        )
        if not value
    ]
    if missing:
        raise InputError(
            f"%exp_from_prompt needs {' and '.join(missing)}.",
            hint="For example: %exp_from_prompt support-reply 1 2 --templates cost latency",
        )
    write = project.experiments.from_prompt(
        options.prompt,
        options.versions,
        options.templates,
        name=options.name,
        flag_key=options.flag_key,
        description=options.description,
    )
    return present(session, write, yes=options.yes, again=options.again)
