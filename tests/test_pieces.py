"""Rows in pieces train to what arrays give; they are read in windows, one ahead of the training."""

import threading
from contextlib import suppress

import numpy as np
import pytest
from numbered_rows import CLASSES, COLUMNS, LABELS, ROWS, Recording, X, assert_same_run, network, trained

import plainnet as pn
from plainnet._base import pieces
from plainnet._base.ahead import ahead
from plainnet._base.pieces import Pieces
from plainnet.engines.batches import remaining_batches
from plainnet.errors import InvalidRow, InvalidValue
from plainnet.training import prepare
from plainnet.training.options import Options

WEIGHT = np.linspace(0, 2, ROWS)


class Parts(Pieces):
    """Arrays in pieces of random lengths, some empty, which notes what is read, where and how often."""

    def __init__(self, x=X, y=LABELS, w=None, count=60):
        ends = np.sort(np.random.default_rng(5).integers(0, len(x), count - 1))
        self._starts = np.array([0, *ends, len(x)])
        self._columns = x, y, w
        self.lengths = np.diff(self._starts)
        self.calls, self.threads = [], set()

    lengths = None

    def read(self, piece):
        self.calls.append(piece)
        self.threads.add(threading.current_thread().name)
        rows = slice(*self._starts[piece : piece + 2])
        return tuple(None if column is None else column[rows] for column in self._columns)

    def place(self, piece, row):
        return f"part {piece}, row {row}"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A window has about 100 rows."""
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 100 * (COLUMNS * 4 + 8))


def in_pieces(data=None, net=None, **options):
    data = data or Parts()
    return trained(data.inputs, data.targets, net, sample_weight=data.weights, **options)


ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_size", [1, 7, 16, 130, 530])
def test_in_order_they_give_the_bits_of_arrays(engine, batch_size):
    options = {"shuffle": False, "engine": engine, "batch_size": batch_size, "epochs": 2}
    options |= {"class_weight": {0: 1, 1: 2, 2: 0}}
    one = in_pieces(Parts(w=WEIGHT), network_without_norm(), **options)
    assert_same_run(one, trained(X, LABELS, network_without_norm(), sample_weight=WEIGHT, **options))


def assert_no_thread_reads():
    """A thread that reads ends with the call that it makes, soon after nobody wants the result."""
    for thread in threading.enumerate():
        if thread.name.startswith("plainnet-reading"):
            thread.join(30)
            assert not thread.is_alive()


def network_without_norm():
    return pn.Network(pn.Dense(8, "tanh"), pn.Dropout(0.2), pn.Dense(CLASSES, "softmax"), seed=3)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [{}, {"validation": 0.2, "metrics": ["accuracy"]}, {"class_weight": "balanced"}])
def test_those_of_one_window_give_the_bits_of_arrays(monkeypatch, options, engine):
    monkeypatch.setattr(pieces, "BLOCK_BYTES", ROWS * (COLUMNS * 4 + 8))
    one, other = in_pieces(**options, engine=engine), trained(X, LABELS, **options, engine=engine)
    assert_same_run(one, other)
    assert one[1].validation_loss == other[1].validation_loss


@pytest.mark.parametrize("batch_size", [7, 16, 130, 300])
def test_each_row_once_an_epoch_in_windows_from_all_over(batch_size):
    recording = Recording()
    in_pieces(net=network(recording), batch_size=batch_size, epochs=2)
    batches = -(-ROWS // batch_size)
    orders = [np.concatenate(recording.batches[i * batches : (i + 1) * batches]) for i in range(2)]
    assert [len(batch) for batch in recording.batches[:batches]] == [batch_size] * (batches - 1) + [ROWS % batch_size]
    for order in orders:
        assert sorted(order) == list(range(ROWS))
        assert np.ptp(order[:95]) > 200
    assert (orders[0] != orders[1]).mean() > 0.9


@pytest.mark.parametrize("engine", ENGINES)
def test_the_engines_agree(engine):
    options = {"optimizer": pn.SGD(0.05), "validation": 0.1, "sample_weight": None}
    one = trained(Parts().inputs, Parts().targets, network(dtype="float64"), engine=engine, **options)
    other = trained(Parts().inputs, Parts().targets, network(dtype="float64"), engine="numpy", **options)
    np.testing.assert_allclose(one[0].parameters, other[0].parameters, rtol=1e-10, atol=1e-12)


def test_a_thread_reads_each_piece_once_an_epoch_with_all_its_columns():
    data = Parts(w=WEIGHT + 1)
    in_pieces(data, epochs=4)
    filled = np.flatnonzero(data.lengths).tolist()
    epochs = np.reshape(data.calls[-4 * len(filled) :], (4, -1))  # the passes before them look for bad rows
    assert [sorted(epoch) for epoch in epochs] == [filled] * 4
    assert any(name.startswith("plainnet-reading") for name in data.threads)
    assert_no_thread_reads()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("steps", [3, 33, 34, 50])
@pytest.mark.parametrize("batch_size", [16, 130])
def test_resumed_anywhere_it_has_the_same_bits(tmp_path, monkeypatch, steps, batch_size, engine):
    options = {"engine": engine, "batch_size": batch_size}
    undisturbed = in_pieces(**options)
    path, taken = tmp_path / "run.npz", []
    write = pn.training.checkpoints.Checkpoint.write

    def writing(checkpoint, net, identity, state):
        write(checkpoint, net, identity, state)
        taken.append(state["job"]["steps_done"])
        if taken[-1] >= steps:
            raise RuntimeError("power cut")

    kept = {"checkpoint": path, "checkpoint_every": "1e-9s"}
    monkeypatch.setattr(pn.training.checkpoints.Checkpoint, "write", writing)
    with suppress(RuntimeError):
        in_pieces(**options, **kept)
    monkeypatch.setattr(pn.training.checkpoints.Checkpoint, "write", write)
    assert_same_run(in_pieces(**options, checkpoint=path, resume=True), undisturbed)


def test_an_error_of_the_reader_is_raised_in_the_training_with_its_place():
    class Failing(Parts):
        def read(self, piece):
            if piece == 37 and len(self.calls) > 130:
                raise InvalidValue("rows.parquet, row 12: gone")
            return super().read(piece)

    with pytest.raises(InvalidValue, match=r"rows\.parquet, row 12: gone"):
        in_pieces(Failing(), epochs=20)
    assert_no_thread_reads()
    bad = X.copy()
    bad[417, 3] = np.nan
    data = Parts(bad)
    piece = int(np.searchsorted(data.starts, 417, side="right")) - 1
    place = rf"\(part {piece}, row {417 - data.starts[piece]}\)"
    with pytest.raises(InvalidRow, match=rf"X holds nan at row 417, column 3 .*{place}"):
        in_pieces(data)
    with pytest.raises(InvalidRow, match=r"sample_weight holds -1\.0 at row 1;"):
        in_pieces(Parts(w=np.where(np.arange(ROWS) == 1, -1, 1)))


def test_evaluate_and_predict_give_the_numbers_of_arrays():
    data, (net, _) = Parts(w=WEIGHT), trained(X, LABELS, network(dtype="float64"))
    measured = net.evaluate(
        data.inputs, data.targets, loss="cross_entropy", metrics=["accuracy"], sample_weight=data.weights
    )
    expected = net.evaluate(X, LABELS, loss="cross_entropy", metrics=["accuracy"], sample_weight=WEIGHT)
    assert measured == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(net.predict(data.inputs), net.predict(X), rtol=1e-12)
    np.testing.assert_array_equal(data.inputs[100:321], X[100:321])
    pn.initialize_from_data(net, data.inputs, seed=1)
    one = net.parameters.copy()
    pn.initialize_from_data(net, X, seed=1)
    np.testing.assert_array_equal(net.parameters, one)


def test_a_fraction_is_held_out_by_class_and_the_same_whenever_it_is_read():
    recording = Recording()
    labels = np.where(np.arange(ROWS) == 99, 2, LABELS % 2)  # one class has a single row
    _, history = in_pieces(Parts(y=labels), network(recording), validation=0.2, epochs=2)
    rows = np.concatenate(recording.batches)
    held = np.setdiff1d(np.arange(ROWS), rows)
    assert len(rows) == 2 * len(np.unique(rows)) == 2 * (ROWS - len(held))
    assert len(held) == history.settings["validation_examples"]
    counts, all_counts = np.bincount(labels[held], minlength=3), np.bincount(labels)
    assert abs(counts - 0.2 * all_counts).max() <= 1
    assert counts[2] == 0
    assert np.histogram(held, 5, (0, ROWS))[0].min() > 12  # from all over


def test_what_needs_all_rows_at_once_is_refused():
    with pytest.raises(InvalidValue, match="are read a part at a time"):
        in_pieces(batch_size=None)
    with pytest.raises(InvalidValue, match="y has 529 rows and X has 530"):
        trained(Parts().inputs, LABELS[:-1])


def test_one_call_ahead_and_no_more():
    begun, second = [], threading.Event()

    def call(number):
        begun.append(number)
        if number == 1:
            second.set()
        return number

    results = ahead(lambda number=number: call(number) for number in range(5))
    assert next(results) == 0
    assert second.wait(30)
    assert begun == [0, 1]
    assert list(results) == [1, 2, 3, 4]
    assert list(ahead([])) == []


def test_within_an_epoch_only_the_rest_is_read():
    data = Parts()
    options = {"loss": "cross_entropy", "batch_size": 16, "epochs": 1}
    job = prepare(network(), data.inputs, data.targets, Options.of(options)).job
    whole = list(remaining_batches(job))
    job.batches_done = 20  # the order is drawn again
    data.calls.clear()
    rest = list(remaining_batches(job))
    assert all((a[0] == b[0]).all() and (a[1] == b[1]).all() for a, b in zip(rest, whole[20:], strict=True))
    assert len(data.calls) == len(set(data.calls))
    assert data.lengths[data.calls].sum() < ROWS - 20 * 16 + 100
