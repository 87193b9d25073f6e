"""The one format in which a fitted classifier is kept: a folder of a manifest, the fitted parts, and a model card.

``manifest.json`` says what the model is, and holds the hash of every other file, so that a folder that was written or
copied in part is recognised; ``parts.skops`` holds the preparation of raw columns and the decision; the model itself
lies in a file of its own kind beside them; ``card.md`` is for people.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from imbalance_lab import __version__, process
from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import DataError, LabWarning, reason_of
from imbalance_lab.models import kinds, skops_files
from imbalance_lab.runs.card import card
from imbalance_lab.runs.fit import Fitted
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.provenance import environment

if TYPE_CHECKING:
    from imbalance_lab.runs.classifier import Classifier

FORMAT = 1
MANIFEST, PARTS, CARD = "manifest.json", "parts.skops", "card.md"
# Of these another minor version may predict differently.
CHECKED_VERSIONS = ("scikit-learn", "imbalanced-learn", "keras", "tensorflow")


def save(classifier: Classifier, folder: str | Path) -> Path:
    """Write a fitted classifier into a folder, in one piece: under another name, which is then changed.

    A model that is there already is replaced.

    Parameters
    ----------
    classifier : Classifier
    folder : str or Path

    Returns
    -------
    Path

    Raises
    ------
    DataError
        If the folder holds something else, or cannot be written, or the model is made of what cannot be saved.
    """
    target = Path(folder).expanduser()
    if (target.exists() or target.is_symlink()) and not _may_be_replaced(target):
        raise DataError(f"{target} is there and no saved model; name another folder")
    draft = target.absolute().parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
        _write(classifier, draft)
        _put_in_place(draft, target)
    except OSError as error:
        raise DataError(f"the model cannot be saved in {target}: {reason_of(error)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def load(folder: str | Path, trusted: Sequence[str] = ()) -> Classifier:
    """Return the fitted classifier that a folder holds.

    No code that the folder brings along is run: objects of types that are not known here are refused by name.

    Parameters
    ----------
    folder : str or Path
        As `Classifier.save`, ``save_model=true`` and the command ``refit`` write it.
    trusted : sequence of str
        Dotted names of further types that may be made, such as those of a classifier of one's own.

    Returns
    -------
    Classifier

    Raises
    ------
    DataError
        If the folder holds no model, one of another format, a part of one, or types that are not trusted.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_wine
    >>> from imbalance_lab import Classifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> classifier = Classifier("inv_freq", "logreg").fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     again = load(classifier.save(f"{folder}/wine"))
    >>> bool((again.predict_proba(X) == classifier.predict_proba(X)).all())
    True
    """
    from imbalance_lab.runs.classifier import Classifier

    place = Path(folder).expanduser()
    manifest = read_manifest(place)
    _warn_of_versions(manifest, place)
    try:
        tasks = manifest["tasks"]
        with process.session():
            parts = skops_files.read(place / PARTS, trusted)
            model = kinds.load(manifest["model"], place, len(tasks), len(tasks[0]["classes"]), trusted)
        table = pd.DataFrame(manifest["class_table"]).set_index("class").astype(float)
        priors = [Priors(_array(task["effective_prior"]), np.array(task["natural_prior"])) for task in tasks]
        fitted = Fitted(parts["prepare"], model, parts["rules"], priors, table, None)
        identity = Identity.from_summary(manifest["identity"])
        classes = np.array(manifest["classes"]["values"], dtype=manifest["classes"]["dtype"])
        return Classifier.of(
            fitted,
            identity,
            classes,
            np.array(manifest["order"]),
            tuple(manifest["labels"]),
            manifest["columns"],
            manifest["named_columns"],
            manifest["measured"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"{place / MANIFEST} is damaged ({reason_of(error)}); save the model again") from error


def is_model(folder: Path) -> bool:
    """Whether a folder holds a saved model, whole or not."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a saved model says of itself, once its files are found to be whole.

    Raises
    ------
    DataError
        If it is no model, one of another format, or not whole.
    """
    file = folder / MANIFEST
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    if not file.is_file():
        raise DataError(f"{folder} is no saved model, or one that was not written to its end: it has no {MANIFEST}")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        written, by, files = manifest["format"], manifest["versions"]["imbalance_lab"], dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged or that of something else ({reason_of(error)})") from error
    if written != FORMAT:
        raise DataError(
            f"{folder} has format {written}, and imbalance_lab {__version__} reads format {FORMAT}; it was written by "
            f"imbalance_lab {by}: use that version, or make the model again with refit"
        )
    for name, digest in files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise DataError(f"{folder} is not whole: {name} is missing; save or copy the model again")
        if _digest(folder / name) != digest:
            raise DataError(f"{folder} is not whole: {name} is not what was saved; save or copy the model again")
    return dict(manifest)


def _write(classifier: Classifier, folder: Path) -> None:
    fitted = classifier.fitted_
    skops_files.write({"prepare": fitted.prepare, "rules": fitted.rules}, folder / PARTS)
    fitted.model.save(folder)
    manifest = describe(classifier)
    (folder / CARD).write_text(card(manifest), encoding="utf-8")
    files = {file.name: _digest(file) for file in sorted(folder.iterdir()) if file.name != CARD}
    text = json.dumps({**manifest, "files": files}, indent=1, default=str)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def describe(classifier: Classifier) -> dict[str, Any]:
    """Return what a saved model says of itself."""
    fitted, identity = classifier.fitted_, classifier.identity_
    classes = classifier.classes_
    tasks = [
        {
            "classes": names,
            "natural_prior": prior.natural.tolist(),
            "effective_prior": None if prior.effective is None else prior.effective.tolist(),
            "decision": rule.describe(names),
        }
        for names, prior, rule in zip(_task_names(fitted), fitted.priors, fitted.rules, strict=True)
    ]
    versions = {key.removeprefix("version/"): value for key, value in environment().items() if "version/" in key}
    table = fitted.classes.astype(object).where(fitted.classes.notna(), None).reset_index(names="class")
    return {
        "format": FORMAT,
        "name": identity.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": kinds.name_of(fitted.model),
        "identity": identity.summary(),
        "classes": {"dtype": str(classes.dtype), "values": classes.tolist()},
        "order": np.asarray(classifier._order).tolist(),
        "labels": list(classifier.labels_),
        "tasks": tasks,
        "columns": classifier.columns_,
        "named_columns": hasattr(classifier, "feature_names_in_"),
        "class_table": table.to_dict("records"),
        "measured": classifier.measured_,
        "versions": versions,
    }


def _task_names(fitted: Fitted) -> list[list[str]]:
    names, size = [str(name) for name in fitted.classes.index], len(fitted.priors[0].natural)
    return [names[start : start + size] for start in range(0, len(names), size)]


def _warn_of_versions(manifest: Mapping[str, Any], folder: Path) -> None:
    here = {key.removeprefix("version/"): value for key, value in environment().items()}
    network = manifest.get("model") == "network"
    wanted = CHECKED_VERSIONS if network else CHECKED_VERSIONS[:2]
    other = [
        f"{name} {saved} (here {here[name]})"
        for name in wanted
        if (saved := manifest["versions"].get(name)) and name in here and _minor(saved) != _minor(here[name])
    ]
    if other:
        text = f"{folder} was saved with {', '.join(other)}: its predictions can differ in their last digits, or more"
        warnings.warn(text, LabWarning, stacklevel=3)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _may_be_replaced(folder: Path) -> bool:
    return folder.is_dir() and (is_model(folder) or not any(folder.iterdir()))


def _put_in_place(draft: Path, target: Path) -> None:
    if not target.exists():
        os.replace(draft, target)
        return
    old = target.absolute().parent / f"{draft.name}.old"
    os.replace(target, old)
    try:
        os.replace(draft, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _array(values: Sequence[float] | None) -> np.ndarray | None:
    return None if values is None else np.array(values)
