"""The weights question answered on the spot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from imbalance_lab.app.config import compose
from imbalance_lab.app.weights import main, read_counts, snippets, weigh
from tests.conftest import built

QUESTION = ["A=198", "B=436", "C=710", "D=272"]
COUNTS = {"A": 198, "B": 436, "C": 710, "D": 272}


def test_the_question(capsys: pytest.CaptureFixture[str]) -> None:
    main(QUESTION)
    shown = capsys.readouterr().out
    assert re.search(r"\|inv_freq\s*\|\s*mean_one\s*\|\s*2.04\s*\|\s*0.9266\s*\|\s*0.569\s*\|\s*1.485\s*\|", shown)
    assert "model.fit(..., class_weight={0: 2.04, 1: 0.9266, 2: 0.569, 3: 1.485})  # 0: A, 1: B, 2: C, 3: D" in shown
    assert "class_weight={'A': 2.04, 'B': 0.9266, 'C': 0.569, 'D': 1.485}" in shown
    assert "class_weights = tf.constant([2.04, 0.9266, 0.569, 1.485])" in shown
    assert "pos_weight" not in shown


def test_json_is_the_same_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    main([*QUESTION, "format=json"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["counts"] == COUNTS
    assert shown["weights"] == weigh(COUNTS)
    assert set(shown["weights"]["eff_num"]) == {"mean_one", "sum_to_one", "sum_to_classes"}


def test_schemes_and_normalisations_by_hand() -> None:
    weights, n = weigh(COUNTS), np.array(list(COUNTS.values()))
    np.testing.assert_allclose(list(weights["inv_freq"]["mean_one"].values()), 1616 / (4 * n))
    for scheme in weights.values():
        assert sum(scheme["sum_to_one"].values()) == pytest.approx(1)
        assert sum(scheme["sum_to_classes"].values()) == pytest.approx(4)
    root = np.array(list(weights["sqrt_inv"]["sum_to_one"].values()))
    np.testing.assert_allclose(root, n**-0.5 / (n**-0.5).sum())


def test_what_is_pasted_weighs_a_run_alike() -> None:
    typed = re.fullmatch(
        r"(class_weight=by_hand) '(.*)'", snippets(weigh(COUNTS)["inv_freq"]["mean_one"], COUNTS)["imbalance_lab"]
    )
    weight = built(compose([typed[1], typed[2]]), "class_weight")
    found = weight(np.array(list(COUNTS.values())), list(COUNTS))
    np.testing.assert_allclose(found, list(weigh(COUNTS)["inv_freq"]["mean_one"].values()), rtol=1e-3)


def test_two_classes_get_a_positive_weight_which_is_the_same_loss() -> None:
    counts = read_counts([], ["sick=34", "well=966"])
    assert list(counts) == ["well", "sick"]  # the rarer is the positive one
    weights = weigh(counts)["inv_freq"]["mean_one"]
    code = snippets(weights, counts)["pos_weight"]
    pos_weight = float(re.search(r"pos_weight=([\d.]+)\)  # positive: sick", code)[1])
    assert pos_weight == pytest.approx(966 / 34, rel=1e-3)
    z, y = np.linspace(-3, 3, 20), np.arange(20) % 2
    loss = tf.nn.weighted_cross_entropy_with_logits(y.astype(float), z, pos_weight)
    two = tf.nn.sparse_softmax_cross_entropy_with_logits(y, np.column_stack([0 * z, z]))
    np.testing.assert_allclose(loss, np.where(y, weights["sick"] / weights["well"], 1) * two, rtol=1e-3)


def test_classes_that_are_numbers_keep_their_numbers() -> None:
    """Class 0 is 0 and class 1 is 1, whichever is rarer; scikit-learn's labels are numbers, not words."""
    counts = read_counts([], ["1=900", "0=100"])
    assert list(counts) == ["0", "1"]
    weights = weigh(counts)["inv_freq"]["mean_one"]
    code = snippets(weights, counts)
    assert "class_weight={0: 5.0, 1: 0.5556})  # 0: 0, 1: 1" in code["Keras"]
    assert code["scikit-learn"] == "class_weight={0: 5.0, 1: 0.5556}"
    assert "pos_weight=0.1111)  # positive: 1" in code["pos_weight"]
    assert list(read_counts([], ["10=5", "2=10", "1=20"])) == ["1", "2", "10"]


def test_names_that_cannot_be_typed_are_not_offered_to_type() -> None:
    counts = read_counts([], ["<=50K=100", ">50K=20"])
    assert list(counts) == ["<=50K", ">50K"]
    assert "imbalance_lab" not in snippets(weigh(counts)["inv_freq"]["mean_one"], counts)


def test_a_table_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{i},note {i},{'yes' if i % 10 == 0 else 'no'}\n" for i in range(100))
    (tmp_path / "t.csv").write_text("id,note,label\n" + rows)  # columns that a run would refuse do not matter here
    assert read_counts(["t.csv"], ["target=label"]) == {"no": 90, "yes": 10}
    main(["t.csv", "target=label"])
    assert "no (90)" in capsys.readouterr().out
    (tmp_path / "t (1).csv").write_text("id;label\n" + "1;no\n2;no\n3;yes\n")
    assert read_counts(["t (1).csv"], ["target=label", "dataset.separator=;"]) == {"no": 2, "yes": 1}


def test_more_rows_than_a_word_holds_are_counted() -> None:
    assert read_counts([], ["A=1_000_000", "B=999_999_999_999_999"]) == {"A": 10**6, "B": 10**15 - 1}


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ([], "give at least two classes"),
        (["A=1"], "give at least two classes"),
        (["A=1", "B=many"], "B=many: the size of a class is a whole number above 0"),
        (["A=1", "B=0"], "B=0: the size"),
        (["A=1", "A=2"], "the class 'A' is given twice"),
        (["t.csv"], "give one table and its target"),
        (["no.csv", "target=y"], "there is no file no.csv"),
        (["A=1", "B=2", "beta=1"], "beta: Input should be less than 1"),
        (["A=1", "B=2", "--json"], "weights takes no '--json'"),
        (["A=1", "B=1_0_"], "B=1_0_: the size of a class"),
        (["A=1", f"B={10**16}"], "B=10000000000000000: the size of a class"),
        (["t.csv", "u.csv", "target=y"], "give one table and its target"),
        (["t.csv", "target=y", "seperator=;"], "dataset=csv has no setting 'seperator'; did you mean separator?"),
    ],
)
def test_what_cannot_be_weighed_is_refused(typed: list[str], reason: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(f"error: {reason}")):
        main(typed)


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; import imbalance_lab.app.weights as w; w.main(['A=1', 'B=2']); print('tensorflow' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"
