"""The parts of the benchmark that decide what its figures mean: same work for all, goals, fits and tables."""

from dataclasses import replace
from importlib.metadata import distribution

import numpy as np
import pytest
from benchmarks import digits, footprint, goals, growth, speed
from benchmarks.interleaved import Timings
from benchmarks.peers import COMPILED, GEMM, JAX, NUMPY, PEERS, PYTORCH, SKLEARN, TUTORIAL, doing
from benchmarks.tables import Table, number
from benchmarks.workloads import LARGEST, MIDDLE, ROWS, SMALL, XOR

from plainnet import xor_post


def one_batch(work):
    """The same network with a single batch, so that every contestant takes the same steps in the same order."""
    return replace(work, rows=work.batch_size)


def plainnet_parameters(work, epochs):
    contestant = PEERS[NUMPY].open(work)
    contestant.train(epochs)
    return contestant.network.parameters


@pytest.mark.parametrize(("work", "tolerance"), [(XOR, 1e-13), (one_batch(SMALL), 1e-5), (one_batch(MIDDLE), 1e-5)])
def test_the_numpy_tutorial_takes_the_steps_of_plainnet(work, tolerance):
    tutorial = PEERS[TUTORIAL].open(work)
    for epochs in (1, 5):
        tutorial.reset()
        tutorial.train(epochs)
        flat = np.concatenate([array.ravel() for array in tutorial.weights])
        np.testing.assert_allclose(flat, plainnet_parameters(work, epochs), rtol=0, atol=tolerance)


def test_the_post_loop_descends_the_gradient_that_plainnet_derives_for_the_post():
    loop = PEERS[TUTORIAL].open(XOR)
    (hidden_weights, hidden_bias), (output_weights, output_bias) = XOR.initial_weights()
    start = xor_post.Parameters(hidden_weights, output_weights, hidden_bias, output_bias)
    gradient = xor_post.true_gradient(start)
    loop.train(1)
    np.testing.assert_allclose(loop.hidden_bias, start.hidden_bias - gradient.hidden_bias, rtol=1e-12)
    np.testing.assert_allclose(loop.output_weights, start.output_weights - gradient.output_weights, rtol=1e-12)


def test_scikit_learn_takes_the_steps_of_plainnet_again_after_a_reset():
    work = one_batch(MIDDLE)
    theirs, ours = PEERS[SKLEARN].open(work), PEERS[NUMPY].open(work)
    X = work.examples[0]
    for epochs in (3, 40, 3):
        theirs.reset()
        ours.reset()
        theirs.train(epochs)
        ours.train(epochs)
        np.testing.assert_allclose(theirs.predict(X), ours.predict(X), atol=5e-3)  # ε stands elsewhere in its Adam


def test_two_classes_start_from_the_same_function_in_scikit_learn():
    X = SMALL.examples[0]
    np.testing.assert_allclose(PEERS[SKLEARN].open(SMALL).predict(X), PEERS[NUMPY].open(SMALL).predict(X), atol=1e-6)


@pytest.mark.parametrize("work", [work for work in ROWS if work.between])
def test_variants_hold_their_layers(work):
    layers = [type(layer).__name__.lower() for layer in PEERS[NUMPY].open(work).network.layers]
    assert layers.count(work.between.replace(" ", "")) == len(work.sizes) - 2


def test_every_row_has_contestants_and_every_goal_a_row():
    assert all(len(speed.taking_part(work, list(PEERS.values()))) >= 2 for work in ROWS)
    for goal in goals.GOALS:
        (work,) = [work for work in ROWS if work.name == goal.work]
        names = {peer.name for peer in speed.taking_part(work, list(PEERS.values()))}
        assert goal.engine in names
        assert getattr(goal, "peer", NUMPY) in names | {NUMPY}
    assert [peer.name for peer in doing({"many"}, PEERS.values())] == [COMPILED, JAX]


def test_goals_are_met_from_the_ratio_on_and_unjudged_where_nothing_was_measured():
    wanted = [goals.Ratio("xor", NUMPY, PYTORCH, 6), goals.Ratio("xor", NUMPY, JAX, 1), goals.Ceiling("xor", NUMPY, 35)]
    (ratio, ceiling) = goals.judge({"xor": {NUMPY: 30e-6, PYTORCH: 180e-6}}, wanted)
    assert (ratio.met, ratio.measured, ceiling.met, ceiling.measured) == (True, "6.00 ×", True, "30.0 µs")
    (ratio, ceiling) = goals.judge({"xor": {NUMPY: 36e-6, PYTORCH: 180e-6}}, wanted)
    assert (ratio.met, ceiling.met) == (False, False)
    assert goals.judge({}) == []


def test_the_exponent_of_a_power_law():
    sizes = [10, 100, 1000]
    assert growth.exponent(sizes, [3 * size**1.7 for size in sizes]) == pytest.approx(1.7)
    assert growth.exponent(sizes, [5, 5, 5]) == pytest.approx(0)


def test_growth_is_fitted_where_measured_and_names_what_was_left_out():
    measured = {rows: Timings(growth.of_rows(rows), {NUMPY: [1e-4]}, []) for rows in (1000, 10_000)}
    measured[100_000] = Timings(growth.of_rows(100_000), {}, ["100000 rows is left out: the time was up."])
    table = growth.rows_table(measured)
    assert [row[:2] for row in table.rows[:2]] == [["1,000", "0.000400 (400)"], ["10,000", "0.00400 (400)"]]
    assert table.rows[2] == ["exponent", "1.00"]
    assert "100000 rows is left out: the time was up." in table.notes


def test_flops_of_the_matrix_products_are_those_of_the_products_made():
    products = PEERS[GEMM].open(LARGEST).products
    assert LARGEST.gemm_flops == sum(2 * left.shape[0] * left.shape[1] * right.shape[1] for left, right, _ in products)
    assert len(products) == 3 * len(LARGEST.layers) - 1


def test_accuracies_agree_within_two_standard_errors_of_their_difference():
    one = [0.90, 0.92, 0.94]  # standard error 0.02 / √3
    assert digits.standard_error(one) == pytest.approx(0.02 / 3**0.5)
    assert digits.agree(one, [value + 0.03 for value in one])
    assert not digits.agree(one, [value + 0.04 for value in one])


def test_digits_are_the_whole_set_split_without_overlap():
    X, y, X_test, y_test = digits.DIGITS.digits
    assert (len(X), len(X_test)) == (1344, 453)
    assert len(X) % digits.DIGITS.batch_size == 0
    assert sorted(np.bincount(np.concatenate([y, y_test]))) == sorted(
        [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    )


def test_a_table_as_markdown():
    table = Table("Title", ["work", "a|b"], [["one", "2"]], ["A note."])
    assert table.markdown() == "## Title\n\n| work | a\\|b |\n| --- | ---: |\n| one | 2 |\n\nA note.\n"
    assert Table("Empty", ["work"]).markdown() == "## Empty\n"


def test_numbers_have_three_significant_digits():
    assert [number(value) for value in (0.11, 1.26, 37.96, 370.4, 62_514, 0.00123)] == [
        "0.110",
        "1.26",
        "38.0",
        "370",
        "62,500",
        "0.00123",
    ]


def test_the_tables_of_speed_hold_medians_ratios_and_what_was_left_out():
    seconds = {NUMPY: [10e-6, 12e-6, 50e-6], SKLEARN: [120e-6, 240e-6, 100e-6]}
    times, ratios, verdicts = speed.tables([Timings(XOR, seconds, ["JAX is left out of xor: a reason"])])
    assert times.columns == ["work", NUMPY, SKLEARN]
    assert times.rows == [["XOR 3-4-1, full batch", "12.0", "120"]]
    assert "JAX is left out of xor: a reason" in times.notes
    assert ratios.rows == [["XOR 3-4-1, full batch", "10.0"]]
    assert verdicts.rows == [["XOR 3-4-1, full batch", NUMPY, SKLEARN, "≥ 6 ×", "10.0 ×", "met"]]


def test_requirements_are_followed_and_sizes_are_of_files():
    needed = footprint.with_requirements(("scikit-learn",))
    assert {"scikit-learn", "numpy", "scipy", "joblib"} <= needed
    assert "pytest" not in needed  # of an extra
    on_disk = sum(path.locate().stat().st_size for path in distribution("joblib").files if path.suffix == ".py") / 1e6
    assert on_disk <= footprint.megabytes("joblib") < 2 * on_disk
