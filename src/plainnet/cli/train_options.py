"""The options of `plainnet train`, in groups, and what they say together."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from plainnet._base import checks
from plainnet.cli import options
from plainnet.cli.options import DATA, HELP, NETWORK, OUTPUT, TRAINING, option
from plainnet.errors import InvalidValue
from plainnet.initializers import INITIALIZERS
from plainnet.schedules import SCHEDULES
from plainnet.tabular import ReadOptions
from plainnet.tabular.fitting import beside
from plainnet.tabular.memory import would_fit
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import Prepared
from plainnet.tabular.recipe import RECIPES, Recipe
from plainnet.tabular.thresholds import Aim, aim_of
from plainnet.training.options import AUTO

UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
"""The seconds in each unit of a time limit."""
RECIPE = "Recipe"
"""The heading of the options that say which network is trained, and how."""


@dataclass(frozen=True)
class Reading:
    """These options say how the table is read."""

    categories: options.Categories = None
    ignore: options.Ignore = None
    numbers: options.Numbers = None
    columns: options.Columns = None
    missing: options.TrainingMissing = None
    separator: options.TrainingSeparator = None
    decimal: options.Decimal = None
    thousands: options.Thousands = None
    dates: options.Dates = None
    encoding: options.Encoding = None
    sheet: options.Sheet = None

    @property
    def options(self) -> ReadOptions:
        """Return them as the reader takes them."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "ignore"}
        return options.read_options(**given)

    @property
    def ignored(self) -> list[str]:
        """Return the columns to leave out."""
        return options.names(self.ignore)


@dataclass(frozen=True)
class Rows:
    """These options say which rows are trained on, which choose, which measure, and how much each counts."""

    test: Annotated[
        str | None,
        option(
            "Fraction of the rows that nothing is chosen on, for an honest score; last:0.2 for the last rows; 0 for "
            "none. 0.2 if there are 1,000 rows or more.",
            DATA,
        ),
    ] = None
    validation: Annotated[
        str | None,
        option("Fraction of the other rows to choose the best epoch by, last:0.2, or a file of rows. 0.2.", DATA),
    ] = None
    folds: Annotated[
        int | None,
        option(
            "Networks to train, each validated on another part of the rows, and averaged; 0 for one. 5 if there are "
            "fewer than 1,000 rows and no --checkpoint.",
            DATA,
        ),
    ] = None
    ensemble: Annotated[int, option("Networks to train from other seeds and splits, and to average.", DATA)] = 1
    group: Annotated[
        str | None, option("Column whose rows of equal value stay together, such as patient; it is no input.", DATA)
    ] = None
    sample_weight: options.SampleWeight = None
    class_weight: options.ClassWeight = None
    stream: Annotated[
        bool | None,
        option(
            "Read the rows piece by piece, again in each epoch; if not given, where they do not fit in memory.", DATA
        ),
    ] = None

    @property
    def division(self) -> Division:
        """Return the division of the rows."""
        test = None if self.test is None else _share("--test", self.test)
        if self.test is not None and test is None:
            raise InvalidValue(f"--test is {self.test!r}; it takes a fraction of the rows, such as 0.2 or last:0.2")
        validation = None if self.validation is None else _share("--validation", self.validation)
        if isinstance(validation, Share) and not validation.fraction:
            raise InvalidValue("--validation is 0; rows are needed to choose the best epoch by: take 0.2, or --folds 5")
        file = None if self.validation is None or validation else Path(self.validation)
        return Division(test, validation or file, self.folds, self.ensemble)

    def are_streamed(self, files: Sequence[Path], communicator: Any) -> bool:
        """Return True if the rows are not all read into memory: they would not fit, or ranks share them out."""
        ranked = communicator is not None
        streamed = ranked or (not would_fit(files) if self.stream is None else self.stream)
        if ranked and self.stream is False:
            raise InvalidValue("--no-stream reads all rows into one process, and mpiexec started several; leave it out")
        if streamed and self.group is not None:
            raise InvalidValue(
                f"--group is {self.group!r} and the rows are not all in the memory of one process, where alone groups "
                "are kept together; " + ("start it without mpiexec" if ranked else "give --no-stream")
            )
        return streamed

    def for_stream(self, division: Division) -> Division:
        """Return the division of a stream, on which one network is trained."""
        for name, value, usual in (("--folds", self.folds or 0, 0), ("--ensemble", self.ensemble, 1)):
            if value != usual:
                raise InvalidValue(
                    f"{name} is {value} and the rows are not all in the memory of one process; one network is trained "
                    f"on them: leave {name} out"
                )
        return replace(division, folds=0)

    @property
    def file(self) -> Path | None:
        """Return the file of validation rows, if one is given."""
        validation = self.division.validation
        return validation if isinstance(validation, Path) else None


def _share(name: str, text: str) -> Share | None:
    """Return '0.2' and 'last:0.2' as a share; None for any other text."""
    last = text.startswith("last:")
    try:
        fraction = float(text.removeprefix("last:"))
    except ValueError:
        return None
    if not 0 <= fraction < 1:
        raise InvalidValue(f"{name} is {text}; it takes a fraction of the rows, from 0 to below 1")
    return Share(fraction, last)


@dataclass(frozen=True)
class Varied:
    """These options name the recipe, and put other settings in place of its own."""

    recipe: Annotated[
        str,
        option("realmlp, the best for most tables, or small, one small network in a second or two.", RECIPE),
    ] = "realmlp"
    hidden: Annotated[str | None, option("Units of each hidden layer; 0 for none.", NETWORK)] = None
    activation: Annotated[str | None, option(HELP["activation"], NETWORK)] = None
    number_embedding: Annotated[
        str | None, option("Embedding of numbers: periodic, piecewise_linear, none.", NETWORK)
    ] = None
    frequency: Annotated[float | None, option("Deviation of the frequencies in the periodic embedding.", NETWORK)] = (
        None
    )
    frequencies: Annotated[int | None, option("Frequencies of a column in it.", NETWORK)] = None
    number_width: Annotated[int | None, option("Numbers in the embedding of a number.", NETWORK)] = None
    largest_one_hot: Annotated[int | None, option("Categories beyond which a column is embedded.", NETWORK)] = None
    embedding_width: Annotated[int | None, option("Numbers in the embedding of a category.", NETWORK)] = None
    initializer: Annotated[
        str | None, option(f"Initial weights: data (from the training rows), {', '.join(INITIALIZERS)}.", NETWORK)
    ] = None
    dropout: Annotated[float | None, option("Rate of dropout after each hidden layer.", NETWORK)] = None
    normalization: Annotated[str | None, option(f"{HELP['normalization']}.", NETWORK)] = None
    l1: Annotated[float | None, option("Penalty on Σ|w|.", NETWORK)] = None
    l2: Annotated[float | None, option("Penalty on Σw²/2.", NETWORK)] = None
    loss: options.Loss = None
    label_smoothing: Annotated[float | None, option("Share of each label given to all classes.", TRAINING)] = None
    optimizer: Annotated[str | None, option(HELP["optimizer"], TRAINING)] = None
    learning_rate: Annotated[float | None, option("Learning rate.", TRAINING)] = None
    schedule: Annotated[str | None, option(HELP["schedule"], TRAINING)] = None
    scale_rate: Annotated[float | None, option("Rate of the scaling layer, as a multiple of it.", TRAINING)] = None
    embedding_rate: Annotated[float | None, option("Rate of the embeddings of numbers, likewise.", TRAINING)] = None
    first_rate: Annotated[float | None, option("Rate of the first hidden layer's weights, likewise.", TRAINING)] = None
    beta2: Annotated[float | None, option("Share of the mean square that a step of adam keeps.", TRAINING)] = None
    momentum: Annotated[float | None, option("Momentum of sgd or rmsprop.", TRAINING)] = None
    nesterov: Annotated[bool, option("Nesterov's momentum.", TRAINING, "--nesterov")] = False
    weight_decay: Annotated[float | None, option("Weight decay of the optimizer.", TRAINING)] = None
    clip_norm: Annotated[float | None, option("Longest gradient norm.", TRAINING)] = None
    epochs: Annotated[int | None, option("Passes over the rows, at most.", TRAINING)] = None
    batch_size: Annotated[int | None, option("Rows per step, about; 0 for all at once.", TRAINING)] = None
    early_stopping: Annotated[
        int | None, option("Epochs without improvement to stop after; 0 for never.", TRAINING)
    ] = None
    minimum_improvement: Annotated[float | None, option("Least improvement that counts.", TRAINING)] = None
    calibrate: Annotated[
        bool | None, option("Scale probabilities by a temperature fitted on the validation rows.", TRAINING)
    ] = None
    refit: Annotated[
        bool | None, option("Train once more on all rows but the test rows, for the best number of epochs.", TRAINING)
    ] = None

    @property
    def chosen(self) -> Recipe:
        """Return the recipe with the settings given."""
        given = {name: value for name, value in asdict(self).items() if name != "recipe"}
        given["hidden"] = None if self.hidden is None else tuple(options.sizes(self.hidden))
        given["nesterov"] = self.nesterov or None
        if self.schedule is not None:
            checks.one_of("--schedule", self.schedule, SCHEDULES)
        return RECIPES[checks.one_of("--recipe", self.recipe, RECIPES)].varied(**given)


@dataclass(frozen=True)
class Deciding:
    """These options say above which probability the second of two classes is predicted."""

    threshold: Annotated[
        str | None,
        option(
            "Predict the second of two classes above this probability; f1 or balanced: the best for it on the "
            "validation rows.",
            DATA,
        ),
    ] = None
    cost: Annotated[
        str | None,
        option("Costs of a row of the second class predicted as the first, and of the opposite, such as 5:1.", DATA),
    ] = None

    @property
    def aim(self) -> Aim | None:
        """Return what the threshold is chosen for."""
        return aim_of(self.threshold, self.cost)


@dataclass(frozen=True)
class Running:
    """These options say what a recipe leaves open of the training."""

    time_limit: Annotated[
        str | None, option("Time for all of it, such as 60s or 10m: the best model that fits into it.", TRAINING)
    ] = None
    dtype: Annotated[str, option("float32 or float64.", NETWORK)] = "float32"
    shuffle: Annotated[bool, option("A new order of the rows each epoch.", TRAINING)] = True
    metrics: options.Metrics = None
    report_every: Annotated[
        int | None, option("Epochs from report to report; 1 unless epochs are many and short.", TRAINING)
    ] = None
    engine: Annotated[str, option("auto, numpy or compiled.", TRAINING)] = "auto"
    threads: Annotated[int | None, option("Threads; as many as pay if not given.", TRAINING)] = None
    compression: Annotated[
        str | None, option("float16 or bfloat16: gradients travel between ranks in it, less precise.", TRAINING)
    ] = None
    seed: Annotated[int, option("Seed of the parts, the weights, the shuffling and dropout.", TRAINING)] = 0

    @property
    def seconds(self) -> float | None:
        """Return the time limit in seconds."""
        if self.time_limit is None:
            return None
        found = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([a-z]*)", self.time_limit.strip().lower())
        if found is None or found[2] not in UNITS:
            raise InvalidValue(
                f"--time-limit is {self.time_limit!r}; it takes seconds (60s), minutes (10m) or hours (1h)"
            )
        return checks.number("--time-limit", float(found[1]) * UNITS[found[2]], above=0)

    def of_fit(self, task: str) -> dict[str, Any]:
        """Return the options of `Network.fit` among them."""
        return {
            "metrics": options.metrics(self.metrics, task),
            **self.of_search(),
        }

    def compression_for(self, prepared: Prepared) -> dict[str, str]:
        """Return the compression as an option of `Network.fit`, where several ranks train."""
        if self.compression is None:
            return {}
        if prepared.ranks.size == 1:
            raise InvalidValue(
                f"--compression is {self.compression} and one process trains; it is for those that mpiexec starts"
            )
        return {"compression": self.compression}

    def of_search(self) -> dict[str, Any]:
        """Return those that every trial of a search has."""
        return {
            "shuffle": self.shuffle,
            "report_every": AUTO if self.report_every is None else self.report_every,
            "engine": self.engine,
            "threads": self.threads,
        }


@dataclass(frozen=True)
class Outputs:
    """These options name the files to write, and show the progress bar."""

    progress: options.Progress = True
    save: Annotated[Path | None, option("Write the model to this .npz file.", OUTPUT)] = None
    checkpoint: Annotated[
        Path | None, option("Write the run's state to this .npz file; one network is trained.", OUTPUT)
    ] = None
    checkpoint_every: Annotated[str, option("Epochs (10) or seconds (30s) between checkpoints.", OUTPUT)] = "10s"
    resume: Annotated[bool, option("Go on from it.", OUTPUT, "--resume")] = False
    plot: Annotated[Path | None, option("Draw the loss curves to this .png, .svg or .pdf file.", OUTPUT)] = None
    report: Annotated[Path | None, option("Write a report, with pictures, to this .html file.", OUTPUT)] = None

    @property
    def files(self) -> dict[str, Path | None]:
        """Return the file of each option that names one, and of a second checkpoint."""
        second = None if self.checkpoint is None else beside(self.checkpoint, "refit")
        return {
            "--save": self.save,
            "--checkpoint": self.checkpoint,
            "the second checkpoint, of a training with all rows": second,
            "--plot": self.plot,
            "--report": self.report,
        }

    def of_fit(self) -> dict[str, Any]:
        """Return the options of `Network.fit` among them."""
        every = self.checkpoint_every
        return {
            "checkpoint": self.checkpoint,
            "checkpoint_every": int(every) if every.isdecimal() else every,
            "resume": self.resume,
        }
