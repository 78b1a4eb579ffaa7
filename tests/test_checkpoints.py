"""Checkpoints: a run that was cut short anywhere ends with the bits of one that was not."""

import copy
import inspect
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from goldens import checkpoint_run
from parts import OPTIMIZERS, SCHEDULES, one_of_each

import plainnet as pn
from plainnet.errors import FileError, InvalidType, InvalidValue
from plainnet.files import archive
from plainnet.training import prepare
from plainnet.training.checkpoints import Checkpoint
from plainnet.training.options import Options

GOLDENS = Path(__file__).parent / "goldens"

MOONS = pn.datasets.moons(60, noise=0.2, seed=1)
HELD_OUT = pn.datasets.moons(40, noise=0.2, seed=2)


def network(**options):
    layers = pn.Dense(6, "tanh"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(2, "softmax")
    return pn.Network(*layers, **{"input_size": 2, "seed": 3, **options})


def run_options(**options):
    base = {"loss": "cross_entropy", "epochs": 12, "batch_size": 16, "validation": HELD_OUT, "metrics": ["accuracy"]}
    return {**base, **options}


def bits(net):
    return net.parameters.tobytes() + net.statistics.tobytes()


class Stop(Exception):
    pass


def stopping_after(steps):
    """Cross-entropy that fails at a step, wherever in an epoch that is."""

    class Failing(pn.losses.CrossEntropy):
        __module__ = "plainnet.losses"  # described as the loss it is but for its failing
        name = "cross_entropy"
        left = steps

        def elements_from_logits(self, targets, logits):
            if len(targets) != len(HELD_OUT[0]):  # not in the validation
                Failing.left -= 1
                if Failing.left < 0:
                    raise Stop
            return super().elements_from_logits(targets, logits)

    return Failing()


def interrupted_and_resumed(tmp_path, options, steps, every):
    """Train with a failure after `steps` steps, then go on from the checkpoint in a new network."""
    path = tmp_path / "run.npz"
    with pytest.raises(Stop):
        network().fit(*MOONS, **{**options, "loss": stopping_after(steps)}, checkpoint=path, checkpoint_every=every)
    net = network()
    history = net.fit(*MOONS, **options, checkpoint=path, checkpoint_every=every, resume=True)
    return net, history


EACH = [
    *(pytest.param(make(0.05), id=f"{name} optimizer") for name, make in one_of_each(OPTIMIZERS).items()),
    *(pytest.param(pn.Adam(make(0.05)), id=f"{name} schedule") for name, make in one_of_each(SCHEDULES).items()),
]
COMPILED = [
    pytest.param(*case.values, threads, every, id=f"{case.id}, {threads} threads, every {every}")
    for case in EACH
    for threads, every in itertools.product([1, 2], [3, "1e-9s"])  # at the ends of epochs; after every step
    if (threads == 1) == (every == 3) or case.id == "adam optimizer"
]
"""Of the combinations of threads and moments two for each, and all for one."""


@pytest.mark.parametrize("optimizer", EACH)
def test_resumed_bits_are_uninterrupted_bits(optimizer, tmp_path):
    options = run_options(optimizer=optimizer)
    whole = network()
    expected = whole.fit(*MOONS, **options)
    net, history = interrupted_and_resumed(tmp_path, options, steps=29, every=3)
    assert bits(net) == bits(whole)
    assert history.loss == expected.loss
    assert history.validation_loss == expected.validation_loss
    assert history.learning_rate == expected.learning_rate


@pytest.mark.needs("fast")
@pytest.mark.parametrize(("optimizer", "threads", "every"), COMPILED)
def test_the_compiled_engine_resumes_to_uninterrupted_bits(optimizer, threads, every, tmp_path, monkeypatch):
    options = run_options(optimizer=optimizer, engine="compiled", threads=threads)
    whole = network()
    expected = whole.fit(*MOONS, **options)
    options |= {"checkpoint": tmp_path / "run.npz", "checkpoint_every": every}
    write = Checkpoint.write

    def failing(checkpoint, net, identity, state):
        if state["job"]["steps_done"] >= 22:
            raise Stop
        write(checkpoint, net, identity, state)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", failing)
        with pytest.raises(Stop):
            network().fit(*MOONS, **options)
    assert archive.read_archive(tmp_path / "run.npz")[0]["run"]["job"]["steps_done"] == (12 if every == 3 else 21)
    net = network()
    history = net.fit(*MOONS, **options, resume=True)
    assert bits(net) == bits(whole)
    assert history.loss == expected.loss
    assert history.validation_loss == expected.validation_loss
    assert history.learning_rate == expected.learning_rate


@pytest.mark.parametrize("options", [{"batch_size": None}, {"shuffle": False}, {"report_every": 5}, {"epochs": 7}])
def test_resuming_with_other_shapes_of_run(options, tmp_path):
    options = run_options(**options)
    whole = network()
    whole.fit(*MOONS, **options)
    steps = 5 if options["batch_size"] is None else 15
    net, _ = interrupted_and_resumed(tmp_path, options, steps, every=2)
    assert bits(net) == bits(whole)


def test_resuming_within_an_epoch(tmp_path, monkeypatch):
    """Checkpoints by time may fall between two batches: the rest of the epoch sees the rest of its order."""
    options = run_options(epochs=4, batch_size=4)
    whole = network()
    expected = whole.fit(*MOONS, **options)
    net, history = interrupted_and_resumed(tmp_path, options, steps=22, every="0.0000001s")
    assert bits(net) == bits(whole)
    assert history.loss == expected.loss


def test_a_checkpoint_stands_in_the_middle_of_an_epoch(tmp_path):
    path = tmp_path / "run.npz"
    options = run_options(loss=stopping_after(22), batch_size=4)
    with pytest.raises(Stop):
        network().fit(*MOONS, **options, checkpoint=path, checkpoint_every="0.0000001s")
    with np.load(path) as archive:
        state = json.loads(str(archive["plainnet"]))["run"]
    assert state["job"]["epochs_done"] == 1
    assert state["job"]["batches_done"] == 22 - 15


def test_early_stopping_goes_on_as_if_nothing_happened(tmp_path):
    options = run_options(optimizer=pn.Adam(0.05), epochs=300, early_stopping=8)
    whole = network()
    expected = whole.fit(*MOONS, **options)
    assert expected.stopped == "early stopping"
    steps = 4 * (expected.epoch[-1] - 3)  # after the best epoch, before the stop
    net, history = interrupted_and_resumed(tmp_path, options, steps, every=1)
    assert bits(net) == bits(whole)
    assert (history.best_epoch, history.stopped) == (expected.best_epoch, expected.stopped)


def test_interrupted_many_times(tmp_path):
    options = run_options()
    whole = network()
    whole.fit(*MOONS, **options)
    path = tmp_path / "run.npz"
    interrupted = 0
    while True:
        net = network()  # the first finds no file, which resume=True takes for a run that has not begun
        try:
            net.fit(*MOONS, **{**options, "loss": stopping_after(5)}, checkpoint=path, checkpoint_every=1, resume=True)
            break
        except Stop:
            interrupted += 1
    assert interrupted == 11
    assert bits(net) == bits(whole)


def test_a_finished_run_resumes_to_its_end(tmp_path):
    path = tmp_path / "run.npz"
    net = network()
    net.fit(*MOONS, **run_options(early_stopping=3), checkpoint=path)
    again = network()
    history = again.fit(*MOONS, **run_options(early_stopping=3), checkpoint=path, resume=True)
    assert bits(again) == bits(net)
    assert history.stopped == net.history.stopped


def test_a_checkpoint_is_a_model(tmp_path):
    path = tmp_path / "run.npz"
    net = network()
    net.fit(*MOONS, **run_options(), checkpoint=path)
    np.testing.assert_array_equal(pn.load(path).predict(MOONS[0]), net.predict(MOONS[0]))


CHANGES = {
    "other data": ({"X": MOONS[0] + 1e-3}, {}, {}, r"data\.X differs"),
    "other labels": ({"y": 1 - MOONS[1]}, {}, {}, r"data\.y differs"),
    "other validation": ({}, {"validation": MOONS}, {}, r"validation_examples was 40 and is 60"),
    "weights": ({}, {"sample_weight": np.linspace(1, 2, 60)}, {}, "weighted was False and is True"),
    "optimizer": ({}, {"optimizer": pn.Adam(0.2)}, {}, r"options\.optimizer was 'adam' and is {'name': 'adam'"),
    "batch size": ({}, {"batch_size": 8}, {}, r"options\.batch_size was 16 and is 8"),
    "epochs": ({}, {"epochs": 13}, {}, r"options\.epochs was 12 and is 13"),
    "seed": ({}, {}, {"seed": 4}, r"network\.seed was 3 and is 4"),
    "dtype": ({}, {}, {"dtype": "float64"}, r"network\.dtype was 'float32' and is 'float64'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_run_is_refused_with_the_difference(change, tmp_path):
    data, options, network_options, words = CHANGES[change]
    path = tmp_path / "run.npz"
    with pytest.raises(Stop):
        network().fit(*MOONS, **run_options(loss=stopping_after(20)), checkpoint=path, checkpoint_every=1)
    X, y = data.get("X", MOONS[0]), data.get("y", MOONS[1])
    before = path.read_bytes()
    with pytest.raises(InvalidValue, match=words):
        network(**network_options).fit(X, y, **run_options(**options), checkpoint=path, resume=True)
    assert path.read_bytes() == before


def test_a_wider_layer_is_refused_by_name(tmp_path):
    path = tmp_path / "run.npz"
    network().fit(*MOONS, **run_options(), checkpoint=path)
    wider = pn.Network(
        pn.Dense(7, "tanh"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(2, "softmax"), input_size=2, seed=3
    )
    with pytest.raises(InvalidValue, match=r"network\.layers\[0\]\.units was 6 and is 7"):
        wider.fit(*MOONS, **run_options(), checkpoint=path, resume=True)


def test_a_new_run_does_not_write_over_an_earlier_ones_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    network().fit(*MOONS, **run_options(), checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(InvalidValue, match=r"run\.npz exists already; resume=True"):
        network().fit(*MOONS, **run_options(), checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"checkpoint_every": 0}, InvalidValue, "checkpoint_every is 0"),
        ({"checkpoint_every": 2.5}, InvalidType, "checkpoint_every is 2.5"),
        ({"checkpoint_every": "soon"}, InvalidValue, "checkpoint_every is 'soon'"),
        ({"checkpoint_every": "-3s"}, InvalidValue, "checkpoint_every is '-3s'"),
        ({"checkpoint": "no/where.npz"}, FileError, "there is no folder no"),
        ({"checkpoint": None, "resume": True}, InvalidValue, "resume is True and checkpoint is None"),
    ],
)
def test_bad_checkpoint_options(options, error, words, tmp_path):
    options = {"checkpoint": tmp_path / "run.npz", **options}
    with pytest.raises(error, match=words):
        network().training(*MOONS, **run_options(), **options)


def test_a_model_file_or_a_damaged_one_is_no_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    network().save(path)
    with pytest.raises(FileError, match="is a model, not a checkpoint"):
        network().fit(*MOONS, **run_options(), checkpoint=path, resume=True)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(FileError, match=r"run\.npz"):
        network().fit(*MOONS, **run_options(), checkpoint=path, resume=True)


def test_leftovers_of_killed_processes_are_removed_and_those_of_living_ones_stay(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = tmp_path / f".run.npz.{process.pid}.part"
    alive = tmp_path / f".run.npz.{os.getppid()}.part"
    other = tmp_path / f".other.npz.{process.pid}.part"
    for file in (dead, alive, other):
        file.touch()
    network().fit(*MOONS, **run_options(), checkpoint=tmp_path / "run.npz")
    assert sorted(tmp_path.iterdir()) == sorted([alive, other, tmp_path / "run.npz"])


def in_a_process(code, folder):
    """Run code that may limit itself; its standard output."""
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


TRAIN = """
import os, pathlib, warnings
import numpy as np
import plainnet as pn
warnings.simplefilter("always")
X, y = pn.datasets.moons(60, noise=0.2, seed=1)
net = pn.Network(pn.Dense(64, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=3)
plain = net.copy()
plain.fit(X, y, loss="cross_entropy", epochs=9, batch_size=16)
reports = net.training(X, y, loss="cross_entropy", epochs=9, batch_size=16, checkpoint="run.npz", checkpoint_every=1)
for report in reports:
    if report.epoch == 4:
        good = pathlib.Path("run.npz").read_bytes()
        pn.load("run.npz")  # so that all that reading needs is imported
        {trouble}
assert pathlib.Path("run.npz").read_bytes() == good, "the last good checkpoint changed"
assert net.parameters.tobytes() == plain.parameters.tobytes(), "training was disturbed"
print(pn.load("run.npz").history.epoch[-1], os.listdir("."))
"""


def trained_in_trouble(trouble, folder):
    code = TRAIN.replace("{trouble}", trouble)
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("PlainnetWarning: no checkpoint: run.npz cannot be written") == 1
    assert result.stdout.startswith("4 ")


def test_a_full_disk_warns_once_and_training_goes_on(tmp_path):
    trouble = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    trained_in_trouble(trouble, tmp_path)


def test_a_folder_that_turns_read_only_warns_once_and_training_goes_on(tmp_path):
    """As an ordinary user where the tests run as root, for whom no folder is read-only."""
    tmp_path.chmod(0o777)
    trouble = "os.chmod('.', 0o555); os.getuid() or os.setuid(65534)"
    trained_in_trouble(trouble, tmp_path)
    tmp_path.chmod(0o777)


def test_two_processes_on_one_path_leave_one_whole_checkpoint(tmp_path):
    code = """
import sys
import plainnet as pn
X, y = pn.datasets.moons(60, noise=0.2, seed=1)
net = pn.Network(pn.Dense(64, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=int(sys.argv[1]))
reports = net.training(X, y, loss="cross_entropy", epochs=60, checkpoint="run.npz", checkpoint_every=1)
print("ready", flush=True)  # both have seen that there is no file yet
sys.stdin.readline()
for report in reports:
    pass
net.save(sys.argv[1] + ".npz")
"""
    arguments = [[sys.executable, "-c", code, seed] for seed in ("1", "2")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": tmp_path}
    processes = [subprocess.Popen(argument, **pipes) for argument in arguments]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0]
    last = pn.load(tmp_path / "run.npz")
    winner = pn.load(tmp_path / f"{last.seed}.npz")
    np.testing.assert_array_equal(last.parameters, winner.parameters)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1.npz", "2.npz", "run.npz"]


def test_the_norms_of_gradients_are_recorded(tmp_path):
    layers = pn.Dense(2, bias=False), pn.Activation("tanh"), pn.Dense(1)
    net = pn.Network(*layers, input_size=4, seed=1, dtype="float64")
    X = np.random.default_rng(0).normal(size=(8, 4))
    _, gradient = net.loss_and_gradient(X, X.sum(axis=1), loss="mse")
    history = net.fit(X, X.sum(axis=1), loss="mse", epochs=3, batch_size=None)
    assert history.gradient_norm[0] == pytest.approx(np.linalg.norm(gradient))
    assert history.layer_gradient_norms["layers[0]"][0] == pytest.approx(np.linalg.norm(gradient[:8]))
    assert history.layer_gradient_norms["layers[2]"][0] == pytest.approx(np.linalg.norm(gradient[8:]))
    assert [len(norms) for norms in history.layer_gradient_norms.values()] == [3, 3]


def test_a_checkpoint_of_an_earlier_version_goes_on_to_the_end_that_its_run_had(tmp_path):
    """In the middle of an epoch, after the best one, with a learning rate that has fallen."""
    expected = json.loads((GOLDENS / "checkpoint_2d857a7.json").read_text())
    path = shutil.copy(GOLDENS / "checkpoint_2d857a7.npz", tmp_path)
    net = checkpoint_run.network()
    history = net.fit(**checkpoint_run.options(), checkpoint=path, resume=True)
    assert len(history.epoch) > checkpoint_run.MOMENT[0] > history.best_epoch
    assert (history.best_epoch, history.stopped) == (expected["best_epoch"], expected["stopped"])
    np.testing.assert_allclose(net.parameters, expected["parameters"], rtol=1e-9)
    for name in ("loss", "validation_loss", "learning_rate"):
        np.testing.assert_allclose(getattr(history, name), expected[name], rtol=1e-9)


def prepared(optimizer, **options):
    return prepare(network(), *MOONS, Options.of(run_options(optimizer=optimizer, early_stopping=5, **options)))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_the_state_of_a_run_and_of_its_job_is_all_of_it(optimizer):
    """A field that is added to either comes into the state by itself, or fails here."""
    run = prepared(optimizer, report_every=2)
    for report in run.reports():
        if report.epoch == 4:
            break
    run.job.drawn_order = np.arange(3)  # the estimators' runs have one
    again = prepared(optimizer, report_every=2)
    state = copy.deepcopy(run.state())
    again.restore(copy.deepcopy(state))
    for one, other in ((run, again), (run.job, again.job)):
        arguments = set(inspect.signature(type(one)).parameters)
        made_of_arguments = {"engine", "fingerprints", "layer_parts", "scheduled"}
        kept = vars(one).keys() - arguments - made_of_arguments - {"present"}  # which each batch enters anew
        assert len(kept) >= 5
        for name in kept:
            np.testing.assert_equal(vars(other)[name], vars(one)[name], err_msg=name)
    np.testing.assert_equal(again.state(), state)
    for _ in run.reports():
        pass
    for _ in again.reports():
        pass
    assert bits(again.job.network) == bits(run.job.network)


ALTERATIONS = {
    "momentum_of_tomorrow": lambda record, arrays: record["run"]["job"].update(momentum_of_tomorrow=1),
    r"good_parameters has shape \(3,\)": lambda record, arrays: arrays.update(good_parameters=np.zeros(3)),
    "'optimizer_state.mean'": lambda record, arrays: arrays.pop("optimizer_state.mean"),
    "'shuffling'": lambda record, arrays: record["run"]["job"].pop("shuffling"),
    "not iterable": lambda record, arrays: record["run"].update(job=3),
}


@pytest.mark.parametrize("words", ALTERATIONS)
def test_a_state_that_does_not_fit_is_refused_with_the_file(words, tmp_path):
    path = tmp_path / "run.npz"
    network().fit(*MOONS, **run_options(), checkpoint=path)
    record, arrays = archive.read_archive(path)
    ALTERATIONS[words](record, arrays)
    archive.write_archive(path, record, arrays)
    with pytest.raises(FileError, match=rf"run\.npz is damaged: its state does not fit .*{words}"):
        network().fit(*MOONS, **run_options(), checkpoint=path, resume=True)


def test_a_field_that_an_earlier_version_did_not_have_stays_as_a_run_begins_with_it(tmp_path):
    path = tmp_path / "run.npz"
    whole = network()
    whole.fit(*MOONS, **run_options(), checkpoint=path)
    record, arrays = archive.read_archive(path)
    del record["run"]["job"]["learning_rate"]
    archive.write_archive(path, record, arrays)
    net = network()
    net.fit(*MOONS, **run_options(), checkpoint=path, resume=True)
    assert bits(net) == bits(whole)


def test_a_run_that_reported_more_often_than_is_usual_now_goes_on_as_it_was(tmp_path):
    """Version 0.1 reported each epoch, whatever the number of epochs."""
    path = tmp_path / "run.npz"
    X, y = pn.datasets.xor()
    options = {"loss": "mse", "epochs": 12_000, "batch_size": None, "checkpoint": path, "engine": "numpy"}

    def start(**more):
        return pn.Network(pn.Dense(2, "tanh"), pn.Dense(1), seed=1).training(X, y, **options, **more)

    reports = start(report_every=1, checkpoint_every=5)
    for _ in range(7):
        next(reports)
    reports.close()
    assert next(start(resume=True)).epoch == 6
    with pytest.raises(InvalidValue, match="report_every"):
        start(resume=True, report_every=100)
