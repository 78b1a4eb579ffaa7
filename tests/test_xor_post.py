"""The post as published, held against its own printed numbers and against gradients got in two other ways."""
# ruff: noqa: NPY002 (the post draws from NumPy's global random state)

from itertools import islice
from typing import Any

import autograd  # type: ignore[import-untyped]
import autograd.numpy as anp  # type: ignore[import-untyped]
import numpy as np
import pytest

from plainnet import xor_post
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue

# The first two lines that the post prints after "Loss: ".
PRINTED = ["0.5013730688788007", "0.4664830127093482"]


def test_the_first_printed_loss_agrees_digit_for_digit_and_the_second_to_rounding() -> None:
    first, second = islice(xor_post.published_losses(), 2)
    assert str(first) == PRINTED[0]
    assert second == pytest.approx(float(PRINTED[1]), abs=1e-12)


def test_a_loss_is_printed_every_thousand_steps_for_eight_thousand() -> None:
    losses = list(xor_post.published_losses())
    assert len(losses) == 8
    assert losses == list(xor_post.published_losses(steps=7001, every=500))[::2]


def test_the_published_losses_swing_from_step_to_step_around_the_third_line() -> None:
    around_2000 = list(xor_post.published_losses(steps=2010, every=1))[1990:]
    jumps = np.diff(around_2000)
    assert (np.abs(jumps) > 0.1).all()
    assert (np.sign(jumps[1:]) == -np.sign(jumps[:-1])).all()


def test_the_initial_parameters_are_those_of_numpy_random_seed_1() -> None:
    state = np.random.get_state()
    try:
        np.random.seed(1)
        drawn = [np.random.randn(3, 4), np.random.randn(4, 1), np.random.randn(4), np.random.randn(1)]
    finally:
        np.random.set_state(state)
    for ours, posts in zip(xor_post.initial_parameters(), drawn, strict=True):
        np.testing.assert_array_equal(ours, posts)


def test_the_global_random_state_is_untouched() -> None:
    before = np.random.get_state(legacy=False)
    list(xor_post.published_losses(steps=2, every=1))
    xor_post.check_published()
    np.testing.assert_equal(np.random.get_state(legacy=False), before)


def stated_loss(vector: Array) -> Any:
    """The mean squared error that the post's text defines, of the four arrays laid end to end."""
    hidden_weights, output_weights = vector[:12].reshape(3, 4), vector[12:16].reshape(4, 1)
    hidden = 1 / (1 + anp.exp(-(anp.dot(xor_post.X, hidden_weights) + vector[16:20])))
    output = 1 / (1 + anp.exp(-(anp.dot(hidden, output_weights) + vector[20:])))
    return anp.sum((output - xor_post.Y) ** 2) / 4


def as_vector(parameters: xor_post.Parameters) -> Array:
    return np.concatenate([array.ravel() for array in parameters])


def test_the_true_gradient_agrees_with_autograd() -> None:
    parameters = xor_post.initial_parameters()
    expected = autograd.grad(stated_loss)(as_vector(parameters))
    np.testing.assert_allclose(as_vector(xor_post.true_gradient(parameters)), expected, rtol=1e-12, atol=0)


def test_the_true_gradient_agrees_with_central_differences() -> None:
    parameters = xor_post.initial_parameters()
    vector, step = as_vector(parameters), 1e-5
    slopes = [
        (stated_loss(vector + shift) - stated_loss(vector - shift)) / (2 * step) for shift in step * np.eye(len(vector))
    ]
    np.testing.assert_allclose(as_vector(xor_post.true_gradient(parameters)), slopes, rtol=1e-6, atol=1e-10)


def test_the_two_losses_are_the_ones_stated_and_printed() -> None:
    parameters = xor_post.initial_parameters()
    assert xor_post.mean_squared_error(parameters) == pytest.approx(stated_loss(as_vector(parameters)), rel=1e-14)
    assert str(xor_post.mean_absolute_error(parameters)) == PRINTED[0]


def relative_error(name: str, mended: set[int]) -> float:
    parameters = xor_post.initial_parameters()
    gradient = getattr(xor_post.true_gradient(parameters), name)
    update = getattr(xor_post.published_update(parameters, mended), name)
    return float(np.linalg.norm(update - gradient) / np.linalg.norm(gradient))


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("hidden_weights", {1, 3}),
        ("output_weights", {1, 3}),
        ("hidden_bias", {1, 2, 3}),
        ("output_bias", {1, 3}),
    ],
)
def test_each_arrays_error_is_due_to_exactly_these_defects(name: str, causes: set[int]) -> None:
    (check,) = [check for check in xor_post.check_published() if check.name == name]
    assert set(check.defects) == causes
    assert check.error == relative_error(name, set()) > 1e-3
    assert check.error_mended == relative_error(name, causes) < 1e-12
    for cause in causes:
        assert relative_error(name, {1, 2, 3} - {cause}) > 1e-3
    for bystander in {1, 2, 3} - causes:
        assert relative_error(name, {1, 2, 3} - {bystander}) < 1e-12


def test_the_causes_named_are_the_defects_described() -> None:
    assert list(xor_post.DEFECTS) == [1, 2, 3, 4, 5]
    assert {defect for check in xor_post.check_published() for defect in check.defects} == {1, 2, 3}


def test_descending_with_everything_mended_gives_the_losses_of_the_corrected_training() -> None:
    # DESIGN.md: the same initial weights, mean squared error, learning rate 1, full batch; every 1,000 steps
    expected = [0.2685760742, 0.1760647554, 0.1594529821, 0.0027421212]
    parameters, losses = xor_post.initial_parameters(), []
    for step in range(3001):
        if step % 1000 == 0:
            losses.append(xor_post.mean_squared_error(parameters))
        update = xor_post.published_update(parameters, {1, 2, 3})
        parameters = xor_post.Parameters(*(p - u for p, u in zip(parameters, update, strict=True)))
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)


def test_a_defect_that_is_not_in_the_update_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"mended is \{5\}; it takes defects of the update: 1, 2, 3"):
        xor_post.published_update(xor_post.initial_parameters(), {5})


def test_step_counts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidValue, match="every is 0"):
        next(xor_post.published_losses(every=0))
    with pytest.raises(InvalidType, match=r"steps is 1\.5"):
        next(xor_post.published_losses(steps=1.5))  # type: ignore[arg-type]
