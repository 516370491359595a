"""README.md as a package page shows it: links into the repository, which lead nowhere there, become plain text."""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"\[([^][]+)\]\((?![a-z]+://)[^()]*\)")
"""Such as `[the loss](docs/guide/loss.md)`."""


class PackagePage(MetadataHookInterface):
    """Gives the built package its `readme`."""

    def update(self, metadata: dict) -> None:
        """Set `readme`, which pyproject.toml calls dynamic."""
        text = LINK.sub(r"\1", Path(self.root, "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
