"""Predict the rows of a file: ``python -m imbalance_lab predict new.csv model=MODEL [out=predictions.csv]``."""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import yaml
from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from imbalance_lab import process
from imbalance_lab.app.commands import Command, Typed, setting
from imbalance_lab.app.models import find_model
from imbalance_lab.data.chunks import Chunks, Reading
from imbalance_lab.data.sinks import open_sink
from imbalance_lab.data.sources.files import MISSING
from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.fields import STRICT
from imbalance_lab.runs.classifier import Classifier
from imbalance_lab.runs.predict import (
    WORDS,
    Prior,
    as_table,
    estimated,
    looks_at_all_rows,
    settled,
    target_priors,
)
from imbalance_lab.runs.sample import Sample

SECONDS_BETWEEN_LINES = 20.0
FIRST_LINE_AFTER = 2.0
MOST_NAMED = 3
MOST_OUTSIDE = 0.1  # share of rows outside a column's range in training that goes without saying

Names = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


def _prior(given: Any) -> Any:
    """Return a word, or the shares that ``{A: .1, B: .9}`` stands for."""
    if not isinstance(given, str) or given in WORDS:
        return given
    try:
        read = yaml.load(given, yaml.BaseLoader)
        if not isinstance(read, dict):
            raise ValueError
        return {str(name): float(share) for name, share in read.items()}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ValueError(f"is {', '.join(WORDS)}, or a share of each class: 'prior={{A: .1, B: .9}}'") from error


@dataclass(frozen=True, config=STRICT)
class Settings:
    """What predicts, and how files are read and written.

    Parameters
    ----------
    model, out : str
    prior : str or dict
    keep, missing, trusted : list of str
    separator, decimal, encoding, date_format, uri : str
    """

    model: str = setting("", "its folder, a run that kept it, or models:/name@alias", "model")
    out: str = setting("predictions.csv", "where the predictions go; .parquet too")
    prior: Annotated[Any, BeforeValidator(_prior)] = setting(
        "natural", "for which class shares: trained, estimate, {A: .1}"
    )
    keep: Names = setting((), "columns to copy, such as an identifier", "[id]")
    missing: Names = setting((), "what else stands for missing in a text file", "[-]")
    separator: str = setting("", "between the columns of a text file; found by itself", ";")
    decimal: str = setting("", "the decimal mark of a text file; as in training", ",")
    encoding: str = setting("", "of a text file; as in training", "latin-1")
    date_format: str = setting("", "how dates are written; as in training", "%d.%m.%Y")
    trusted: Names = setting((), "types of others that the model may hold", "[mymodule.Mine]")
    uri: str = setting("", "the MLflow store; MLFLOW_TRACKING_URI if set", "sqlite:///mlflow.db")


def run(typed: Typed[Settings]) -> None:
    """Predict the file that is named."""
    settings = typed.settings
    if len(typed.words) != 1:
        raise ConfigError("predict needs one file, as in predict new.csv model=outputs/.../model")
    if not settings.model:
        raise ConfigError("predict needs a model: model= names its folder, a run that kept it, or models:/name@alias")
    file, out = Path(typed.words[0]).expanduser(), Path(settings.out).expanduser()
    if out.exists() and file.exists() and out.samefile(file):
        raise ConfigError(f"out={out} is the file that is read; name another")
    process.handle_signals()
    try:
        with process.session(), _shown_warnings():
            classifier = find_model(settings.model, settings.uri, settings.trusted)
            predict_file(classifier, file, out, settings)
    except KeyboardInterrupt:
        sys.exit("interrupted; nothing was written")


def predict_file(classifier: Classifier, file: Path, out: Path, settings: Settings) -> None:
    """Predict a file part by part, and put the predictions in place when they are whole."""
    if not classifier.columns_:
        raise ConfigError("this model was trained on rows that are no table; load it with imbalance_lab.load")
    prior: Prior = settings.prior
    targets = target_priors(classifier, prior)
    reading = _reading(classifier, settings)

    def chunks(keep: Sequence[str]) -> Chunks:
        return Chunks(file, classifier.columns_, keep, reading)

    if prior == "estimate" or looks_at_all_rows(classifier):
        sample, progress = Sample(), _Progress("estimating class shares")
        for chunk in chunks(()):
            sample.add(classifier.log_proba(chunk.X))
            progress(len(chunk.X), chunk.done)
        classifier = settled(classifier, sample.scores)
        seen = f"estimated from {len(sample.scores):,} of {sample.seen:,} rows"
        if prior == "estimate":
            targets = estimated(classifier, sample.scores)
            print(f"class shares {seen}: {_shares(classifier, targets)}")
        else:
            print(f"the decision goes by class shares {seen}")
    rows, counts, progress, reader = 0, Counter[str](), _Progress("predicting"), chunks(settings.keep)
    with open_sink(out) as write:
        for chunk in reader:
            table = as_table(classifier, classifier.log_proba(chunk.X), targets)
            counts.update(_counts(table))
            if clash := [name for name in chunk.kept if name in table]:
                raise ConfigError(f"keep={clash[0]}: the predictions have a column of that name")
            write(pd.concat([chunk.kept, table], axis=1))
            rows += len(table)
            progress(len(table), chunk.done)
    progress.end()
    _report(classifier, reader, out, rows, counts, targets, prior)


def _report(
    classifier: Classifier, reader: Chunks, out: Path, rows: int, counts: Mapping[str, int],
    targets: Sequence[np.ndarray | None], prior: Prior,
) -> None:  # fmt: skip
    """Say what was written, and what a person should know of it."""
    for column, found in reader.unknown.items():
        shown = ", ".join(f"'{name}'" for name, _ in found.most_common(MOST_NAMED))
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        warnings.warn(
            f"column '{column}' holds categories that the model was not trained on, in {sum(found.values()):,} of "
            f"{rows:,} rows: {shown}{more}; they count as none of those it knows",
            LabWarning,
            stacklevel=2,
        )
    if outside := [name for name, count in reader.outside.most_common() if count > MOST_OUTSIDE * rows]:
        named = ", ".join(f"'{name}' ({reader.outside[name]:,} of {rows:,} rows)" for name in outside[:MOST_NAMED])
        more = f" and {len(outside) - MOST_NAMED} more" if len(outside) > MOST_NAMED else ""
        warnings.warn(
            f"values lie outside the range the model was trained on, in {named}{more}: what it says of such rows was "
            "never measured; an identifier is left out in training, by drop=[column]",
            LabWarning,
            stacklevel=2,
        )
    if reader.others:
        more = f" and {len(reader.others) - 8} more" if len(reader.others) > 8 else ""
        print(f"columns that are not used: {', '.join(reader.others[:8])}{more}")
    if any(one.effective is None for one in classifier.fitted_.priors):
        print("the scores of this model are no probabilities; they are written as they are")
    elif prior != "trained":
        print(f"probabilities are for the class shares {_shares(classifier, targets)}")
    most = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1])[:8])
    print(f"{out}: {rows:,} rows; predicted {most}")


def _counts(table: pd.DataFrame) -> dict[str, int]:
    if "class" in table:
        return {str(name): int(count) for name, count in table["class"].value_counts().items()}
    labels = [column for column in map(str, table) if column.startswith("class/")]
    return {column.removeprefix("class/"): int(table[column].sum()) for column in labels}


def _shares(classifier: Classifier, targets: Sequence[np.ndarray | None]) -> str:
    if classifier.labels_:
        pairs = [
            (label, target[1]) for label, target in zip(classifier.labels_, targets, strict=True) if target is not None
        ]
    else:
        names, target = classifier.classes_, targets[0]
        pairs = [] if target is None else list(zip(names, target[classifier.class_numbers], strict=True))
    return ", ".join(f"{name} {share:.3g}" for name, share in pairs[:8]) + (", ..." if len(pairs) > 8 else "")


def _reading(classifier: Classifier, settings: Settings) -> Reading:
    """Return how the file is read: as the table that the model was trained on, but for what is typed."""
    trained = classifier.identity_.options["dataset"].settings
    missing = [*(trained.get("missing") or MISSING), *settings.missing]
    return Reading(
        settings.separator or None,
        settings.decimal or trained.get("decimal") or ".",
        settings.encoding or trained.get("encoding") or "utf-8",
        missing,
        settings.date_format or trained.get("date_format"),
    )


class _Progress:
    """Says how far it is, and how long the rest will take: a bar in a terminal, now and then a line elsewhere."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(30), TimeRemainingColumn(), TextColumn("{task.fields[rows]}"),
            console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._what, self._rows, self._started = what, 0, time.monotonic()
        self._next = self._started + FIRST_LINE_AFTER
        self._task = self._bar.add_task(what, total=1.0, rows="")
        self._bar.start()

    def __call__(self, rows: int, done: float) -> None:
        self._rows += rows
        self._bar.update(self._task, completed=done, rows=f"{self._rows:,} rows")
        now = time.monotonic()
        if done >= 1:
            self.end()
        elif not self._console.is_terminal and now > self._next and done > 0:
            left = (now - self._started) * (1 - done) / done
            print(f"{self._what}: {self._rows:,} rows, {done:.0%}, about {_duration(left)} left", flush=True)
            self._next = now + SECONDS_BETWEEN_LINES

    def end(self) -> None:
        self._bar.stop()


def _duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> _duration(8.2), _duration(200)
    ('8 s', '3 min')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@contextmanager
def _shown_warnings() -> Iterator[None]:
    """Show our warnings as lines, once each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", LabWarning)
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        yield


main = Command(
    "predict",
    "predict the rows of a file with a saved model",
    Settings,
    run,
    words="FILE",
    notes=(
        "FILE is text (.csv, .tsv), Parquet or Excel, and may be larger than memory. The\n"
        "predictions have a column class, which is decided as in training, and one of the\n"
        "probability of each class, probability/NAME. prior=natural is the class shares of\n"
        "the training data, whatever was sampled or weighted; estimate finds those of FILE."
    ),
)
