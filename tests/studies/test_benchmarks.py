"""The benchmarks: what their table says, that it lands between its markers, and that a broken comparison fails."""

from __future__ import annotations

import doctest
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from experiments.benchmarks import __main__ as benchmarks
from experiments.benchmarks import blocks, comparisons, growth, large, neighbours, pairs, same, scale, table


def measured(seconds: list[float], scores: dict[str, float] | None = None) -> pairs.Measured:
    return pairs.Measured(seconds, [2 * s for s in seconds], [100.0] * len(seconds), scores or {})


def program(text: str) -> pairs.Side:
    return pairs.Side(((sys.executable, "-c", text),), scores=blocks.printed_scores)


def learns(score: float, run: str = "a") -> pairs.Side:
    line = f'{{"run": "{run}", "balanced_accuracy": {score}}}'
    return program(f"print('chatter'); print('''{line}''')")


def compared(ours: pairs.Side, rival: pairs.Side, rounds: int = 1) -> pairs.Comparison:
    return pairs.Comparison("us", ours, (pairs.Rival("them", rival, target=2.0),), rounds)


@pytest.fixture
def empty_store(tmp_path: Path) -> Path:
    file = tmp_path / "empty.db"
    file.touch()
    return file


def test_a_row_is_the_ratio_of_medians_with_the_spread_of_the_pairs() -> None:
    rival = pairs.Rival("them", pairs.Side(()), target=4.0)
    row = pairs.summarise(
        pairs.Comparison("us", pairs.Side(()), (rival,), 3), rival, measured([1, 2, 4]), measured([8] * 3)
    )
    assert (row["value"], row["low"], row["middle"], row["high"]) == (4.0, 2.0, 4.0, 8.0)
    assert pairs.met(row)
    cells = table.ratio_row(row)
    assert cells[2:6] == ["at least 4 x faster (met)", "4.00 x", "4.00 x", "2.00 x, 4.00 x, 8.00 x"]
    assert cells[6:] == ["2 : 8", "100 : 100", "-", "3"]


@pytest.mark.parametrize(
    ("kind", "value"), [("times faster", 6 / 3), ("of the time", 3 / 6), ("s more", 3 - 6)], ids=str
)
def test_ratios_point_the_way_they_are_named(kind: pairs.Kind, value: float) -> None:
    assert pairs.VALUES[kind](3, 6) == value


def test_a_smaller_sweep_is_billed_its_share_of_the_imports() -> None:
    # 10 s of imports: 5 runs in 35 s are 5 s each, and 10 s over 50 runs.
    sweep, imports = (blocks.Block(seconds, seconds, 1.0, Path()) for seconds in (35.0, 10.0))
    assert comparisons.per_run(5, 50)([sweep, imports], "seconds") == pytest.approx(5.2)
    assert comparisons.each_more(5)([sweep, imports], "cpu_seconds") == pytest.approx(5.0)


def test_sides_take_turns_and_the_order_turns_round(tmp_path: Path, empty_store: Path) -> None:
    order = tmp_path / "order"
    ours, theirs = (program(f"open({str(order)!r}, 'a').write('{who}ROUND ')") for who in "AB")
    pairs.run_rounds(compared(ours, theirs, rounds=2), tmp_path / "turns", empty_store)
    assert order.read_text().split() == ["A0", "B0", "B1", "A1"]


def test_blocks_are_timed_and_weighed(tmp_path: Path) -> None:
    code = "import time; block = bytearray(200 * 2**20); time.sleep(0.2); print('{\"run\": 1}')"
    # In a process of its own, as ever: what these tests hold would count as the block's.
    timed = (
        "import sys; from pathlib import Path; from experiments.benchmarks.blocks import run_block; "
        "block = run_block([sys.executable, '-c', sys.argv[1]], Path(sys.argv[2])); "
        "print(block.seconds, block.cpu_seconds, block.peak_mb, block.printed == [{'run': 1}])"
    )
    command = [sys.executable, "-c", timed, code, str(tmp_path / "block")]
    said = subprocess.run(command, cwd=blocks.ROOT, capture_output=True, text=True, check=True).stdout.split()
    seconds, cpu_seconds, peak_mb = map(float, said[:3])
    assert seconds > 0.2
    assert 0 < cpu_seconds < seconds + 1
    assert 200 < peak_mb < 1000
    assert said[3] == "True"


@pytest.mark.parametrize(
    ("ours", "rival", "reason"),
    [
        (learns(0.9), learns(0.6), "balanced accuracy differs by +0.300"),
        (learns(0.9), learns(0.9, "b"), "no result for b"),
        (learns(0.9), program("pass"), "no result for any run of the rival"),
        (learns(0.9), program("raise SystemExit('no such package')"), "ended with 1: no such package"),
    ],
    ids=["other accuracy", "other run", "no run", "rival fails"],
)
def test_a_broken_comparison_fails(ours, rival, reason, tmp_path: Path, empty_store: Path) -> None:
    rows, broken = benchmarks.run_all({"it": compared(ours, rival)}, tmp_path / "runs", empty_store)
    assert not rows
    assert broken[0].startswith("it: ") and reason in broken[0]


def test_the_exit_status_tells_broken_from_slow(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(benchmarks, "make_data", lambda chosen, folder, data: data.mkdir() or (data / STORE).touch())
    slow = {"slow": compared(program(f"import time; time.sleep(0.3); {LINE}"), learns(0.9))}
    monkeypatch.setattr(benchmarks, "comparisons", lambda quick, data: slow)
    assert benchmarks.main(["--out", str(tmp_path)]) == 0
    page = (tmp_path / "README.md").read_text()
    assert "(missed)" in page
    monkeypatch.setattr(benchmarks, "comparisons", lambda quick, data: {"bad": compared(learns(0.9), learns(0.1))})
    assert benchmarks.main(["--out", str(tmp_path)]) == 1
    assert "broken: bad" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == page  # the numbers of a broken comparison are not written


STORE = "mlflow.db"
LINE = 'print(\'{"run": "a", "balanced_accuracy": 0.9}\')'


def test_noise_is_allowed_and_a_bias_is_not() -> None:
    noise, bias = [0.03, -0.03] * 10, [0.03, 0.02] * 10
    assert pairs.allowed(noise) > 0.01
    assert sum(bias) / 20 > pairs.allowed(bias)


def test_tables_go_between_their_markers(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- ratios -->\nold\n<!-- end of ratios -->\nafter\n")
    table.replace_section(page, "ratios", "new")
    table.replace_section(page, "ratios", "newer")
    assert page.read_text() == "before\n<!-- ratios -->\n\nnewer\n\n<!-- end of ratios -->\nafter\n"
    with pytest.raises(ValueError, match="no section"):
        table.replace_section(page, "growth", "x")


def test_the_page_has_the_markers() -> None:
    page = (blocks.HERE / "README.md").read_text()
    for name in ("ratios", "growth", "large", "neighbours"):
        assert page.count(f"<!-- {name} -->") == page.count(f"<!-- end of {name} -->") == 1


def test_growth_beyond_n_log_n_and_hungry_runs_are_told() -> None:
    def row(rows: int) -> dict:
        stages = dict.fromkeys(growth.STAGES, 0.0) | {"train": (rows / 1e5) ** 2, "load": rows / 1e5}
        size = {"model": "m", "features": 10, "classes": 2, "rows": rows}
        return {**size, "stages": stages, "above_mb": 5 * rows / 1e4, "data_mb": rows / 1e4, "peak_in": "train"}

    results = [row(n) for n in (1_000, 10_000, 100_000, 1_000_000)]
    assert list(growth.steep(results)) == ["m, 10 features: train grows as rows ** 2.00"]
    assert list(growth.hungry(results)) == [
        "m, 1,000,000 rows x 10 features (100 MB): 5.0 times the data at its peak, in train"
    ]


@pytest.mark.parametrize("module", [pairs, table, growth, large], ids=lambda module: module.__name__)
def test_examples_are_true(module) -> None:
    tried = doctest.testmod(module)
    assert tried.attempted and not tried.failed


@pytest.mark.slow
def test_the_benchmarks_run(tmp_path: Path) -> None:
    assert benchmarks.main(["--quick", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text().count("\n|") > len(comparisons.comparisons(True, tmp_path))


@pytest.mark.slow
def test_growth_runs(tmp_path: Path) -> None:
    assert growth.main(["--quick", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "growth.png").stat().st_size > 10_000


@pytest.mark.slow
def test_scale_runs(tmp_path: Path) -> None:
    assert scale.main(["--quick", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "scale.md").read_text().count("\n| logreg |") == 1 + len(scale.MACHINES)


def test_a_database_is_grown_by_whole_runs_under_ids_of_their_own(tmp_path: Path) -> None:
    tables = {
        "runs": "run_uuid, name",
        "params": "key, value, run_uuid",
        "tags": "key, value, run_uuid",
        "metrics": "key, value, run_uuid",
        "latest_metrics": "key, value, run_uuid",
    }
    with closing(sqlite3.connect(tmp_path / "one.db")) as database:
        for name, columns in tables.items():
            database.execute(f"create table {name} ({columns})")
        database.execute("insert into runs values ('0123456789', 'a run')")
        database.executemany(
            "insert into params values (?, ?, '0123456789')", [("seed", "3"), ("dataset.name", "iris")]
        )
        database.executemany(
            "insert into tags values (?, ?, '0123456789')", [("strategy", "none"), ("dataset", "iris")]
        )
        database.execute("insert into latest_metrics values ('test/recall/a', 0.5, '0123456789')")
        database.commit()
    with closing(sqlite3.connect(scale.grown(tmp_path / "one.db", 7, tmp_path / "many.db"))) as database:
        ids = [row[0] for row in database.execute("select run_uuid from runs")]
        cells = database.execute(
            "select s.value, d.value from params s join params d using (run_uuid) "
            "where s.key = 'seed' and d.key = 'dataset.name'"
        ).fetchall()
        scores = database.execute("select value, run_uuid from latest_metrics").fetchall()
    assert len(set(ids)) == len(set(cells)) == 7
    assert {run for _, run in scores} == set(ids) and {value for value, _ in scores} == {0.5}


@pytest.mark.slow
def test_large_tables_are_measured_once(tmp_path: Path, capsys) -> None:
    """Peak memory of a network is below what its rows would take beside TensorFlow, were they all in memory."""
    typed = ["--rows", "200000", "--subset", "30000", "--scratch", str(tmp_path / "kept"), "--out", str(tmp_path)]
    assert large.main(typed) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [row["step"] for row in rows] == ["laid on disk", *large.MODELS]
    assert [row["trained on"] for row in rows] == ["-", "120,000", "120,000", "30,000"]
    assert all(0.5 < float(row["ROC-AUC"]) < large.best_roc_auc() + 0.01 for row in rows[1:])
    assert "30,000" in (tmp_path / "README.md").read_text()


def test_neighbours_are_measured(tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="the extra neighbors is not installed")
    assert neighbours.main(["--rows", "6000", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "README.md").read_text()
    recalls = [float(line.split("|")[-2]) for line in page.splitlines() if line.startswith("| 6,000")]
    assert recalls[0] == 1 and recalls[1] < recalls[2] < recalls[3] <= 1


def test_versions_differ_in_what_both_recorded() -> None:
    one = {"metrics accuracy": 0.5, "epochs": None, "metrics new": 1.0}
    assert same.differences(one, {"metrics accuracy": 0.5, "epochs": None}) == []
    assert same.differences(one, one | {"metrics accuracy": 0.6}) == ["metrics accuracy"]
    assert same.differences(one, None) == ["only one version has finished it"]


@pytest.mark.slow
def test_a_version_gives_the_same_numbers_as_itself(capsys) -> None:
    assert same.main([str(blocks.ROOT), "--quick"]) == 0
    assert "2 runs: the same numbers" in capsys.readouterr().out
