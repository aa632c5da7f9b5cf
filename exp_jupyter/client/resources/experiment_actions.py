"""The writes on experiments: each is returned unsent, to be looked at first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.calls import NOTHING, call
from exp_jupyter.client.lookup.metrics import find_metric
from exp_jupyter.client.lookup.names import as_id
from exp_jupyter.schema.experiments.experiment import Experiment

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi
    from exp_jupyter.client.writes.experiments.copy import CopyToProject, Duplicate
    from exp_jupyter.client.writes.experiments.create import Create
    from exp_jupyter.client.writes.experiments.exposure_cohort import CreateExposureCohort
    from exp_jupyter.client.writes.experiments.from_prompt import FromPrompt
    from exp_jupyter.client.writes.experiments.recalculate import Recalculate, RecalculateMetrics
    from exp_jupyter.client.writes.experiments.update import Update
    from exp_jupyter.client.writes.lifecycle.freeze import Freeze, Unfreeze
    from exp_jupyter.client.writes.lifecycle.ship import Ship
    from exp_jupyter.client.writes.lifecycle.stages import (
        Archive,
        End,
        Launch,
        Pause,
        Reset,
        Resume,
    )
    from exp_jupyter.client.writes.lifecycle.unarchive import Unarchive
    from exp_jupyter.schema.approvals.writes import Evidence

Ref = int | str | Experiment


class ExperimentWrites(ABC):
    """What can be done to experiments. Nothing here is sent before ``send()`` is called.

    Wherever a method takes ``ref`` it takes what ``get`` takes.
    """

    _api: ProjectApi

    @abstractmethod
    def get(self, ref: Ref) -> Experiment:
        """Return one experiment with all its fields."""

    @abstractmethod
    def _evidence(self, experiment: Experiment, variant: str | None = None) -> Evidence | None:
        """Read what the results say of a write that decides; None where nothing was exposed."""

    def create(
        self,
        name: str,
        flag_key: str | None = None,
        *,
        variants: Mapping[str, float] | Sequence[str] | None = None,
        rollout: float | None = None,
        **fields: Any,
    ) -> Create:
        """Return the write that makes an experiment, with a new flag or on one there is.

        Parameters
        ----------
        name
            At most 400 characters. One of this name and flag counts as this one.
        flag_key
            A new key, or that of a flag there is; by default made from the name.
        variants
            A new flag's variants: shares in percent by key, or keys alone for an even split; by
            default ``control`` and ``test``.
        rollout
            Percent of people a new flag lets in; 100 by default.
        **fields
            Everything else by the API's names: ``description``, ``stats_config``,
            ``saved_metrics_ids``, ``start_date`` to start at once, … In ``metrics`` and
            ``metrics_secondary`` a metric may be a line of text, such as
            ``"Conversion=checkout_started>purchase:funnel"``.

        Raises
        ------
        exp_jupyter.errors.InputError
            An argument is not usable.
        """
        from exp_jupyter.client.writes.experiments.create import Create

        write = Create(self._api, name, flag_key, variants=variants, rollout=rollout, fields=fields)
        given = {"flag_key": flag_key, "variants": variants, "rollout": rollout}
        return write.coded(call("experiments.create", name, **given, **fields))

    def update(self, ref: Ref, **fields: Any) -> Update:
        """Return the write that changes fields of an experiment.

        Parameters
        ----------
        ref
            The experiment.
        **fields
            The new values by the API's names, metrics as ``create`` takes them. With
            ``update_feature_flag_params`` the flag of a launched experiment changes too;
            ``deleted=True`` takes it out of the project.

        Raises
        ------
        exp_jupyter.errors.InputError
            There are none, or a name is not the API's.
        """
        from exp_jupyter.client.writes.experiments.update import Update

        one = self.get(ref)
        shown = {name: NOTHING if value is None else value for name, value in fields.items()}
        return Update(self._api, one, fields).coded(call("experiments.update", one.id, **shown))

    def duplicate(
        self, ref: Ref, name: str | None = None, *, flag_key: str | None = None
    ) -> Duplicate:
        """Return the write that makes a draft with the settings of an experiment.

        Parameters
        ----------
        ref
            The experiment to copy.
        name
            The copy's name, by default the source's with ``(Copy)``. One of this name and flag
            counts as this copy.
        flag_key
            The copy's flag, new or existing; by default it shares the source's.
        """
        from exp_jupyter.client.writes.experiments.copy import Duplicate

        one = self.get(ref)
        shown = call("experiments.duplicate", one.id, name=name, flag_key=flag_key)
        return Duplicate(self._api, one, name, flag_key).coded(shown)

    def copy_to_project(
        self,
        ref: Ref,
        target: int | str,
        name: str | None = None,
        *,
        flag_key: str | None = None,
    ) -> CopyToProject:
        """Return the write that makes a draft with an experiment's settings in another project.

        Parameters
        ----------
        ref
            The experiment to copy.
        target
            The other project's number; it has to belong to the same organization.
        name
            The copy's name, by default the source's. One of this name and flag there counts as
            this copy.
        flag_key
            The copy's flag there, new or existing; by default of the source's key.

        Raises
        ------
        exp_jupyter.errors.InputError
            The target is no project number, or this project's own.
        """
        from exp_jupyter.client.writes.experiments.copy import CopyToProject

        one = self.get(ref)
        shown = call(
            "experiments.copy_to_project", one.id, as_id(target), name=name, flag_key=flag_key
        )
        return CopyToProject(self._api, one, target, name, flag_key).coded(shown)

    def recalculate_metrics(self, ref: Ref) -> RecalculateMetrics:
        """Return the write that has the newest result of every metric computed again.

        ``metrics_recalculation`` tells how far that is.
        """
        from exp_jupyter.client.writes.experiments.recalculate import RecalculateMetrics

        one = self.get(ref)
        shown = call("experiments.recalculate_metrics", one.id)
        return RecalculateMetrics(self._api, one).coded(shown)

    def recalculate_timeseries(self, ref: Ref, metric: str | int | None = None) -> Recalculate:
        """Return the write that has the daily results of a metric computed again.

        Parameters
        ----------
        ref
            The experiment.
        metric
            Its uuid, name or index from 0; by default the first.
        """
        from exp_jupyter.client.writes.experiments.recalculate import Recalculate

        one = self.get(ref)
        entry = find_metric(one, metric)
        shown = call("experiments.recalculate_timeseries", one.id, entry.name)
        return Recalculate(self._api, one, entry).coded(shown)

    def create_exposure_cohort(self, ref: Ref) -> CreateExposureCohort:
        """Return the write that makes a cohort of the people who were exposed to an experiment."""
        from exp_jupyter.client.writes.experiments.exposure_cohort import CreateExposureCohort

        one = self.get(ref)
        shown = call("experiments.create_exposure_cohort", one.id)
        return CreateExposureCohort(self._api, one).coded(shown)

    def launch(self, ref: Ref) -> Launch:
        """Return the write that starts a draft now and switches its flag on."""
        from exp_jupyter.client.writes.lifecycle.stages import Launch

        one = self.get(ref)
        return Launch(self._api, one).coded(call("experiments.launch", one.id))

    def pause(self, ref: Ref) -> Pause:
        """Return the write that switches the flag of a running experiment off."""
        from exp_jupyter.client.writes.lifecycle.stages import Pause

        one = self.get(ref)
        return Pause(self._api, one).coded(call("experiments.pause", one.id))

    def resume(self, ref: Ref) -> Resume:
        """Return the write that switches the flag of a paused experiment on again."""
        from exp_jupyter.client.writes.lifecycle.stages import Resume

        one = self.get(ref)
        return Resume(self._api, one).coded(call("experiments.resume", one.id))

    def freeze(self, ref: Ref) -> Freeze:
        """Return the write that keeps newcomers out of a running experiment."""
        from exp_jupyter.client.writes.lifecycle.freeze import Freeze

        one = self.get(ref)
        return Freeze(self._api, one).coded(call("experiments.freeze", one.id))

    def unfreeze(self, ref: Ref) -> Unfreeze:
        """Return the write that lets newcomers into a frozen experiment again."""
        from exp_jupyter.client.writes.lifecycle.freeze import Unfreeze

        one = self.get(ref)
        return Unfreeze(self._api, one).coded(call("experiments.unfreeze", one.id))

    def end(
        self,
        ref: Ref,
        conclusion: str | None = None,
        comment: str | None = None,
        *,
        cleanup_pr: bool = False,
    ) -> End:
        """Return the write that ends a launched experiment now; its flag stays as it is.

        Parameters
        ----------
        ref
            The experiment.
        conclusion
            ``won``, ``lost``, ``inconclusive``, ``stopped_early`` or ``invalid``.
        comment
            Why, in at most 4000 characters.
        cleanup_pr
            Also have the project open a pull request that takes the flag out of the code; takes
            the scope ``task:write``.

        Raises
        ------
        exp_jupyter.errors.InputError
            The conclusion is none of these.
        """
        from exp_jupyter.client.writes.lifecycle.stages import End

        one = self.get(ref)
        told = {"conclusion": conclusion, "comment": comment, "cleanup_pr": cleanup_pr or None}
        write = End(self._api, one, conclusion, comment, cleanup_pr=cleanup_pr)
        write.with_evidence(lambda: self._evidence(one))
        return write.coded(call("experiments.end", one.id, **told))

    def ship(
        self,
        ref: Ref,
        variant: str,
        *,
        to_everyone: bool = False,
        conclusion: str | None = None,
        comment: str | None = None,
        cleanup_pr: bool = False,
    ) -> Ship:
        """Return the write that gives everybody one variant and ends a running experiment.

        Parameters
        ----------
        ref
            The experiment.
        variant
            The key of the variant that stays.
        to_everyone
            Also release the flag to everybody, whatever its release conditions say.
        conclusion, comment, cleanup_pr
            As ``end`` takes them; what is not given stays.

        Raises
        ------
        exp_jupyter.errors.InputError
            The flag has no such variant, or the conclusion is none.
        """
        from exp_jupyter.client.writes.lifecycle.ship import Ship

        one = self.get(ref)
        write = Ship(
            self._api,
            one,
            variant,
            to_everyone=to_everyone,
            conclusion=conclusion,
            comment=comment,
            cleanup_pr=cleanup_pr,
        )
        write.with_evidence(lambda: self._evidence(one, variant))
        shown = {"conclusion": conclusion, "comment": comment, "cleanup_pr": cleanup_pr or None}
        return write.coded(
            call("experiments.ship", one.id, variant, to_everyone=to_everyone or None, **shown)
        )

    def archive(self, ref: Ref, *, disable_flag: bool = False) -> Archive:
        """Return the write that puts an ended experiment into the archive.

        Parameters
        ----------
        ref
            The experiment.
        disable_flag
            Also switch its flag off and archive it, unless another live experiment uses it.
        """
        from exp_jupyter.client.writes.lifecycle.stages import Archive

        one = self.get(ref)
        shown = call("experiments.archive", one.id, disable_flag=disable_flag or None)
        write = Archive(self._api, one, disable_flag=disable_flag).coded(shown)
        return write.with_evidence(lambda: self._evidence(one))

    def unarchive(self, ref: Ref) -> Unarchive:
        """Return the write that brings an experiment back from the archive."""
        from exp_jupyter.client.writes.lifecycle.unarchive import Unarchive

        one = self.get(ref)
        return Unarchive(self._api, one).coded(call("experiments.unarchive", one.id))

    def reset(self, ref: Ref) -> Reset:
        """Return the write that makes a launched experiment a draft again."""
        from exp_jupyter.client.writes.lifecycle.stages import Reset

        one = self.get(ref)
        return Reset(self._api, one).coded(call("experiments.reset", one.id))

    def from_prompt(
        self,
        prompt: str,
        versions: Sequence[int],
        templates: Sequence[str],
        name: str | None = None,
        flag_key: str | None = None,
        description: str = "",
    ) -> FromPrompt:
        """Return the write that makes an experiment out of versions of a prompt; sends nothing.

        Parameters
        ----------
        prompt
            The prompt's name.
        versions
            2 to 10 version numbers; the first is the control.
        templates
            ``cost``, ``latency`` and ``eval_pass_rate``, one to three of them.
        name, flag_key
            By default made from the prompt, its versions and the templates.
        description
            Kept with the experiment.

        Raises
        ------
        exp_jupyter.errors.InputError
            An argument is not usable.
        """
        from exp_jupyter.client.writes.experiments.from_prompt import FromPrompt, PromptRequest

        request = PromptRequest.checked(prompt, versions, templates, name, flag_key, description)
        shown = {"name": name, "flag_key": flag_key, "description": description or None}
        return FromPrompt(self._api, request).coded(
            call("experiments.from_prompt", prompt, [*versions], [*templates], **shown)
        )
