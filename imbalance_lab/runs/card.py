"""The model card: what a saved model is, what was measured of it, and where it must not be relied on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imbalance_lab.evaluation.metrics import HEADLINE, heading_of

MOST_CLASSES, MOST_COLUMNS, MOST_CATEGORIES = 50, 60, 8
FEW_ROWS = 30  # of a class: its recall, or its threshold, is known to no more than a tenth or two
SHOWN = (HEADLINE, "macro_f1", "g_mean", "mcc", "roc_auc", "average_precision", "log_loss", "brier", "ece")
WIDE = 0.2  # of an interval


def card(manifest: Mapping[str, Any]) -> str:
    """Return the card of a saved model in Markdown; everything in it is computed from what the model says of itself.

    Parameters
    ----------
    manifest : mapping
        As `imbalance_lab.runs.saving.describe` returns it.
    """
    identity = manifest["identity"]
    parts = [
        f"# {manifest['name']}",
        f"A model for `{identity['dataset']}`, made on {manifest['created'][:10]} by imbalance_lab "
        f"{manifest['versions']['imbalance_lab']} (format {manifest['format']}).",
        *_data(manifest),
        *_strategy(manifest),
        *_decision(manifest),
        *_measured(manifest),
        *_limits(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def train_rows(manifest: Mapping[str, Any]) -> int:
    """Return how many rows the model was trained on, before sampling."""
    first = manifest["tasks"][0]["classes"]
    return int(sum(row["train_rows"] for row in manifest["class_table"][: len(first)]))


def decision_line(manifest: Mapping[str, Any]) -> str:
    """Return how scores become classes, in one line."""
    lines = [_rule(task["classes"], task["decision"]) for task in manifest["tasks"]]
    return "; ".join(dict.fromkeys(lines[:MOST_CLASSES]))


def _rule(names: Sequence[str], decision: Mapping[str, Any]) -> str:
    offsets = decision.get("offsets") or {}
    if len(names) == 2 and "threshold" in decision:
        return f"{names[1]} from a probability of {decision['threshold']:.4g}"
    if offsets and not any(offsets.values()):
        return "the most probable class"
    if offsets:
        shown = ", ".join(
            f"{name} {value:+.4g}" for name, value in list(offsets.items())[:MOST_CLASSES] if value is not None
        )
        return f"the largest log-probability plus offset ({shown})"
    return str(decision.get("rule", "a rule of its own"))


def _data(manifest: Mapping[str, Any]) -> list[str]:
    identity, columns = manifest["identity"], manifest["columns"]
    rows = [
        f"| {_cell(row['class'])} | {row['train_rows']:g} | {row['sampled_rows']:g} | {_number(row['weight'])} "
        f"| {_number(prior)} | {_number(row['effective_prior'])} |"
        for row, prior in zip(manifest["class_table"], _natural(manifest), strict=True)
    ]
    head = (
        "| class | training rows | after sampling | weight | share | effective prior |\n|---|---:|---:|---:|---:|---:|"
    )
    digest = identity["data_hash"]
    table = "\n".join([head, *rows[:MOST_CLASSES], *_left(len(rows), MOST_CLASSES, 6)])
    text = [
        "## Data",
        f"{train_rows(manifest):,} training rows of `{identity['dataset']}`"
        f"{f' (hash `{digest}`)' if digest else ''}, {len(columns) or 'no'} columns.",
        table,
        "The effective prior is the class shares that the model's own scores are probabilities for.",
    ]
    if not columns:
        return text
    lines = [
        f"| {_cell(name)} | {about['kind']} | {_range(about)} | {about['missing']:.1%} |"
        for name, about in columns.items()
    ]
    head = "| column | kind | in training | missing |\n|---|---|---|---:|"
    return [*text, "\n".join([head, *lines[:MOST_COLUMNS], *_left(len(lines), MOST_COLUMNS, 4)])]


def _strategy(manifest: Mapping[str, Any]) -> list[str]:
    identity = manifest["identity"]
    lines = [f"- strategy: `{identity['strategy']}`", f"- model: `{identity['model']}`", f"- seed: {identity['seed']}"]
    tuning = (manifest["measured"] or {}).get("tuning")
    return ["## Strategy", "\n".join([*lines, *(_tuning(tuning) if tuning else [])])]


def _tuning(tuning: Mapping[str, Any]) -> list[str]:
    """Return how the settings were chosen, and what they bought where they were."""
    on = "folds of the training rows" if tuning["on"] == "cv" else "validation rows"
    lines = [f"- tuned: {tuning['trials']} trials of {tuning['name']}, {heading_of(tuning['metric'])} on {on}"]
    if tuning["best"]:
        before = "" if tuning["default_value"] is None else f", {_number(tuning['default_value'])} as given"
        values = ", ".join(
            f"`{name}={_number(v) if isinstance(v, float) else v}`" for name, v in tuning["best"].items()
        )
        lines.append(f"- chosen: {values}: {_number(tuning['best_value'])} there{before}")
    return lines


def _decision(manifest: Mapping[str, Any]) -> list[str]:
    lines = [f"- {_rule(task['classes'], task['decision'])}" for task in manifest["tasks"]]
    return [
        "## Decision",
        "\n".join(lines[:MOST_CLASSES]),
        "Thresholds are for the model's own scores, before any correction.",
    ]


def _measured(manifest: Mapping[str, Any]) -> list[str]:
    measured = manifest["measured"]
    if measured is None:
        return ["## Measured", "Nothing: it was fitted without test rows."]
    intervals, metrics = measured["intervals"], measured["metrics"]
    recalls = [key for key in intervals if key.startswith("recall/")][:MOST_CLASSES]
    keys = [key for key in dict.fromkeys([*SHOWN, *recalls]) if key in metrics]
    lines = [
        f"| {_cell(heading_of(key))} | {_number(metrics[key])} | {_interval(intervals.get(key))} |" for key in keys
    ]
    how = f"on {measured['test_rows']:,} test rows" + (
        f" of {measured['folds']} folds" if measured["folds"] > 1 else ""
    )
    head = f"| metric | value | {measured['confidence']:.0%} interval |\n|---|---:|---|"
    of = ", whose models were trained on fewer of these rows" if _is_refitted(manifest) else ""
    return ["## Measured", f"By {measured['by']}{of}, {how}.", "\n".join([head, *lines])]


def _limits(manifest: Mapping[str, Any]) -> list[str]:
    """Return what follows from the facts above about where the model must not be relied on."""
    columns, measured = manifest["columns"], manifest["measured"]
    lines = [_of_shares(manifest)]
    few = [f"{row['class']} ({row['train_rows']:g})" for row in manifest["class_table"] if row["train_rows"] < FEW_ROWS]
    if few:
        lines.append(f"It has seen few rows of {_some(few)}: what it says of them rests on those.")
    ranges = [name for name, about in columns.items() if about["kind"] != "categorical" and about["low"] is not None]
    if ranges:
        lines.append("Values outside the ranges above are extrapolated: nothing here was measured on such rows.")
    if any(about["kind"] == "categorical" for about in columns.values()):
        lines.append("Other categories than those above count as none of them; nothing here was measured on such rows.")
    if complete := [name for name, about in columns.items() if about["missing"] == 0]:
        lines.append(
            f"No value was missing in {_some(complete)}; rows where one is are filled in, and were not measured."
        )
    lines += _of_scores(manifest)
    if measured is None:
        lines.append("Nothing was measured: how well it does is not known.")
    else:
        wide = [
            f"{heading_of(key)} ({_interval(ends)})"
            for key, ends in measured["intervals"].items()
            if ends["high"] - ends["low"] > WIDE
        ]
        if wide:
            lines.append(f"Not well known, for few test rows: {_some(wide)}.")
        lines += [f"Said of the run: {text}." for text in measured["warnings"]]
    return ["## Do not rely on it", "\n".join(f"- {line}" for line in lines)]


def _of_shares(manifest: Mapping[str, Any]) -> str:
    classes = list(zip(manifest["class_table"], _natural(manifest), strict=True))
    shares = ", ".join(f"{row['class']} {_number(prior)}" for row, prior in classes[:8])
    return (
        f"Where classes have other shares than in training ({shares}{', ...' if len(classes) > 8 else ''}): "
        "probabilities are off by that, which `predict` puts right by `prior=`; precision and expected costs change, "
        "recalls do not."
    )


def _of_scores(manifest: Mapping[str, Any]) -> list[str]:
    if all(task["effective_prior"] is None for task in manifest["tasks"]):
        return ["Its scores are no probabilities: read only the classes, and the order of the scores."]
    moved = [
        row["class"]
        for row, prior in zip(manifest["class_table"], _natural(manifest), strict=True)
        if row["effective_prior"] is not None and abs(row["effective_prior"] - prior) > 0.01
    ]
    if not moved:
        return []
    return [
        "Sampling or weights changed the class shares that its own scores (`predict_proba`, `prior=trained`) are for: "
        f"they are too high or too low for {_some(moved)}, unless they are corrected as `predict` does."
    ]


def _natural(manifest: Mapping[str, Any]) -> list[float]:
    return [share for task in manifest["tasks"] for share in task["natural_prior"]]


def _is_refitted(manifest: Mapping[str, Any]) -> bool:
    measured = manifest["measured"]
    return bool(measured) and train_rows(manifest) > measured["metrics"].get("rows/train", float("inf"))


def _range(about: Mapping[str, Any]) -> str:
    if about["kind"] == "categorical":
        names = about["categories"]
        more = f" and {len(names) - MOST_CATEGORIES} more" if len(names) > MOST_CATEGORIES else ""
        return _cell(", ".join(names[:MOST_CATEGORIES])) + more
    if about["low"] is None:
        return "nothing"
    low, high = (f"{end:.6g}" if isinstance(end, float) else str(end)[:10] for end in (about["low"], about["high"]))
    return f"{low} to {high}"


def _interval(ends: Mapping[str, float] | None) -> str:
    return "" if ends is None else f"{ends['low']:.3f} to {ends['high']:.3f}"


def _some(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _left(rows: int, most: int, columns: int) -> list[str]:
    return [f"| and {rows - most} more |" + " |" * (columns - 1)] if rows > most else []


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4g}"


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
