"""The comparison for a paper: datasets by strategies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from imbalance_lab.comparison import Comparison, compare
from imbalance_lab.comparison.report.latex import escaped, latex
from imbalance_lab.comparison.report.matrix import matrices, wide
from imbalance_lab.comparison.report.text import flat, markdown
from tests.comparison.conftest import made

STRATEGIES = ["none", "tuned_threshold", "a_b & 50%", '[x]*^~\\{#$|<é>"']


def comparison(datasets: int, strategies: list[str] = STRATEGIES, gain: float = 0.1) -> Comparison:
    noise = np.random.default_rng(0).normal(0, 0.002, size=(datasets, len(strategies), 5))
    values = 0.5 + gain * np.arange(len(strategies))[:, None] + noise
    cells = {
        (f"set_{k}", "mlp", name): values[k, place].tolist()
        for k in range(datasets)
        for place, name in enumerate(strategies)
    }
    return compare(made(cells))


def test_a_cell_has_mean_and_deviation() -> None:
    found = comparison(1)
    (one,) = matrices(found)
    values = found.compared[0].group.values.loc["none"]
    assert one.mean.loc["set_0", "none"] == values.mean()
    assert one.deviation.loc["set_0", "none"] == pytest.approx(np.std(values, ddof=1))
    assert f"${values.mean():.3f} \\pm {values.std():.3f}$" in latex(found)
    assert (one.ranks, one.alike_ranks) == (None, [])


def test_the_best_is_bold_and_what_cannot_be_told_from_it_underlined() -> None:
    apart = latex(comparison(1))
    assert apart.count("\\mathbf") == 1
    assert "\\underline" not in apart
    alike = latex(comparison(1, gain=0.0))
    assert (alike.count("\\mathbf"), alike.count("\\underline")) == (1, 3)


def test_average_ranks_stand_below_with_wilcoxons_test() -> None:
    (one,) = matrices(comparison(12))
    assert one.ranks is not None and one.ranks.to_list() == [1, 2, 3, 4]
    assert one.alike_ranks == []  # .0005 each way, times six
    few = latex(comparison(3))
    assert (
        few.index("\\midrule")
        < few.index("average rank & \\textbf{1.00} & \\underline{2.00}")
        < few.index("bottomrule")
    )
    assert "Wilcoxon" in few


def test_markdown_and_csv_carry_matrix_and_deviations() -> None:
    found = comparison(2)
    assert "## Datasets by strategies, mlp" in markdown(found)
    mean, deviation = found.compared[0].table.loc["none", ["mean", "deviation"]]
    assert f"{mean:.3f} ± {deviation:.3f}" in markdown(found)
    assert flat(found).deviation.notna().all()
    table = wide(found).set_index("dataset")
    assert table.loc["set_0", ["none", "none deviation"]].to_list() == [mean, deviation]


def test_what_was_not_run_is_a_dash() -> None:
    cells = {("a", "mlp", "none"): [0.5, 0.6], ("b", "mlp", "none"): [0.5, 0.6], ("a", "mlp", "smote"): [0.7, 0.6]}
    assert "& --" in latex(compare(made(cells)))


def test_names_are_escaped() -> None:
    assert escaped("a_b & 50%") == "a\\_b \\& 50\\%"
    assert escaped("\\{[x]") == "\\textbackslash{}\\{{[}x{]}"


@pytest.mark.slow
@pytest.mark.parametrize("datasets", [1, 3])
@pytest.mark.parametrize("strategies", [STRATEGIES, [*STRATEGIES, *"efghij"]])
def test_an_engine_sets_the_table(tmp_path: Path, datasets: int, strategies: list[str]) -> None:
    engine = shutil.which("pdflatex") or shutil.which("tectonic")
    if engine is None:
        pytest.skip("there is no pdflatex and no tectonic; Debian has them in texlive-latex-recommended")
    body = latex(comparison(datasets, strategies))
    text = f"\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}\\end{{document}}\n"
    (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in engine else []
    ran = subprocess.run([engine, *flags, "paper.tex"], cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")
