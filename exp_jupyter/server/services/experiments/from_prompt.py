"""Experiments made from versions of a prompt."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import count

from exp_jupyter.schema.metrics.prompt_metrics import prompt_metrics
from exp_jupyter.schema.requests.bodies import PromptExperimentRequest
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import prompts
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.store import Document, Work

TEMPLATES = (
    ("cost", "Cost", "What the model calls of an exposed user cost in total, per version."),
    ("latency", "Latency", "How long an exposed user waited for the model in total, per version."),
    ("eval_pass_rate", "Eval pass rate", "The share of applicable evaluations that passed."),
)
_LONGEST_KEY = 200


def template_views() -> list[Document]:
    """Return the metric templates as the API lists them."""
    return [
        {"key": key, "label": label, "description": description}
        for key, label, description in TEMPLATES
    ]


def create(work: Work, actor: Actor, request: PromptExperimentRequest) -> Document:
    """Make a draft that compares versions of a prompt; the first is the control.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        A version does not exist, or the given flag key is taken.
    exp_jupyter.server.services.approvals.gate.Gated
        A policy catches the new flag.
    """
    missing = prompts.missing_versions(work, request.prompt_name, request.versions)
    if missing:
        raise invalid(
            f"Versions not found for prompt '{request.prompt_name}': {missing}", attr="versions"
        )
    name = request.name or default_name(request)
    key = request.feature_flag_key
    if key and flags.by_key(work, key):
        raise invalid(
            f"Feature flag '{key}' already exists for this team. Leave the key out to get one.",
            attr="feature_flag_key",
        )
    variants = split(request.versions)
    return experiments.create(
        work,
        actor,
        {
            "name": name,
            "description": request.description,
            "feature_flag_key": key or free_key(work, name),
            "parameters": {
                "prompt_metadata": {
                    "name": request.prompt_name,
                    "templates": request.templates,
                    "versions": request.versions,
                },
                "feature_flag_variants": variants,
                "rollout_percentage": 100,
                "feature_flag_payloads": {
                    variant["key"]: json.dumps(
                        {"prompt_name": request.prompt_name, "prompt_version": version}
                    )
                    for variant, version in zip(variants, request.versions, strict=True)
                },
            },
            "metrics": prompt_metrics(request.templates, request.prompt_name),
            "allow_unknown_events": True,
        },
    )


def default_name(request: PromptExperimentRequest) -> str:
    """Return the name of a prompt experiment that was given none.

    Examples
    --------
    >>> default_name(PromptExperimentRequest.model_validate(
    ...     {"prompt_name": "support-reply", "versions": [1, 2], "templates": ["cost", "latency"]}))
    'support-reply: v1, v2 (cost, latency)'
    """
    versions = ", ".join(f"v{version}" for version in request.versions)
    name = f"{request.prompt_name}: {versions} ({', '.join(request.templates)})"
    if len(name) > 400:
        raise invalid("The default name would be too long; give a shorter one.", attr="name")
    return name


def split(versions: list[int]) -> list[Document]:
    """Return one variant per version, evenly split; the last takes what is left over.

    Examples
    --------
    >>> [(v["key"], v["name"], v["rollout_percentage"]) for v in split([3, 5, 6])]
    [('control', 'v3', 33), ('test-1', 'v5', 33), ('test-2', 'v6', 34)]
    """
    number = len(versions)
    tests = ["test"] if number == 2 else [f"test-{index}" for index in range(1, number)]
    shares = [100 // number] * (number - 1)
    shares.append(100 - sum(shares))
    return [
        {"key": key, "name": f"v{version}", "rollout_percentage": share}
        for key, version, share in zip(["control", *tests], versions, shares, strict=True)
    ]


def slug(name: str) -> str:
    """Return a flag key made from a name.

    Examples
    --------
    >>> slug("support-reply: v1, v2 (cost, latency)"), slug("?!")
    ('support-reply-v1-v2-cost-latency', 'experiment')
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    kept = re.sub(r"[^\w\s-]", "", ascii_name.lower())
    return re.sub(r"[-\s]+", "-", kept).strip("-_")[:_LONGEST_KEY] or "experiment"


def free_key(work: Work, name: str) -> str:
    """Return the name's slug, with a number when that key is taken."""
    base = slug(name)
    for number in count(1):
        key = base if number == 1 else f"{base}-{number}"
        if not flags.by_key(work, key):
            return key
    raise AssertionError("count never ends")
