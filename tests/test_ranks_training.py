"""Trainings on several ranks under the real mpiexec: what the user's program sees of them."""

import json
import os
import signal

import mpi
import numpy as np
import pytest

import plainnet as pn

BEGIN = """
import json, os, signal, sys, warnings
import numpy as np
from mpi4py import MPI
import plainnet as pn

world = MPI.COMM_WORLD
rank, size = world.rank, world.size
random = np.random.default_rng(5)
X = random.normal(size=(97, 4))
Y = (X[:, 0] * X[:, 1] + 0.3 * X[:, 2] > 0.2).astype(int)
W = random.uniform(0.2, 3, 97)
XV = random.normal(size=(41, 4))
YV = (XV[:, 0] * XV[:, 1] > 0).astype(int)

def share(rows, of=None):
    "Uneven shares: the last rank but one has none where there are more than two."
    of = size if of is None else of
    ends = {1: [0, rows], 2: [0, rows // 3, rows], 3: [0, rows // 3, rows // 3, rows],
            4: [0, rows // 2, rows // 2 + 5, rows // 2 + 5, rows]}[of]
    return slice(ends[rank], ends[rank + 1])

def network(seed=1, dtype="float64"):
    layers = pn.Dense(7, "tanh", l2=1e-3), pn.BatchNorm(), pn.Dense(2, "softmax")
    return pn.Network(*layers, seed=seed, dtype=dtype)

def plain(history):
    data = history.to_dict()
    for name in ("seconds", "settings"):
        data.pop(name)
    return data

def same_everywhere(value):
    return all(other == value for other in world.allgather(value))
"""

ALIKE = (
    BEGIN
    + """
own, seen = share(97), share(41)
runs = {
    "whole set": dict(batch_size=None, epochs=30, metrics=["accuracy", "roc_auc"]),
    "early stopping": dict(batch_size=None, epochs=300, early_stopping=3, optimizer=pn.Adam(0.1),
                           metrics=["balanced_accuracy"]),
    "plateau": dict(batch_size=None, epochs=60, optimizer=pn.SGD(pn.schedules.ReduceOnPlateau(0.5, patience=2))),
    "balanced": dict(batch_size=None, epochs=20, class_weight="balanced", weights=True),
    "by class": dict(batch_size=None, epochs=20, class_weight={0: 1.0, 1: 4.0}, metrics=["accuracy"],
                     validated=False),
}
for name, options in runs.items():
    weighted, validated = options.pop("weights", False), options.pop("validated", True)
    def data(mine, seen):
        given = {"sample_weight": W[mine]} if weighted else {}
        return given | ({"validation": (XV[seen], YV[seen])} if validated else {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone, together = network(), network(seed=1 if name == "whole set" else rank + 1)
        expected = alone.fit(X, Y, loss="cross_entropy", **options, **data(slice(None), slice(None)))
        found = together.fit(X[own], Y[own], loss="cross_entropy", communicator=world, **options, **data(own, seen))
    assert together.seed == 1
    np.testing.assert_allclose(together.parameters, alone.parameters, rtol=1e-8, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(together.statistics, alone.statistics, rtol=1e-8, err_msg=name)
    assert found.epoch == expected.epoch and found.stopped == expected.stopped
    assert found.best_epoch == expected.best_epoch
    for column in ("loss", "validation_loss", "learning_rate", "gradient_norm"):
        np.testing.assert_allclose(getattr(found, column), getattr(expected, column), rtol=1e-8, err_msg=name)
    for metric, values in expected.metrics.items():
        np.testing.assert_allclose(found.metrics[metric], values, rtol=1e-12, err_msg=name)
    assert same_everywhere(plain(found)) and same_everywhere(found.settings), name
    assert same_everywhere(together.parameters.tobytes()), name
    assert found.settings["training_examples"] == 97 and found.settings["ranks"] == size
    assert found.settings["validation_examples"] == (41 if validated else 0)
from plainnet.report.rerun import python
assert "    communicator=MPI.COMM_WORLD,\\n" in python(together)
print("alike")
"""
)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks_report_what_one_process_reports(ranks):
    ended = mpi.run(ALIKE, ranks)
    assert ended.stdout.count("alike") == ranks, ended.stderr


HELD_OUT = (
    BEGIN
    + """
from plainnet.training import prepare
from plainnet.training.options import Options

def split(communicator, mine):
    net = pn.Network(pn.Dense(2, "softmax"), seed=3)
    options = Options.of(dict(loss="cross_entropy", validation=0.25, communicator=communicator))
    run = prepare(net, X[mine].astype(np.float32), Y[mine], options)
    return [tuple(row) for row in run.validation[0].tolist()], run.validation[1].tolist()

here = world.gather(split(world, share(97)))
pairs = world.Split(rank // 2)  # the first two ranks hold all rows; so do the others, if any
pair = pairs.gather(split(pairs, slice(rank % 2, None, 2)))
net = pn.Network(pn.Dense(2, "softmax"))
net.fit(X[share(97)], Y[share(97)], loss="cross_entropy", epochs=4, batch_size=9, validation=0.25, communicator=world)
if rank == 0:
    rows = [row for part, _ in here for row in part]
    labels = [label for _, part in here for label in part]
    assert len(set(rows)) == len(rows) == 24, len(rows)  # a quarter of 97
    for label in (0, 1):  # a quarter of each class
        assert abs(labels.count(label) - 0.25 * np.count_nonzero(Y == label)) <= 1
    assert sorted(row for part, _ in pair for row in part) == sorted(rows)  # the same rows, whoever holds them
    print("held out")
"""
)


def test_a_fraction_holds_out_the_same_rows_however_many_ranks_hold_them():
    ended = mpi.run(HELD_OUT, 4)
    assert ended.stdout == "held out\n", ended.stderr


REFUSED = (
    BEGIN
    + """
def bad_row(value):
    rows = X[share(97)].copy()
    rows[1 if len(rows) > 1 else 0:][:1] = value
    return rows

last = size - 1
mine = share(97)
cases = {
    "bad row": dict(X=bad_row(np.nan if rank == last else 1)),
    "columns": dict(X=X[mine][:, : 3 if rank == last else 4]),
    "rows": dict(y=Y[mine][: -1 if rank == last else None]),
    "labels": dict(y=Y[mine].reshape(-1, 1) * 0.5 if rank == last else Y[mine]),
    "network": dict(net=pn.Network(pn.Dense(5 if rank == last else 7, "tanh"), pn.Dense(2, "softmax"))),
    "dtype": dict(net=network(dtype="float32" if rank == last else "float64")),
    "built": dict(net=pn.Network(pn.Dense(2, "softmax"), input_size=4 if rank == last else None)),
    "epochs": dict(epochs=3 if rank == last else 2),
    "optimizer": dict(optimizer=pn.Adam(0.1 if rank == last else 0.2)),
    "validation": dict(validation=0.2 if rank == last else None),
    "early stopping": dict(early_stopping=5 if rank == last else 6),
    "bad option": dict(epochs=0 if rank == last else 2),
    "unknown option": dict([("epoch" if rank == last else "epochs", 2)]),
    "no such layer": dict(loss="cross_entropy" if rank != last else "no such loss"),
    "metric": dict(metrics=["r2" if rank == last else "accuracy"]),
    "weights": dict(sample_weight=-np.ones(len(X[mine])) if rank == last else np.ones(len(X[mine]))),
    "file": dict(checkpoint="no/such/folder/run.npz"),
    "no rows": dict(X=X[:0], y=Y[:0]),
    "all the same": dict(loss=None),
}
told = {}
for name, case in cases.items():
    net = case.pop("net", None) or network()
    options = dict(X=X[mine], y=Y[mine], loss="cross_entropy", epochs=2, communicator=world) | case
    if "epoch" in options:
        del options["epochs"]
    try:
        net.fit(**options)
        told[name] = "nothing"
    except Exception as error:
        told[name] = f"{type(error).__name__}: {error}"
network().fit(X[mine], Y[mine], loss="cross_entropy", epochs=2, communicator=world)  # it goes on
for name, library in (("numpy version", np), ("plainnet version", pn)):
    version, library.__version__ = library.__version__, "0.0.1" if rank == last else library.__version__
    try:
        network().fit(X[mine], Y[mine], loss="cross_entropy", epochs=2, communicator=world)
    except Exception as error:
        told[name] = f"{type(error).__name__}: {error}"
    library.__version__ = version
everything = world.gather(told)
if rank == 0:
    print(json.dumps(everything))
"""
)


def test_what_one_rank_refuses_is_refused_by_all_with_its_number():
    ended = mpi.run(REFUSED, 2)
    assert ended.code == 0, ended.stderr
    first, last = json.loads(ended.stdout)
    by_itself = {
        "bad row": "InvalidRow: rank 1: X holds nan at row 1, column 0",
        "rows": "InvalidValue: rank 1: y has 64 rows and X has 65",
        "bad option": "InvalidValue: rank 1: epochs is 0",
        "unknown option": "InvalidType: rank 1: epoch= is no option of fit",
        "weights": "InvalidValue: rank 1: sample_weight holds a negative number",
    }
    for name, text in by_itself.items():
        assert last[name].startswith(text), last[name]
        message = last[name].partition(": ")[2]
        assert first[name] == f"RankError: {message}"
    found_by_all = {
        "numpy version": "version.numpy is '0.0.1', not '",
        "plainnet version": "version.plainnet is '0.0.1', not '",
        "network": "layers[0].units is 5, not 7",
        "dtype": "network.dtype is 'float32', not 'float64'",
        "built": "network.input_size is 4, not None",
        "epochs": "epochs is 3, not 2",
        "optimizer": "optimizer.learning_rate is 0.1, not 0.2",
        "validation": "validation is 0.2, not None",
        "early stopping": "early_stopping.patience is 5, not 6",
        "no such layer": "loss is 'no such loss', not 'cross_entropy'",
        "metric": "metrics[0] is 'r2', not 'accuracy'",
        "columns": "rank 1: X has 3 columns; on rank 0 it has 4",
    }
    for name, text in found_by_all.items():
        assert first[name] == last[name], name
        assert first[name].startswith("RankError: rank 1"), first[name]
        assert text in first[name], first[name]
    assert "rank 1" in first["labels"]
    assert "rank 1" in last["labels"]
    assert first["file"].startswith("FileError: rank 0:"), first["file"]
    assert last["file"].startswith("RankError: rank 0:"), last["file"]
    assert (
        first["no rows"] == last["no rows"] == "InvalidValue: X has no rows on any rank; at least one rank takes some"
    )
    assert first["all the same"] == last["all the same"]
    assert first["all the same"].startswith("InvalidType: loss is missing")


FAILURES = (
    BEGIN
    + """
class Broken(Exception):
    pass

calls = 0
def failing(targets, predictions):
    global calls
    calls += 1
    if calls > 4:
        raise Broken("no more")
    return 0.0

mine = slice(rank, None, size)
def training(how, communicator):
    reports = network().training(X[mine], Y[mine], loss="cross_entropy", epochs=10**6, batch_size=8,
                                 metrics=[failing] if how == "metric" else [], report_every=1,
                                 engine="numpy", communicator=communicator)
    for report in reports:
        if report.epoch == 3 and (rank == 1 or how == "break everywhere"):
            if how == "exception":
                raise Broken("by the program")
            if how == "exit":
                sys.exit(7)
            if how == "interrupt":
                raise KeyboardInterrupt
            if how.startswith("break"):
                break

training("break everywhere", world)
told = {}
for how in ("metric", "exception", "exit", "interrupt", "break", "break everywhere"):
    communicator, calls = world.Dup(), 0
    for time in ("first", "again"):
        try:
            if time == "first":
                training(how, communicator)
            else:
                network().fit(X[mine], Y[mine], loss="cross_entropy", epochs=2, communicator=communicator)
            told[f"{how} {time}"] = "nothing"
        except BaseException as error:
            told[f"{how} {time}"] = f"{type(error).__name__}: {error}"
everything = world.gather(told)
if rank == 0:
    print(json.dumps(everything))
world.Barrier()
if rank == 1:
    sys.exit(7)
training("metric", world)  # rank 1 has ended
"""
)


def test_a_rank_that_leaves_a_training_ends_it_on_all():
    ended = mpi.run(FAILURES, 3)
    assert ended.code != 0
    first, second, third = json.loads(ended.stdout)
    assert first["metric first"] == "Broken: no more"  # rank 0 measures
    assert second["metric first"] == third["metric first"] == "RankError: rank 0 failed: Broken: no more"
    left = "RankError: rank 1 has ended its training before the others"
    own = {"exception": "Broken: by the program", "exit": "SystemExit: 7", "interrupt": "KeyboardInterrupt: "}
    for how in ("exception", "exit", "interrupt", "break"):
        assert first[f"{how} first"] == third[f"{how} first"] == left
        assert second[f"{how} first"] == own.get(how, "nothing")
    for how in ("metric", "exception", "exit", "interrupt", "break"):
        for rank in (first, second, third):
            assert rank[f"{how} again"].startswith("RankError: "), rank[f"{how} again"]
            assert "broken" in rank[f"{how} again"]
    assert first["break everywhere again"] == "nothing"
    assert "rank 1 has ended its program" in ended.stderr


DRAWN = (
    BEGIN
    + """
class Noise(pn.layers.Layer):
    def forward(self, inputs, training=None):
        if training is None:
            return inputs, lambda gradient, gradients: gradient
        scale = 1 + 0.1 * training.random.standard_normal((1, inputs.shape[1]))  # the same for all rows
        return inputs * scale, lambda gradient, gradients: gradient * scale

told = []
for engine, mine in (("numpy", slice(rank, None, 2)), ("numpy", slice(8) if rank else slice(8, None)),
                     ("compiled", slice(8) if rank else slice(8, None))):  # rank 1 has one row of ten, or none
    net = pn.Network(pn.Dense(5, "tanh"), Noise(), pn.Dense(2, "softmax"), seed=1)
    try:
        history = net.fit(X[mine], Y[mine], loss="cross_entropy", batch_size=10, epochs=3, communicator=world,
                          engine=engine)
        assert history.settings["engine"] == engine and same_everywhere(net.dropout.bit_generator.state)
        told.append("drawn")
    except pn.errors.InvalidValue as error:
        told.append(str(error))
assert same_everywhere(told)
if rank == 0:
    print(json.dumps(told))
"""
)


@pytest.mark.needs("fast")
def test_numbers_that_only_one_rank_takes_for_those_of_rows_are_refused():
    ended = mpi.run(DRAWN, 2)
    first, second, compiled = json.loads(ended.stdout)
    assert (first, compiled) == ("drawn", "drawn")
    assert second.startswith("a layer has drawn other numbers on rank 1 than on rank 0: ")


MANY = (
    BEGIN
    + """
kept = []
for i in range(60):
    half = world.Split(rank % 2)
    kept.append(network().fit(X[rank // 2 :: 2], Y[rank // 2 :: 2], loss="cross_entropy", epochs=1, communicator=half))
    kept.append(network().fit(X[rank::size], Y[rank::size], loss="cross_entropy", epochs=1, communicator=world))
    half.Free()
assert len({history.loss[-1] for history in kept[::2]}) == 1
assert len({history.loss[-1] for history in kept[1::2]}) == 1
alone, expected = network(), network()
one = alone.fit(X, Y, loss="cross_entropy", epochs=2, communicator=MPI.COMM_SELF)
expected.fit(X, Y, loss="cross_entropy", epochs=2)
assert (alone.parameters == expected.parameters).all() and "ranks" not in one.settings
for wrong in ("world", MPI.COMM_NULL, MPI.COMM_WORLD.Get_group()):
    try:
        network().fit(X, Y, loss="cross_entropy", communicator=wrong)
    except (pn.errors.InvalidType, pn.errors.InvalidValue) as error:
        assert "communicator is" in str(error)
    else:
        raise AssertionError(wrong)
print("many")
"""
)


def test_many_trainings_on_one_communicator_and_on_parts_of_it():
    ended = mpi.run(MANY, 4)
    assert ended.stdout.count("many") == 4, ended.stderr


WARNED = (
    BEGIN
    + """
X[:, 2] = 4.0
if rank == 1:
    X[0, 2] = 5.0  # not constant over all ranks if rank 1 holds row 0
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    network().fit(X[:40] if rank else X[40:], Y[:40] if rank else Y[40:], loss="cross_entropy", epochs=1,
                  communicator=world)
    first = len(caught)
    X[0, 2] = 4.0
    network().fit(X[rank::size], Y[rank::size], loss="cross_entropy", epochs=1, communicator=world, progress=True)
told = world.gather([first, [str(warning.message) for warning in caught]])
if rank == 0:
    print(json.dumps(told))
"""
)


def test_rank_0_warns_of_what_is_so_on_all_ranks():
    ended = mpi.run(WARNED, 2)
    said = "column 2 of X is the same value in every row; it tells the network nothing"
    assert json.loads(ended.stdout) == [[0, [said]], [0, []]], ended.stderr


RESUMED = (
    BEGIN
    + """
stop, epochs, batch, every = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4])
net = pn.Network(pn.Dense(7, "tanh"), pn.BatchNorm(), pn.Dropout(0.2 if batch else 0.0), pn.Dense(2, "softmax"),
                 seed=1, dtype="float64")
communicator = world if size > 1 else None
reports = net.training(X[share(97)], Y[share(97)], loss="cross_entropy", epochs=epochs, batch_size=batch,
                       optimizer=pn.Adam(pn.schedules.Cosine(0.01)), validation=(XV[share(41)], YV[share(41)]),
                       metrics=["accuracy"], early_stopping=1000, report_every=1, communicator=communicator,
                       checkpoint="run.npz", checkpoint_every=every, resume=True)
for report in reports:
    if report.epoch == stop:
        os.kill(os.getpid(), signal.SIGKILL) if sys.argv[5:] == ["kill"] and rank == size - 1 else None
        if sys.argv[5:] != ["kill"]:
            break
if rank == 0:
    history = net.history
    print(json.dumps([net.parameters.tolist(), history.epoch, history.loss, history.validation_loss,
                      history.metrics, history.settings.get("ranks")]))
"""
)


def resumed(folder, ranks, stop, batch, *more, every=1, epochs=12):
    """Train from the checkpoint in the folder, if any, to an epoch; what rank 0 has then."""
    arguments = (stop, epochs, json.dumps(batch), json.dumps(every), *more)
    ended = mpi.run(RESUMED, ranks, *arguments, folder=folder)
    if more:  # a rank kills itself, and mpiexec the others
        assert ended.code == signal.SIGKILL, ended.stderr
        return None
    assert ended.code == 0, ended.stderr
    return json.loads(ended.stdout) if ended.stdout else None


def test_a_run_of_as_many_ranks_resumes_to_the_same_bits(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = resumed(tmp_path / "whole", 3, 0, 16)
    assert resumed(tmp_path, 3, 5, 16, "kill") is None  # the last rank kills itself after epoch 5
    pn.load(tmp_path / "run.npz")
    assert resumed(tmp_path, 3, 0, 16) == whole


def test_another_number_of_ranks_goes_on_from_a_checkpoint(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = resumed(tmp_path / "whole", 1, 0, None)
    for ranks, stop in ((2, 3), (1, 5), (4, 7), (3, 10), (1, 0)):
        found = resumed(tmp_path, ranks, stop, None)
        assert found[-1] == (ranks if ranks > 1 else None)
    np.testing.assert_allclose(found[0], whole[0], rtol=1e-9)
    assert found[1] == whole[1] == list(range(1, 13))
    for column in (2, 3):
        np.testing.assert_allclose(found[column], whole[column], rtol=1e-9)
    assert found[4] == whole[4]


def test_within_an_epoch_another_number_of_ranks_takes_the_rest_of_it(tmp_path):
    resumed(tmp_path, 2, 3, 8, "kill", every="0.0001s", epochs=40)  # checkpoints come between two steps
    for ranks in (3, 1):
        found = resumed(tmp_path, ranks, {3: 20}.get(ranks, 0), 8, epochs=40, every="0.0001s")
    assert found[1] == list(range(1, 41))


def test_a_checkpoint_of_other_rows_is_refused(tmp_path):
    resumed(tmp_path, 2, 3, None)
    other = RESUMED.replace("stop, epochs", "X[5, 1] += 1\nstop, epochs", 1)
    ended = mpi.run(other, 3, 0, 12, "null", "1", folder=tmp_path)
    assert ended.code != 0
    for line in ("InvalidValue: rank 0: run.npz is of another run: rows.training.X differs", "RankError: rank 0: run"):
        assert line in ended.stderr


INTERRUPTED = (
    BEGIN
    + """
net = network()
mine = slice(rank, None, size)
options = dict(loss="cross_entropy", epochs=10**9, batch_size=8, communicator=world, engine="numpy",
               validation=(XV[mine], YV[mine]) if sys.argv[1] == "watched" else None,
               checkpoint="run.npz", checkpoint_every="0.05s", resume=True, report_every=1)
if sys.argv[2:] == ["resume"]:
    reports = net.training(X[mine], Y[mine], **options)
    epoch = next(reports).epoch
    assert next(reports).epoch == epoch + 1 > 2 and np.isfinite(net.parameters).all()
    print("resumed")
    sys.exit()
ids = world.gather(os.getpid())
if rank == 0:
    print(json.dumps(ids), flush=True)
try:
    net.fit(X[mine], Y[mine], **options)
except KeyboardInterrupt:
    told = world.gather((net.history.stopped, net.parameters.tobytes(), net.history.epoch[-1]))
    if rank == 0:
        assert len(set(told)) == 1, "the ranks differ"
        print("interrupted:", net.history.stopped, flush=True)
"""
)


def has_trained(path):
    """Whether a checkpoint of some epochs is there."""
    return path.exists() and len(pn.load(path).history.epoch) > 2


@pytest.mark.parametrize("watched", ["watched", "unwatched"])
@pytest.mark.parametrize("whom", ["mpiexec", "one rank"])
def test_an_interrupt_ends_all_ranks_after_the_same_step(tmp_path, whom, watched):
    process = mpi.start(INTERRUPTED, 3, watched, folder=tmp_path)
    try:
        ids = json.loads(process.stdout.readline())
        mpi.wait_for(lambda: has_trained(tmp_path / "run.npz"))
        os.kill(process.pid if whom == "mpiexec" else ids[1], signal.SIGINT)
    finally:
        ended = mpi.end(process)
    assert "interrupted: interrupted" in ended.stdout, ended.stderr


@pytest.mark.parametrize("whom", ["mpiexec", "rank 0", "one rank"])
def test_after_a_kill_the_last_checkpoint_is_whole(tmp_path, whom):
    process = mpi.start(INTERRUPTED, 3, "watched", folder=tmp_path)
    try:
        ids = json.loads(process.stdout.readline())
        mpi.wait_for(lambda: has_trained(tmp_path / "run.npz"))
        victims = {"mpiexec": process.pid, "rank 0": ids[0], "one rank": ids[2]}
        os.kill(victims[whom], signal.SIGKILL)
        mpi.wait_for(lambda: not any(map(mpi.is_running, ids)))
    finally:
        ended = mpi.end(process)
    assert ended.code != 0
    assert "interrupted" not in ended.stdout
    again = mpi.run(INTERRUPTED, 2, "watched", "resume", folder=tmp_path)
    assert again.stdout.count("resumed") == 2, again.stderr


def test_a_dead_rank_is_found_where_mpiexec_leaves_the_others_running(tmp_path):
    process = mpi.start(INTERRUPTED, 3, "watched", folder=tmp_path, launcher=["-disable-auto-cleanup"])
    try:
        ids = json.loads(process.stdout.readline())
        mpi.wait_for(lambda: has_trained(tmp_path / "run.npz"))
        os.kill(ids[1], signal.SIGKILL)
        mpi.wait_for(lambda: not any(map(mpi.is_running, ids)))
    finally:
        ended = mpi.end(process)
    assert (
        ended.code != 0
    )  # mostly by RankError("rank 1 has died ..."); MPI may be quicker, and ends them without a word


def test_functions_that_train_several_networks_take_no_communicator():
    nets = [pn.Network(pn.Dense(1), input_size=1, seed=seed) for seed in range(2)]
    for option in ({"communicator": object()}, {"compression": "float16"}):
        with pytest.raises(pn.errors.InvalidType, match=f"{next(iter(option))}= is no option of train_many"):
            pn.train_many(nets, np.ones((2, 1)), np.ones((2, 1)), loss="mse", **option)
