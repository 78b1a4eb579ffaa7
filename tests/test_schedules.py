"""Schedules and stopping keep to their run: past its end, at negative losses, at losses that are no number."""

import math
import runpy

import numpy as np
import pytest

import plainnet as pn
from plainnet import schedules
from plainnet.errors import InvalidType, InvalidValue, PlainnetWarning

rng = np.random.default_rng(5)
X = rng.normal(size=(50, 2))
Y = X[:, 0] + 0.3 * rng.normal(size=50)


def network(seed=1):
    return pn.Network(pn.Dense(4, "tanh"), pn.Dense(1), input_size=2, seed=seed)


def rates(schedule, losses):
    memory, found = {}, []
    for loss in losses:
        schedule.observe(loss, memory)
        found.append(schedule.rate(0, 1, memory))
    return found


def plateau(**more):
    return schedules.ReduceOnPlateau(1.0, **{"factor": 0.5, "patience": 2, **more})


@pytest.mark.parametrize("level", [1.0, -1.0, 0.0, -31.88, 1e-9])
def test_a_flat_loss_lowers_the_rate_whatever_its_sign(level):
    assert rates(plateau(), [level] * 7) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("level", [1.0, -1.0])
def test_an_improvement_is_a_share_of_the_size_of_the_best(level):
    falling_enough = [level - 0.02 * abs(level) * i for i in range(8)]
    too_little = [level - 0.0001 * abs(level) * i for i in range(8)]
    rising = [level + 0.0001 * abs(level) * i for i in range(8)]
    assert rates(plateau(threshold=0.01), falling_enough)[-1] == 1
    assert rates(plateau(threshold=0.01), too_little)[-1] < 1
    assert rates(plateau(threshold=0.01), rising)[-1] < 1


@pytest.mark.parametrize("first", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_never_the_best(first):
    assert rates(plateau(), [first, 3.0, 2.0, 1.0, 0.5]) == [1] * 5, "1 came after more than 2 reports of nothing else"
    assert rates(plateau(), [1.0, first, first, first])[-1] == 0.5


def test_poisson_losses_below_zero_lower_the_rate():
    counts = np.full(50, 20.0) + rng.integers(0, 3, 50)
    net = pn.Network(pn.Dense(1, "exponential"), input_size=2, seed=1)
    net.layers[0].bias = np.log(21.0)
    slow = pn.SGD(schedules.ReduceOnPlateau(1e-9, patience=5))
    history = net.fit(X, counts, loss="poisson", epochs=20, optimizer=slow, batch_size=None)
    assert max(history.loss) < 0
    assert history.learning_rate[-1] / 1e-9 == pytest.approx(1e-3), "lowered after reports 7, 13 and 19"


PAST_THE_END = [
    schedules.Cosine(0.1, minimum=0.01),
    schedules.OneCycle(0.1),
    schedules.LinearWarmup(schedules.Cosine(0.1, minimum=0.01), warmup=2),
]


@pytest.mark.parametrize("schedule", PAST_THE_END, ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("epochs", [1, 7])
def test_past_its_end_a_schedule_keeps_its_last_rate(schedule, epochs):
    last = schedule.rate(epochs, epochs, {"step": 0.25})
    assert last <= 0.010000001
    for epoch in (epochs + 0.25, epochs * 1.5, epochs * 2, 1000):
        assert schedule.rate(epoch, epochs, {"step": 0.25}) == last


@pytest.mark.parametrize("batch_size", [None, 10, 16])
def test_a_warm_up_loses_no_step(batch_size):
    """Of n steps of warm-up, step t has the rate (t + 1) / n, and the n-th the whole."""
    steps = {None: 1, 10: 5, 16: 4}[batch_size]
    schedule = schedules.LinearWarmup(0.01, warmup=2)
    found = [schedule.rate(t / steps, 8, {"step": 1 / steps}) for t in range(3 * steps)]
    expected = np.minimum(1, (np.arange(3 * steps) + 1) / (2 * steps)) * 0.01
    np.testing.assert_allclose(found, expected)
    history = network().fit(X, Y, loss="mse", epochs=3, optimizer=pn.Adam(schedule), batch_size=batch_size)
    np.testing.assert_allclose(history.learning_rate, expected[steps - 1 :: steps])
    if batch_size is None:
        assert history.loss[0] > history.loss[1]


def test_a_warm_up_from_a_start_is_pytorchs():
    """`LinearLR(start_factor=0.25, total_iters=4)`: 0.25, 0.4375, 0.625, 0.8125, 1."""
    schedule = schedules.LinearWarmup(1.0, warmup=4, start=0.25)
    assert [schedule.rate(t, 9, {"step": 1.0}) for t in range(6)] == [0.25, 0.4375, 0.625, 0.8125, 1.0, 1.0]


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))])
def test_the_warm_up_of_many_networks_and_of_a_resumed_run(engine, tmp_path):
    options = {"loss": "mse", "epochs": 6, "optimizer": pn.SGD(schedules.LinearWarmup(0.1, warmup=4))}
    whole, stopped, (many,) = network(), network(), [network()]
    history = whole.fit(X, Y, engine=engine, **options)
    for _ in zip(
        range(3), stopped.training(X, Y, checkpoint=tmp_path / "run.npz", checkpoint_every=1, **options), strict=False
    ):
        pass
    resumed = network()
    resumed.fit(X, Y, checkpoint=tmp_path / "run.npz", checkpoint_every=1, resume=True, **options)
    np.testing.assert_allclose(resumed.parameters, whole.parameters, rtol=1e-5, atol=1e-6)
    (trained,) = pn.train_many([many], X, Y, **options)
    np.testing.assert_allclose(trained.learning_rate, history.learning_rate)


def test_growing_schedules_end_in_a_refusal_and_not_in_an_overflow():
    assert schedules.Exponential(0.1, factor=10.0).rate(1e4, 10, {}) == math.inf
    assert schedules.Step(0.1, every=1, factor=10.0).rate(1e4, 10, {}) == math.inf


def test_a_schedule_of_ones_own_is_called_for_no_epoch_that_the_run_does_not_have():
    asked = []

    def falling(epoch, epochs):
        asked.append((epoch, epochs))
        return 0.1 * (1 - epoch / (epochs - 1))  # which one epoch alone would divide by 0

    network().fit(X, Y, loss="mse", epochs=3, batch_size=None, optimizer=pn.SGD(falling))
    assert asked == [(0, 3), (1, 3), (2, 3)]
    with pytest.raises(InvalidType, match=r"the function <lambda>; a schedule takes \(epoch, epochs\)"):
        pn.SGD(lambda epoch: 0.1)
    with pytest.raises(InvalidValue, match="the learning rate that falling gives for epoch 2 of 2"):
        schedules.resolve(falling).rate(2, 2, {})


def test_a_plateau_acts_before_early_stopping_by_default():
    noisy = Y + rng.normal(size=50)
    optimizer = pn.Adam(schedules.ReduceOnPlateau(0.05))
    history = network().fit(X, noisy, loss="mse", epochs=500, validation=0.3, early_stopping=True, optimizer=optimizer)
    assert history.stopped == "early stopping"
    assert min(history.learning_rate) < 0.05


@pytest.mark.parametrize("options", [{"early_stopping": 6}, {"early_stopping": 10, "report_every": 2}])
def test_a_plateau_that_cannot_act_is_said(options):
    with pytest.warns(PlainnetWarning, match="the schedule has no effect"):
        network().fit(
            X, Y, loss="mse", epochs=2, validation=0.3, optimizer=pn.Adam(schedules.ReduceOnPlateau(0.05)), **options
        )


def loss_that_is_no_number(rows):
    """A mean squared error, and NaN for so many rows: the validation's."""

    def loss(targets, predictions):
        error = predictions - targets
        return (error * error if len(targets) != rows else error * np.nan), 2 * error

    return loss


def test_where_the_validation_loss_is_never_a_number_the_last_parameters_stay_and_it_is_said():
    trained, same = network(), network()
    with pytest.warns(PlainnetWarning, match="early stopping had nothing to go by") as caught:
        history = trained.fit(
            X[7:], Y[7:], loss=loss_that_is_no_number(7), epochs=50, early_stopping=5, validation=(X[:7], Y[:7])
        )
    assert (history.best_epoch, history.stopped, history.epoch[-1]) == (None, "early stopping", 5)
    same.fit(X[7:], Y[7:], loss="mse", epochs=5)
    np.testing.assert_allclose(trained.parameters, same.parameters, rtol=1e-5)
    assert caught[0].filename == __file__


def test_a_loss_becomes_a_number_later():
    calls = []

    def loss(targets, predictions):
        error = predictions - targets
        calls.append(len(targets) == 7)
        return (error * np.nan if calls[-1] and sum(calls) < 4 else error * error), 2 * error

    history = network().fit(X[7:], Y[7:], loss=loss, epochs=9, early_stopping=8, validation=(X[:7], Y[:7]))
    assert history.best_epoch is not None
    assert history.best_epoch >= 4


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize(
    "schedule",
    [
        schedules.LinearWarmup(0.1, warmup=3),
        schedules.LinearWarmup(schedules.LinearWarmup(schedules.Cosine(0.1), warmup=2), warmup=3, start=0.5),
    ],
)
def test_an_exported_trainer_warms_up_in_the_same_steps(schedule, batch_size, tmp_path):
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), input_size=2, seed=1, dtype="float64")
    history = net.fit(X, Y, loss="mse", epochs=6, batch_size=batch_size, optimizer=pn.SGD(schedule))
    net.export(tmp_path / "warm.py", to="trainer")
    trainer = runpy.run_path(str(tmp_path / "warm.py"))
    assert list(trainer["train"](X, Y[:, None])) == history.loss
