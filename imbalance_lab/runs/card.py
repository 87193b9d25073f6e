"""The model card: what a saved model is, what was measured of it, and where it must not be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(manifest: Mapping[str, Any]) -> str:
    """Return the card of a saved model in Markdown.

    Parameters
    ----------
    manifest : mapping
        What the model says of itself.
    """
    return f"# {manifest['name']}\n"
