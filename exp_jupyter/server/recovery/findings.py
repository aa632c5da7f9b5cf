"""What is wrong with a folder, in words, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["database", "project", "rows", "part", "unlisted", "set_aside", "table", "draft"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or deserves to be known.

    Attributes
    ----------
    kind
        ``database`` (missing, empty or unreadable), ``project`` (its own row), ``rows`` (one that
        others belong to is missing), ``part`` (a listed file of events), ``unlisted`` and
        ``set_aside`` (files that the database does not know), ``table`` (a warehouse table's
        file), ``draft`` (what a killed process left unfinished).
    text
        What is wrong, in one sentence.
    name
        The file or the table's name it is about; empty for the database.
    harmless
        Whether the project is whole all the same.
    """

    kind: Kind
    text: str
    name: str = ""
    harmless: bool = False


@dataclass(frozen=True)
class Report:
    """What a look at a folder found.

    Attributes
    ----------
    findings
        What is wrong, the database first.
    summary
        What the folder holds, in one sentence; empty when its database cannot be read.
    done
        What a repair did, one sentence each.
    """

    findings: tuple[Finding, ...] = ()
    summary: str = ""
    done: tuple[str, ...] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, damaged or left out."""
        return all(finding.harmless for finding in self.findings)

    def about(self, *kinds: Kind) -> list[Finding]:
        """Return the findings of some kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def lines(self) -> list[str]:
        """The report as a reader sees it."""
        lines = [f"✓ {sentence}" for sentence in self.done]
        lines += [f"{'·' if one.harmless else '!'} {one.text}" for one in self.findings]
        if self.summary:
            lines.append(self.summary)
        if self.is_whole:
            lines.append("Nothing is missing or damaged.")
        return lines
