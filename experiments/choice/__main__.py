"""``python -m experiments.choice``: try the panel on the bundled sets, then write what `recommend` would have lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.choice.gather import METRICS, PANEL, Sides, gather
from experiments.choice.regret import BEST, choices, evidence_of, table, values
from experiments.study import asks_for_help
from experiments.tables import to_markdown
from imbalance_lab.data.sources.keel import names
from imbalance_lab.recommendation import evidence

HERE = Path(__file__).parent
HEAD = "balanced_accuracy"
USAGE = """\
python -m experiments.choice [sets=a,b] [repeats=1] [jobs=2] [runs=multirun/choice] [out=FOLDER]

Tries the panel of `recommend` on the bundled sets (what is in runs= is not run again), then writes README.md and
tables/ of this study, and imbalance_lab/recommendation/evidence.yaml, which `recommend` reads. sets= and repeats=
change the question, so they need out=, a folder for the answer, where evidence.yaml goes as well."""
KNOWN = ("sets", "repeats", "jobs", "runs", "out")


def main(arguments: Sequence[str]) -> None:
    """Run what was typed."""
    if asks_for_help(arguments):
        print(USAGE)
        return
    given = dict(argument.partition("=")[::2] for argument in arguments)
    if set(given) - set(KNOWN):
        sys.exit(USAGE)
    if {"sets", "repeats"} & set(given) and "out" not in given:
        sys.exit("error: sets= and repeats= change the question; say where its answer goes: out=")
    wanted = given["sets"].split(",") if given.get("sets") else names()
    runs, repeats = Path(given.get("runs", "multirun/choice")), int(given.get("repeats", 1))
    started, sets, left_out = time.monotonic(), list[Sides](), list[str]()
    for at, one in enumerate(gather(wanted, runs, repeats, int(given.get("jobs", 2))), start=1):
        sets, left_out = ([*sets, one], left_out) if isinstance(one, Sides) else (sets, [*left_out, one])
        print(f"\r{at} of {len(wanted)} sets, {time.monotonic() - started:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    out = Path(given.get("out", HERE))
    file = out / evidence.FILE.name if "out" in given else evidence.FILE
    print(write(sets, left_out, out, file))


def write(sets: Sequence[Sides], left_out: Sequence[str], out: Path, file: Path) -> Path:
    """Write the page, its tables, and what was learnt.

    Parameters
    ----------
    sets : sequence of Sides
    left_out : sequence of str
        Sets that cannot be tried, with the reason.
    out, file : Path
        The study's folder, and where the evidence goes.
    """
    (out / "tables").mkdir(parents=True, exist_ok=True)
    chosen = choices(sets)
    found = values(sets, chosen)
    summary = table(found)
    found.rename_axis("set").to_csv(out / "tables" / "values.csv", float_format="%.6g")
    chosen.map(" ".join).rename_axis("set").to_csv(out / "tables" / "choices.csv")
    summary.to_csv(out / "tables" / "regret.csv", float_format="%.6g")
    evidence.write({metric: evidence_of(sets, metric) for metric in METRICS}, file)
    page = out / "README.md"
    parts = [HEADING, QUESTION, *_answer(sets, summary, found, chosen), *_left_out(left_out)]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


HEADING = "# Does `recommend` choose well?"
QUESTION = f"""\
`recommend` takes the simplest candidate of which about as much is expected as of the best, given a table's own
cross-validation and what was found on other sets. Is that better than always doing the same, and better than taking the
best cross-validated mean?

A third of the rows of each bundled set are laid aside, every class in its share. The rest is cross-validated once, in
five folds (in fewer where a class has fewer rows), with {sum(map(len, PANEL.values()))} candidates; each rule chooses
by that alone. What other sets say is learnt without any cut of the same data. Then every candidate is trained on the
rest and tested on the rows laid aside. A choice's **regret** is what it loses there, in balanced accuracy, against the
candidate that turns out best, which nobody can know beforehand. Classes of fewer than five rows are left
out, and large sets are cut down to 2,000 rows.

    python -m experiments.choice

runs what has not run yet and writes this page, its tables, and what `recommend` knows of other sets
(`imbalance_lab/recommendation/evidence.yaml`)."""


def _answer(sets: Sequence[Sides], summary: pd.DataFrame, found: pd.DataFrame, chosen: pd.DataFrame) -> list[str]:
    shown = pd.DataFrame(index=summary.index)
    shown["balanced accuracy"] = summary["mean"].map("{:.3f}".format)
    shown["regret"] = [_figure(*row) for row in summary[["regret", "low", "high"]].to_numpy()]
    shown["more than recommend"] = [_figure(*row, "+") for row in summary[["more", "more low", "more high"]].to_numpy()]
    shown.iloc[0, -1] = ""
    counts = chosen["recommend"].map(" ".join).value_counts()
    often = "; ".join(f"{name} {count}" for name, count in counts.items())
    known = evidence_of(sets, HEAD)
    means = _means(sets).map("{:+.3f}".format).replace("+nan", "")
    spread = ", ".join(f"{value:.3f} ({key})" for key, value in known.spread.items())
    return [
        "## Regret",
        f"{len(sets)} sets; the best candidate in hindsight has a mean balanced accuracy of {found[BEST].mean():.3f}. "
        "Intervals of 95 % confidence, by resampling sources, as cuts of the same data are no independent evidence.",
        to_markdown(shown),
        f"What `recommend` chose, and how often: {often}. Set by set: `tables/values.csv`, `tables/choices.csv`.",
        "## What the sets say",
        "Mean cross-validated balanced accuracy of each candidate, relative to that of all; between sets it deviates "
        f"by {spread}.",
        to_markdown(means),
    ]


def _means(sets: Sequence[Sides]) -> pd.DataFrame:
    """Return the mean of each candidate over the sets, a row per strategy and a column per model."""
    apart = {one.name: one.inner[HEAD].mean(axis=1) - one.inner[HEAD].mean(axis=None) for one in sets}
    means = pd.DataFrame(apart)
    means.index = pd.MultiIndex.from_tuples(means.index, names=["strategy", "model"])
    order = list(dict.fromkeys(means.index.get_level_values("strategy")))
    return means.mean(axis=1).unstack("model").reindex(order)[list(PANEL)]


def _left_out(reasons: Sequence[str]) -> list[str]:
    return ["## Sets left out", "\n".join(f"- {reason}" for reason in reasons)] if reasons else []


def _figure(mean: float, low: float, high: float, sign: str = "") -> str:
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


if __name__ == "__main__":
    main(sys.argv[1:])
