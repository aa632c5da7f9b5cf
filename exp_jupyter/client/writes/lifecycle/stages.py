"""The writes that move an experiment through its life, from its launch to the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.writes.experiment import (
    ExperimentWrite,
    checked_conclusion,
    flag_gone,
    flag_row,
    is_active,
    status_words,
    yes,
)
from exp_jupyter.client.writes.flags.change import FlagChange
from exp_jupyter.schema.approvals.writes import DiffRow
from exp_jupyter.schema.experiments.experiment import Experiment

if TYPE_CHECKING:
    from datetime import datetime

    from exp_jupyter.client.api import ProjectApi


class Launch(ExperimentWrite):
    """Starts a draft now and switches its flag on."""

    tail, deed = "launch", "launched"

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        bare = "" if one.metric_entries else " It has no metrics yet."
        return (
            f'Launch "{one.name}"',
            (
                f'Starts "{one.name}" (experiment {one.id}) now and switches its flag '
                f"{one.feature_flag_key} on: people begin to see its variants.{bare}"
            ),
        )

    def _rows(self) -> list[DiffRow]:
        one = self._experiment
        return [
            DiffRow("Status", one.status, "running"),
            DiffRow("Start", day(one.start_date), "now"),
            flag_row(one, True),
            DiffRow("Split", split_words(one.split), split_words(one.split)),
        ]

    def _done(self, now: Experiment) -> str:
        if now.start_date is None:
            return ""
        since = "" if now.end_date is None else f" and ended on {day(now.end_date)}"
        return f'"{now.name}" was launched on {day(now.start_date)}{since}.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        gone = flag_gone(now)
        if gone is not None:
            return gone
        if len(now.variants) < 2:
            return (
                f"Its flag {now.feature_flag_key} has fewer than two variants.",
                "Give the flag a control and at least one test variant.",
            )
        return None

    def _change(self, now: Experiment) -> FlagChange:
        return FlagChange(now.feature_flag_key, now.feature_flag, active=True)

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{now.name}" is running; its flag {now.feature_flag_key} is on.',
            f"%exp_health {now.id} shows within a day whether exposures arrive as they should.",
        )


class _Switch(ExperimentWrite):
    """Switches the flag of a running experiment."""

    active: bool

    def _rows(self) -> list[DiffRow]:
        after = "running" if self.active else "paused"
        one = self._experiment
        return [DiffRow("Status", one.status, after), flag_row(one, self.active)]

    def _done(self, now: Experiment) -> str:
        if not_running(now) or is_active(now) is not self.active:
            return ""
        return f'"{now.name}" is {status_words(now)}.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        return not_running(now, "Nothing is left to switch.")

    def _change(self, now: Experiment) -> FlagChange:
        return FlagChange(now.feature_flag_key, now.feature_flag, active=self.active)


class Pause(_Switch):
    """Switches the flag of a running experiment off."""

    tail, deed, active = "pause", "paused", False

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Pause "{one.name}"',
            (
                f'Switches the flag {one.feature_flag_key} of "{one.name}" (experiment {one.id}) '
                "off: nobody sees a variant until it is resumed. Dates and results stay."
            ),
        )

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{now.name}" is paused; its flag {now.feature_flag_key} is off.',
            "Resume it to go on.",
        )


class Resume(_Switch):
    """Switches the flag of a paused experiment on again."""

    tail, deed, active = "resume", "resumed", True

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Resume "{one.name}"',
            (
                f'Switches the flag {one.feature_flag_key} of "{one.name}" (experiment {one.id}) '
                "on again: people see its variants as before."
            ),
        )

    def _told(self, now: Experiment) -> tuple[str, str]:
        return f'"{now.name}" is running again.', ""


class End(ExperimentWrite):
    """Ends a launched experiment now; its flag stays as it is."""

    tail, deed, asks_for_name = "end", "ended", True

    def __init__(
        self,
        api: ProjectApi,
        experiment: Experiment,
        conclusion: str | None = None,
        comment: str | None = None,
        *,
        cleanup_pr: bool = False,
    ) -> None:
        super().__init__(api, experiment)
        checked_conclusion(conclusion, comment)
        self._conclusion = conclusion
        self._comment = comment
        self._cleanup_pr = cleanup_pr

    def _body(self) -> dict[str, Any]:
        body = {"conclusion": self._conclusion, "conclusion_comment": self._comment}
        return body | cleanup(self._cleanup_pr)

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'End "{one.name}"',
            (
                f'Ends "{one.name}" (experiment {one.id}) now: no later event counts. Its flag '
                f"{one.feature_flag_key} stays {'on' if is_active(one) else 'off'}, so people keep "
                "seeing what they see."
            ),
        )

    def _rows(self) -> list[DiffRow]:
        one = self._experiment
        return [
            DiffRow("Status", one.status, "stopped"),
            DiffRow("End", day(one.end_date), "now"),
            *conclusion_rows(one, self._conclusion, self._comment),
            *cleanup_rows(self._cleanup_pr),
        ]

    def _done(self, now: Experiment) -> str:
        if now.end_date is None or not self._says_the_same(now):
            return ""
        return f'"{now.name}" ended on {day(now.end_date)}{concluded(now)}.'

    def _says_the_same(self, now: Experiment) -> bool:
        return agrees(now, self._conclusion, self._comment)

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        if now.start_date is None:
            return f'"{now.name}" has not been launched yet.', "A draft is deleted, not ended."
        if now.end_date is not None:
            return (
                f'"{now.name}" ended on {day(now.end_date)}{concluded(now)} already.',
                f"%exp_update {now.id} --conclusion … changes what was concluded.",
            )
        return None

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{now.name}" has ended{concluded(now)}.',
            "Ship the variant that is to stay, or archive the experiment.",
        )


class Archive(ExperimentWrite):
    """Puts an ended experiment away."""

    tail, deed = "archive", "archived"

    def __init__(
        self, api: ProjectApi, experiment: Experiment, *, disable_flag: bool = False
    ) -> None:
        super().__init__(api, experiment)
        self._disable_flag = disable_flag

    def _body(self) -> dict[str, Any]:
        return {"disable_feature_flag": self._disable_flag}

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        flag = one.feature_flag_key
        if self._disable_flag:
            what = f"Its flag {flag} is switched off and archived with it, unless others use it."
        elif is_active(one):
            what = f"Its flag {flag} stays on."
        else:
            what = f"Its flag {flag}, which is off, is archived with it if the key may do that."
        return (
            f'Archive "{one.name}"',
            f'Puts "{one.name}" (experiment {one.id}) into the archive. {what}',
        )

    def _rows(self) -> list[DiffRow]:
        one = self._experiment
        rows = [DiffRow("Archived", yes(one.archived), "yes")]
        if self._disable_flag:
            rows.append(flag_row(one, False))
        return rows

    def _gate(self) -> str:
        # Not through _change: here a policy forbids, it does not make the call wait.
        one = self._experiment
        if not self._disable_flag or not is_active(one):
            return ""
        caught = FlagChange(one.feature_flag_key, one.feature_flag, active=False)
        if not caught.gate(self._api):
            return ""
        return (
            "An approval policy guards switching flags off, so this will be refused: switch the "
            f"flag off first, with project.flags.disable({one.feature_flag_key!r})."
        )

    def _done(self, now: Experiment) -> str:
        if not now.archived:
            return ""
        on = self._disable_flag and is_active(now)
        still = f"; its flag {now.feature_flag_key} is still on" if on else ""
        return f'"{now.name}" is in the archive{still}.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        if now.end_date is None:
            return f'"{now.name}" has not ended.', "End it first, then archive it."
        return None

    def _told(self, now: Experiment) -> tuple[str, str]:
        return f'"{now.name}" is in the archive.', f"%exp_unarchive {now.id} brings it back."


class Reset(ExperimentWrite):
    """Makes a launched experiment a draft again."""

    tail, deed = "reset", "reset"

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Reset "{one.name}"',
            (
                f'Makes "{one.name}" (experiment {one.id}) a draft again: its dates and its '
                f"conclusion are forgotten. Its flag {one.feature_flag_key} stays "
                f"{'on' if is_active(one) else 'off'}, and no event is deleted."
            ),
        )

    def _rows(self) -> list[DiffRow]:
        one = self._experiment
        rows = [DiffRow("Status", one.status, "draft"), DiffRow("Start", day(one.start_date), None)]
        if one.end_date is not None:
            rows.append(DiffRow("End", day(one.end_date), None))
        if one.conclusion is not None:
            rows.append(DiffRow("Conclusion", one.conclusion, None))
        if one.archived:
            rows.append(DiffRow("Archived", "yes", "no"))
        return rows

    def _done(self, now: Experiment) -> str:
        return f'"{now.name}" is a draft.' if now.start_date is None else ""

    def _told(self, now: Experiment) -> tuple[str, str]:
        return f'"{now.name}" is a draft again.', "Change what is to change, then launch it."


def not_running(now: Experiment, after_end: str = "") -> tuple[str, str] | None:
    """Return why an experiment is not under way, and what to do; None where it is.

    ``after_end`` is what to say of one that has ended.
    """
    if now.start_date is None:
        return f'"{now.name}" has not been launched yet.', "Launch it first."
    if now.end_date is not None:
        return f'"{now.name}" ended on {day(now.end_date)}.', after_end
    return flag_gone(now)


def cleanup(wanted: bool) -> dict[str, Any]:
    """Return what a request says about a pull request that takes the flag out of the code."""
    return {"open_cleanup_pr": True} if wanted else {}


def cleanup_rows(wanted: bool) -> list[DiffRow]:
    """Return the plan's row about that pull request."""
    return [DiffRow("Pull request to clean up the code", None, "opened")] if wanted else []


def day(moment: datetime | None) -> str | None:
    """Return a moment's day, as the project keeps it."""
    return moment.date().isoformat() if moment is not None else None


def split_words(split: dict[str, float]) -> str:
    """Return the variants and their shares.

    Examples
    --------
    >>> split_words({"control": 50.0, "test": 50.0})
    'control 50 %, test 50 %'
    """
    return ", ".join(f"{key} {share:g} %" for key, share in split.items())


def concluded(now: Experiment) -> str:
    """Return ``, concluded as won`` or nothing."""
    return f", concluded as {now.conclusion}" if now.conclusion else ""


def agrees(now: Experiment, conclusion: str | None, comment: str | None) -> bool:
    """Return whether the experiment already says what was concluded; None asks for nothing."""
    return conclusion in {None, now.conclusion} and comment in {None, now.conclusion_comment or ""}


def conclusion_rows(now: Experiment, conclusion: str | None, comment: str | None) -> list[DiffRow]:
    """Return the plan's rows about a conclusion, for what is given or replaced."""
    rows = [
        ("Conclusion", now.conclusion, conclusion),
        ("Comment", now.conclusion_comment, comment),
    ]
    return [DiffRow(*row) for row in rows if row[1] or row[2]]
