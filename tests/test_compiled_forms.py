"""Forms of indexing and arithmetic in a user's activation: machine code computes what NumPy does, or is declined."""

import warnings

import numpy as np
import pytest

import plainnet as pn

random = np.random.default_rng(0)
X, Y = random.normal(size=(11, 4)), random.normal(size=(11, 2))
SOME, PAIRS = np.array([2, 0, 1, 5]), np.array([[0, 1], [3, 2], [1, 1], [4, 5]])


def rows(z):
    return np.arange(len(z))


FORMS = {
    "columns": lambda z: z[:, SOME].sum(axis=1, keepdims=True),
    "columns of a transpose": lambda z: z.T[SOME].sum(axis=0)[:, None],
    "columns from the end": lambda z: z[:, ::-1][:, SOME].sum(axis=1, keepdims=True),
    "columns of a broadcast array": lambda z: np.broadcast_to(z[:, :1], z.shape)[:, SOME].sum(axis=1, keepdims=True),
    "columns of every second one": lambda z: z[:, 1::2][:, np.array([2, 0])].sum(axis=1, keepdims=True),
    "columns of some backwards": lambda z: z[:, 4:0:-2][:, np.array([1, 0])].sum(axis=1, keepdims=True),
    "columns two at a time": lambda z: z[:, PAIRS].sum(axis=(1, 2))[:, None],
    "columns of columns": lambda z: z[:, SOME][:, np.array([3, 1])].sum(axis=1, keepdims=True),
    "no columns": lambda z: z[:, []].sum(axis=1, keepdims=True),
    "the largest": lambda z: z[rows(z), z.argmax(axis=1)][:, None],
    "the largest from the end": lambda z: z[rows(z), -1 - z.argmax(axis=1)][:, None],
    "the largest of a transpose": lambda z: z.T[z.argmax(axis=1), rows(z)][:, None],
    "the largest backwards": lambda z: z[:, ::-1][rows(z), z.argmax(axis=1)][:, None],
    "the first true one": lambda z: (z > 0.3).argmax(axis=1)[:, None],
    "the place of the largest of all": lambda z: z.argmax() + 0 * z,
    "truth compared": lambda z: ((z > 0) > (z < 0.5)) + 2.0 * ((z > 0) <= (z < -0.5)),
    "unsigned": lambda z: 0.01 * np.maximum((np.abs(z) * 100).astype(np.uint8), np.uint8(60)),
    "products of integers": lambda z: 0.01 * ((z * 9).astype(np.int32) @ np.arange(36, dtype=np.int32).reshape(6, 6)),
    "no terms": lambda z: z[:, :0] @ np.zeros((0, 6)),
    "the sign of zero": lambda z: np.copysign(z, -0.0) + 2 * np.copysign(z, 0.0),
    "two large integers": lambda z: 0.1 * ((z * 3).astype(np.int64) * (2**53 + 1) - (z * 3).astype(np.int64) * 2**53),
    "a constant without a reciprocal": lambda z: (z * z.dtype.type(1e-40)) / z.dtype.type(1e-40),
    "a matrix with a column for each row": lambda z: (z @ z.T) @ z * 0.01,
}


def written_to_new_axes(z):
    a = z.copy()
    a[:, None, 1:3] = z[:, None, 3:5]
    return a


@pytest.mark.parametrize("batch_size", [4, None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", [*FORMS.values(), written_to_new_axes], ids=[*FORMS, "new axes written"])
def test_a_form(form, dtype, batch_size) -> None:
    def own(z):
        a = np.tanh(z + form(z))
        return a, 1 - a * a

    def trained(engine: str) -> np.ndarray:
        net = pn.Network(pn.Dense(6, own), pn.Dense(2), input_size=4, seed=3, dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is declined
            options = {"loss": "mse", "optimizer": pn.SGD(0.02), "epochs": 3, "batch_size": batch_size}
            net.fit(X, Y, engine=engine, **options)
        assert engine in (net.history.settings["engine"], "numpy") or net.history.settings["engine_note"]
        return net.parameters

    tolerance = 1e-10 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(trained("compiled"), trained("numpy"), rtol=tolerance, atol=tolerance)


def test_a_fault_of_the_compiler_leaves_the_job_to_the_numpy_engine(monkeypatch) -> None:
    def fail(*arguments):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("plainnet.engines.compiled.compiling._compiled", fail)
    net = pn.Network(pn.Dense(3, "relu"), pn.Dense(2), input_size=4, seed=3)
    with pytest.warns(pn.errors.PlainnetWarning, match="ZeroDivisionError: by nothing"):
        net.fit(X, Y, loss="mse", epochs=2, batch_size=7, engine="compiled")
    assert net.history.settings["engine"] == "numpy"
