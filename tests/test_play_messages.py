"""The messages between the page and a session, and the checks of what a command is given."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plainnet.errors import InvalidType, InvalidValue
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.messages import pack, unpack
from plainnet.play.session.session import COMMANDS, Session

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
HEADERS = st.dictionaries(st.text(max_size=8).filter(lambda name: name != "arrays"), PLAIN, max_size=4)
ARRAYS = st.dictionaries(
    st.text(max_size=6),
    st.sampled_from(["float32", "float64", "int32", "uint8"]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=3,
)


@given(HEADERS, ARRAYS)
def test_what_is_packed_comes_out_again(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    found, found_arrays = unpack(pack(header, arrays))
    assert found == header
    assert list(found_arrays) == list(arrays)
    for name, array in arrays.items():
        assert found_arrays[name].dtype == array.dtype
        assert found_arrays[name].shape == array.shape
        assert found_arrays[name].tobytes() == array.tobytes()
        assert found_arrays[name].flags.writeable


def test_the_bytes_are_those_of_the_format() -> None:
    message = pack({"id": 7, "loss": float("nan")}, {"a": np.array([1, 2], "int32"), "b": np.array([1.5])})
    length = struct.unpack("<I", message[:4])[0]
    header = json.loads(message[4 : 4 + length])
    assert header == {"id": 7, "loss": None, "arrays": [["a", "int32", [2]], ["b", "float64", [1]]]}
    begin = -(-(4 + length) // 8) * 8
    assert set(message[4 + length : begin]) <= {0}
    assert struct.unpack("<2id", message[begin:]) == (1, 2, 1.5)


WRONG_ENTRIES = [
    7, [7], [["a"]], [["a", "int32"]], [["a", "object", [1]]], [["a", "int32", 1]], [["a", "int32", [-1]]],
    [["a", "int32", [True]]], [["a", "int32", [1.0]]], [["a", "int32", [2**39, 2**39, 2**39]]], [["a", "int32", [2]]],
    [["a", "int32", [0, 2**39, 2**39]]], [["a", "int32", [0]], ["a", "int32", [0]]], [["a", "int32", [1] * 5]],
    [[None, "int32", [0]]], [["a", "int32", [0]]] * 65,
]  # fmt: skip


@pytest.mark.parametrize("entries", WRONG_ENTRIES)
def test_arrays_that_are_not_there_are_refused(entries: Any) -> None:
    with pytest.raises(InvalidValue):
        unpack(pack({"arrays": entries}) + bytes(4))


def _message(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\1\0\0",
        _message(b"[]"),
        _message(b"{"),
        _message(b"\xff"),
        _message(b'{"a":NaN}'),
        _message(b"{}")[:-1],
        _message(b"[" * 100_000),
        _message(b'{"a":1' + b"0" * 5000 + b"}"),
        struct.pack("<I", 2**32 - 1) + b"{}",
    ],
)
def test_bytes_that_are_no_message_are_refused(message: bytes) -> None:
    with pytest.raises(InvalidValue):
        unpack(message)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


@given(message=st.binary(max_size=64) | HEADERS.map(pack))
def test_a_session_answers_any_bytes(session: Session, message: bytes) -> None:
    reply, _ = unpack(session.receive(message))
    assert reply["error"]
    assert "inside plainnet" not in reply["error"]


FIELDS = [
    "setup",
    "path",
    "value",
    "run",
    "place",
    "speed",
    "by",
    "map",
    "units",
    "dependence",
    "curve",
    "axes",
    "most",
]


@given(name=st.sampled_from(sorted(COMMANDS)), data=st.data())
def test_a_command_refuses_what_it_does_not_take_in_words(session: Session, name: str, data: st.DataObject) -> None:
    fields = data.draw(st.dictionaries(st.sampled_from(FIELDS), PLAIN, max_size=4))
    reply, _ = unpack(session.receive(pack({"id": 3, "do": name, **fields})))
    assert reply["id"] == 3
    assert "inside plainnet" not in reply.get("error", "")


def test_arguments_are_checked_and_named() -> None:
    given_ = {"n": 3, "x": 0.5, "t": "abc", "flag": True, "list": [1], "part": {"k": 1}, "none": None}
    arguments = CommandArguments("do", given_, {"a": np.zeros(2, np.float32)})
    assert arguments.whole("n", 0, 3) == 3
    assert arguments.number("x", least=0, most=1) == 0.5
    assert arguments.text("t", 3) == arguments.one_of("t", ["abc", "d"]) == "abc"
    assert arguments.flag("flag") is True
    assert arguments.list("list", 1) == [1]
    assert arguments.part("part").whole("k", 0, 1) == 1  # type: ignore[union-attr]
    assert arguments.whole("none", 0, 1, None) is None
    assert arguments.whole("missing", 0, 1, 5) == 5
    assert arguments.array("a", "float32").shape == (2,)
    arguments.finish()
    for wrong in (
        lambda: arguments.whole("n", 0, 2),
        lambda: arguments.whole("x", 0, 2),
        lambda: arguments.text("t", 2),
        lambda: arguments.list("list", 0),
        lambda: arguments.part("n"),
        lambda: arguments.whole("missing", 0, 1),
        lambda: arguments.array("a", "float64"),
        lambda: CommandArguments("do", given_).finish(),
    ):
        with pytest.raises((InvalidValue, InvalidType)):
            wrong()
