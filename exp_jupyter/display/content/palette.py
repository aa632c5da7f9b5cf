"""Colours that read on light and on dark pages, and what they repeat.

Every tone has the same lightness, chosen so that its contrast is above 4.3 : 1 both against
white and against JupyterLab's darkest background: the best a single colour can do on both.
"""

from __future__ import annotations

from exp_jupyter.display.content.blocks import Tone

COLOURS: dict[Tone, str] = {
    "": "#6f7a87",
    "good": "#288958",
    "bad": "#d1485a",
    "notice": "#a56d18",
    "accent": "#3679d0",
    "quiet": "#6f7a87",
}
SERIES = ("#3679d0", "#a56d18", "#9661c3", "#258493")
"""One colour per compared variant; a chart also names every line where it ends."""

RULE = "#8a94a0"
"""Thin lines and grid."""


def colour(tone: Tone) -> str:
    """Return the colour that repeats the tone.

    Examples
    --------
    >>> colour("good"), colour("")
    ('#288958', '#6f7a87')
    """
    return COLOURS[tone]
