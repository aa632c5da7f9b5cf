"""The writes on experiments: each is returned unsent, to be looked at first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exp_jupyter.client.calls import call
from exp_jupyter.schema.experiment import Experiment

if TYPE_CHECKING:
    from exp_jupyter.client.from_prompt import FromPrompt
    from exp_jupyter.client.lifecycle import Archive, End, Launch, Pause, Reset, Resume
    from exp_jupyter.client.project import Project
    from exp_jupyter.client.ship import Ship
    from exp_jupyter.client.unarchive import Unarchive

Ref = int | str | Experiment


class ExperimentWrites(ABC):
    """What can be done to experiments. Nothing here is sent before ``send()`` is called.

    Wherever a method takes ``ref`` it takes what ``get`` takes.
    """

    _project: Project

    @abstractmethod
    def get(self, ref: Ref) -> Experiment:
        """Return one experiment with all its fields."""

    def launch(self, ref: Ref) -> Launch:
        """Return the write that starts a draft now and switches its flag on."""
        from exp_jupyter.client.lifecycle import Launch

        one = self.get(ref)
        return Launch(self._project, one).coded(call("experiments.launch", one.id))

    def pause(self, ref: Ref) -> Pause:
        """Return the write that switches the flag of a running experiment off."""
        from exp_jupyter.client.lifecycle import Pause

        one = self.get(ref)
        return Pause(self._project, one).coded(call("experiments.pause", one.id))

    def resume(self, ref: Ref) -> Resume:
        """Return the write that switches the flag of a paused experiment on again."""
        from exp_jupyter.client.lifecycle import Resume

        one = self.get(ref)
        return Resume(self._project, one).coded(call("experiments.resume", one.id))

    def end(self, ref: Ref, conclusion: str | None = None, comment: str | None = None) -> End:
        """Return the write that ends a launched experiment now; its flag stays as it is.

        Parameters
        ----------
        ref
            The experiment.
        conclusion
            ``won``, ``lost``, ``inconclusive``, ``stopped_early`` or ``invalid``.
        comment
            Why, in at most 4000 characters.

        Raises
        ------
        exp_jupyter.errors.InputError
            The conclusion is none of these.
        """
        from exp_jupyter.client.lifecycle import End

        one = self.get(ref)
        shown = call("experiments.end", one.id, conclusion=conclusion, comment=comment)
        return End(self._project, one, conclusion, comment).coded(shown)

    def ship(
        self,
        ref: Ref,
        variant: str,
        *,
        to_everyone: bool = False,
        conclusion: str | None = None,
        comment: str | None = None,
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
        conclusion, comment
            As ``end`` takes them; what is not given stays.

        Raises
        ------
        exp_jupyter.errors.InputError
            The flag has no such variant, or the conclusion is none.
        """
        from exp_jupyter.client.ship import Ship

        one = self.get(ref)
        told = {"conclusion": conclusion, "comment": comment}
        shown = call("experiments.ship", one.id, variant, to_everyone=to_everyone or None, **told)
        return Ship(self._project, one, variant, to_everyone=to_everyone, **told).coded(shown)

    def archive(self, ref: Ref, *, disable_flag: bool = False) -> Archive:
        """Return the write that puts an ended experiment into the archive.

        Parameters
        ----------
        ref
            The experiment.
        disable_flag
            Also switch its flag off and archive it, unless another live experiment uses it.
        """
        from exp_jupyter.client.lifecycle import Archive

        one = self.get(ref)
        shown = call("experiments.archive", one.id, disable_flag=disable_flag or None)
        return Archive(self._project, one, disable_flag=disable_flag).coded(shown)

    def unarchive(self, ref: Ref) -> Unarchive:
        """Return the write that brings an experiment back from the archive."""
        from exp_jupyter.client.unarchive import Unarchive

        one = self.get(ref)
        return Unarchive(self._project, one).coded(call("experiments.unarchive", one.id))

    def reset(self, ref: Ref) -> Reset:
        """Return the write that makes a launched experiment a draft again."""
        from exp_jupyter.client.lifecycle import Reset

        one = self.get(ref)
        return Reset(self._project, one).coded(call("experiments.reset", one.id))

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
        from exp_jupyter.client.from_prompt import FromPrompt, PromptRequest

        request = PromptRequest.checked(prompt, versions, templates, name, flag_key, description)
        shown = {"name": name, "flag_key": flag_key, "description": description or None}
        return FromPrompt(self._project, request).coded(
            call("experiments.from_prompt", prompt, [*versions], [*templates], **shown)
        )
