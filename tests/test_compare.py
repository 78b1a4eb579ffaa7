"""Fair comparisons: the same seeds and splits, what the runs decide, and runs that are kept, resumed and drawn."""

import csv
import json
import multiprocessing
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from shared import PENGUINS, SMALL

import plainnet as pn
from plainnet.comparison import Comparison, Run, compare
from plainnet.comparison.executing import run_all
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.statistics import interval, middle_mean
from plainnet.comparison.variants import resolve
from plainnet.errors import FileError, InvalidType, InvalidValue, PlainnetWarning

X, y = pn.datasets.moons(80, noise=0.2, seed=1)
OPTIONS = {"loss": "cross_entropy", "epochs": 5, "batch_size": 16, "metrics": ["accuracy"], "workers": 1}


def run_command(arguments):
    from plainnet.cli import run

    return run(arguments)


def network(units=4, activation="tanh"):
    return pn.Network(pn.Dense(units, activation), pn.Dense(2, "softmax"))


def made_by_function(seed):
    return pn.Network(pn.Dense(4, "tanh"), pn.Dense(2, "softmax"), seed=seed)


def timeless(comparison):
    return [{key: value for key, value in run.to_dict().items() if key != "seconds"} for run in comparison.runs]


# ---- what is trained ----


def test_each_run_is_what_fit_does_from_that_seed_on_that_split():
    variants = {"4": network(), "8": {"network": network(8), "optimizer": pn.SGD(0.1), "epochs": 3}}
    comparison = compare(variants, X, y, seeds=[7, 3], validation=0.25, **OPTIONS)
    options = {"validation": 0.25, **{key: value for key, value in OPTIONS.items() if key != "workers"}}
    for seed in (7, 3):
        four = made_by_function(seed).fit(X, y, **options)
        eight = pn.Network(pn.Dense(8, "tanh"), pn.Dense(2, "softmax"), seed=seed)
        eight = eight.fit(X, y, **{**options, "optimizer": pn.SGD(0.1), "epochs": 3})
        for name, history in (("4", four), ("8", eight)):
            (run,) = [run for run in comparison.of(name) if run.seed == seed]
            assert run.loss == history.loss[-1]
            assert run.validation_loss == history.validation_loss[-1]
            assert run.metrics["accuracy"] == history.metrics["accuracy"][-1]
            assert run.epochs == history.epoch[-1]


def test_with_early_stopping_the_measures_are_those_of_the_best_epoch():
    options = {**OPTIONS, "epochs": 200, "early_stopping": 3, "validation": 0.3, "optimizer": pn.Adam(0.1)}
    (run,) = compare({"4": network()}, X, y, seeds=1, **options).runs
    del options["workers"]
    history = made_by_function(0).fit(X, y, **options)
    assert history.stopped == "early stopping"
    assert run.validation_loss == min(history.validation_loss)
    assert run.epochs == history.epoch[-1]


def test_the_weights_of_the_network_given_play_no_part():
    trained = network()
    trained.fit(X, y, loss="cross_entropy", epochs=3)
    before = trained.parameters.copy()
    first = compare({"a": trained}, X, y, seeds=2, **OPTIONS)
    assert timeless(first) == timeless(compare({"a": network()}, X, y, seeds=2, **OPTIONS))
    np.testing.assert_array_equal(trained.parameters, before)


def of_its_own(seed):
    """Data of a run's own: (X, y, validation)."""
    return *pn.datasets.moons(60, noise=0.2, seed=seed), pn.datasets.moons(20, noise=0.2, seed=100 + seed)


def test_a_function_gives_each_seed_its_own_data():
    comparison = compare({"4": network()}, of_its_own, seeds=[2, 5], **OPTIONS)
    for run in comparison.runs:
        own_X, own_y, held_out = of_its_own(run.seed)
        options = {key: value for key, value in OPTIONS.items() if key != "workers"}
        history = made_by_function(run.seed).fit(own_X, own_y, validation=held_out, **options)
        assert (run.loss, run.validation_loss) == (history.loss[-1], history.validation_loss[-1])


def test_data_of_a_function_that_do_not_fit_are_refused():
    with pytest.raises(InvalidType, match="y is None; it takes the targets, or X takes a function"):
        compare({"a": network()}, X, seeds=2, **OPTIONS)
    with pytest.raises(InvalidValue, match="y is given beside a function for X"):
        compare({"a": network()}, of_its_own, y, seeds=2, **OPTIONS)
    with pytest.raises(InvalidValue, match="validation is given beside a function for X"):
        compare({"a": network()}, of_its_own, seeds=2, validation=0.2, **OPTIONS)
    with pytest.raises(InvalidType, match=r"the function for X gives ndarray for seed 0; it must give \(X, y, valid"):
        compare({"a": network()}, lambda seed: X, seeds=2, **OPTIONS)


def test_processes_threads_and_this_process_train_the_same():
    joblib = pytest.importorskip("joblib")
    variants = {"4": network(), "by function": made_by_function, "lambda": lambda seed: made_by_function(seed)}
    here = compare(variants, X, y, seeds=3, **OPTIONS)
    assert timeless(compare(variants, X, y, seeds=3, **{**OPTIONS, "workers": 2})) == timeless(here)
    options = {key: value for key, value in OPTIONS.items() if key != "workers"}
    for backend in ("threading", "loky", "multiprocessing"):
        with joblib.parallel_config(backend=backend, n_jobs=2):
            assert timeless(compare(variants, X, y, seeds=3, **options)) == timeless(here)


def test_an_executor_is_taken_and_deprecated():
    here = compare({"4": network()}, X, y, seeds=3, **OPTIONS)
    with ThreadPoolExecutor(2) as threads, pytest.warns(DeprecationWarning, match="joblib.parallel_config") as caught:
        assert timeless(compare({"4": network()}, X, y, seeds=3, executor=threads, **OPTIONS)) == timeless(here)
    assert caught[0].filename == __file__


def test_runs_that_cannot_reach_another_process_are_trained_in_this_one():
    pytest.importorskip("joblib")
    lock = threading.Lock()

    def locked(seed):
        with lock:
            return made_by_function(seed)

    with pytest.warns(PlainnetWarning, match="cannot be sent to other processes"):
        comparison = compare({"locked": locked}, X, y, seeds=2, **{**OPTIONS, "workers": 2})
    assert timeless(comparison) == [
        run | {"variant": "locked"} for run in timeless(compare({"4": network()}, X, y, seeds=2, **OPTIONS))
    ]


def test_a_run_that_diverges_has_not_learned_and_ends_nothing():
    steep = {"network": network(4, "relu"), "optimizer": pn.SGD(1e30), "loss": "cross_entropy"}
    comparison = compare({"steep": steep, "4": network()}, X, y, seeds=6, **OPTIONS)
    summary, other = comparison.summaries()
    assert summary.diverged == 6
    assert (summary.learned, other.learned) == (0, 6)
    assert np.isnan(summary.median)
    assert comparison.ranking() == ["4", "steep"]
    difference = comparison.difference("4", "steep")
    assert difference.pairs == 0
    assert difference.better is None
    assert difference.learns_more == "4"
    assert "6 (6 diverged)" in str(comparison)
    assert comparison.conclusion() == "Take 4. Every run of steep diverged."


def test_nearly_every_start_learns_xor():
    """Of 10,000 starts 99.67 % learn, see docs/use/compare.md."""
    net = pn.Network(
        pn.Dense(4, "sigmoid", initializer="normal"), pn.Dense(1, "sigmoid", initializer="normal"), dtype="float64"
    )
    comparison = compare(
        {"4 sigmoid": net},
        *pn.datasets.xor(),
        seeds=10,
        workers=1,
        learned="accuracy >= 1",
        loss="mse",
        optimizer=pn.SGD(1.0),
        epochs=5_000,
        batch_size=None,
        report_every=1_000,
        metrics=["accuracy"],
    )
    assert comparison.summaries()[0].share >= 0.9


# ---- what the runs decide ----


def made_up(first, second, **settings):
    """A comparison of two variants with these losses."""
    runs = [
        Run(name, seed, np.isnan(value), 1, 0.1, None if np.isnan(value) else float(value), None, {}, {})
        for name, values in (("A", first), ("B", second))
        for seed, value in enumerate(values)
    ]
    defaults = {"by": "loss", "lower_is_better": True, "criterion": "loss < 1", "learned": lambda run: run.loss < 1}
    return Comparison(["A", "B"], range(len(first)), runs=runs, **{**defaults, **settings})


def test_of_equal_variants_few_are_decided_and_a_clear_difference_is():
    random = np.random.default_rng(5)
    decided = [made_up(*random.normal(size=(2, 20))).difference("A", "B").better is not None for _ in range(150)]
    assert np.mean(decided) < 0.12  # 95 % intervals: 5 % are wrong, and a bootstrap of 20 a little more
    shifted = random.normal(0.0, size=20), random.normal(1.5, size=20)
    assert made_up(*shifted).difference("A", "B").better == "A"
    assert made_up(*shifted, lower_is_better=False).difference("A", "B").better == "B"


def test_pairing_finds_what_differs_less_than_the_seeds_do():
    random = np.random.default_rng(1)
    by_seed = 10 * random.random(30)
    comparison = made_up(by_seed + 0.1 + 0.02 * random.random(30), by_seed)
    assert comparison.difference("A", "B").better == "B"
    assert comparison.difference("A", "B").value == pytest.approx(0.11, abs=0.005)
    assert "B is better than A (loss −0.11" in str(comparison)


def test_it_says_plainly_that_the_data_do_not_decide():
    values = np.linspace(0, 1, 12)
    comparison = made_up(values, values[::-1])
    assert comparison.difference("A", "B").better is None
    assert "A against B: the data do not decide which is better (loss" in str(comparison)


def test_five_pairs_decide_nothing_however_far_apart():
    comparison = made_up([1.0] * 5, [9.0] * 5)
    assert comparison.difference("A", "B").better is None
    assert "too few pairs of runs to decide (5; it takes at least 6)" in str(comparison)
    assert made_up([1.0] * 6, [9.0] * 6).difference("A", "B").better == "A"


def test_which_learns_more_often_is_decided_over_all_seeds():
    comparison = made_up([0.1] * 40, [0.1] * 20 + [5.0] * 20)
    difference = comparison.difference("A", "B")
    assert difference.learns_more == "A"
    assert difference.share == 0.5
    one_more = made_up([0.1] * 40, [0.1] * 39 + [5.0]).difference("A", "B")
    assert one_more.learns_more is None


@pytest.mark.needs("plots")
@pytest.mark.needs("scipy")
def test_the_interval_is_the_percentile_bootstrap():
    import scipy.stats

    values = np.random.default_rng(2).gamma(2.0, size=25)
    ours = interval(values, middle_mean)
    drawn = scipy.stats.bootstrap(
        (values,), lambda v, axis: scipy.stats.trim_mean(v, 0.25, axis=axis), method="percentile", rng=1
    )
    np.testing.assert_allclose(ours, drawn.confidence_interval, rtol=0.03)
    assert interval(values, middle_mean) == ours


@pytest.mark.needs("scipy")
@pytest.mark.parametrize("count", [1, 2, 4, 7, 30])
def test_the_middle_mean_is_the_trimmed_mean(count):
    import scipy.stats

    values = np.random.default_rng(count).normal(size=count)
    assert middle_mean(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25))


# ---- runs in a file ----


class Counting:
    """A variant that counts its networks, and is interrupted at a seed."""

    def __init__(self, interrupt_at=None):
        self.made, self.interrupt_at = [], interrupt_at

    def __call__(self, seed):
        self.made.append(seed)
        if seed == self.interrupt_at:
            raise KeyboardInterrupt
        return made_by_function(seed)


def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path):
    whole = compare({"a": made_by_function}, X, y, seeds=5, **OPTIONS)
    path = tmp_path / "runs.jsonl"
    with pytest.raises(KeyboardInterrupt):
        compare({"a": Counting(interrupt_at=3)}, X, y, seeds=5, results=path, **OPTIONS)
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"variant": "a", "se')  # as a process killed while it writes leaves it
    again = Counting()
    resumed = compare({"a": again}, X, y, seeds=5, results=path, resume=True, **OPTIONS)
    assert again.made == [0, 3, 4]  # seed 0 once to check the options
    assert timeless(resumed) == timeless(whole)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["seed"] for line in lines[1:]] == [0, 1, 2, 3, 4]


def test_more_seeds_are_added_to_the_runs_there_are(tmp_path):
    path = tmp_path / "runs.jsonl"
    compare({"a": network()}, X, y, seeds=2, results=path, **OPTIONS)
    more = compare({"a": network()}, X, y, seeds=4, results=path, resume=True, **OPTIONS)
    assert timeless(more) == timeless(compare({"a": network()}, X, y, seeds=4, **OPTIONS))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"epochs": 6}, r"variants\.a\.options\.epochs was 5 and is 6"),
        ({"variants": {"a": network(9)}}, r"variants\.a\.network\.layers\[0\]\.units was 4 and is 9"),
        ({"variants": {"b": network()}}, r"variants\.a was "),
        ({"X": X + 1}, "data.X differs"),
        ({"sample_weight": np.arange(80)}, r"variants\.a\."),
    ],
)
def test_another_setting_is_refused_with_the_difference(tmp_path, change, difference):
    arguments = {"variants": {"a": network()}, "X": X, "y": y, "seeds": 1, "results": tmp_path / "runs.jsonl"}
    compare(**arguments, **OPTIONS)
    content = (tmp_path / "runs.jsonl").read_bytes()
    with pytest.raises(FileError, match=r"runs.jsonl is of another comparison: " + difference):
        compare(**{**arguments, **OPTIONS, **change}, resume=True)
    assert (tmp_path / "runs.jsonl").read_bytes() == content


def test_a_results_file_is_neither_written_over_nor_taken_when_damaged(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("not a comparison\n")
    with pytest.raises(FileError, match="exists already; resume=True"):
        compare({"a": network()}, X, y, seeds=1, results=path, **OPTIONS)
    with pytest.raises(FileError, match="is no results file of a comparison, or is damaged"):
        compare({"a": network()}, X, y, seeds=1, results=path, resume=True, **OPTIONS)
    assert path.read_text() == "not a comparison\n"


SCRIPT = """
import plainnet as pn
from plainnet.comparison import compare

net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(1, "sigmoid"))
compare({"4": net}, *pn.datasets.xor(), seeds=4000, results="runs.jsonl", workers=2, loss="mse", epochs=EPOCHS,
        batch_size=None, report_every=EPOCHS, engine="ENGINE")
"""


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
@pytest.mark.parametrize(
    ("send", "engine", "epochs"),  # to our process alone, or as a terminal does, to all of them; to the lanes' one
    [
        (os.kill, "numpy", 2_000),
        (os.killpg, "numpy", 2_000),
        pytest.param(os.kill, "compiled", 50_000, marks=pytest.mark.needs("fast")),
    ],
)
def test_ctrl_c_ends_all_processes_and_keeps_the_runs_so_far(tmp_path, send, engine, epochs):
    (tmp_path / "script.py").write_text(SCRIPT.replace("ENGINE", engine).replace("EPOCHS", str(epochs)))
    path = tmp_path / "runs.jsonl"
    with subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for(lambda: path.exists() and path.read_text().count("\n") > 9)
        send(process.pid, signal.SIGINT)
        error = process.communicate(timeout=60)[1]
    assert process.returncode in (-signal.SIGINT, 130)
    assert "KeyboardInterrupt" in error
    wait_for(lambda: not group_lives(process.pid))
    assert len([json.loads(line) for line in path.read_text().splitlines()]) > 9


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_csv_and_json_hold_every_run(tmp_path):
    comparison = compare({"4": network(), "8": network(8)}, X, y, seeds=3, learned="accuracy >= 0.5", **OPTIONS)
    comparison.write_csv(tmp_path / "runs.csv")
    comparison.write_json(tmp_path / "runs.json")
    with open(tmp_path / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variant"], int(row["seed"])) for row in rows] == [(n, s) for n in ("4", "8") for s in range(3)]
    assert [float(row["loss"]) for row in rows] == [run.loss for run in comparison.runs]
    assert [int(row["learned"]) for row in rows] == [run.metrics["accuracy"] >= 0.5 for run in comparison.runs]
    data = json.loads((tmp_path / "runs.json").read_text())
    assert data["summaries"][1]["quartiles"][1] == np.median([run.loss for run in comparison.of("8")])
    assert len(data["runs"]) == 6
    assert len(data["differences"]) == 1


# ---- refusals ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variants": {}}, "it takes a dict of names and networks"),
        ({"variants": {"a": 3}}, "variant 'a' is 3; it takes a Network, a function seed -> Network, or a dict"),
        ({"variants": {"a": lambda seed: 3}}, "variant 'a' gives 3 for seed 0; it takes a plainnet.Network"),
        ({"variants": {"a": lambda seed: made_by_function(5)}}, "seed 5 for seed 0; make it with seed=seed"),
        ({"loss": "mse"}, "y has shape"),
        ({"checkpoint": "run.npz"}, "checkpoint is no option of a compared run"),
        ({"by": "recall"}, "by is 'recall'; every run has: loss, accuracy"),
        ({"learned": "recall > 1"}, "the measure of learned is 'recall'"),
        ({"learned": "good"}, "learned is 'good'; it takes a measure and a threshold"),
        ({"learned": 3}, "learned is 3; it takes a threshold"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": [1, 1]}, r"seeds is \[1, 1\]; it takes at least one, each once"),
        ({"seeds": "many"}, "seeds is 'many'; it takes how many"),
        ({"workers": 0}, "workers is 0"),
        ({"executor": "threads"}, "executor is 'threads'; it takes a concurrent.futures.Executor"),
        ({"resume": True}, "resume takes results="),
        (
            {"variants": {"a": network(), "b": {"network": network(), "validation": 0.5}}},
            "would not be validated on the same rows",
        ),
        (
            {"variants": {"a": network(), "b": {"network": pn.Network(pn.Dense(1)), "loss": "mse"}}},
            "the variants have different losses",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_any_training(arguments, message):
    with pytest.raises((InvalidValue, InvalidType), match=message):
        compare(**{"variants": {"a": network()}, "X": X, "y": y, "seeds": 2, **OPTIONS, **arguments})


def test_a_loss_is_asked_for():
    with pytest.raises(InvalidType, match="variant 'a' has no loss"):
        compare({"a": network()}, X, y)


# ---- pictures ----


@pytest.mark.needs("plots")
def test_the_pictures_take_an_axes_and_return_it():
    comparison = compare({"4": network(), "8": network(8)}, X, y, seeds=3, validation=0.2, **OPTIONS)
    axes = pn.plots.new_axes()
    assert comparison.draw_curves(axes) is axes
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "validation loss (lower is better)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["4", "8"]
    boxes = comparison.draw_boxes()
    assert boxes.get_xlabel() == "validation loss (lower is better)"
    assert [label.get_text() for label in boxes.get_yticklabels()] == ["4", "8"]


@pytest.mark.needs("plots")
def test_a_picture_says_what_it_leaves_out():
    variants = {f"variant {n}": network(n) for n in range(1, 23)}
    comparison = compare(variants, X, y, seeds=1, **{**OPTIONS, "epochs": 1})
    curves, boxes = comparison.draw().axes
    assert "the 6 variants of the best medians, of 22" in curves.get_title(loc="left")
    assert len(boxes.get_yticklabels()) == 20
    assert boxes.get_title(loc="left").startswith("the 20 variants of the best medians, of 22")


@pytest.mark.needs("plots")
def test_runs_that_diverged_are_counted_in_the_picture():
    steep = {"network": network(4, "relu"), "optimizer": pn.SGD(1e30)}
    boxes = compare({"steep": steep, "4": network()}, X, y, seeds=2, **OPTIONS).draw_boxes()
    assert boxes.get_yticklabels()[0].get_text() == "steep\n(2 diverged)"


@pytest.mark.needs("plots")
def test_the_curves_follow_the_measure_compared_by():
    options = {**OPTIONS, "validation": 0.2, "seeds": 3, "by": "accuracy"}
    axes = compare({"4": network(), "8": network(8)}, X, y, **options).draw_curves()
    assert axes.get_ylabel() == "accuracy (higher is better)"
    assert 0 <= axes.get_ylim()[0] < axes.get_ylim()[1] < 1.1


@pytest.mark.needs("plots")
def test_one_bad_start_does_not_flatten_the_curves():
    def run(seed, loss):
        curves = {"epoch": [1, 2], "loss": [1.0, loss], "accuracy": [0.5, 0.9]}
        return Run("a", seed, False, 2, 0.1, loss, None, {"accuracy": 0.9}, curves)

    runs = [run(seed, 0.5 + 0.01 * seed) for seed in range(19)] + [run(19, 5e3)]
    comparison = Comparison(["a"], range(20), "loss", True, "", lambda run: True, runs, has_criterion=False)
    assert comparison.draw_curves().get_ylim()[1] < 2


@pytest.mark.needs("plots")
def test_every_run_that_did_not_learn_is_drawn():
    """Of 300 runs one curve in three is drawn, but each of the four that did not learn."""

    def run(seed):
        loss = 0.25 if seed in (7, 50, 101, 298) else 1e-4
        curves = {"epoch": [1, 2], "loss": [0.3, loss]}
        return Run("a", seed, False, 2, 0.1, loss, None, {}, curves)

    runs = [run(seed) for seed in range(300)]
    comparison = Comparison(["a"], range(300), "loss", True, "loss < 0.1", lambda run: run.loss < 0.1, runs)
    axes = comparison.draw_curves()
    assert sum(line.get_ydata()[-1] == 0.25 for line in axes.get_lines()) == 4
    assert len(axes.get_lines()) < 110
    assert "each that did not learn" in axes.get_title(loc="left")
    crosses = comparison.draw_boxes().collections[1]
    assert len(crosses.get_offsets()) == 4


# ---- what it says ----


def made(medians, parameters=None, seeds=13, **more):
    """A comparison of made-up runs: a variant's measures are its median plus small differences."""
    runs = [
        Run(
            name,
            seed,
            not np.isfinite(m),
            1,
            0.1,
            m + d if np.isfinite(m) else None,
            None,
            {},
            {"epoch": [], "loss": []},
        )
        for name, m in medians.items()
        for seed, d in enumerate(np.random.default_rng(len(name)).permutation(np.linspace(-0.05, 0.05, seeds)))
    ]
    sizes = parameters or dict.fromkeys(medians, 10)
    options = {"by": "loss", "lower_is_better": True, "criterion": "", "learned": lambda run: True}
    return Comparison(list(medians), range(seeds), **options, runs=runs, parameters=sizes, has_criterion=False, **more)


ALL_DIVERGED = "Every run diverged, so there is nothing to choose from; a smaller learning rate may do."


@pytest.mark.parametrize(
    ("medians", "sizes", "conclusion"),
    [
        ({"a": 1.0}, {}, ""),
        ({"a": 0.1, "bb": 0.5}, {}, "Take a: it is better than bb."),
        ({"a": 0.1, "bb": 0.5, "ccc": 0.9}, {}, "Take a: it is better than each of the others."),
        ({"a": 0.1, "bb": np.nan}, {}, "Take a. Every run of bb diverged."),
        ({"a": np.nan, "bb": np.nan}, {}, ALL_DIVERGED),
        ({"a": np.nan}, {}, ALL_DIVERGED),
        (
            {"a": 0.5, "bb": 0.505, "ccc": 2.0},
            {"a": 90, "bb": 20, "ccc": 5},
            "a has the best median, and the runs do not decide between it and bb. bb has the smallest network of "
            "these: take it, or ask again with more seeds.",
        ),
        (
            {"a": 0.5, "bb": 0.505},
            {"a": 20, "bb": 90},
            "a has the best median, and the runs do not decide between it and bb. It has the smallest network of "
            "these: take it, or ask again with more seeds.",
        ),
        (
            {"a": 0.5, "bb": 0.505},
            {"a": 20, "bb": 20},
            "a has the best median, and the runs do not decide between it and bb. More seeds may decide.",
        ),
    ],
)
def test_it_ends_with_one_sentence_to_act_on(medians, sizes, conclusion):
    comparison = made(medians, sizes)
    assert comparison.conclusion() == conclusion
    assert conclusion in str(comparison)
    assert comparison.to_dict()["conclusion"] == conclusion


def test_too_few_runs_recommend_no_smaller_network():
    """Of three runs each nothing is decided, however far apart the medians: the smallest network is no choice then."""
    few = made({"large": 0.1, "small": 5.0}, {"large": 90, "small": 20}, seeds=3)
    assert few.conclusion() == (
        "large has the best median, but the runs are too few to decide between it and small. Ask again with more seeds."
    )
    assert few.choice() == "large"
    assert made({"large": 0.5, "tiny": 0.505}, {"large": 90, "tiny": 20}, seeds=6).choice() == "tiny"


def test_without_a_criterion_nothing_is_said_to_have_learned():
    comparison = made({"a": 0.1, "bb": 0.5})
    assert "learned" not in str(comparison)
    assert str(comparison).splitlines()[0].split() == ["variant", "runs", "median", "quartiles", "seconds"]


@pytest.mark.needs("plots")
def test_it_shows_itself_at_the_prompt_and_in_a_notebook():
    comparison = made({"a<b": 0.1, "bb": 0.5})
    assert repr(comparison) == str(comparison)
    page = comparison._repr_html_()
    assert "<table>" in page
    assert "a&lt;b" in page
    assert "Take a&lt;b: it is better than bb." in page
    assert "<svg" in page


# ---- the command ----


@pytest.mark.needs("cli", "tables", "plots")
def test_the_command_compares_every_combination(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["compare", str(PENGUINS), "--target", "species", "--hidden", "4", "--hidden", "8,4"]
    arguments += [
        "--learning-rate",
        "0.01",
        "--learning-rate",
        "0.1",
        "--seeds",
        "2",
        "--epochs",
        "3",
        "--workers",
        "1",
    ]
    arguments += ["--results", "runs.jsonl", "--csv", "runs.csv", "--json", "runs.json", "--plot", "runs.svg"]
    assert run_command(arguments) == 0
    out = capsys.readouterr().out
    assert "4 variants from 2 seeds: 8 runs" in out
    assert "too few pairs of runs to decide" in " ".join(out.split())
    with open("runs.csv", newline="") as file:
        names = [row["variant"] for row in csv.DictReader(file)]
    assert len(names) == 8
    assert set(names) == {f"hidden {h} · learning-rate {r}" for h in ("4", "8,4") for r in (0.01, 0.1)}
    assert Path("runs.svg").read_text().count("<svg") == 1
    assert run_command([*arguments, "--resume"]) == 0
    assert run_command([*arguments, "--resume", "--epochs", "4"]) == 2
    assert re.search(r"options\.epochs was 3 and is 4", capsys.readouterr().err)


@pytest.mark.needs("cli", "tables", "plots")
def test_the_command_scales_each_split_by_its_training_rows_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    column = np.append(random.normal(5, 2, 39), 1e6)  # whoever sees the last row has quite another scale
    lines = [f"{value},{3 * value + random.normal()}" for value in column]
    Path("table.csv").write_text("\n".join(["x,y", *lines]))
    arguments = ["--target", "y", "--hidden", "4", "--epochs", "3", "--batch-size", "8"]
    command = ["compare", "table.csv", *arguments, "--seeds", "6", "--workers", "1", "--csv", "runs.csv"]
    assert run_command([*command, "--no-progress"]) == 0
    with open("runs.csv", newline="") as file:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    assert max(losses) > 1e6 * min(losses)  # in some splits the last row is held out, and lies far off the scale
    for seed, loss in enumerate(losses):
        assert (
            run_command(["train", "table.csv", *arguments, *SMALL, "--seed", str(seed), "--save", f"{seed}.npz"]) == 0
        )
        history = pn.load(f"{seed}.npz").history
        assert loss == pytest.approx(min(history.validation_loss))


@pytest.mark.needs("cli", "tables", "plots")
def test_the_command_ends_with_one_that_trains_the_winner(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shared = ["--ignore", "year", "--class-weight", "balanced", "--epochs", "20"]
    varied = ["--hidden", "1", "--hidden", "16", "--schedule", "cosine", "--weight-decay", "0.01", "--normalization"]
    command = ["compare", str(PENGUINS), "--target", "species", *shared, *varied, "batch", "--seeds", "6"]
    assert run_command([*command, "--workers", "1", "--no-progress"]) == 0
    out = capsys.readouterr().out
    training = shlex.split(out[out.index("plainnet train") :])
    assert run_command(training[1:]) == 0
    net = pn.load("model.npz")
    assert [layer.units for layer in net.layers if isinstance(layer, pn.Dense)] == [16, 3]
    assert any(isinstance(layer, pn.BatchNorm) for layer in net.layers)
    optimizer = net.history.settings["optimizer"]
    assert optimizer["learning_rate"]["name"] == "cosine"
    assert optimizer["weight_decay"] == 0.01
    assert net.history.settings["weighted"]
    assert "year" not in {column["name"] for column in net.table["columns"]}


@pytest.mark.needs("cli", "tables", "plots")
def test_the_command_weighs_rows_as_train_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    lines = [f"{x},{2 * x if i % 2 else -2 * x},{i % 2}" for i, x in enumerate(random.normal(size=60))]
    Path("table.csv").write_text("\n".join(["x,y,w", *lines]))
    shared = ["table.csv", "--target", "y", "--sample-weight", "w", "--hidden", "4", "--epochs", "30"]
    shared += ["--no-progress", "--batch-size", "8"]
    assert run_command(["compare", *shared, "--seeds", "1", "--seed", "5", "--workers", "1", "--csv", "runs.csv"]) == 0
    with open("runs.csv", newline="") as file:
        (run,) = csv.DictReader(file)
    assert run["seed"] == "5"
    assert run_command(["train", *shared, *SMALL, "--seed", "5", "--save", "5.npz"]) == 0
    history = pn.load("5.npz").history
    assert float(run["loss"]) == pytest.approx(history.loss[history.epoch.index(history.best_epoch)])


@pytest.mark.needs("cli", "tables", "plots")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", "4", "--hidden", "4"], "the variant 'hidden 4' is given twice"),
        (["--plot", "runs.txt"], "--plot is runs.txt"),
        (["--by", "r2"], "by is 'r2'; every run has: loss, validation_loss, accuracy"),
    ],
)
def test_the_command_refuses_in_one_line(options, message, capsys):
    assert run_command(["compare", str(PENGUINS), "--target", "species", "--seeds", "1", *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


# ---- what the process shares with everything else in it ----


@pytest.mark.needs("cluster")
def test_processes_leave_the_environment_and_other_processes_alone(monkeypatch):
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    (variant,) = resolve({"a": network()}, {"loss": "cross_entropy", "epochs": 2})
    context = multiprocessing.get_context("spawn")
    event = context.Event()
    runs = run_all([(variant, seed) for seed in range(6)], SeedData(X, y), None, 2)
    next(runs)
    assert not set(names) & set(os.environ)
    own = context.Process(target=event.wait)
    own.start()
    runs.close()  # which ends the workers, and only them
    assert own.is_alive()
    event.set()
    own.join()
    assert own.exitcode == 0


def test_runs_in_threads_leave_the_filters_of_warnings_alone():
    """They belong to the whole process."""
    before, found = list(warnings.filters), []

    def metric(targets, predictions):
        found.append(list(warnings.filters))
        return 0.0

    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config(backend="threading"):
        compare({"a": network()}, X, y, seeds=8, **{**OPTIONS, "epochs": 2, "metrics": [metric], "workers": 4})
    assert len(found) >= 8
    assert all(filters == before for filters in found)
