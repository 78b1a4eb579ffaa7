"""Runs of a session: whatever slices they are cut into, they compute what `net.fit` computes."""

from typing import Any

import numpy as np
import pytest

import plainnet as pn
from plainnet.play.session.messages import pack, unpack
from plainnet.play.session.session import Session

ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))]
MOONS = {"kind": "dataset", "name": "moons", "options": {"rows": 90, "noise": 0.2, "seed": 3}, "validation": 0.2}
TANH = [{"name": "Dense", "units": 6, "activation": "tanh"}, {"name": "Dense", "units": 2, "activation": "softmax"}]
DROPOUT = [TANH[0], {"name": "Dropout", "rate": 0.3}, TANH[1]]
XOR = {
    "data": {"kind": "dataset", "name": "xor"},
    "layers": [
        {"name": "Dense", "units": 4, "activation": "tanh"},
        {"name": "Dense", "units": 1, "activation": "sigmoid"},
    ],
    "loss": "binary_cross_entropy",
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "batch_size": None,
    "seed": 1,
    "epochs": 100_000,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "batches": {},
    "whole set": {"batch_size": None, "loss": "cross_entropy"},
    "schedule": {
        "optimizer": {"name": "sgd", "learning_rate": {"name": "cosine", "learning_rate": 0.3}, "momentum": 0.9}
    },
    "plateau": {
        "optimizer": {
            "name": "adam",
            "learning_rate": {"name": "reduce_on_plateau", "learning_rate": 0.1, "patience": 2},
        }
    },
    "dropout": {"layers": DROPOUT},
    "early stopping": {"early_stopping": {"patience": 4}, "optimizer": {"name": "adam", "learning_rate": 0.1}},
    "metrics": {"metrics": ["accuracy"]},
}


def moons(engine: str, **settings: Any) -> dict[str, Any]:
    """A setup whose last batch of an epoch is smaller than the others."""
    usual = {
        "data": MOONS,
        "layers": TANH,
        "loss": "cross_entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.01},
    }
    return {**usual, "batch_size": 16, "epochs": 30, "seed": 5, "engine": engine, **settings}


def fitted(session: Session, plain: dict[str, Any]) -> pn.Network:
    """The network of a setup, trained by `fit` on the session's examples."""
    X, y, weights = session.examples.training
    layers = plain["layers"]
    description = {"layers": layers, "input_size": X.shape[1], "seed": plain["seed"], "dtype": "float32"}
    net = pn.Network.from_description(description)
    stopping = plain.get("early_stopping")
    net.fit(
        X,
        y,
        loss=plain["loss"],
        optimizer=plain["optimizer"],
        batch_size=plain["batch_size"],
        epochs=plain["epochs"],
        validation=session.examples.validation,
        sample_weight=weights,
        early_stopping=None if stopping is None else pn.EarlyStopping(**stopping),
        metrics=plain.get("metrics", ()),
        engine=plain["engine"],
    )
    return net


def play_in_pieces(session: Session) -> None:
    """Play to the end: by steps, epochs and slices of any length, with pauses between them."""
    run = session.runs[0]
    for _ in range(3):
        session.handle({"do": "step"})
    session.handle({"do": "epoch"})
    for _ in range(2):
        session.handle({"do": "epoch"})
    session.handle({"do": "step"})
    session.handle({"do": "play"})
    seconds = 0.0
    while session.is_playing:
        session.advance(seconds)
        seconds = min(seconds + 1e-4, 0.01)
        session.handle({"do": "frame"})
    assert run.is_over


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_in_slices_is_the_run_of_fit(name: str, engine: str) -> None:
    plain = moons(engine, **SETTINGS[name])
    session = Session(plain)
    assert session.problems == []
    assert session.examples.validation is not None
    net = fitted(session, plain)
    play_in_pieces(session)
    run = session.runs[0]
    assert run.training.choice.engine == engine
    assert run.network.parameters.tobytes() == net.parameters.tobytes()
    assert net.history is not None
    history = run.training.history
    assert (history.stopped, history.best_epoch) == (net.history.stopped, net.history.best_epoch)
    assert history.loss == net.history.loss
    assert history.validation_loss == net.history.validation_loss
    assert history.metrics == net.history.metrics


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_is_one_batch(engine: str) -> None:
    session = Session(moons(engine))
    run = session.runs[0]
    before = run.network.parameters.copy()
    for step in range(1, 7):  # 72 rows are five batches of at most 16
        session.handle({"do": "step"})
        assert (run.steps, run.epochs, run.job.batches_done) == (step, step // 5, step % 5)
        assert not np.array_equal(before, run.network.parameters)
        before = run.network.parameters.copy()
    session.handle({"do": "epoch"})
    assert (run.steps, run.epochs) == (10, 2)


def test_an_epoch_that_takes_long_goes_on_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes 9 ms, so that a slice has time for one step, and the command for some."""
    clock = iter(range(10**4))
    monkeypatch.setattr("time.monotonic", lambda: 0.009 * next(clock))
    session = Session(moons("numpy", batch_size=4))
    header, _ = session.handle({"do": "epoch"})
    assert (header["playing"], session.runs[0].epochs) == (True, 0)
    slices = 0
    while session.is_playing:
        session.advance()
        slices += 1
    assert (session.runs[0].epochs, session.runs[0].job.batches_done, session.runs[0].state) == (1, 0, "paused")
    assert 1 < slices < 18


def test_restart_begins_with_the_same_weights_and_a_seed_with_others() -> None:
    session = Session(XOR)
    run = session.runs[0]
    first = run.network.parameters.copy()
    session.handle({"do": "epoch"})
    trained = run.network.parameters.copy()
    session.handle({"do": "weight", "place": 3, "value": 7.5})
    assert run.network.parameters[3] == 7.5
    header, _ = session.handle({"do": "restart"})
    assert header["restarted"] is True
    assert np.array_equal(run.network.parameters, first)
    session.handle({"do": "epoch"})
    assert np.array_equal(run.network.parameters, trained)
    header, _ = session.handle({"do": "restart", "seed": 8})
    assert header["setup"]["seed"] == 8
    assert not np.array_equal(run.network.parameters, first)


def test_a_change_keeps_the_weights_and_what_the_optimizer_remembers() -> None:
    session = Session(moons("numpy"))
    run = session.runs[0]
    for _ in range(3):
        session.handle({"do": "epoch"})
    before, memory = run.network.parameters.copy(), run.job.optimizer_state["mean"].copy()
    header, _ = session.handle({"do": "change", "path": ["optimizer", "learning_rate"], "value": 0.5})
    assert (header["restarted"], header["problems"]) == (False, [])
    assert np.array_equal(run.network.parameters, before)
    assert np.array_equal(run.job.optimizer_state["mean"], memory)
    assert (run.epochs, run.steps) == (3, 15)
    session.handle({"do": "step"})
    assert run.learning_rate == 0.5
    session.handle({"do": "change", "path": ["optimizer"], "value": "sgd"})
    session.handle({"do": "epoch"})
    assert (run.epochs, run.steps) == (4, 20)
    dropped = [*TANH[:1], {"name": "Dropout", "rate": 0.5}, *TANH[1:]]
    before = run.network.parameters.copy()
    header, _ = session.handle({"do": "change", "path": ["layers"], "value": dropped})
    assert header["restarted"] is False
    assert np.array_equal(run.network.parameters, before)
    header, _ = session.handle({"do": "change", "path": ["layers", 0, "units"], "value": 7})
    assert header["restarted"] is True
    assert (run.epochs, run.state) == (0, "ready")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_is_over_goes_on_with_more_epochs(engine: str) -> None:
    plain = moons(engine, epochs=7)
    session = Session(plain)
    run = session.runs[0]
    session.handle({"do": "play"})
    while session.is_playing:
        session.advance()
    assert (run.state, run.epochs) == ("finished", 7)
    assert session.handle({"do": "play"})[0]["playing"] is False
    session.handle({"do": "change", "path": ["epochs"], "value": 3})
    for command in ("step", "epoch"):
        assert session.handle({"do": command})[0]["playing"] is False
    assert (run.state, run.epochs) == ("finished", 7)
    session.handle({"do": "change", "path": ["epochs"], "value": 12})
    assert run.state == "paused"
    session.handle({"do": "play"})
    while session.is_playing:
        session.advance()
    assert (run.state, run.epochs) == ("finished", 12)
    assert run.network.parameters.tobytes() == fitted(session, {**plain, "epochs": 12}).parameters.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_another_engine_goes_on_within_an_epoch(engine: str) -> None:
    """A change of what does not enter the update leaves the run as if nothing had happened."""
    plain = moons(engine)
    session, whole = Session(plain), Session(plain)
    for _ in range(8):
        session.handle({"do": "step"})
    session.handle({"do": "change", "path": ["metrics"], "value": ["accuracy"]})
    for _ in range(9):
        session.handle({"do": "step"})
    for _ in range(17):
        whole.handle({"do": "step"})
    assert np.array_equal(session.runs[0].network.parameters, whole.runs[0].network.parameters)


def test_a_setup_with_problems_waits_and_the_run_stays() -> None:
    session = Session(moons("numpy"))
    session.handle({"do": "epoch"})
    run = session.runs[0]
    before = run.network.parameters.copy()
    header, _ = session.handle({"do": "change", "path": ["loss"], "value": "binary_cross_entropy"})
    assert "sigmoid" in header["problems"][0]["message"]
    assert header["setup"]["loss"] == "binary_cross_entropy"
    assert np.array_equal(run.network.parameters, before)
    assert run.setup.loss == "cross_entropy"
    header, _ = session.handle({"do": "change", "path": ["loss"], "value": "cross_entropy"})
    assert header["problems"] == []
    assert run.epochs == 1


def test_a_run_that_diverges_stops_with_finite_weights_and_goes_on_with_a_smaller_rate() -> None:
    linear = [{"name": "Dense", "units": 1}]
    plain = {**XOR, "layers": linear, "loss": "mse", "optimizer": {"name": "sgd", "learning_rate": 1e6}}
    session = Session(plain)
    session.handle({"do": "play"})
    while session.is_playing:
        session.advance()
    run = session.runs[0]
    assert run.state == "diverged"
    assert np.isfinite(run.network.parameters).all()
    header, _ = session.handle({"do": "frame"})
    assert header["runs"][0]["story"]["key"] == "diverged"
    assert "diverged" in header["runs"][0]["story"]["values"]["message"]
    session.handle({"do": "restart"})
    session.handle({"do": "change", "path": ["optimizer", "learning_rate"], "value": 0.1})
    session.handle({"do": "epoch"})
    assert (run.state, run.epochs) == ("paused", 1)


def test_xor_is_learned_and_the_story_says_so() -> None:
    session = Session(XOR)
    header, arrays = session.handle({"do": "frame"})
    assert (header["runs"][0]["state"], header["runs"][0]["story"]["key"]) == ("ready", "ready")
    session.handle({"do": "play"})
    for _ in range(10_000):
        session.advance()
        header, arrays = session.handle({"do": "frame"})
        if header["runs"][0]["story"]["key"] == "learned_rows":
            break
    assert header["runs"][0]["state"] in ("learned", "finished")
    y = session.examples.training[1].ravel()
    assert np.abs(arrays["0.truth"] - y).max() <= 0.1
    single = Session({**XOR, "layers": XOR["layers"][1:], "epochs": 3_000})
    single.handle({"do": "play"})
    while single.is_playing:
        single.advance()
    story = single.handle({"do": "frame"})[0]["runs"][0]["story"]
    assert story["key"] == "guessing_line"  # one unit alone: no other seed or optimizer would help
    assert story["values"]["guess"] == pytest.approx(np.log(2))
    single.handle({"do": "change", "path": ["epochs"], "value": 4_000})
    single.handle({"do": "change", "path": ["optimizer", "learning_rate"], "value": 0.5})
    single.handle({"do": "epoch"})
    story = single.handle({"do": "frame"})[0]["runs"][0]["story"]
    assert story["key"] in ("learning", "rises")  # an epoch with another rate is too few to call it stuck


def test_a_training_that_fails_ends_the_training_and_not_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(XOR)
    session.handle({"do": "play"})
    with monkeypatch.context() as patched:
        patched.setattr(session.runs[0], "advance", lambda *_, **__: 1 / 0)
        session.advance()
    assert not session.is_playing
    told, _ = unpack(session.receive(pack({"id": 1, "do": "frame"})))
    assert "ZeroDivisionError" in told["error"]
    told, _ = unpack(session.receive(pack({"id": 2, "do": "frame"})))
    assert told["runs"][0]["epoch"] == 0
    session.handle({"do": "play"})
    session.advance()
    assert session.runs[0].epochs > 0


def test_two_runs_keep_step_from_the_same_start() -> None:
    plain = moons("numpy", epochs=40)
    session = Session(plain)
    session.handle({"do": "epoch"})
    header, _ = session.handle({"do": "twin", "setup": {**plain, "layers": DROPOUT}})
    assert header["runs"] == 2
    first, second = session.runs
    assert np.array_equal(first.network.parameters, second.network.parameters)
    assert first.epochs == second.epochs == 0
    session.handle({"do": "play", "speed": 1e6})
    while session.is_playing:
        session.advance()
        assert abs(first.epochs - second.epochs) <= 1
    for run, layers in ((first, TANH), (second, DROPOUT)):
        net = fitted(session, {**plain, "layers": layers})
        assert np.array_equal(run.network.parameters, net.parameters)
    session.handle({"do": "change", "path": ["optimizer", "learning_rate"], "value": 0.2, "run": 1})
    assert [run.job.optimizer.learning_rate for run in session.runs] == [0.01, 0.2]
    header, _ = session.handle({"do": "twin", "setup": None})
    assert header["runs"] == len(session.runs) == 1


def test_twins_of_other_sizes_share_the_weights_of_equal_shapes() -> None:
    session = Session(XOR)
    hidden = {"name": "Dense", "units": 4, "activation": "tanh"}
    wide = {**XOR, "seed": 7, "layers": [XOR["layers"][0], hidden, XOR["layers"][1]]}
    session.handle({"do": "twin", "setup": wide})
    first, second = (run.network.layers[0].weights for run in session.runs)
    assert np.array_equal(first, second)


def test_slow_motion_makes_so_many_steps_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    session = Session(moons("numpy"))
    run = session.runs[0]
    session.handle({"do": "play", "speed": 10, "by": "steps"})
    for tick in range(100):
        session.advance()
        assert abs(run.steps - 1 - tick / 5) <= 1
        clock[0] += 0.02
    assert session.wait is not None
    assert 0 <= session.wait <= 0.1
    session.handle({"do": "pause"})
    assert session.wait is None


def test_the_weights_of_the_path_are_those_of_its_epochs() -> None:
    session = Session(moons("numpy", epochs=500, data={**MOONS, "options": {"rows": 20, "seed": 3}}))
    run = session.runs[0]
    for _ in range(450):
        session.handle({"do": "epoch"})
    assert len(run.path.epochs) <= 200
    assert run.path.epochs[0] == 0
    assert set(np.diff(run.path.epochs)) == {run.path.every}
    again = Session(session.setup.plain()).runs[0]
    again.advance(epochs=run.path.epochs[70])
    assert np.array_equal(run.path.parameters[70], again.network.parameters)


def random_command(random: np.random.Generator, catalogue: dict[str, Any]) -> dict[str, Any]:
    """A command as a restless visitor gives it: much of it cannot be, or not at this moment."""

    def one_of(things: Any) -> Any:
        return things[random.integers(len(things))]

    odd = [None, True, -1, 0, 3, 0.5, 1e300, "x", "adam", [], {}, {"name": "cosine", "learning_rate": 0.1}]
    names = {
        kind: [part["name"] for part in catalogue[kind]] for kind in ("losses", "optimizers", "activations", "datasets")
    }
    dense = [{"name": "Dense", "units": int(random.integers(1, 6)), "activation": one_of(names["activations"])}] * 2
    data = {
        "kind": "dataset",
        "name": one_of(names["datasets"]),
        "options": {"rows": 12},
        "validation": one_of([0, 0.3]),
    }
    changes = [
        (["layers"], dense), (["layers", 0, "units"], one_of([1, 3, 7])), (["loss"], one_of(names["losses"])),
        (["optimizer"], one_of(names["optimizers"])), (["optimizer", "learning_rate"], one_of([0.1, 100.0, 1e9])),
        (["batch_size"], one_of([1, 5, None])), (["epochs"], one_of([1, 20, 1000])), (["data"], data),
        (["early_stopping"], one_of([None, {"patience": 2}])), (["data", "validation"], 0.4),
    ]  # fmt: skip
    path, value = one_of(changes)
    x = random.normal(size=2).tolist()
    commands = [
        *[{"do": "change", "path": path, "value": value if random.random() < 0.7 else one_of(odd)}] * 5,
        {"do": "frame", "map": {"points": 5}, "units": {"points": 3, "of": [[0, 0], [1, 2]]}, "curve": one_of([0, 9])},
        {"do": "play", "speed": one_of([None, 100.0])}, {"do": "pause"}, {"do": "step"}, {"do": "epoch"},
        {"do": "restart", "seed": one_of([None, 4])}, {"do": "weight", "place": 2, "value": one_of([0.5, -1e30])},
        {"do": "twin", "setup": one_of([None, {}, {"layers": dense}])}, {"do": "start", "setup": {"data": data}},
        {"do": "point", "action": "add", "x": x, "label": 1}, {"do": "point", "action": "delete", "index": 2},
        {"do": "point", "action": "move", "index": 1, "x": x}, {"do": "examples"},
    ]  # fmt: skip
    return one_of(commands)  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(3))
def test_hundreds_of_random_commands_leave_a_session_that_works(seed: int) -> None:
    random, session = np.random.default_rng(seed), Session()
    catalogue, _ = session.handle({"do": "choices"})
    for _ in range(200):
        reply, _ = unpack(session.receive(pack({"id": 1, **random_command(random, catalogue)})))
        assert "inside plainnet" not in reply.get("error", "")
        session.advance()
        for run in session.runs:
            assert np.isfinite(run.network.parameters).all()
    session.handle({"do": "start", "setup": XOR})
    session.handle({"do": "epoch"})
    assert session.runs[0].epochs == 1
