"""What a build adds: the page of the package, and in a wheel the mathematics of the viewer where it is at hand.

README.md as a package page shows it: links into the repository, which lead nowhere there, become plain text. Temml,
which `make install` puts into the environment, goes into the wheel with its licence; without it a wheel shows formulas
as their source.
"""

import re
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

TEMML = Path(".venv", "share", "potstill", "temml")
LINK = re.compile(r"\[([^][]+)\]\((?![a-z]+://)[^()]*\)")
"""Such as `[the loss](docs/guide/loss.md)`."""


class PackagePage(MetadataHookInterface):
    """Gives the built package its `readme`."""

    def update(self, metadata: dict) -> None:
        """Set `readme`, which pyproject.toml calls dynamic."""
        text = LINK.sub(r"\1", Path(self.root, "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


class Mathematics(BuildHookInterface):
    """Puts Temml below `share/potstill` of whatever environment the wheel is installed in."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Name the files, where they are at hand."""
        if version == "editable":
            return
        folder = Path(self.root, TEMML)
        for file in sorted(folder.glob("*")) if self.target_name == "wheel" else ():
            build_data["shared_data"][str(file)] = f"share/potstill/temml/{file.name}"
