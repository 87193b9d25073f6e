"""Commands and tables with mistakes that are drawn: each is refused with its reason, or runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imbalance_lab.app.config import compose, plain
from imbalance_lab.options import leaves
from tests.audit.conftest import DRAWN, QUICK
from tests.audit.files import BASE

FEW = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck], database=None
)  # fmt: skip
MANY = settings(FEW, max_examples=60)
VERY_MANY = settings(FEW, max_examples=250)  # of what takes no run

DATA = ("dataset=synthetic", "dataset.rows=240", "dataset.priors={a: 0.6, b: 0.3, c: 0.1}")
RUN = (*DATA, "model=logreg", *QUICK)
# What a run computes with for long, however right it is.
SIZES = ("rows", "features", "informative", "clusters", "resamples", "calibration_bins", "folds", "repeats", "max_iter")
KEYS = sorted(
    key
    for key, _ in leaves(plain(compose([*DATA, "model=logreg"])))
    if not key.startswith(("options.", "dataset.priors")) and not {"_target_", "_partial_"} & set(key.split("."))
)
COMPARED = [
    "metric",
    "baseline",
    "control",
    "by",
    "rope",
    "confidence",
    "format",
    "experiment",
    "sweep",
    "strategy",
    "x",
]
VALUES = [
    "", "null", "true", "nan", "inf", "-inf", "-1", "0", "0.5", "1e999", "[]", "{}", "[[1]]", "{a: b}", "[1,2]", "a b",
    "😀", "ü", "x" * 300, "1;2", "${nothing}", "'", '"', "$HOME", "\\", "a=b", "(", "9" * 30, "../..", "%00", "a,b",
]  # fmt: skip
LETTERS = st.sampled_from("abcdefghijklmnopqrstuvwxyz_.")


@st.composite
def mistyped(draw: st.DrawFn) -> str:
    """Draw a key with a letter more, less, or another, or two swapped."""
    key = draw(st.sampled_from(KEYS))
    at = draw(st.integers(0, len(key) - 1))
    return draw(
        st.sampled_from(
            [
                key[:at] + key[at + 1 :],
                key[:at] + draw(LETTERS) + key[at:],
                key[:at] + draw(LETTERS) + key[at + 1 :],
                key[:at] + key[at : at + 2][::-1] + key[at + 2 :],
            ]
        )
    )


@st.composite
def table(draw: st.DrawFn) -> bytes:
    """Draw a table that is cut, in another encoding, with cells, rows, or bytes that do not belong there."""
    lines = BASE.head(60).replace({"label": {"a": "Käse"}}).to_csv(index=False).splitlines()
    cell = st.sampled_from(["", "abc", "1e400", "-1e308", "9" * 400, "NaN", '"', "1,2", "0x1F", "1_000", " ", "1.2.3"])
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        cells = lines[at].split(",")
        change = draw(st.sampled_from(["cell", "longer", "shorter", "twice", "gone", "label"]))
        if change == "cell":
            cells[draw(st.integers(0, len(cells) - 1))] = draw(cell)
        elif change == "longer":
            cells += [draw(cell)]
        elif change == "shorter":
            cells = cells[:-1]
        elif change == "twice":
            cells[-1] = cells[0]
        elif change == "label":
            cells[-1] = draw(st.text(max_size=3))
        lines[at] = ",".join(cells) if change != "gone" else ""
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    encoded = text.encode(
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])), errors="replace"
    )
    if draw(st.booleans()):
        encoded = encoded[: draw(st.integers(0, len(encoded)))]
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(encoded)))
        encoded = encoded[:at] + draw(st.binary(min_size=1, max_size=6)) + encoded[at:]
    return encoded


def at_both_sizes(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test on few examples, and on many where time does not matter."""
    return pytest.mark.parametrize("many", [False, pytest.param(True, marks=pytest.mark.slow)])(test)


@at_both_sizes
def test_a_mistyped_key_is_named(many: bool, refusal: Callable[..., str]) -> None:
    @(MANY if many else FEW)
    @given(mistyped(), st.sampled_from(["1", "x", "0.5"]))
    def check(key: str, value: str) -> None:
        if key in KEYS or any(key.endswith(size) for size in SIZES):
            return
        reason = refusal(*RUN, f"{key}={value}")
        assert key.rpartition(".")[2] in reason or key.partition(".")[0] in reason, (key, reason)
        assert reason, key

    check()


@at_both_sizes
def test_a_wrong_value_is_named(many: bool, refusal: Callable[..., str]) -> None:
    keys = st.sampled_from([key for key in KEYS if key.rpartition(".")[2] not in SIZES])

    @(MANY if many else FEW)
    @given(keys, st.sampled_from(VALUES))
    def check(key: str, value: str) -> None:
        reason = refusal(*RUN, f"{key}={value}")
        named = {key.rpartition(".")[2], key.partition(".")[0], value[:20], "MLflow"}
        assert not reason or any(word in reason for word in named if word), (key, value, reason)

    check()


@at_both_sizes
def test_a_wrong_option_is_named(many: bool, refusal: Callable[..., str]) -> None:
    groups = ["dataset", "model", "loss", "sampler", "class_weight", "decision", "split", "prepare", "strategy"]

    @(VERY_MANY if many else FEW)
    @given(st.sampled_from(groups), st.sampled_from([value for value in VALUES if value != "a,b"]), st.booleans())
    def check(group: str, value: str, swept: bool) -> None:
        defaults = [one for one in RUN if one.partition("=")[0].partition(".")[0] != group]
        typed = ["-m", f"{group}={value}"] if swept else [f"{group}={value}"]
        reason = refusal(*defaults, *typed)
        assert not reason or group in reason or value[:20] in reason, (group, value, reason)

    check()


@at_both_sizes
def test_a_mangled_table_runs_or_is_named(many: bool, refusal: Callable[..., str], place: Path) -> None:
    @(MANY if many else FEW)
    @given(table())
    def check(content: bytes) -> None:
        (place / DRAWN).write_bytes(content)
        reason = refusal(DRAWN, "target=label", "model=logreg", *QUICK)
        assert not reason or "drawn" in reason or "min_class_rows" in reason, reason

    check()


@at_both_sizes
def test_a_wrong_setting_of_a_command_is_named(many: bool, refusal: Callable[..., str]) -> None:
    words = st.sampled_from([*VALUES, "nope", "A=1", "A=x", "beta=2", "uri=nonsense", "folder=nope"])
    compared = st.tuples(
        st.just("compare"), st.builds("{}={}".format, st.sampled_from(COMPARED), st.sampled_from(VALUES))
    )
    others = st.tuples(st.sampled_from(["weights", "datasets", "figures", "send", "options"]), words)

    @(VERY_MANY if many else FEW)
    @given(compared | others)
    def check(typed: tuple[str, str]) -> None:
        reason = refusal(*typed, folder="store")
        key, _, value = typed[1].rpartition("=")
        named = {
            key,
            value[:20],
            f"'{value[:20]}'",
            typed[1][:20],
            f"{typed[0]} needs",
            "give at least two classes",
            "argument",
        }
        assert not reason or any(word in reason for word in named if word), (typed, reason)

    check()
