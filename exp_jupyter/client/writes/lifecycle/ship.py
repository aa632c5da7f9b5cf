"""The write that gives everybody one variant and ends the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.lookup.names import suggestion
from exp_jupyter.client.writes.experiment import ExperimentWrite, checked_conclusion, flag_gone
from exp_jupyter.client.writes.flags.change import FlagChange, laid_over
from exp_jupyter.client.writes.lifecycle.stages import (
    agrees,
    cleanup,
    cleanup_rows,
    concluded,
    conclusion_rows,
    day,
)
from exp_jupyter.errors import InputError
from exp_jupyter.schema.approvals.writes import DiffRow
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.flags.flag import FlagFilters, FlagGroup, MinimalFeatureFlag

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


class Ship(ExperimentWrite):
    """Gives one variant to all who are in the split, and ends a running experiment.

    Parameters
    ----------
    api, experiment
        As every write on an experiment takes them.
    variant
        The variant's key.
    to_everyone
        Also release the flag to everybody, whatever its release conditions say.
    conclusion, comment
        Stored with the experiment when given.
    cleanup_pr
        Also have the project open a pull request that takes the flag out of the code.

    Raises
    ------
    exp_jupyter.errors.InputError
        The flag has no such variant, or the conclusion is none.
    """

    tail, deed, asks_for_name = "ship_variant", "ended", True

    def __init__(
        self,
        api: ProjectApi,
        experiment: Experiment,
        variant: str,
        *,
        to_everyone: bool = False,
        conclusion: str | None = None,
        comment: str | None = None,
        cleanup_pr: bool = False,
    ) -> None:
        super().__init__(api, experiment)
        checked_conclusion(conclusion, comment)
        if variant not in experiment.variants:
            listed = ", ".join(experiment.variants) or "none"
            raise InputError(
                f'"{experiment.name}" has no variant {variant!r}.',
                hint=suggestion(variant, experiment.variants) or f"Its variants are {listed}.",
            )
        self._variant = variant
        self._to_everyone = to_everyone
        self._conclusion = conclusion
        self._comment = comment
        self._cleanup_pr = cleanup_pr

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "variant_key": self._variant,
            "release_to_everyone": self._to_everyone,
        }
        told = {"conclusion": self._conclusion, "conclusion_comment": self._comment}
        body |= {name: value for name, value in told.items() if value is not None}
        return body | cleanup(self._cleanup_pr)

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        who = "everybody" if self._to_everyone else "everybody the flag is released to"
        ends = "" if one.end_date is not None else " The experiment ends."
        return (
            f'Ship {self._variant} of "{one.name}"',
            (
                f"Gives {self._variant} to {who}, through the flag {one.feature_flag_key} of "
                f'"{one.name}" (experiment {one.id}); nobody gets another variant any more.{ends}'
            ),
        )

    def _rows(self) -> list[DiffRow]:
        one = self._experiment
        rows = [DiffRow("Status", one.status, "stopped")]
        if one.end_date is None:
            rows.append(DiffRow("End", None, "now"))
        for key, share in one.split.items():
            after = 100 if key == self._variant else 0
            rows.append(DiffRow(f"Variant {key}", f"{share:g} %", f"{after} %"))
        if self._to_everyone:
            rows.append(DiffRow("Released to", release_words(one.feature_flag), "everybody"))
        if self._conclusion or self._comment:
            rows += conclusion_rows(
                one,
                self._conclusion or one.conclusion,
                self._comment or one.conclusion_comment,
            )
        return rows + cleanup_rows(self._cleanup_pr)

    def _done(self, now: Experiment) -> str:
        change = self._change(now)
        if now.end_date is None or not change.is_done():
            return ""
        if not agrees(now, self._conclusion, self._comment):
            return ""
        return (
            f'"{now.name}" ended on {day(now.end_date)}{concluded(now)}, and all of its split '
            f"gets {self._variant}."
        )

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        if now.start_date is None:
            return f'"{now.name}" has not been launched yet.', "Launch it first."
        gone = flag_gone(now)
        if gone is None and self._variant not in now.variants:
            return (
                f"Its flag has no variant {self._variant} any more.",
                f"Its variants are {', '.join(now.variants)}.",
            )
        return gone

    def _change(self, now: Experiment) -> FlagChange:
        flag = now.feature_flag
        shipped = shipped_rollouts(flag.filters, self._variant, self._to_everyone) if flag else None
        return FlagChange(now.feature_flag_key, flag, rollouts=shipped)

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            (
                f'{self._variant} of "{now.name}" is shipped: all of its split gets it. The '
                f"experiment has ended{concluded(now)}."
            ),
            "Take the flag out of the code when nobody needs the other variants any more.",
        )


def shipped_rollouts(filters: FlagFilters, variant: str, to_everyone: bool) -> dict[str, float]:
    """Return a flag's rollout percentages by path, once it gives everybody one variant."""
    groups = [*filters.groups]
    if to_everyone and not (groups and is_catch_all(groups[0])):
        groups.insert(0, FlagGroup(rollout_percentage=100))
    variants = filters.multivariate.variants if filters.multivariate else []
    shares = {one.key: 100.0 if one.key == variant else 0.0 for one in variants}
    return laid_over(filters.model_copy(update={"groups": groups}), shares, None).rollouts


def is_catch_all(group: FlagGroup) -> bool:
    """Return whether a release group lets everybody in."""
    return not group.properties and group.rollout_percentage == 100 and not group.variant


def release_words(flag: MinimalFeatureFlag | None) -> str | None:
    """Return whom a flag is released to, in a few words."""
    groups = flag.filters.groups if flag else []
    if not groups:
        return "nobody"
    if any(is_catch_all(group) for group in groups):
        return "everybody"
    first = groups[0]
    share = "all" if first.rollout_percentage is None else f"{first.rollout_percentage:g} %"
    who = f"{share} of those its conditions name" if first.properties else f"{share} of everybody"
    return who if len(groups) == 1 else f"{who}, and {len(groups) - 1} more release groups"
