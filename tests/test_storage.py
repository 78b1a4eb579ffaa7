"""Model files: what is saved comes back, and what is not a whole model is refused by name."""

import json
import shutil
import stat

import numpy as np
import pytest

import plainnet as pn
from plainnet.errors import FileError, InvalidValue


@pytest.fixture
def net():
    network = pn.Network(
        pn.Dense(4, pn.activations.LeakyRelu(0.2)),
        pn.BatchNorm(),
        pn.Dense(2, "softmax"),
        input_size=2,
        seed=1,
    )
    network.fit(*pn.datasets.moons(60, seed=1), loss="cross_entropy", epochs=3, validation=0.2, metrics=["accuracy"])
    return network


@pytest.fixture
def path(net, tmp_path):
    net.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


X = np.random.default_rng(0).normal(size=(5, 2))


def test_a_saved_network_comes_back_whole(net, path):
    net.table = {"columns": ["a", "b"]}
    net.save(path)
    again = pn.load(path)
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    assert again.describe() == net.describe()
    assert again.history == net.history
    assert again.table == net.table


def test_a_record_with_nan_and_infinity_comes_back(net, path):
    net.history.validation_loss[:2] = [np.nan, np.inf]
    net.history.metrics["accuracy"][0] = -np.inf
    net.save(path)
    history = pn.load(path).history
    assert np.isnan(history.validation_loss[0])
    assert history.validation_loss[1] == np.inf
    assert history.metrics["accuracy"][0] == -np.inf


def test_a_diverged_network_is_saved_with_its_record(tmp_path):
    X, y = pn.datasets.sine(200, seed=1)
    for rate in (10, 100, 1e6):
        net = pn.Network(pn.Dense(8, "relu"), pn.Dense(1), seed=1)
        with pytest.raises(pn.errors.DivergenceError):
            net.fit(X, 100 * y, loss="mse", optimizer=pn.SGD(rate), validation=0.2)
        net.save(tmp_path / "diverged.npz")
        assert pn.load(tmp_path / "diverged.npz").history.stopped == "diverged"


def test_numpy_alone_opens_the_file(net, path):
    with np.load(path, allow_pickle=False) as archive:
        assert set(archive) == {"plainnet", "parameters", "statistics"}
        np.testing.assert_array_equal(archive["parameters"], net.parameters)
        description = json.loads(str(archive["plainnet"]))
    assert description["network"]["layers"][0]["units"] == 4


def test_the_users_own_parts_are_passed_to_load(tmp_path):
    class Twice(pn.Layer):
        def forward(self, inputs, training=None):
            return 2 * inputs, lambda gradient, gradients: 2 * gradient

    def square(z):
        return z**2, 2 * z

    net = pn.Network(pn.Dense(3, square), Twice(), pn.Dense(1), input_size=2, seed=1)
    net.save(tmp_path / "own.npz")
    with pytest.raises(FileError, match=r"unknown.*custom=\[...\]"):
        pn.load(tmp_path / "own.npz")
    again = pn.load(tmp_path / "own.npz", custom=[Twice, square])
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_a_network_without_parameters_is_not_saved(tmp_path):
    with pytest.raises(InvalidValue, match="no parameters yet"):
        pn.Network(pn.Dense(1)).save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(net, path, monkeypatch):
    before = path.read_bytes()
    net.history.settings["loss"] = object()  # JSON cannot hold it
    with pytest.raises(TypeError):
        net.save(path)

    def full(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    net.history.settings["loss"] = "cross_entropy"
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(FileError, match=r"model\.npz cannot be written: No space left"):
        net.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["model.npz"]


def test_a_history_of_version_0_1_names_its_source_among_the_settings():
    source = {"data": "a.csv", "target": "y", "weight_column": "w", "seed": 3, "command": "plainnet train a.csv"}
    history = pn.History(epoch=[1], settings={"loss": "mse", **source})
    assert (history.settings, history.source) == ({"loss": "mse"}, source)
    assert pn.History(**history.to_dict()) == history


def test_a_saved_file_has_ordinary_permissions(path):
    plain = path.parent / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def rewritten(path, **changes):
    """The model file with some of its arrays replaced."""
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def record_of(path):
    with np.load(path) as archive:
        return json.loads(str(archive["plainnet"]))


def damage(path, kind):
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("species,island\n")
    elif kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "one bit flipped":
        place = content.index(b"parameters.npy") + 160
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
    elif kind == "other weights":
        rewritten(path, parameters=np.zeros_like(np.load(path)["parameters"]))
    elif kind == "no parameters":
        rewritten(path, parameters=None)
    elif kind == "not JSON":
        rewritten(path, plainnet=np.array("{"))
    elif kind == "a pickle":
        rewritten(path, plainnet=np.array([{"a": 1}], dtype=object))
    elif kind == "newer version":
        rewritten(path, plainnet=np.array(json.dumps({**record_of(path), "version": 2})))


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "a folder",
        "empty",
        "text",
        "truncated",
        "one bit flipped",
        "other weights",
        "no parameters",
        "not JSON",
        "a pickle",
        "newer version",
    ],
)
def test_a_damaged_file_is_refused_by_name(path, kind):
    damage(path, kind)
    with pytest.raises(FileError, match=r"model\.npz"):
        pn.load(path)


def test_a_newer_version_says_so(path):
    damage(path, "newer version")
    with pytest.raises(FileError, match="format version 2 and this plainnet reads 1"):
        pn.load(path)


def test_saving_replaces_a_file_that_others_link_to_only_by_name(net, path):
    copy = path.with_name("copy.npz")
    shutil.copy(path, copy)
    net.parameters *= 2
    net.save(path)
    assert not np.array_equal(pn.load(copy).parameters, pn.load(path).parameters)
