"""The write that makes an experiment out of versions of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.experiments import experiments_of
from exp_jupyter.client.lookup.flags import flag_of_key
from exp_jupyter.client.lookup.names import suggestion
from exp_jupyter.client.lookup.prompts import prompt_called, prompts_of
from exp_jupyter.client.writes.approvals.pending_request import my_request, standing
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.experiments.prompt_request import PromptRequest
from exp_jupyter.client.writes.flags.change import FlagChange
from exp_jupyter.errors import (
    ApiError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    ValidationFailedError,
)
from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.schema.approvals.writes import (
    IS_THERE,
    UNLESS_THERE,
    DiffRow,
    WriteOutcome,
    WritePlan,
    WriteState,
)
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.flags.feature_flag import FeatureFlag
from exp_jupyter.schema.metrics.prompt_metrics import prompt_metrics

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

__all__ = ["FromPrompt", "PromptRequest"]

_MOST_KEYS = 9
_TEMPLATE_LABEL = {"cost": "Cost", "latency": "Latency", "eval_pass_rate": "Eval pass rate"}


class FromPrompt(Write):
    """Makes a draft experiment and its flag.

    Notes
    -----
    The flag's key is always sent, made as the project would make it when none was given: a key
    can be taken only once, so the project itself keeps a repeated request from making a second
    experiment. When the made key belongs to something else, ``-2``, ``-3``… is tried.

    The approval gate looks at the new flag. An approved request has made the flag alone;
    finishing then makes the experiment on that flag.
    """

    def __init__(self, api: ProjectApi, request: PromptRequest) -> None:
        super().__init__(api)
        self._request = request
        self._place = 1

    def _call(self) -> tuple[str, str, Any]:
        path = self._api.path("experiments", "create_from_prompt")
        return "POST", path, self._request.body(self._request.candidate(self._place))

    def _describe(self) -> WritePlan:
        wanted = self._request
        key = wanted.candidate(self._place)
        variants = ", ".join(
            f"{name} = v{version} ({wanted.split[name]} %)"
            for name, version in wanted.variants.items()
        )
        metrics = ", ".join(_TEMPLATE_LABEL.get(one, one) for one in wanted.templates)
        method, path, body = self._call()
        return WritePlan(
            title=f'Create "{wanted.name}"',
            sentence=f'Creates the draft experiment "{wanted.name}" and the new, inactive flag '
            f"{key}. Nobody sees a variant before it is launched.",
            method=method,
            path=path,
            body=body,
            diff=(
                DiffRow("Experiment", None, f"{wanted.name} (draft)"),
                DiffRow("Flag", None, f"{key} (inactive)"),
                DiffRow("Variants", None, variants),
                DiffRow("Rollout", None, "100 %"),
                DiffRow("Metrics", None, metrics),
            ),
            gate=FlagChange(key, None, rollouts=wanted.rollout).gate(self._api),
        )

    def _second_step(self) -> str:
        return "the experiment is made"

    def _look(self) -> WriteState:
        made = self._made()
        if made is not None:
            where = "in the archive" if made.archived else f"as experiment {made.id}"
            return WriteState(
                "already_done",
                f'"{made.name}" exists {where}; its status is {made.status}.',
                result=made,
            )
        asked = self._asked()
        if asked is not None:
            found = standing(
                asked,
                waits=f'The flag for "{self._request.name}" waits for approval.',
                left=lambda: self._left_of(asked),
                spent=self._spent,
            )
            if found is not None:
                return found
        if self._request.flag_key_given and self._flag(self._request.flag_key) is not None:
            return WriteState(
                "refused",
                f'The flag "{self._request.flag_key}" exists already, and this makes a new one.',
                next_step="Give another flag_key, or none.",
            )
        return self._missing_prompt() or WriteState(
            "to_do", f'"{self._request.name}" does not exist yet.'
        )

    def _missing_prompt(self) -> WriteState | None:
        """Return the refusal to expect because the prompt or a version of it is not there.

        Only what the project shows counts: without its prompts to look at, the request itself
        will bring the answer.
        """
        wanted = self._request
        try:
            names = [prompt.name for prompt in prompts_of(self._api)]
            newest = prompt_called(self._api, wanted.prompt)
        except (ApiError, ProtocolError):
            return None
        if newest is None and wanted.prompt not in names:
            listed = ", ".join(sorted(names)[:5])
            near = suggestion(wanted.prompt, names)
            return WriteState(
                "refused",
                f'There is no prompt "{wanted.prompt}".',
                next_step=near or (f"The project has {listed}." if names else ""),
            )
        last = newest.latest_version if newest is not None else None
        missing = [version for version in wanted.versions if last and version > last]
        if missing:
            listed = ", ".join(str(version) for version in missing)
            return WriteState(
                "refused",
                f'Prompt "{wanted.prompt}" has no version {listed}; its newest is {last}.',
                next_step="Give versions that exist.",
            )
        return None

    def _made(self) -> Experiment | None:
        wanted = self._request
        for archived in (None, True):
            for one in experiments_of(self._api, archived=archived, prompt_name=wanted.prompt):
                stored = one.prompt_metadata or {}
                same = all(stored.get(name) == value for name, value in wanted.metadata.items())
                named = one.name == wanted.name and not wanted.flag_key_given
                keyed = wanted.owns_key(one.feature_flag_key) and (
                    one.name == wanted.name or not wanted.name_given
                )
                if same and (named or keyed):
                    return one
        return None

    def _asked(self) -> ChangeRequest | None:
        """Return my newest change request for this flag, or None; also when it may not be read."""
        return my_request(self._api, self._is_ours)

    def _is_ours(self, request: ChangeRequest) -> bool:
        data = request.intent.get("full_request_data")
        filters = data.get("filters") if isinstance(data, dict) else None
        payloads = filters.get("payloads") if isinstance(filters, dict) else None
        return (
            request.intent.get("flag_id") is None
            and self._request.owns_key(request.flag_key)
            and self._request.agrees_with(payloads)
        )

    def _left_of(self, asked: ChangeRequest) -> str:
        if self._flag(asked.flag_key, unreadable=True) is None:
            return ""  # applied once, and the flag was deleted since
        return (
            f"The request was approved and the flag {asked.flag_key} made; the experiment itself "
            "is still to be made."
        )

    def _flag(self, key: str, *, unreadable: bool = False) -> FeatureFlag | bool | None:
        """Return the flag of this key, or None; ``unreadable`` if flags may not be read."""
        try:
            return flag_of_key(self._api, key)
        except (PermissionDeniedError, NotFoundError):
            return unreadable or None

    def _finishing(self) -> tuple[str, str, Any]:
        wanted = self._request
        asked = self._asked()
        key = asked.flag_key if asked is not None else wanted.candidate(self._place)
        body: dict[str, Any] = {
            "name": wanted.name,
            "description": wanted.description,
            "feature_flag_key": key,
            "parameters": {"prompt_metadata": wanted.metadata},
            "metrics": prompt_metrics(wanted.templates, wanted.prompt),
            # The events of a prompt that nobody has used yet are not in the project; the
            # project's own call for prompts does not ask for them either.
            "allow_unknown_events": True,
        }
        return "POST", self._api.path("experiments"), body

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        made = parse(Experiment, body, self._api.path("experiments"))
        begun = "finished on the approved flag" if finishing else "with a new, inactive flag"
        return WriteOutcome(
            "applied",
            f'"{made.name}" was created as experiment {made.id}, {begun} '
            f"{made.feature_flag_key}; its status is {made.status}.",
            "Read the variant's prompt version from the flag's payload, then launch it.",
            result=made,
        )

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        wanted, told = self._request, result.prompt_metadata
        other = told is not None and any(
            told.get(key) != one for key, one in wanted.metadata.items()
        )
        if other or result.name != wanted.name or not wanted.owns_key(result.feature_flag_key):
            return f"is about experiment {result.id}, of another name, flag or prompt"
        return "" if result.start_date is None else "is about an experiment that has begun"

    def _adapt(self, refusal: ApiError) -> bool:
        taken = (
            isinstance(refusal, ValidationFailedError)
            and refusal.attr in {"feature_flag_key", "key"}
            and refusal.code != "invalid_key"
        )
        if taken and self._request.flag_key_given:
            # Somebody made a flag of the key since the look; with the same experiment, or not.
            return self._made() is not None
        if taken and self._place < _MOST_KEYS:
            self._place += 1
            self._plan = None
            return True
        return refusal.status == IS_THERE or super()._adapt(refusal)

    def _headers(self) -> dict[str, str]:
        return {UNLESS_THERE: "true"}
