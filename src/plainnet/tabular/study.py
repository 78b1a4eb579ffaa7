"""The study of a search, which is Optuna's: its storage, its sampler, and who is behind the other trials."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

AT_RANDOM = 10
"""So many trials are drawn at random before the sampler learns from them and before any is cut short."""
NOT_BEFORE = 30
"""The first epoch after which a trial may be cut short; the first cycles of the learning rate are over then."""

TRIES, BETWEEN = 5, 0.2
"""The number of tries, and the seconds between two, to open a study for which another process makes the tables."""


def study_of(
    storage: Any,
    name: str,
    seed: int,
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> optuna.Study:
    """Return a new study, or the one of that name in the storage."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if isinstance(storage, os.PathLike) or (isinstance(storage, str) and "://" not in storage):
        storage = f"sqlite:///{os.fspath(storage)}"
    given = {
        "storage": storage,
        "study_name": name,
        "load_if_exists": storage is not None,
        "sampler": sampler or SeededByNumber(seed),
        "pruner": pruner or optuna.pruners.MedianPruner(n_startup_trials=AT_RANDOM, n_warmup_steps=NOT_BEFORE),
    }
    for _ in range(TRIES if storage is not None else 0):
        try:
            return optuna.create_study(**given)
        except Exception:  # of the database: another process is making the tables at this moment
            time.sleep(BETWEEN)
    return optuna.create_study(**given)


def begin_with(study: optuna.Study, parameters: dict[str, Any], mark: dict[str, Any]) -> None:
    """Have a new study begin with a trial of these parameters, which bears a mark."""
    if not study.trials:
        study.enqueue_trial(parameters, user_attrs=mark)


def ask(study: optuna.Study, mark: str) -> optuna.Trial:
    """Return the next trial; of marked ones the first, where two processes have begun the same study at once."""
    while True:
        trial = study.ask()
        marked = (other.number for other in study.get_trials(deepcopy=False) if mark in other.user_attrs)
        if mark not in trial.user_attrs or trial.number == min(marked):
            return trial
        study.tell(trial, state=TrialState.FAIL)


class SeededByNumber(optuna.samplers.BaseSampler):
    """TPE (Bergstra et al. 2011) that draws the settings of a trial from a seed and the trial's number.

    So a study that goes on, or that several processes share, does not draw the settings of its first trials again.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.of_trial: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler()

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """Draw from a stream of the trial's own; trials that are still running repel others (constant liar)."""
        stream = int(np.random.SeedSequence([self.seed, trial.number]).generate_state(1)[0])
        self.of_trial = optuna.samplers.TPESampler(seed=stream, n_startup_trials=AT_RANDOM, constant_liar=True)

    def infer_relative_search_space(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        """Return the settings that TPE draws together."""
        return self.of_trial.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        """Return values of the settings that are drawn together."""
        return self.of_trial.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: optuna.distributions.BaseDistribution,
    ) -> Any:
        """Return the value of one setting."""
        return self.of_trial.sample_independent(study, trial, param_name, param_distribution)


class Live:
    """Live tells a study how a trial of this process does, and asks its pruner."""

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial = trial

    def __call__(self, epoch: int, error: float) -> bool:
        """Return True if the trial is behind those of the study as it stands."""
        self.trial.report(error, epoch)
        return self.trial.should_prune()


class Snapshot:
    """A Snapshot asks a study's pruner in another process, with the trials as they stood when this one began."""

    def __init__(self, study: optuna.Study, number: int) -> None:
        self.name, self.pruner, self.number = study.study_name, study.pruner, number
        self.trials = [_bare(trial) for trial in study.get_trials(deepcopy=False)]
        self.trial: optuna.Trial | None = None

    def __call__(self, epoch: int, error: float) -> bool:
        """Return True if the trial is behind those of the snapshot."""
        if self.trial is None:
            self.trial = self._begun()
        return Live(self.trial)(epoch, error)

    def _begun(self) -> optuna.Trial:
        """Return the trial in a study of this process, under the number that it has in the other."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        copy = optuna.create_study(study_name=self.name, sampler=optuna.samplers.RandomSampler(), pruner=self.pruner)
        copy.add_trials(self.trials[: self.number])
        trial = copy.ask()
        copy.add_trials(self.trials[self.number + 1 :])
        return trial


def _bare(trial: optuna.trial.FrozenTrial) -> optuna.trial.FrozenTrial:
    """Return what a pruner looks at in a trial."""
    return optuna.trial.create_trial(
        state=TrialState.RUNNING if trial.state == TrialState.WAITING else trial.state,
        value=trial.value if trial.state == TrialState.COMPLETE else None,
        intermediate_values=dict(trial.intermediate_values),
        system_attrs=dict(trial.system_attrs),
    )


def replay(trial: optuna.Trial, reported: tuple[tuple[int, float], ...]) -> None:
    """Tell a study how a trial did that ran elsewhere; its pruner notes what it does, and its verdict is too late."""
    live = Live(trial)
    for epoch, error in reported:
        live(epoch, error)
