"""Early stopping by a metric, without patience, and with the last of equally good epochs."""

import numpy as np
import pytest

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
NUMBERS = np.sin(2 * X[:, 0]) + RANDOM.normal(size=60)
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))]


def network(seed=1, output="softmax"):
    units = {"softmax": 2, "identity": 1}[output]
    return pn.Network(pn.Dense(6, "tanh"), pn.Dense(units, output), input_size=4, seed=seed, dtype="float64")


def options_of(net, stopping, **more):
    """Train on half of the rows and report on the other half."""
    regression = net.layers[-1].units == 1
    y = NUMBERS if regression else Y
    options = {"loss": "mse" if regression else "cross_entropy", "metrics": ["rmse"] if regression else ["accuracy"]}
    options |= {"optimizer": pn.Adam(0.05), "epochs": 40, "batch_size": 10, "validation": (X[30:], y[30:])}
    return {"X": X[:30], "y": y[:30], "early_stopping": stopping, **options, **more}


def fitted(net, stopping, **more):
    return net.fit(**options_of(net, stopping, **more))


def cut_short(stopping, after, **more):
    """Leave a checkpoint of a run after so many epochs."""
    net = network()
    reports = net.training(**options_of(net, stopping, **more))
    for report in reports:
        if report.epoch == after:
            break
    reports.close()


def parameters_of_epoch(net, epoch, **more):
    """The parameters after so many epochs of the same run."""
    fitted(net, None, epochs=epoch, **more)
    return net.parameters


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("last", [False, True])
def test_without_patience_all_epochs_run_and_the_best_is_kept(engine, last):
    net = network()
    history = fitted(net, pn.EarlyStopping(None, monitor="accuracy", last=last), engine=engine)
    accuracies = np.array(history.metrics["accuracy"])
    ties = 1 + np.flatnonzero(accuracies == accuracies.max())
    assert len(ties) > 1, "epochs that are equally good, of which the first or the last is kept"
    assert (history.stopped, history.epoch[-1]) == ("all epochs", 40)
    assert history.best_epoch == history.restored_epoch == ties[-1 if last else 0]
    expected = parameters_of_epoch(network(), history.best_epoch, engine=engine)
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-9)


def test_a_metric_of_which_lower_is_better():
    history = fitted(network(output="identity"), pn.EarlyStopping(None, monitor="rmse"))
    assert history.best_epoch == 1 + int(np.argmin(history.metrics["rmse"]))
    assert 1 < history.best_epoch < 40


@pytest.mark.parametrize("last", [False, True])
def test_patience_counts_from_the_latest_improvement(last):
    """An epoch that is as good as the best one is no improvement, although `last` keeps it."""
    history = fitted(network(), pn.EarlyStopping(6, monitor="accuracy", last=last), epochs=500)
    accuracies = history.metrics["accuracy"]
    first_best = 1 + accuracies.index(max(accuracies))
    assert (history.stopped, history.epoch[-1]) == ("early stopping", first_best + 6)
    ties = [epoch for epoch, value in zip(history.epoch, accuracies, strict=True) if value == max(accuracies)]
    assert history.best_epoch == (ties[-1] if last else first_best)


@pytest.mark.needs("fast")
def test_many_networks_stop_as_each_alone():
    stopping = pn.EarlyStopping(5, monitor="accuracy", last=True)
    together = [network(seed) for seed in range(9)]
    options = {"loss": "cross_entropy", "metrics": ["accuracy"], "optimizer": pn.Adam(0.05), "epochs": 60}
    options |= {"batch_size": 10, "validation": (X[30:], Y[30:]), "early_stopping": stopping}
    histories = pn.train_many(together, X[:30], Y[:30], engine="compiled", **options)
    assert len({history.epoch[-1] for history in histories}) > 1
    for seed, (net, history) in enumerate(zip(together, histories, strict=True)):
        alone = network(seed)
        own = fitted(alone, stopping, epochs=60)
        assert (own.best_epoch, own.epoch[-1], own.stopped) == (history.best_epoch, history.epoch[-1], history.stopped)
        np.testing.assert_allclose(net.parameters, alone.parameters, rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_run_waits_as_long(engine, tmp_path):
    stopping = pn.EarlyStopping(6, monitor="accuracy", last=True)
    options = {"epochs": 500, "engine": engine, "threads": 1 if engine == "compiled" else None}
    whole = network()
    history = fitted(whole, stopping, **options)
    stopped_at = history.epoch[-1]
    assert history.best_epoch > stopped_at - 6, "the last of equally good epochs comes after the improvement"
    options |= {"checkpoint": tmp_path / "run.npz", "checkpoint_every": 1}
    cut_short(stopping, stopped_at - 1, **options)
    resumed = network()
    again = fitted(resumed, stopping, resume=True, **options)
    assert (again.epoch[-1], again.best_epoch, again.stopped) == (stopped_at, history.best_epoch, history.stopped)
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()


def test_what_cannot_be_monitored_is_refused():
    with pytest.raises(InvalidValue, match="monitor is 'acuracy'; did you mean 'accuracy'"):
        pn.EarlyStopping(monitor="acuracy")
    with pytest.raises(InvalidType, match="last is 'yes'; it takes True or False"):
        pn.EarlyStopping(last="yes")
    with pytest.raises(
        InvalidValue, match=r"monitors 'f1' and the run does not measure it; give metrics=\['accuracy', 'f1'\]"
    ):
        fitted(network(), pn.EarlyStopping(monitor="f1"))

    def accuracy(targets, predictions):
        return 0.0

    with pytest.raises(InvalidValue, match="of your own, of which nobody knows if a higher or a lower value is better"):
        fitted(network(), pn.EarlyStopping(monitor="accuracy"), metrics=[accuracy])


def test_a_run_of_an_earlier_version_goes_on(tmp_path):
    """Its record has neither the settings that are new since nor the epoch of the latest improvement."""
    from plainnet.files.archive import read_archive, write_archive

    path, stopping = tmp_path / "run.npz", pn.EarlyStopping(6)
    options = {"epochs": 30, "checkpoint": path, "checkpoint_every": 1, "optimizer": pn.Adam(0.05, weight_decay=0.1)}
    whole = network()
    history = fitted(whole, stopping, **options)
    path.unlink()
    cut_short(stopping, 7, **options)
    record, arrays = read_archive(path)
    settings = record["run"]["identity"]["options"]
    for new in ("rate_factors", "decay_factors"):
        del settings["optimizer"][new]
    for new in ("monitor", "last"):
        del settings["early_stopping"][new]
    del record["run"]["improved_epoch"]
    write_archive(path, record, arrays)
    resumed = network()
    assert fitted(resumed, stopping, resume=True, **options).loss == history.loss
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()
