"""The lessons of `plainnet play`: each task is open before it is done, and done after the actions that it asks for."""

import json
from pathlib import Path

import numpy as np
import pytest

import plainnet
from plainnet.errors import InvalidValue
from plainnet.play.session.lessons import LESSONS, TWO_UNITS, is_separable
from plainnet.play.session.session import Session

TEXTS = json.loads((Path(plainnet.__file__).parent / "play/static/texts/en.json").read_text("utf-8"))["lessons"]


def do(session, name, **fields):
    """Give a command, and look as the page does after it; return the reply."""
    reply = session.handle({"do": name, **fields})[0]
    session.handle({"do": "frame"})
    return reply


def begun(number):
    session = Session()
    reply = do(session, "lesson", number=number)
    assert reply["lesson"]["number"] == number
    assert session.problems == []
    assert done(session) == []
    return session


def done(session):
    tasks = session.handle({"do": "frame"})[0]["lesson"]["tasks"]
    return [task["key"] for task in tasks if task["done"]]


def answer(session, task, value):
    return do(session, "answer", task=task, value=float(value))["right"]


def trained(session, epochs, **play):
    do(session, "play", **play)
    session.runs[0].advance(epochs=epochs)
    do(session, "pause")


def parameters(session):
    return session.runs[0].network.parameters.astype(float)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_one_weight():
    session = begun(1)
    do(session, "weight", place=0, value=1.0)
    assert done(session) == []
    # the loss is (2w - 3)², its slope 4(2w - 3)
    assert answer(session, "slope", 4.0) is False
    assert answer(session, "slope", -4.0) is True
    do(session, "weight", place=0, value=1.48)
    assert done(session) == ["hand", "slope"]
    do(session, "restart")
    for _ in range(3):
        do(session, "step")
    assert done(session) == ["hand", "slope"]
    trained(session, 100)
    assert done(session) == ["hand", "slope", "steps"]
    do(session, "restart")
    do(session, "step")
    assert "far" not in done(session)
    do(session, "change", path=["optimizer", "learning_rate"], value=0.3)
    do(session, "step")
    assert done(session) == ["hand", "slope", "steps", "far"]


def test_the_bottom_does_not_count_as_found_by_hand_where_the_training_found_it():
    session = begun(1)
    trained(session, 100)
    do(session, "weight", place=0, value=1.5)
    assert "hand" not in done(session)


def test_one_unit_and_why_a_line_fails():
    session = begun(2)
    assert answer(session, "line", 0.5) is None  # nothing has been trained yet
    trained(session, 300)
    assert done(session) == ["or"]
    w1, _, b = parameters(session)
    assert answer(session, "line", b / w1) is False
    assert answer(session, "line", round(-b / w1, 2)) is True
    do(session, "point", action="add", x=[3.0, 3.0], label=1)
    assert "spoil" not in done(session)
    do(session, "point", action="add", x=[0.5, 1.5], label=0)
    assert done(session) == ["or", "line", "spoil"]
    trained(session, 301)
    assert done(session) == ["or", "line", "spoil", "fails"]
    assert answer(session, "xor", 0.69) is None
    do(session, "change", **begun_offer(2, "xor"))
    trained(session, 200)
    assert answer(session, "xor", 0.25) is False
    assert answer(session, "xor", 0.69) is True
    assert len(done(session)) == 5


def begun_offer(number, key):
    return Session().handle({"do": "lesson", "number": number})[0]["lesson"]["view"]["offers"][key]


def test_the_network_forward():
    session = begun(3)
    assert answer(session, "sum", -3) is False
    assert answer(session, "sum", 3) is True
    assert answer(session, "activation", round(float(sigmoid(3)), 3)) is True
    for place, value in [(6, 10), (7, -10), (8, -5)]:
        assert "output" not in done(session)
        do(session, "weight", place=place, value=value)
    assert done(session) == ["sum", "activation", "output"]


def test_a_trained_output_is_not_one_that_was_set_by_hand():
    session = begun(3)
    trained(session, 2000)
    do(session, "weight", place=6, value=parameters(session)[6])
    assert "output" not in done(session)


def test_one_path_back():
    session = begun(4)
    assert answer(session, "nudge", 0.1) is None
    W, b, v, c = np.split(parameters(session), [4, 6, 8])
    x = np.array([1.0, 0.0])
    h = sigmoid(x @ W.reshape(2, 2) + b)
    y = sigmoid(h @ v + c[0])
    delta = 2 * (y - 1) * y * (1 - y)
    path = delta * v[0] * h[0] * (1 - h[0]) * x[0]
    for key, right in [("delta", delta), ("v", delta * h[0]), ("w", path)]:
        assert answer(session, key, -right) is False
        assert answer(session, key, float(f"{right:.4g}")) is True
    assert answer(session, "nudge", path) is None
    do(session, "weight", place=0, value=W[0] + 0.1)
    assert answer(session, "nudge", 2 * path) is False
    assert answer(session, "nudge", path) is True
    assert len(done(session)) == 4


def test_all_together():
    session = begun(5)
    assert answer(session, "count", 16) is False
    assert answer(session, "count", 2 * 4 + 4 + 4 + 1) is True
    trained(session, 50)
    assert done(session) == ["count"]
    do(session, "restart")
    trained(session, 49)
    assert done(session) == ["count"]
    do(session, "epoch")
    assert done(session) == ["count", "again"]
    trained(session, 3000)
    assert done(session) == ["count", "learn", "again"]
    do(session, "change", path=["optimizer"], value={"name": "adam", "learning_rate": 0.1})
    do(session, "restart")
    trained(session, 400)
    assert done(session) == ["count", "learn", "again", "fast"]


def test_lucky_seeds():
    session = begun(6)
    for seed in (1, 2, 3):
        do(session, "restart", seed=seed)
        trained(session, 1000)
    assert done(session) == ["three", "both"]
    assert answer(session, "share", 2) is None
    for seed in (4, 5):
        do(session, "restart", seed=seed)
        trained(session, 1000)
    assert answer(session, "share", 60) is False
    assert answer(session, "share", 40) is True
    do(session, "change", **begun_offer(6, "wide"))
    for seed in (1, 2, 3):
        do(session, "restart", seed=seed)
        trained(session, 300)
    assert len(done(session)) == 4


def test_lessons_keep_what_was_done_and_give_the_page_back():
    session = Session({"seed": 7})
    before = session.setup
    do(session, "lesson", number=3)
    answer(session, "sum", 3)
    do(session, "lesson", number=5)
    assert done(session) == []
    do(session, "lesson", number=3)
    assert done(session) == ["sum"]
    np.testing.assert_array_equal(parameters(session)[:6], [6, 6, 6, 6, -3, -9])
    assert do(session, "lesson", number=None)["lesson"] is None
    assert session.setup == before
    assert session.handle({"do": "frame"})[0]["lesson"] is None
    with pytest.raises(InvalidValue, match="no lesson"):
        do(session, "answer", task="sum", value=3)


@pytest.mark.parametrize("fields", [{"task": "hand", "value": 1.0}, {"task": "none", "value": 1.0}])
def test_only_tasks_that_ask_for_a_number_take_one(fields):
    session = begun(1)
    with pytest.raises(InvalidValue, match="task is"):
        do(session, "answer", **fields)


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
@pytest.mark.parametrize(
    "setup",
    [
        {},
        {"data": {"kind": "dataset", "name": "moons"}},
        {"data": {"kind": "dataset", "name": "sine"}},
        {"data": {"kind": "dataset", "name": "spirals", "options": {"classes": 3}}},
        {"data": {"kind": "dataset", "name": "gates"}, "layers": [{"name": "LayerNorm"}, *TWO_UNITS]},
        {"data": {"kind": "points", "X": [[0.0, 1.0]], "y": [1]}, "layers": [TWO_UNITS[1]]},
    ],
)
def test_a_lesson_bears_any_other_data_and_network(number, setup):
    session = begun(number)
    do(session, "setup", setup=setup)
    trained(session, 3)
    do(session, "weight", place=0, value=0.5)
    assert session.handle({"do": "frame"})[0]["lesson"]["number"] == number
    for task in LESSONS[number - 1].tasks:
        if task.number:
            assert answer(session, task.key, 123.0) in (None, False)
    do(session, "lesson", number=number)
    assert session.problems == []


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_each_lesson_and_task_has_its_texts(number):
    own = TEXTS[str(number)]
    assert {"title", "lead", "tasks"} <= set(own)
    assert set(own["tasks"]) == {task.key for task in LESSONS[number - 1].tasks}
    for task in LESSONS[number - 1].tasks:
        keys = {"do", "hint"} | ({"offer"} if task.offer else set())
        assert keys == set(own["tasks"][task.key]) - {"unready"}


def test_separable_points_are_told_from_others():
    def judged(X, y):
        data = {"kind": "points", "X": X, "y": y}
        return is_separable(Session({"data": data}).runs[0])

    square = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert judged(square, [0, 1, 1, 1])
    assert judged(square, [0, 0, 0, 1])
    assert not judged(square, [0, 1, 1, 0])
    assert not judged([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], [0, 1, 0])
    assert not judged([[0.0, 0.0], [0.0, 0.0]], [0, 1])
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 2))
    assert judged(X.tolist(), (X @ [1.0, -2.0] > 0.3).astype(int).tolist())
    assert not judged(X.tolist(), (np.hypot(*X.T) > 1).astype(int).tolist())
