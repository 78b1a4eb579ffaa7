"""Memory-mapped files: trained on in blocks, in constant memory, to the numbers that arrays in memory give."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numbered_rows import CLASSES, COLUMNS, LABELS, ROWS, Recording, X, assert_same_run, network, trained

import plainnet as pn
from plainnet._base import pieces
from plainnet.engines import Job
from plainnet.errors import InvalidRow, InvalidValue, PlainnetWarning


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A window has about 100 rows of X with their labels, which are 11 pieces of 9 rows."""
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 100 * (COLUMNS * 4 + 8))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 13 * COLUMNS * 4)


@pytest.fixture
def on_disk(tmp_path):
    """A function that writes an array to a file and gives it back mapped."""

    def write(array, order="C", mode="r"):
        path = tmp_path / f"{len(os.listdir(tmp_path))}.bin"
        file = np.memmap(path, array.dtype, "w+", shape=array.shape, order=order)
        file[...] = array
        file.flush()
        return np.memmap(path, array.dtype, mode, shape=array.shape, order=order)

    return write


RUNS = {
    "plain": {},
    "fraction": {"validation": 0.2, "early_stopping": 2, "metrics": ["accuracy"]},
    "pair": {"validation": (X[:200], LABELS[:200])},
    "weights": {"sample_weight": np.linspace(0, 2, ROWS), "class_weight": "balanced"},
    "in order": {"shuffle": False},
}


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("block_bytes", [ROWS * COLUMNS * 8, 34 * 16 * (COLUMNS * 4 + 8)], ids=["as array", "read"])
def test_a_file_of_one_block_trains_to_the_bits_of_an_array(on_disk, monkeypatch, options, block_bytes):
    monkeypatch.setattr(pieces, "BLOCK_BYTES", block_bytes)
    one, other = trained(on_disk(X), LABELS, **options), trained(X, LABELS, **options)
    assert_same_run(one, other)
    assert one[1].validation_loss == other[1].validation_loss
    assert one[1].metrics == other[1].metrics


@pytest.mark.parametrize("labels_on_disk", [False, True])
def test_each_row_once_an_epoch_and_only_the_last_batch_smaller(on_disk, labels_on_disk):
    recording = Recording()
    trained(on_disk(X), on_disk(LABELS) if labels_on_disk else LABELS, network(recording))
    per_epoch = -(-ROWS // 16)
    epochs = [recording.batches[i * per_epoch : (i + 1) * per_epoch] for i in range(3)]
    assert len(recording.batches) == 3 * per_epoch
    orders = [[row for batch in epoch for row in batch] for epoch in epochs]
    for epoch, order in zip(epochs, orders, strict=True):
        assert [len(batch) for batch in epoch] == [16] * (per_epoch - 1) + [ROWS % 16]
        assert sorted(order) == list(range(ROWS))
        for window in np.split(np.array(order), range(98, ROWS, 98)):  # several pieces from all over the file, mixed
            assert len(np.unique(window // 9)) < 2 * len(window) / 9
            assert np.ptp(window) > 2 * len(window)
            assert (np.diff(window // 9) != 0).mean() > 0.7
    assert orders[0] != orders[1] != orders[2]


def test_targets_and_weights_stay_with_their_rows(on_disk):
    seen = []

    class Watching(pn.losses.MeanSquaredError):
        name = "watching"

        def value_and_gradient(self, targets, outputs, sample_weight=None, from_logits=False):
            seen.append((targets[:, 0], sample_weight))
            return super().value_and_gradient(targets, outputs, sample_weight, from_logits)

    recording = Recording()
    net = pn.Network(recording, pn.Dense(1), seed=1)
    rows = np.arange(ROWS, dtype=np.float32)
    net.fit(on_disk(X), on_disk(rows), loss=Watching(), epochs=2, batch_size=10, sample_weight=rows + 1)
    for batch, (targets, weights) in zip(recording.batches, seen, strict=True):
        assert batch == targets.tolist() == (weights - 1).tolist()


def test_in_order_several_blocks_train_to_the_bits_of_an_array(on_disk):
    options = {"shuffle": False, "sample_weight": np.linspace(0, 2, ROWS), "class_weight": {0: 1, 1: 2, 2: 0.5}}
    assert_same_run(trained(on_disk(X), on_disk(LABELS), **options), trained(X, LABELS, **options))


FILES = {
    "float64": (X.astype(np.float64), "C"),
    "float16": (X.astype(np.float16), "C"),
    "big-endian": (X.astype(">f4"), "C"),
    "int8": ((X * 20).astype(np.int8), "C"),
    "bool": (X > 0.5, "C"),
    "Fortran": (X, "F"),
}


@pytest.mark.parametrize(("array", "order"), FILES.values(), ids=FILES)
def test_other_dtypes_and_layouts_are_converted_block_by_block(on_disk, array, order):
    one, other = trained(on_disk(array, order), LABELS, shuffle=False), trained(array, LABELS, shuffle=False)
    assert_same_run(one, other)


def test_views_of_a_file(on_disk):
    wide = on_disk(np.hstack([X, X])[np.repeat(np.arange(ROWS), 2)])
    view = wide[::-2, 3:9]
    assert isinstance(view, np.memmap)
    assert_same_run(trained(view, LABELS, shuffle=False), trained(np.array(view), LABELS, shuffle=False))


def test_files_of_two_outputs(on_disk):
    y = np.random.default_rng(1).normal(size=(ROWS, 2))
    runs = [
        trained(*data, pn.Network(pn.Dense(2), seed=1, dtype="float64"), loss="mse", shuffle=False)
        for data in ((on_disk(X), on_disk(y)), (X, y))
    ]
    assert_same_run(*runs)


@pytest.mark.parametrize("steps", [5, 34, 40, 47, 66])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_run_cut_short_anywhere_goes_on_to_the_same_bits(on_disk, tmp_path, monkeypatch, steps, shuffle):
    data, options = (on_disk(X), on_disk(LABELS)), {"shuffle": shuffle, "engine": "numpy", "validation": 0.1}
    undisturbed = trained(*data, **options)
    begin_step, taken = Job.begin_step, []

    def failing(job, gradient):
        taken.append(1)
        if len(taken) > steps:
            raise RuntimeError("power cut")
        begin_step(job, gradient)

    options |= {"checkpoint": tmp_path / "run.npz", "checkpoint_every": "1e-9s"}  # after every batch
    monkeypatch.setattr(Job, "begin_step", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        trained(*data, **options)
    monkeypatch.setattr(Job, "begin_step", begin_step)
    assert_same_run(trained(*data, **options, resume=True), undisturbed)


def test_a_checkpoint_is_of_its_data_and_blocks(on_disk, tmp_path):
    file, path = on_disk(X), tmp_path / "run.npz"
    trained(file, LABELS, checkpoint=path)
    changed = X.copy()
    changed[400, 2] += 1
    with pytest.raises(InvalidValue, match=r"data\.X differs"):
        trained(on_disk(changed), LABELS, checkpoint=path, resume=True)
    with pytest.raises(InvalidValue, match="block_rows was 100 and is 530"):
        trained(X, LABELS, checkpoint=path, resume=True)


def with_value(array, place, value):
    array = array.copy()
    array[place] = value
    return array


BAD = {
    "NaN": (with_value(X, (417, 3), np.nan), LABELS),
    "infinite as float32": (with_value(X.astype(float), (300, 0), 1e300), LABELS),
    "NaN in the first row": (with_value(X, (0, 0), np.nan), LABELS),
    "label": (X, with_value(LABELS, 501, CLASSES)),
    "rows": (X, LABELS[:-1]),
    "columns of y": (X, np.stack([LABELS, LABELS], axis=1)),
    "axes": (X.reshape(-1), LABELS),
    "dtype": (X.astype(complex), LABELS),
}


@pytest.mark.parametrize(("bad_X", "bad_y"), BAD.values(), ids=BAD)
def test_refused_in_the_words_in_which_an_array_is(on_disk, bad_X, bad_y):
    with pytest.raises((ValueError, TypeError)) as expected:
        trained(bad_X, bad_y)
    net = network()
    with pytest.raises(type(expected.value)) as refusal:
        trained(on_disk(bad_X), on_disk(bad_y), net)
    assert str(refusal.value) == str(expected.value)
    assert not net.is_built


def test_a_bad_row_is_named_in_validation_and_prediction_too(on_disk):
    bad = on_disk(with_value(X, (417, 3), np.nan))
    net, _ = trained(X, LABELS)
    for use in (
        lambda: trained(X, LABELS, validation=(bad, LABELS)),
        lambda: net.predict(bad),
        lambda: net.evaluate(bad, LABELS, loss="cross_entropy"),
    ):
        with pytest.raises(InvalidRow, match="X holds nan at row 417, column 3"):
            use()


def test_all_rows_at_once_are_refused_for_a_file_and_taken_of_a_small_one(on_disk):
    with pytest.raises(InvalidValue, match=r"memory-mapped file.*batch_size such as 256"):
        trained(on_disk(X), LABELS, batch_size=None)
    small, labels = X[:40], LABELS[:40]
    assert_same_run(trained(on_disk(small), labels, batch_size=None), trained(small, labels, batch_size=None))


def test_validation_and_early_stopping_see_the_numbers_of_arrays(on_disk):
    def run(X, y, held):
        options = {"shuffle": False, "epochs": 100, "early_stopping": 2, "metrics": ["accuracy", "f1"]}
        return trained(X, y, network(dtype="float64"), optimizer=pn.Adam(0.05), validation=held, **options)[1]

    held = X[:301] + np.float32(0.1), LABELS[:301]
    one = run(on_disk(X), on_disk(LABELS), tuple(map(on_disk, held)))
    other = run(X, LABELS, held)
    assert one.epoch == other.epoch
    assert one.best_epoch == other.best_epoch
    assert one.stopped == other.stopped == "early stopping"
    np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=1e-12)
    assert one.metrics == other.metrics


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_evaluate_and_predict_give_the_numbers_of_arrays(on_disk, loss):
    net, _ = trained(X, LABELS, network(dtype="float64"))
    y = LABELS if loss == "cross_entropy" else np.eye(CLASSES)[LABELS]
    weight = np.where(np.arange(ROWS) < 150, 0, np.linspace(0, 2, ROWS))  # a whole block without weight
    for options in ({}, {"metrics": ["accuracy", "roc_auc"]}, {"sample_weight": weight}):
        measured = net.evaluate(on_disk(X), on_disk(y), loss=loss, **options)
        assert measured == pytest.approx(net.evaluate(X, y, loss=loss, **options), rel=1e-12)
    np.testing.assert_allclose(net.predict(on_disk(X)), net.predict(X), rtol=1e-12)
    np.testing.assert_allclose(net.logits(on_disk(X)), net.logits(X), rtol=1e-12)
    one, other = (net.loss_and_gradient(data, y, loss=loss) for data in (on_disk(X), X))
    assert one[0] == other[0]
    np.testing.assert_array_equal(one[1], other[1])


def test_a_fraction_is_held_out_by_class_and_never_trained_on(on_disk):
    recording = Recording()

    def note(targets, predictions):
        return float(len(targets))

    net = network(recording)
    _, history = trained(on_disk(X), on_disk(LABELS), net, validation=0.2, metrics=[note], epochs=2)
    rows = [row for batch in recording.batches for row in batch]
    trained_on, held = set(rows), set(range(ROWS)) - set(rows)
    assert len(rows) == 2 * len(trained_on)
    assert len(held) == history.settings["validation_examples"] == pytest.approx(0.2 * ROWS, abs=3)
    assert history.metrics["note"][-1] == len(held)
    shares = np.bincount(LABELS[sorted(held)]) / np.bincount(LABELS)
    assert shares == pytest.approx(0.2, abs=0.03)
    assert history.validation_loss[-1] == pytest.approx(
        net.evaluate(X[sorted(held)], LABELS[sorted(held)], loss="cross_entropy")["loss"], rel=1e-5
    )


def test_suspicious_files_get_the_warnings_of_arrays(on_disk):
    constant = with_value(X, (slice(None), 4), 7.0)
    nearly = with_value(constant, (529, 4), 8.0)
    leak = X[:, 2].copy()

    def warned(X, y, loss, net):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trained(X, y, net, loss=loss, epochs=1)
        return [str(warning.message) for warning in caught if warning.category is PlainnetWarning]

    for inputs, y, count in ((constant, LABELS, 1), (nearly, LABELS, 0), (X, np.zeros(ROWS, int), 1)):
        expected = warned(inputs, y, "cross_entropy", network())
        assert len(expected) == count
        assert warned(on_disk(inputs), on_disk(y), "cross_entropy", network()) == expected
    expected = warned(X, leak, "mse", pn.Network(pn.Dense(1), seed=1))
    assert expected == ["column 2 of X is equal to the target in every row; such a leak makes results look better "
                        "than they are"]  # fmt: skip
    assert warned(on_disk(X), on_disk(leak), "mse", pn.Network(pn.Dense(1), seed=1)) == expected


@pytest.mark.parametrize("mode", ["c", "r+"])
def test_changes_that_are_only_in_memory_stay(on_disk, mode):
    file = on_disk(X, mode=mode)
    file[450, 1] = 5.0
    one = trained(file, LABELS, shuffle=False)
    assert file[450, 1] == 5.0
    assert_same_run(one, trained(with_value(X, (450, 1), 5.0), LABELS, shuffle=False))


CHILD = """
import sys
import numpy as np
import plainnet as pn
from plainnet._base import mapped, pieces

rows, path = int(sys.argv[1]), sys.argv[2]
pieces.BLOCK_BYTES, pieces.PIECE_BYTES = 2**20, 2**17
X = np.memmap(path + "/X", np.float32, "w+", shape=(rows, 200))
y = np.memmap(path + "/y", np.uint8, "w+", shape=(rows,))
X[:] = np.random.default_rng(0).random(200, dtype=np.float32)
X[:, 0] = y[:] = np.arange(rows) % 2
mapped.release(X)
mapped.release(y)

def status(name):
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name))) * 1024

def grown(work):
    open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
    before = status("VmRSS")
    work()
    return status("VmHWM") - before

def network():
    return pn.Network(pn.Dense(2, "softmax"), input_size=200, seed=1)

options = {"loss": "cross_entropy", "epochs": 1, "batch_size": 1000, "engine": sys.argv[3]}
network().fit(X[:5000], y[:5000], **options)  # what NumPy, BLAS, the engine and the reading thread take once
print(grown(lambda: network().fit(X, y, validation=(X, y), early_stopping=True, checkpoint=path + "/c", **options)))
print(grown(lambda: network().fit(X, y, validation=0.2, class_weight="balanced", metrics=["accuracy"], **options)))
print(grown(lambda: network().predict(X)))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of a process is read as Linux tells it")
@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))])
def test_memory_does_not_grow_with_the_file(tmp_path, engine):
    command = [sys.executable, "-W", "ignore", "-c", CHILD, "200000", str(tmp_path), engine]  # 160 MB
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    training, with_all_options, prediction = (int(line) / 2**20 for line in result.stdout.split())
    assert training < 16  # three windows, and what the allocator keeps for the thread that reads
    assert with_all_options < 24  # labels, weights, and the targets and predictions that the metric takes
    assert prediction < 8  # of which the predictions are 1.5
