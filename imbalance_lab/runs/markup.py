"""Tables as HTML for notebooks, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from markupsafe import escape

STYLE = """\
<style>
.imbalance-lab { --ink: #1a1a1a; --soft: #5a5a5a; --line: #d8d8d8; --better: #1f6b40; --worse: #a33523; --same: #0f5f9c;
  color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .imbalance-lab { --ink: #e6e6e6; --soft: #a8a8a8; --line: #444; --better: #6cc793;
  --worse: #ef8f7d; --same: #7db8ea; } }
.jp-mod-dark .imbalance-lab, [data-jp-theme-light="false"] .imbalance-lab, .vscode-dark .imbalance-lab { --ink: #e6e6e6;
  --soft: #a8a8a8; --line: #444; --better: #6cc793; --worse: #ef8f7d; --same: #7db8ea; }
[data-jp-theme-light="true"] .imbalance-lab, .vscode-light .imbalance-lab { --ink: #1a1a1a; --soft: #5a5a5a;
  --line: #d8d8d8; --better: #1f6b40; --worse: #a33523; --same: #0f5f9c; }
.imbalance-lab table { border-collapse: collapse; margin: 0.4em 0; font-variant-numeric: tabular-nums; color: inherit; }
.imbalance-lab th, .imbalance-lab td { padding: 0.15em 0.6em; text-align: left; border-bottom: 1px solid var(--line);
  background: transparent; color: inherit; }
.imbalance-lab p { margin: 0.3em 0; max-width: 60em; }
.imbalance-lab .note { color: var(--soft); }
.imbalance-lab .better { color: var(--better); font-weight: 600; }
.imbalance-lab .worse { color: var(--worse); font-weight: 600; }
</style>
"""


def to_html(frame: pd.DataFrame, title: str, notes: Sequence[str] = ()) -> str:
    """Return a table under its title, with its style; the index is not shown."""
    words = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    return block(f"<p>{escape(title)}</p>{rows(frame)}{words}")


def block(content: str) -> str:
    """Return HTML with the style that its tables need."""
    return f'{STYLE}<div class="imbalance-lab">{content}</div>'


def rows(frame: pd.DataFrame) -> str:
    """Return a frame of texts as a table; a cell that reads ``better`` or ``worse`` has its colour."""
    head = "".join(f'<th scope="col">{escape(str(name).strip())}</th>' for name in frame)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in frame.astype(str).to_numpy())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    kind = f' class="{text}"' if text in ("better", "worse") else ""
    return f"<td{kind}>{escape(text)}</td>"
