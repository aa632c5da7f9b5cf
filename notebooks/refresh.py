"""Execute the notebooks anew and keep only what belongs into a commit.

Run with ``python notebooks/refresh.py [NAME.ipynb ...]`` after anything changed what they show.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

HERE = Path(__file__).resolve().parent


def refresh(path: Path) -> None:
    """Execute one notebook in its place."""
    notebook = nbformat.read(path, as_version=4)
    # Times would differ with every run, and a widget's state is nothing without its kernel.
    ExecutePreprocessor(timeout=120, record_timing=False).preprocess(
        notebook, {"metadata": {"path": str(HERE)}}
    )
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.name for path in HERE.glob("*.ipynb")):
        refresh(HERE / name)
        print(f"executed {name}")
