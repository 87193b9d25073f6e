"""Options by name, with settings, and of one's own."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from imbalance_lab import ConfigError, options
from imbalance_lab.options import Option, instantiate, make, merged, option, option_of, resolved


def focal_like(y, z, gamma=2):
    return gamma * (z - y)


def test_an_option_with_settings_is_called_after_them() -> None:
    assert option("loss", "focal").title == "focal"
    assert option("loss", "focal", gamma=5, alpha=0.25).title == "focal(gamma=5,alpha=0.25)"
    assert option("model", "logreg", estimator={"C": 10}).title == "logreg(C=10)"
    assert option("split", "holdout").changed == {}  # a reference to the seed is no change


def test_what_an_option_does_not_have_is_refused_but_a_library_may_take_more() -> None:
    with pytest.raises(ConfigError, match=r"loss=focal has no setting 'gama'; did you mean gamma\?"):
        option("loss", "focal", gama=5)
    with pytest.raises(ConfigError, match=r"there is no loss=focall; did you mean focal\?"):
        option("loss", "focall")
    assert (
        option("model", "logreg", estimator={"class_weight": "balanced"}).build().estimator.class_weight == "balanced"
    )


def test_options_of_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_text("_target_: mine.Loss\nrate: 1e-3\n")
    assert options.find("loss", "mine") is None
    assert "mine" in options.names("loss", [tmp_path])
    assert make("loss", "mine", {"_target_": "mine.Loss", "rate": 0.01}, [tmp_path]).title == "mine(rate=0.01)"
    assert options.slot_of("mine", [tmp_path]) == "loss"


@pytest.mark.parametrize(
    ("group", "name", "changed", "title"),
    [
        ("split", "holdout", {"_target_": "mine.Chronological"}, "Chronological"),
        ("split", "holdout", {"_target_": "mine.Chronological", "test": 0.3}, "Chronological(test=0.3)"),
        ("split", "cv", {"_target_": "mine.Holdout"}, "mine.Holdout"),
        ("loss", "cross_entropy", {"_target_": "mine.focal"}, "mine.focal"),
        ("sampler", "custom", {"_target_": "mine.Extra", "k": 3}, "Extra(k=3)"),
        ("model", "custom", {"estimator": {"_target_": "sklearn.svm.SVC"}}, "SVC"),
        ("model", "knn", {"estimator": {"_target_": "mine.Tree", "n_neighbors": 5}}, "Tree"),
        ("model", "mlp", {"_target_": "mine.Network"}, "Network"),
    ],
)
def test_a_class_in_the_place_of_an_options_own_names_it(group: str, name: str, changed: dict, title: str) -> None:
    if "estimator" in changed:
        changed = {"estimator": options.load(group, name)["estimator"] | changed["estimator"]}
    named = make(group, name, options.load(group, name) | changed)
    assert named.title == title
    assert named.name not in options.names(group)
    assert not named.is_empty


def test_references_are_filled_in() -> None:
    tree = {"a": "${seed}", "b": {"c": "${sampler.k}"}, "d": ["${seed}", "plain"]}
    assert resolved(tree, {"seed": 3, "sampler": {"k": "${seed}"}}) == {"a": 3, "b": {"c": 3}, "d": [3, "plain"]}


def test_objects_are_made_from_the_inside_out() -> None:
    tree = {"_target_": "builtins.dict", "a": [{"_target_": "fractions.Fraction", "numerator": 1, "denominator": 2}]}
    assert instantiate(tree)["a"] == [0.5]
    assert instantiate({"_target_": "builtins.int", "_partial_": True})() == 0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sklearn.svm.SVCC", r"there is no sklearn.svm.SVCC; did you mean SVC\?"),
        ("skleran.svm.SVC", "there is no skleran.svm.SVC: nothing is called skleran"),
    ],
)
def test_what_a_path_does_not_name_is_refused(path: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        options.locate(path)


def test_settings_are_merged_into_nested_ones() -> None:
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, "x") == {"a": {"b": 1, "c": 3}}


def test_objects_of_ones_own_are_told_apart_by_how_they_were_made() -> None:
    one, other = (option_of("model", CalibratedClassifierCV(SVC(C=c), cv=3)) for c in (1.0, 2.0))
    assert one.name == other.name == "CalibratedClassifierCV"
    assert one.settings != other.settings
    assert option_of("model", SVC(C=2)).settings == option_of("model", SVC(C=2)).settings


def test_functions_of_one_name_are_told_apart_by_what_they_do() -> None:
    scale = 2
    functions = [
        lambda y, z: z,
        lambda y, z: 2 * z,
        lambda y, z: [k + 1 for k in z],
        lambda y, z: scale * z,
        focal_like,
    ]
    functions += [partial(focal_like, gamma=3), partial(focal_like, gamma=4)]
    found = [str(option_of("loss", function).settings) for function in functions]
    assert len(set(found)) == len(found)
    assert [option_of("loss", function).name for function in functions[-2:]] == ["focal_like"] * 2


class Kept:
    def __init__(self, k):
        self._k = k


def recursive(y, z):
    def inner(depth):
        return z if depth == 0 else inner(depth - 1)

    return inner(2)


def test_what_objects_hold_tells_them_apart() -> None:
    pairs = [
        (KNeighborsClassifier(np.int64(1)), KNeighborsClassifier(np.int64(25))),
        (Kept(1), Kept(2)),
        (Kept(np.array([1, 2])), Kept(np.array([5, 6]))),
        (Kept(Kept(1)), Kept(Kept(2))),
        (lambda y, z, *, k=1: z, lambda y, z, *, k=2: z),
    ]
    for one, other in pairs:
        assert option_of("model", one).settings != option_of("model", other).settings
    assert option_of("model", KNeighborsClassifier(np.int64(3))).title == "KNeighborsClassifier(n_neighbors=3)"
    assert option_of("loss", recursive).name == "recursive"
    circle = Kept(None)
    circle._k = circle
    assert option_of("model", circle).settings["state"] == {"_k": "itself"}


def test_a_value_is_kept_as_its_file_would_write_it() -> None:
    for given in (2, 2.0, np.float32(2), np.int64(2)):
        assert option("loss", "focal", gamma=given) == option("loss", "focal", gamma=2.0)
    assert option("model", "mlp", hidden=(32, 16)) == option("model", "mlp", hidden=[32, 16])


def test_an_own_function_named_like_the_null_option_fills_the_slot() -> None:
    def cross_entropy(y, z):
        return z

    assert not option_of("loss", cross_entropy).is_empty
    assert option("loss", "cross_entropy").is_empty


def test_an_object_of_ones_own_cannot_be_made_from_its_record() -> None:
    with pytest.raises(ConfigError, match="model=layers was an object of its caller's own"):
        Option("model", "layers", option_of("model", [Kept(1)]).settings).build()


def test_the_same_script_names_its_objects_alike_in_every_process() -> None:
    code = (
        "import keras; from imbalance_lab.options import option_of; extra = keras.layers.Dense(1); "
        "stack = keras.Sequential([keras.layers.Dense(8, activation='relu'), keras.layers.Dropout(0.2)]); "
        "print(option_of('model', stack).settings, option_of('loss', lambda y, z: [k in {1, 2} for k in z]).settings)"
    )
    shorter = code.replace("extra = keras.layers.Dense(1); ", "")  # Keras counts the layers it makes
    first, second = (
        subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True).stdout
        for each in (code, shorter)
    )
    assert first == second
    assert "'units': 8" in first


@pytest.mark.parametrize("group", ["dataset", "split", "prepare", "class_weight", "decision"])
def test_a_class_that_is_none_of_its_group_is_named_with_the_base_to_derive_from(group: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"^{group}: builtins\.dict has no '\w+'; derive it from imbalance_lab\."
    ) as e:
        Option(group, "mine", {"_target_": "builtins.dict"}).build()
    assert options.locate(str(e.value).rpartition(" ")[2])
