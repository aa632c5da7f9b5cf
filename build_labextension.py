"""Build the JupyterLab panel, or install the Python half politely where it cannot be built.

With Node.js the panel is built. Without it, or without a reachable npm registry, one notice says
so and the installation goes on: magics and forms need no panel. Set
``EXP_JUPYTER_REQUIRE_LABEXTENSION=1`` (continuous integration, releases) to make it mandatory.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from typing import Any

from hatch_jupyter_builder import npm_builder

log = logging.getLogger("build_labextension")


def build(target_name: str, version: str, **kwargs: Any) -> None:
    """Build the panel for the wheel or the sdist; the build hook's entry point.

    Raises
    ------
    RuntimeError
        The panel is mandatory and Node.js is missing.
    subprocess.CalledProcessError
        The panel is mandatory and its build failed.
    """
    required = os.environ.get("EXP_JUPYTER_REQUIRE_LABEXTENSION") == "1"
    if shutil.which("node") is None:
        if required:
            raise RuntimeError("the JupyterLab panel is mandatory here and Node.js was not found")
        log.warning("Node.js not found: installing without the JupyterLab panel.")
        return
    try:
        npm_builder(target_name, version, **kwargs)
    except (subprocess.CalledProcessError, ValueError, OSError) as error:
        if required:
            raise
        log.warning("JupyterLab panel not built (%s). Magics and forms work without it.", error)
