"""The leaderboard's page and its Parquet file, from the runs in a folder."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.leaderboard import tuned
from experiments.leaderboard.earlier import joined
from experiments.leaderboard.gather import Board, taking_part
from experiments.leaderboard.pictures import draw_kinds
from experiments.leaderboard.reasons import reasons
from experiments.leaderboard.summary import LIKELY, abstract, costs, spoken_of, times
from experiments.leaderboard.table import OfModel, by_kind, facts_of, of_model, source, standing
from experiments.pictures import save_picture
from experiments.tables import to_markdown
from imbalance_lab.comparison import Settings
from imbalance_lab.comparison.budgets import about_tuning
from imbalance_lab.comparison.report.diagrams import draw_ranks
from imbalance_lab.comparison.side_by_side import alike_in_rank
from imbalance_lab.errors import ConfigError
from imbalance_lab.runs.parquet import write_parquet
from imbalance_lab.runs.table import RunTable

NAME = "leaderboard.parquet"
OTHERS = ("average_precision", "log_loss")
TITLE = "# Leaderboard: every strategy on every set that comes along"
LIMITS = """\
- Small tables, mostly of numbers and old. Nothing here says how strategies do on text, images or millions of rows.
- Untuned, but where a section says what tuning bought: learning rates, depths, neighbours and exponents are defaults. A
  strategy that lives by its tuning is judged too hard.
- One metric ranks, balanced accuracy, which a moved threshold serves best; average precision and log loss stand beside
  it.
- Average precision and log loss are compared by medians over sets: in one row of `kddcup-land_vs_portsweep` far outside
  the rest a network's log loss is so large that it decides any mean.
- Models that ran on few sets ran on small ones; their ranks are not to be compared with those of others.
- `crt` trains its new layer for 100 epochs: that default was set after 10 had failed on six of these sets, so its
  rank is a little optimistic."""
USE = f"""\
## Add a method of your own

Run it on the same splits, then compare it with what is in `{NAME}`; none of ours runs again:

    python -m imbalance_lab -m dataset=keel dataset.name=glass2,haberman model=logreg strategy=MINE split=cv \\
        evaluation.resamples=10 tracking=none hydra.sweep.dir=mine
    python -m imbalance_lab compare {NAME} folder=mine dataset=[glass2,haberman] model=logreg

The whole page anew, with your runs in it and ours from the table (a strategy that did not run on all sets of a
model may be left out of its ranks, and the section says so):

    python -m experiments leaderboard run=false folder=mine table=experiments/leaderboard/{NAME} out=with_mine

What the table holds under the same settings, data and version is not run again either: `python -m experiments
leaderboard` goes on where it was stopped.

In Python: `lab.compare("{NAME}", metric="macro_f1")`."""


def write(board: Board, folder: Path, out: Path, earlier: RunTable | None = None, predictions: bool = False) -> Path:
    """Write the table, the pictures and ``README.md`` under `out`; return the page.

    Parameters
    ----------
    board : Board
    folder : Path
        Of runs.
    out : Path
    earlier : RunTable, optional
        Runs that are shown too, of cells that have no run in `folder`.
    predictions : bool
        Whether the table keeps those of the runs in `folder`, and of what ``out/leaderboard.parquet`` held before.

    Raises
    ------
    ConfigError
        If nothing has run.
    """
    own = RunTable.from_folder(folder) if folder.is_dir() else None
    table = joined(own if own is not None and len(own) else None, earlier)
    if table is None or not len(table):
        raise ConfigError(f"nothing has run in {folder}")
    untuned = table.only(about_tuning(table.settings).trials == 0)
    found = [of_model(untuned, model, Settings(), OTHERS) for model in untuned.runs.model.unique()]
    models = sorted((one for one in found if one is not None), key=lambda one: -len(one.means))
    if not models:
        raise ConfigError(f"too little has run in {folder} to be ranked: no strategy on two sources yet")
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    places = {run: folder / run for run in own.runs.index} if predictions and own is not None else None
    write_parquet(table, out / NAME, board.metrics, places, keep_tests=predictions)
    facts = facts_of(untuned)
    kinds = {one.model: by_kind(one, facts.drop(columns="rows")) for one in models}
    parts = [TITLE, *abstract(models, kinds, untuned), *_method(board, untuned, models, facts), *_answer(models)]
    parts += _costs(models, untuned)
    parts += tuned.section(table, Settings())
    for one in models:
        parts += _of_model(one, kinds[one.model], out)
    left = reasons(table)
    parts += [
        "## Limits",
        _cuts(facts),
        LIMITS,
        *([] if left.empty else ["## Not run, and why", to_markdown(left.astype(str))]),
        USE,
    ]
    page = out / "README.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def _method(board: Board, table: RunTable, models: Sequence[OfModel], facts: pd.DataFrame) -> list[str]:
    outcomes = table.runs.outcome.value_counts()
    done = table.only(table.runs.outcome == "finished")
    rows = {}
    for one in models:
        runs = done.runs[done.runs.model == one.model]
        sizes = facts.loc[runs.dataset.unique(), "rows"]
        rows[one.model] = {
            "sets": len(sizes),
            "ranked on": len(one.means),
            "of sources": len(one.across.means),
            "rows of a set": f"{sizes.min():.0f} to {sizes.max():.0f}",
            "ranked strategies": len(one.means.columns),
            "runs": len(runs),
            "repeats": runs.seed.nunique(),
        }
    ran = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    versions = ", ".join(sorted(map(str, done.runs.version.dropna().unique())))
    seconds = done.metrics[[name for name in done.metrics if str(name).startswith("timing/")]].sum().sum()
    eligible = sum(1 for _ in taking_part(board))
    return [
        "## What was asked, and what was run",
        f"Of {len(board.sets)} sets that come along, {eligible} take part: their smallest class has {board.fewest} "
        f"or more training rows in every one of {board.folds} stratified folds. A fifth of each fold's training rows "
        "validates. Every strategy has its default settings; nothing is tuned but thresholds where the strategy is "
        "to tune them (but for the section on what tuning bought, of a named subset). "
        "Strategies that need what only a user can say (costs, a share to flag) are not in the race; "
        "what a model or a set cannot have is skipped, with its reason at the end.",
        f"Run so far, small sets first: {len(done.runs.dataset.unique())} of these sets, of "
        f"{len({source(name) for name in done.runs.dataset})} sources; {int(outcomes.get('finished', 0)):,} runs of "
        f"{board.folds} folds each finished, {int(outcomes.get('skipped', 0)):,} were skipped, "
        f"{int(outcomes.get('failed', 0)):,} failed; version {versions} on {platform.machine()}, "
        f"{seconds / 60 * board.folds:,.0f} minutes of fits. Strategies are ranked on the sets on which each of them "
        "can run: what makes rows between rows cannot where columns are categories.",
        to_markdown(ran.astype(str)),
        *_redefined(board, done),
        "Several cuts of one source are no independent evidence: ranks and tests count each source once, by the mean "
        "of its cuts. Verdicts set by set are the corrected resampled t-test's, after Holm. "
        "Generated by `python -m experiments leaderboard`; no figure here was typed.",
    ]


def _redefined(board: Board, done: RunTable) -> list[str]:
    ran = set(done.setting("options.loss")) if len(done) else set()
    return [
        f"No run of loss={name} is shown: it trains otherwise since {day}, and has not run again since."
        for name, day in board.redefined.items()
        if name in board.strategies and name not in ran
    ]


def _answer(models: Sequence[OfModel]) -> list[str]:
    lines = []
    for one in models:
        table, settings = standing(one), one.comparison.settings
        best = table.index[0]
        alike = alike_in_rank(one.across)
        sure = table.index[table.p_better > LIKELY]
        beats = table.index[table.p_better_than_control.fillna(0) > LIKELY]
        gain = table.loc[best]
        lines.append(
            f"- **{one.model}**, {len(one.across.means)} sources: `{best}` has the best average rank "
            f"({gain['rank']:.1f} of {len(table)}) and adds {gain.gain:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] "
            f"balanced accuracy to plain training; Nemenyi's test cannot tell it from {len(alike) - 1} "
            f"others{_names(alike[1:5])}. {len(sure)} of {len(table) - 1} strategies are better than plain training "
            f"by more than {settings.rope:g} with a probability above {LIKELY}; {len(beats) or 'none'} of them so "
            f"beat{_s(len(beats))} `{settings.control}`, the control{_names(list(beats)[:6])}."
        )
    return ["## What helps, and by how much", "\n".join(lines)]


def _costs(models: Sequence[OfModel], table: RunTable) -> list[str]:
    price = costs(models, table)
    shown = pd.DataFrame(
        {
            "gain": price.gain.map("{:+.3f}".format),
            "average precision": price.average_precision.map("{:+.3f}".format),
            "log loss": price.log_loss.map("{:+.3f}".format),
            "time": price.seconds.map(times),
        }
    )
    return [
        "## At what price",
        "Medians over the strategies of a kind and over models "
        f"({', '.join(one.model for one in spoken_of(models))}), against plain training. A decision rule leaves the "
        "model as it is, and with it its ranking and its probabilities. Times are of runs that began within an hour of "
        "plain training on their set, as the machine had other work too.",
        to_markdown(shown),
    ]


def _cuts(facts: pd.DataFrame) -> str:
    """Return how many sets are cuts of the most frequent sources."""
    counts = facts.index.map(source).value_counts()
    most = ", ".join(f"{count} of `{name}`" for name, count in counts.head(3).items())
    return f"The {len(facts)} sets are cuts of {len(counts)} sources: {most}."


def _s(count: int) -> str:
    return "s" if count in (0, 1) else ""


def _names(names: Sequence[str]) -> str:
    return f" ({', '.join(f'`{name}`' for name in names)})" if names else ""


def _of_model(one: OfModel, kinds: pd.DataFrame, out: Path) -> list[str]:
    settings, table = one.comparison.settings, standing(one)
    signed = {name: table[name].map("{:+.3f}".format) for name in OTHERS}
    shown = pd.DataFrame(
        {
            "rank": table["rank"].map("{:.1f}".format),
            "balanced accuracy": table["mean"].map("{:.3f}".format),
            "gain": [f"{g:+.3f} [{a:+.3f}, {b:+.3f}]" for g, a, b in table[["gain", "low", "high"]].to_numpy()],
            "P(better)": table.p_better.map("{:.2f}".format).replace("nan", ""),
            f"P(better than {settings.control})": table.p_better_than_control.map("{:.2f}".format).replace("nan", ""),
            **{f"sets against {settings.baseline}": _counts(table, "baseline")},
            **{f"sets against {settings.control}": _counts(table, "control")},
            "average precision": signed["average_precision"],
            "log loss": signed["log_loss"],
            "time": table.seconds.map(times),
        },
        index=table.index,
    )
    name = "".join(letter if letter.isalnum() else "-" for letter in one.model)
    ranks = draw_ranks(one.across, 1 - settings.confidence)
    ranks.set_figwidth(10)  # there are many strategies
    save_picture(ranks, out / "pictures" / f"ranks-{name}.png", dpi=80)
    save_picture(draw_kinds(kinds, one.model), out / "pictures" / f"kinds-{name}.png", dpi=80)
    low, high = kinds.max().idxmin(), kinds.max().idxmax()
    return [
        f"## {one.model}",
        f"![average ranks with {one.model}](pictures/ranks-{name}.png)",
        f"Gain, average precision and log loss are differences to `{settings.baseline}`, means over sources (gain) or "
        "medians over sets; sets are those on which the verdict is better / the same / worse / open; time is that of "
        f"sampling and fitting, the median ratio to `{settings.baseline}`. P is the posterior of the Bayesian "
        "signed-rank test over sources.",
        to_markdown(shown.astype(str)),
        f"When: the most that any strategy gains on average is {kinds[high].max():+.3f} at {high[0]} {high[1]}, and "
        f"{kinds[low].max():+.3f} at {low[0]} {low[1]}.",
        f"![gain by kind of set with {one.model}](pictures/kinds-{name}.png)",
        *([f"Left out of this section: {one.left_out}."] if one.left_out else []),
        *(f"Note: {note}." for note in one.across.notes),
    ]


def _counts(table: pd.DataFrame, role: str) -> list[str]:
    words = [f"{role}_{word}" for word in ("better", "same", "worse", "open")]
    if words[0] not in table:
        return [""] * len(table)
    return [
        " / ".join(f"{count:.0f}" for count in row) if sum(row) else "" for row in table[words].fillna(0).to_numpy()
    ]
