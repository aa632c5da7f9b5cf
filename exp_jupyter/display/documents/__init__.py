"""Pages as files: one that stands alone in a browser, Markdown with its charts, a printed PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter._whole_file import write_whole
from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.shown import Shown

__all__ = ["ENDINGS", "save"]

ENDINGS = (".html", ".md", ".pdf")


def refuse_another_ending(path: Path) -> None:
    """Refuse a file that is none of what a page can become, before anything is computed.

    Raises
    ------
    exp_jupyter.errors.InputError
        The file's ending is not one of ``ENDINGS``, or it is a folder.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            f"{str(path)!r} does not say what to write.",
            hint=f"End the file's name in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, for example "
            f"{path.stem or 'report'}.html.",
        )
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder.", hint="Name a file in it.")


def _target(path: str | Path) -> Path:
    try:
        target = Path(path).expanduser()
    except (TypeError, RuntimeError):  # no path at all, or nobody's home
        target = None
    if target is None or "\0" in str(target):
        raise InputError(
            f"{path!r} is no path of a file.",
            hint=f"Name the file, for example 'report{ENDINGS[0]}'.",
        )
    return target


def save(subject: Shown, path: str | Path) -> Path:
    """Write an object's page to a file: HTML, Markdown or PDF, as the file's ending says.

    Parameters
    ----------
    subject
        What is shown.
    path
        The file. Markdown's charts are written beside it, as ``report.chart-1.svg``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no path, or the file's ending is none of these.
    exp_jupyter.errors.NotInstalledError
        There is no browser to print a PDF with.
    exp_jupyter.errors.StoreError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from exp_jupyter import compare
    >>> folder = tempfile.TemporaryDirectory()
    >>> save(compare("120/1000", "150/1000"), Path(folder.name, "lift.html")).name
    'lift.html'
    >>> folder.cleanup()
    """
    from exp_jupyter.display.documents import markdown, pdf, standalone
    from exp_jupyter.display.page import page

    target = _target(path)
    refuse_another_ending(target)
    description = page(subject).description
    if target.suffix.lower() == ".md":
        text, charts = markdown.with_charts(description, target.stem)
        for name, source in charts.items():
            write_whole(target.with_name(name), source.encode(), what="chart")
        content = text.encode()
    elif target.suffix.lower() == ".pdf":
        content = pdf.printed(standalone.document(description, printed=True))
    else:
        content = standalone.document(description).encode()
    write_whole(target, content, what="page")
    return target
