"""What a person sees: tables and a progress bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from imbalance_lab.evaluation.metrics import HEADLINE, heading_of, shown_at
from imbalance_lab.models.base import Progress as Report
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.record import RunRecord

MAX_ROWS = 40
BAR_WIDTH = 20
CLEAR_LINE = "\r\x1b[2K"

_beside_bar: list[str] = []  # the line of the run that ended last
_reasons: set[str] = set()  # that have been shown in this process


class Screen(Observer):
    """Shows one run.

    Parameters
    ----------
    quiet : bool
        Whether only one line per run is shown, as in a sweep.
    behind_bar : bool
        Whether the sweep shows a bar (see `show_progress`): in a terminal that line then stands beside it.
    swept : sequence of str
        Settings that a run's name shows in every case, as ``loss.gamma``: others of the sweep differ in them.
    """

    def __init__(self, quiet: bool = False, behind_bar: bool = False, swept: Sequence[str] = ()) -> None:
        terminal = Console()
        self._behind_bar = behind_bar and terminal.is_terminal
        # A pipe has no width; tables for it are laid out for a wide page.
        self.console = terminal if terminal.is_terminal else Console(width=140)
        self.quiet = quiet
        self._swept = swept

    def classes(self, table: pd.DataFrame, fold: int) -> None:
        """Show the class table; of several folds the first."""
        if self.quiet or fold:
            return
        shown = self._table("class", "training rows", "after sampling", "weight", "effective prior")
        for name, row in table.head(MAX_ROWS).iterrows():
            cells = (
                f"{row.train_rows:.0f}",
                f"{row.sampled_rows:.0f}",
                f"{row.weight:.3f}",
                _number(row.effective_prior),
            )
            shown.add_row(escape(str(name)), *cells)
        self._print(shown, len(table))

    @contextmanager
    def progress(self, fold: int, epochs: int | None) -> Iterator[Report]:
        """Show a progress bar, in a terminal only."""
        with self._bar(f"training, fold {fold + 1}", epochs, _epoch_line) as report:
            yield report

    @contextmanager
    def tuning(self, fold: int, trials: int) -> Iterator[Report]:
        """Show a progress bar over trials, in a terminal only."""
        with self._bar(f"tuning, fold {fold + 1}", trials, _trial_line) as report:
            yield report

    @contextmanager
    def _bar(self, title: str, total: int | None, line: Callable[[int, Mapping[str, float]], str]) -> Iterator[Report]:
        columns = BarColumn(30), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}")
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(title, total=total)

            def report(step: int, metrics: Mapping[str, float]) -> None:
                bar.update(task, completed=step, description=line(step, metrics))

            yield report

    def result(self, record: RunRecord, where: str | None) -> None:
        """Show the result table and the line that opens the UI."""
        named = record.identity.name_showing(self._swept)
        headline = f"{record.dataset.name}, {named}: {record.headline()}"
        if self.quiet:
            self.finished(named, headline, record.warnings)
            return
        for text in record.warnings:
            self.warn(text)
        level = f"{record.identity.evaluation['confidence']:.0%} interval"
        shifted = bool(record.classes.offset.fillna(0).any())
        table = self._table("class", "test rows", *["offset"][: int(shifted)], "recall", level, "precision", "F1")
        for name, row in record.classes.head(MAX_ROWS).iterrows():
            interval = f"{row.low:.3f} to {row.high:.3f}"
            cells = f"{row.support:.0f}", _number(row.recall), interval, _number(row.precision), _number(row.f1)
            table.add_row(escape(str(name)), cells[0], *[_number(row.offset)][: int(shifted)], *cells[1:])
        self._print(table, len(record.classes))
        for text in record.tuning_lines:
            self.message(text)
        if shifted and record.thresholds:
            self.message(f"decision: {', '.join(record.thresholds_text)}")
        self.message(headline)
        metrics = record.metrics
        line = ", ".join(
            f"{heading_of(key)} {metrics[key]:.3f}" for key in shown_at("screen", metrics) if key in metrics
        )
        several = len(record.dataset.labels)
        self.console.print(f"mean over {several} labels: {line}" if several else line, highlight=False)
        self.message(f"record: {record.folder}")
        if where:
            self.message(f"browse: {where}")

    def finished(self, name: str, line: str, warnings: Sequence[str]) -> None:
        """Show a run of a sweep that finished; a warning once, with the name of the first run it is of."""
        self._line(line)
        for text in warnings:
            if _is_new(text):
                self._above_bar()
                self.warn(f"{name}: {text}")

    def ended(self, ending: str, name: str, reason: str) -> None:
        """Show a run of a sweep that did not finish, unless it has finished before."""
        if ending == "skipped":
            self.skipped(name, reason)
        elif ending == "failed":
            self.failed(name, reason)

    def skipped(self, name: str, reason: str) -> None:
        """Show a cell of a sweep that two options rule out; a reason once, as the comparison counts them."""
        if _is_new(reason):
            self._above_bar()
            self.message(f"{name}: skipped, {reason}")

    def failed(self, name: str, reason: str) -> None:
        """Show a run of a sweep that failed; a reason once, as they are counted at the end."""
        if _is_new(reason):
            self._above_bar()
            self.warn(f"{name}: {reason}")

    def message(self, text: str) -> None:
        """Show a line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Show a warning."""
        self.console.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _line(self, text: str) -> None:
        if self._behind_bar:
            _beside_bar[:] = [text]
        else:
            self.message(text)

    def _above_bar(self) -> None:
        if self._behind_bar:
            print(CLEAR_LINE, end="")

    def _table(self, first: str, *others: str) -> Table:
        table = Table(box=box.SIMPLE_HEAD if self.console.is_terminal else box.ASCII2, pad_edge=False)
        table.add_column(first)
        for header in others:
            table.add_column(header, justify="right")
        return table

    def _print(self, table: Table, rows: int) -> None:
        if rows > MAX_ROWS:
            table.caption = f"the first {MAX_ROWS} of {rows} classes; classes.csv has them all"
        self.console.print(table)


def show_progress(ended: int, jobs: int, left: str) -> None:
    """Show how far a sweep is, in a terminal only: one bar, in its place, with the result of the last run.

    Parameters
    ----------
    ended, jobs : int
        Runs that have ended, and all.
    left : str
        How long the others will take.
    """
    if not sys.stdout.isatty():
        return
    done = round(BAR_WIDTH * ended / jobs)
    count = f"{ended}/{jobs}" if ended == jobs else f"{ended}/{jobs}, {left}"
    text = Text(f"{'━' * done}{'╌' * (BAR_WIDTH - done)} {count}  {''.join(_beside_bar)}")
    text.truncate(Console().width - 1, overflow="ellipsis")
    print(f"{CLEAR_LINE}{text.plain}", end="\n" if ended == jobs else "", flush=True)


def by_reason(reasons: Mapping[str, str]) -> list[str]:
    """Return a line for each reason, with the first of the runs it is of and how many others there are.

    Parameters
    ----------
    reasons : mapping of the name of a run to its reason

    Examples
    --------
    >>> by_reason({"none mlp seed=0": "no rows", "none mlp seed=1": "no rows", "smote mlp seed=0": "one class"})
    ['none mlp seed=0 and 1 more: no rows', 'smote mlp seed=0: one class']
    """
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return [f"{of[0]}{f' and {len(of) - 1} more' if of[1:] else ''}: {reason}" for reason, of in names.items()]


def new_sweep() -> None:
    """Forget what was shown of the sweep before."""
    _reasons.clear()
    _beside_bar.clear()


def not_again(reason: str) -> None:
    """Show a reason no more in this sweep: it was shown before its first run."""
    _reasons.add(reason)


def _is_new(reason: str) -> bool:
    new = reason not in _reasons
    _reasons.add(reason)
    return new


def _epoch_line(epoch: int, metrics: Mapping[str, float]) -> str:
    recalls = [value for key, value in metrics.items() if key.startswith("val/recall/")]
    if not recalls:
        return f"epoch {epoch}: loss {metrics['train/loss']:.3f}"
    return (
        f"epoch {epoch}, validation: {heading_of(HEADLINE)} {metrics[f'val/{HEADLINE}']:.3f}, "
        f"worst recall {min(recalls):.2f}"
    )


def _trial_line(trial: int, best: Mapping[str, float]) -> str:
    values = ", ".join(f"{heading_of(key)} {value:.3f}" for key, value in best.items())
    return f"trial {trial}{f', the best so far: {values}' if values else ''}"


def _number(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.3f}"
