"""What a run is: the options it is made of, made once when it is planned, and everything that is derived from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from imbalance_lab import __version__
from imbalance_lab.errors import ConfigError
from imbalance_lab.options import SLOTS, Option, leaves, option, plain, resolved
from imbalance_lab.runs.settings import RunSettings
from imbalance_lab.runs.tuning.space import budget_of

# The groups that make up a run, in the order of `conf/config.yaml`.
GROUPS = (
    *("dataset", "split", "stress", "prepare", "model", "training"),
    *("sampler", "class_weight", "loss", "representation", "decision"),
)
# What versions before 0.2.0 lacked: where it is left as it is, the hash is theirs.
LATER = ("representation",)
# Settings that decide where rows lie, and no number.
PLACES = {"training": ("device_memory",), "dataset": ("cache",)}


@dataclass(frozen=True)
class Identity:
    """What a run is, wherever it writes to and whoever keeps its record.

    Parameters
    ----------
    options : mapping of group to Option
        One of each of `GROUPS`, references filled in.
    settings : RunSettings
        Seed and what else belongs to no group.
    evaluation : mapping
        Settings of the evaluation.
    dataset : str
        How the data are called.
    data_hash : str
        Of their content; empty until they are loaded.
    version : str
        Of this package.
    tuning : mapping
        How much it is tuned: ``name``, ``trials``, ``metric``, ``on``, ``pruner`` and ``space``, the range of each
        setting as ``loss.gamma``; empty if it is not.

    Examples
    --------
    >>> from imbalance_lab.runs.spec import specify
    >>> one = specify(strategy="smote", loss="focal", seed=3)
    >>> one.strategy, one.model, one.name
    ('smote+focal', 'mlp', 'smote+focal mlp seed=3')
    """

    options: Mapping[str, Option]
    settings: RunSettings
    evaluation: Mapping[str, Any]
    dataset: str
    data_hash: str = ""
    version: str = field(default=__version__)
    tuning: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Of every stream of randomness."""
        return self.settings.seed

    @property
    def names(self) -> dict[str, str]:
        """The name of each group's option."""
        return {group: chosen.name for group, chosen in self.options.items()}

    @cached_property
    def strategy(self) -> str:
        """The filled slots, each with the settings that differ from its file, joined by ``+``; ``none`` if none is."""
        filled = [self.options[slot].title for slot in SLOTS if not self.options[slot].is_empty]
        return "+".join(filled) or "none"

    @property
    def model(self) -> str:
        """The model's option, with the settings that differ from its file."""
        return self.options["model"].title

    @property
    def stress(self) -> str:
        """What makes its training rows worse, with the settings that differ from its file; ``none`` if nothing."""
        return self.options["stress"].title

    def name_showing(self, settings: Iterable[str]) -> str:
        """Return the name with these settings of its options, as ``loss.gamma``, also where they are as in their files.

        >>> from imbalance_lab.runs.spec import specify
        >>> specify(strategy="focal").name_showing(["loss.gamma", "seed", "sampler.k_neighbors"])
        'focal(gamma=2) mlp seed=0'
        """
        options = dict(self.options)
        for group, _, rest in (key.partition(".") for key in settings):
            option = options.get(group)
            known = {} if option is None else dict(leaves(option.settings))
            if option is not None and rest in known and rest not in option.changed and rest[-8:] != "_target_":
                options[group] = replace(option, changed={**option.changed, rest: known[rest]})
        return replace(self, options=options).name

    @property
    def budget(self) -> str:
        """How much it is tuned, in a word; ``none`` if it is not."""
        return f"{self.tuning['name']}(trials={self.tuning['trials']})" if self.tuning else "none"

    @property
    def name(self) -> str:
        """How the run is called: strategy, model, stress and tuning if there are any, and seed."""
        others = [f" {text}" for text in (self.stress, self.budget) if text != "none"]
        return f"{self.strategy} {self.model}{''.join(others)} seed={self.seed}"

    @cached_property
    def config(self) -> dict[str, Any]:
        """What decides the run's numbers, as a tree by group; under ``options`` the names that were chosen."""
        return {
            **{group: plain(self.options[group].settings) for group in GROUPS},
            "seed": self.settings.seed,
            "save_model": self.settings.save_model,
            "min_class_rows": self.settings.min_class_rows,
            "evaluation": plain(self.evaluation),
            **({"tuning": plain(self.tuning)} if self.tuning else {}),
            "options": self.names,
        }

    @cached_property
    def config_hash(self) -> str:
        """16 hex digits: equal for equal settings, whatever their options are called."""
        left = {"options", "save_model", *(group for group in LATER if self.options[group].is_empty)}
        hashed = {key: value for key, value in self.config.items() if key not in left}
        for group, places in PLACES.items():
            hashed[group] = {key: value for key, value in hashed[group].items() if key not in places}
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def tags(self) -> dict[str, str]:
        """What identifies the run, as text."""
        return {
            "strategy": self.strategy,
            "model": self.model,
            "dataset": self.dataset,
            "config_hash": self.config_hash,
            "data_hash": self.data_hash,
            "version/imbalance_lab": self.version,
            **({"stress": self.stress} if self.stress != "none" else {}),
            **({"tuning": self.budget} if self.tuning else {}),
        }

    def on_data(self, name: str, data_hash: str) -> Identity:
        """Return the identity of a run on these data."""
        return replace(self, dataset=name, data_hash=data_hash)

    def without_objects(self, group: str) -> Identity:
        """Return the identity without the object that the caller gave as the option of a group, only what it is."""
        return replace(self, options={**self.options, group: replace(self.options[group], made=None)})

    def summary(self) -> dict[str, Any]:
        """Return the identity as it stands in a record."""
        return {
            "name": self.name,
            "dataset": self.dataset,
            "data_hash": self.data_hash,
            "strategy": self.strategy,
            "model": self.model,
            "seed": self.seed,
            "version": self.version,
            "config_hash": self.config_hash,
            "config": self.config,
            "changed": {group: dict(chosen.changed) for group, chosen in self.options.items() if chosen.changed},
        }

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> Identity:
        """Return the identity that a record holds."""
        config, changed = summary["config"], summary["changed"]
        # A record that is older than a group was made as with its null option.
        options = {
            group: Option(group, config["options"][group], config[group], changed.get(group, {}))
            if group in config
            else option(group, "none")
            for group in GROUPS
        }
        settings = RunSettings(
            seed=config["seed"], min_class_rows=config["min_class_rows"], save_model=config["save_model"]
        )
        data = summary["dataset"], summary["data_hash"]
        tuning = config.get("tuning", {})
        return cls(options, settings, config["evaluation"], *data, version=summary["version"], tuning=tuning)


def identify(
    options: Mapping[str, Option],
    settings: RunSettings,
    evaluation: Mapping[str, Any],
    dataset: str | None = None,
    tuning: Option | None = None,
) -> Identity:
    """Return the identity of a run made of these options, references between them filled in.

    Parameters
    ----------
    options : mapping of group to Option
    settings : RunSettings
    evaluation : mapping
        Settings of the evaluation; what is only drawn of it is no part of the identity.
    dataset : str, optional
        How the data are called; by default the title of the dataset's option.
    tuning : Option, optional
        How much it is tuned; by default not at all.

    Raises
    ------
    ConfigError
        If a group has no option, or tuning a setting that it cannot have.
    """
    if missing := [group for group in GROUPS if group not in options]:
        raise ConfigError(f"a run needs an option of each group; there is none of {', '.join(missing)}")
    root = {"seed": settings.seed, **{group: options[group].settings for group in GROUPS}}
    filled = {group: replace(options[group], settings=resolved(options[group].settings, root)) for group in GROUPS}
    kept = {key: value for key, value in evaluation.items() if key != "figures"}
    budget = {} if tuning is None else budget_of(tuning, filled)
    return Identity(filled, settings, kept, dataset or filled["dataset"].build().title, tuning=budget)
