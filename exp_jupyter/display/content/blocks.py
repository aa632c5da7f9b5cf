"""The parts a page is made of: what is said, not yet how it looks.

A class is described once, as a list of these blocks; text, HTML, Markdown and DataFrames are all
made from the same list, so they cannot tell different stories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from exp_jupyter.display.content import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tone = Literal["", "good", "bad", "notice", "accent", "quiet"]
"""What a colour would repeat; the words must say it without the colour."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of words in one voice."""

    text: str
    strong: bool = False
    quiet: bool = False
    code: bool = False
    tone: Tone = ""


Words: TypeAlias = "str | Span | tuple[str | Span, ...]"


def spans(words: Words) -> tuple[Span, ...]:
    """Return the words as spans."""
    parts = words if isinstance(words, tuple) else (words,)
    return tuple(Span(part) if isinstance(part, str) else part for part in parts if part)


def said(words: Words) -> str:
    """Return the words without their voice."""
    return "".join(span.text for span in spans(words))


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in one or two words."""

    text: str
    tone: Tone = "quiet"


@dataclass(frozen=True, slots=True)
class Heading:
    """What the page or a part of it is about.

    ``level`` is 1 for the title of a document and 2 for one of its sections; 0 heads what is shown
    on its own.
    """

    title: str
    badge: Badge | None = None
    note: str = ""
    level: Literal[0, 1, 2] = 0


@dataclass(frozen=True, slots=True)
class Sentence:
    """A paragraph; ``lead`` marks the one that is read first."""

    words: Words
    tone: Tone = ""
    lead: bool = False


@dataclass(frozen=True, slots=True)
class StatusLine:
    """Where something stands at a glance: how far it is, and a few marks; empty ones are left out.

    ``share`` is the part that is done, between 0 and 1; None draws no bar.
    """

    words: str
    marks: tuple[Badge, ...] = ()
    share: float | None = None


@dataclass(frozen=True, slots=True)
class SmallPrint:
    """What a reader must know to trust the rest; empty parts are left out.

    ``link`` is a page to open, its words and its address.
    """

    parts: tuple[str, ...]
    link: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next, and the line that does it."""

    words: Words
    code: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Something to be read or run exactly as it stands."""

    text: str


# Cells ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A cell of words; ``note`` is a second, smaller line."""

    text: str
    note: str = ""
    strong: bool = False
    quiet: bool = False
    code: bool = False
    tone: Tone = ""

    @property
    def values(self) -> tuple[Any, ...]:
        """What a data frame holds: the words."""
        return (self.text or None,)


@dataclass(frozen=True, slots=True)
class Figure:
    """A cell with a number: its value for frames and its writing for readers."""

    value: float | int | None
    text: str
    note: str = ""
    strong: bool = False
    quiet: bool = False

    @property
    def values(self) -> tuple[Any, ...]:
        """What a data frame holds: the number itself."""
        return (self.value,)


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell with an interval against zero, drawn on the axis its column shares."""

    estimate: float | None
    low: float | None
    high: float | None
    text: str
    tone: Tone = "quiet"

    @property
    def values(self) -> tuple[Any, ...]:
        """What a data frame holds: the two bounds."""
        return (self.low, self.high)


@dataclass(frozen=True, slots=True)
class Reading:
    """A cell that says in words what the numbers beside it mean."""

    text: str
    tone: Tone = "quiet"
    mark: str = ""

    @property
    def values(self) -> tuple[Any, ...]:
        """What a data frame holds: the words."""
        return (self.text or None,)


Cell: TypeAlias = Text | Figure | Bar | Reading
EMPTY = Text("")


def whole(value: float | None, *, strong: bool = False, quiet: bool = False) -> Figure:
    """Make a cell that counts something."""
    return Figure(value, numbers.count(value), strong=strong, quiet=quiet)


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis an interval column shares: symmetric about zero, with an optional mark.

    ``points`` writes it in percentage points, for absolute differences of shares.
    """

    reach: float
    relative: bool = True
    mark: float | None = None
    points: bool = False

    def cuts(self, bar: Bar) -> bool:
        """Whether an interval with two ends goes on beyond the axis."""
        ends = (end for end in (bar.low, bar.high) if end is not None)
        return any(math.isfinite(end) and abs(end) > self.reach for end in ends)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, how it is set, and the names of its values in a data frame."""

    label: str
    align: Literal["left", "right"] = "left"
    names: tuple[str, ...] = ()
    scale: Scale | None = None
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``rule`` draws a thin line above it. The first cell is the row's header.

    ``group`` is a heading above the row, for it and the rows that follow.
    """

    cells: tuple[Cell, ...]
    rule: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; ``headed`` is False for a list of fields and their values.

    ``titled`` shows the caption to everybody; without it only screen readers get it.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    headed: bool = True
    titled: bool = False


def without_empty_columns(table: Table) -> Table:
    """Return the table as readers see it: a column that says nothing in any row is left out."""
    kept = [
        place
        for place in range(len(table.columns))
        if place == 0 or any(row.cells[place].text for row in table.rows)
    ]
    if len(kept) == len(table.columns):
        return table
    columns = tuple(table.columns[place] for place in kept)
    rows = tuple(replace(row, cells=tuple(row.cells[p] for p in kept)) for row in table.rows)
    return replace(table, columns=columns, rows=rows)


def fields(caption: str, pairs: Mapping[str, Cell | str], *, titled: bool = False) -> Table:
    """Make a table of fields and their values; fields without a value are left out."""
    rows = tuple(
        Row((Text(label, quiet=True), Text(value) if isinstance(value, str) else value))
        for label, value in pairs.items()
        if value != ""
    )
    columns = (Column("Field", names=("field",)), Column("Value", names=("value",), wrap=True))
    return Table(caption, columns, rows, headed=False, titled=titled)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One thing people care about, before and after; None where there is nothing."""

    label: str
    before: str | None
    after: str | None

    @property
    def unchanged(self) -> bool:
        """Whether it is shown for what it is, and stays."""
        return self.before is not None and self.before == self.after


@dataclass(frozen=True, slots=True)
class Diff:
    """What a write changes."""

    caption: str
    lines: tuple[DiffLine, ...]


# Pictures ---------------------------------------------------------------------------------------


class Drawable(Protocol):
    """Something that matplotlib can draw."""

    def draw(self, ax: Axes) -> None:
        """Draw it on matplotlib axes."""


class Chart(Drawable, Protocol):
    """Something that can be drawn: as our own SVG for HTML, by matplotlib for restyling."""

    @property
    def alt(self) -> str:
        """What the picture shows, in a sentence."""

    def svg(self) -> Svg:
        """Draw it; the same chart is the same bytes."""


@dataclass(frozen=True, slots=True)
class Svg:
    """A finished drawing and its size in CSS pixels."""

    source: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with its caption."""

    chart: Chart
    caption: str = ""


# Containers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that stay closed until asked for; plain text leaves them out unless ``in_text``."""

    summary: str
    blocks: tuple[Block, ...]
    in_text: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """Blocks that belong together, with the colour of their state on the edge."""

    blocks: tuple[Block, ...]
    tone: Tone = "accent"


Block: TypeAlias = (
    Heading
    | Sentence
    | StatusLine
    | SmallPrint
    | NextStep
    | Code
    | Table
    | Diff
    | Picture
    | Details
    | Card
)


def walk(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return all blocks in reading order, those inside cards and details after their container."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        if isinstance(block, (Card, Details)):
            found.extend(walk(block.blocks))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Description:
    """What a describing function returns: everything a page needs to know about an object.

    Attributes
    ----------
    kind
        The machine's word for what it is, for example ``effect``.
    title
        A few words that name this very object.
    blocks
        The page.
    records
        Makes the rows of the data frame, where they are more or others than the table's.
    data
        Makes what a front end gets, where the object's own dictionary would be too much.
    chart
        What ``plot`` draws, where the page has no picture of its own.
    """

    kind: str
    title: str
    blocks: tuple[Block, ...]
    records: Callable[[], list[dict[str, Any]]] | None = None
    data: Callable[[], dict[str, Any]] | None = None
    chart: Drawable | None = None
