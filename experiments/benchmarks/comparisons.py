"""Every comparison: who runs what, how often, and what is hoped for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

from experiments.benchmarks.blocks import (
    HERE,
    Block,
    printed_scores,
    recorded_scores,
    recorded_sets,
    stored_scores,
)
from experiments.benchmarks.pairs import Clock, Comparison, Cost, Rival, Side, whole

PYTHON = sys.executable
LAB = (PYTHON, "-m", "imbalance_lab")
IMPORTS = (PYTHON, "-c", "import tensorflow, mlflow, sklearn, imblearn, hydra")
WITH_TENSORFLOW = (PYTHON, "-c", "import tensorflow; from imbalance_lab.app.cli import main; main()")
STRATEGIES = ("none", "inv_freq", "sqrt_inv", "ros", "smote")
# Numeric sets whose rarest class has at least 30 rows, so that SMOTE finds its neighbours in every fold.
KEEL_SETS = (
    "glass-0-1-2-3_vs_4-5-6 glass0 glass1 new-thyroid1 new_thyroid2 newthyroid ecoli-0_vs_1 spect spectfheart "
    "haberman ecoli1 ecoli2 ecoli3 bupa ionosphere monk-2 led7digit-0-2-4-5-6-7-8-9_vs_1 yeast-1_vs_7 cm1 "
    "led7digit yeast-0-3-5-9_vs_7-8 yeast-2_vs_4 yeast-0-5-6-7-9_vs_4 wdbc balance wisconsin yeast-1-4-5-8_vs_7 "
    "pima mammographic vehicle vehicle0 vehicle1 vehicle2 vehicle3 yeast-1-2-8-9_vs_7 vowel0 vowel "
    "yeast-0-2-5-6_vs_3-7-8-9 yeast-0-2-5-7-9_vs_3-6-8 pc1 "
)
SLOW_ROWS = 8_000
TO_THE_END = ("training.patience=null", "model.output_bias=zeros")  # as the rivals: every epoch, Keras' own start


def rival(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the command of a rival's script."""
    return (PYTHON, str(HERE / "rivals" / f"{name}.py"), *arguments)


def first_fit(blocks: Sequence[Block], clock: Clock) -> float:
    """Return the seconds of the first fit that was printed."""
    return blocks[0].printed[0][clock]


def later_fits(blocks: Sequence[Block], clock: Clock) -> float:
    """Return the median seconds of the fits after the first."""
    return median(line[clock] for line in blocks[0].printed[1:])


def mean_fit(blocks: Sequence[Block], clock: Clock) -> float:
    """Return the mean seconds of the fits that were printed."""
    return fmean(line[clock] for line in blocks[0].printed)


def per_run(runs: int, of: int) -> Cost:
    """Return what a run costs in a sweep of `of` runs, from a block of `runs` and a block of the imports alone."""

    def cost(blocks: Sequence[Block], clock: Clock) -> float:
        sweep, imports = (getattr(block, clock) for block in blocks)
        return imports / of + (sweep - imports) / runs

    return cost


def each_more(more: int) -> Cost:
    """Return what a run costs once all is loaded: a block that has `more` runs than another, less the other."""
    return lambda blocks, clock: (getattr(blocks[0], clock) - getattr(blocks[1], clock)) / more


def training(name: str, rows: int, epochs: int, batch: int, target: float, rounds: int, data: Path) -> Comparison:
    """Compare fits alone; a process makes three, of which the first also warms up."""
    arguments = (str(data / f"rows_{rows}.npz"), str(epochs), str(batch), "ROUND0", "ROUND1", "ROUND2")
    ours = (PYTHON, str(HERE / "ours" / "keras_fit.py"), *arguments)
    side = Side((rival("keras_fit", *arguments),), later_fits, printed_scores)
    return Comparison(
        name,
        Side((ours,), later_fits, printed_scores),
        (Rival("Keras fit(class_weight=)", side, target=target),),
        rounds,
        (f"rows_{rows}",),
    )


def first_of_a_process(comparison: Comparison) -> Comparison:
    """Compare the first fits of a process instead of the later ones, without a target."""
    (one,) = comparison.rivals
    theirs = replace(one, side=replace(one.side, cost=first_fit), target=None)
    ours = replace(comparison.ours, cost=first_fit)
    return replace(comparison, name=f"{comparison.name}, first fit of a process", ours=ours, rivals=(theirs,))


def sweep(rounds: int, data: Path, quick: bool) -> Comparison:
    """Compare a sweep of networks, everything logged, per run."""
    strategies = STRATEGIES[1:2] if quick else STRATEGIES
    seeds, epochs = (1, 3) if quick else (10, 100)
    n, ours_runs = len(strategies), len(strategies) * seeds
    what = ("-m", f"strategy={','.join(strategies)}")
    ours = Side(
        ((*LAB, *what, f"seed=range({seeds})", f"training.epochs={epochs}", *TO_THE_END),),
        lambda blocks, clock: whole(blocks, clock) / ours_runs,
        recorded_scores,
    )

    def by(name: str, *more: str) -> Side:
        command = rival(name, *what, f"data={data / 'four_classes.csv'}", f"epochs={epochs}", "seed=ROUND", *more)
        return Side((command, IMPORTS), per_run(n, ours_runs), stored_scores)

    rivals = (
        Rival("autolog.py", by("autolog"), target=20),
        Rival("by_hand.py", by("by_hand"), target=4),
        Rival("autolog.py log_models=false", by("autolog", "log_models=false")),
    )[: 2 if quick else None]
    title = f"sweep of {n} strategies x {seeds} seeds, {epochs} epochs, per run"
    return Comparison(title, ours, rivals, rounds, ("four_classes",))


def harness(rounds: int, data: Path, quick: bool) -> Comparison:
    """Compare a run in a sweep with the bare fit."""
    strategies = ",".join(STRATEGIES[:2] if quick else STRATEGIES)
    seeds, more = (range(2), 2) if quick else (range(10), 45)
    listed = ",".join(map(str, seeds))
    base = (*LAB, "-m", "model=logreg", f"strategy={strategies}")
    ours = Side(((*base, f"seed={listed}"), (*base, "seed=0")), each_more(more), recorded_scores)
    fit = rival("sklearn_fit", str(data / "four_classes.csv"), "logreg", strategies, listed)
    bare = Rival("sklearn_fit.py", Side((fit,), mean_fit, printed_scores), "s more", 0.15)
    return Comparison("what a run adds to a scikit-learn fit, four_classes", ours, (bare,), rounds, ("four_classes",))


def slow_fit(rounds: int, data: Path) -> Comparison:
    """Compare a run in a sweep with a bare fit that takes some 5 s, of a model that predicts quickly."""
    priors = "dataset.priors={A: 198, B: 436, C: 710, D: 272}"
    model = ("model=custom", "model.estimator._target_=sklearn.ensemble.GradientBoostingClassifier")
    base = (*LAB, "-m", *model, "dataset=synthetic", f"dataset.rows={SLOW_ROWS}", priors)
    ours = Side(((*base, "seed=0,1,2"), (*base, "seed=0")), each_more(2), recorded_scores)
    fit = rival("sklearn_fit", str(data / f"table_{SLOW_ROWS}.csv"), "gradient_boosting", "none", "0,1,2")
    bare = Rival("sklearn_fit.py", Side((fit,), mean_fit, printed_scores), "of the time", 1.05)
    name = "a run where the fit takes 5 s"
    return Comparison(name, ours, (bare,), rounds, (f"table_{SLOW_ROWS}",))


def keel(rounds: int, data: Path, sets: Sequence[str]) -> Comparison:
    """Compare cross-validations of scikit-learn models on KEEL sets with the same without any logging."""
    grid = ("strategy=none,inv_freq,ros,smote", "model=logreg,decision_tree", "split=cv", "split.validation=0")
    ours = Side(((*LAB, "-m", "dataset=keel", f"dataset.name={','.join(sets)}", *grid),), scores=recorded_sets)
    theirs = rival("cross_validation", *(str(data / f"{name}.csv") for name in sets))
    bare = Rival("cross_validation.py", Side((theirs,), scores=printed_scores), "of the time", 2.0)
    name = f"{len(sets)} KEEL sets x 8 strategy-model pairs x 5 folds"
    return Comparison(name, ours, (bare,), rounds, ("keel",))


def one_run(rounds: int) -> Comparison:
    """Compare the main job with the imports that it cannot do without."""
    imports = Rival("its imports", Side((IMPORTS,)), "of the time", 1.25)
    return Comparison("one run, strategy=inv_freq", Side(((*LAB, "strategy=inv_freq"),)), (imports,), rounds)


def first_run(rounds: int) -> Comparison:
    """Compare the main job where there is no MLflow database yet."""
    imports = Rival("its imports", Side((IMPORTS,)), "of the time")
    side = Side(((*LAB, "strategy=inv_freq"),), store=False)
    return Comparison("the first run of a folder, which creates the database", side, (imports,), rounds)


def without_tensorflow(rounds: int) -> Comparison:
    """Compare a scikit-learn run with one that loads TensorFlow for nothing."""
    theirs = Side(((*WITH_TENSORFLOW, "model=logreg"),), scores=recorded_scores)
    loaded = Rival("the same with TensorFlow imported", theirs, "of the time", 0.5)
    ours = Side(((*LAB, "model=logreg"),), scores=recorded_scores)
    return Comparison("one run, model=logreg", ours, (loaded,), rounds)


def comparisons(quick: bool, data: Path) -> dict[str, Comparison]:
    """Return the comparisons by the names that ``--only`` takes; `data` is where their rows will lie."""
    if quick:
        small = training("1,616 rows x 5 epochs, batch 32", 1616, 5, 32, 6, 1, data)
        return {
            "small": small,
            "sweep": sweep(1, data, quick),
            "start": one_run(1),
            "sklearn": without_tensorflow(1),
            "harness": harness(1, data, quick),
            "keel": keel(1, data, KEEL_SETS.split()[:1]),
        }
    small = training("1,616 rows x 100 epochs, batch 32", 1616, 100, 32, 6, 3, data)
    return {
        "small": small,
        "small-first": first_of_a_process(small),
        "medium": training("20,000 rows x 10 epochs, batch 64", 20_000, 10, 64, 4, 3, data),
        "large": training("1,000,000 rows x 1 epoch, batch 1024", 1_000_000, 1, 1024, 1.8, 3, data),
        "sweep": sweep(3, data, quick),
        "start": one_run(5),
        "start-first": first_run(3),
        "sklearn": without_tensorflow(5),
        "harness": harness(3, data, quick),
        "slow-fit": slow_fit(2, data),
        "keel": keel(2, data, KEEL_SETS.split()),
    }
