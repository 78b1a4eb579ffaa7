"""The parts of the benchmark that decide what its figures mean: same work for all, goals, fits and tables."""

import multiprocessing
import os
from dataclasses import replace
from importlib.metadata import distribution

import numpy as np
import pytest
from benchmarks import digits, footprint, fresh, goals, growth, scoreboard, speed, whole
from benchmarks.formatting import Table, duration, number
from benchmarks.interleaved import Contestants, Timings, filling, in_turn
from benchmarks.peers import (
    COMPILED,
    EACH_1000,
    EACH_EPOCH,
    GEMM,
    JAX,
    NUMPY,
    ONNX,
    OWN_PARTS,
    PEERS,
    PLAINNET,
    PYTORCH,
    SKLEARN,
    TUTORIAL,
    doing,
    own_parts,
    plain,
)
from benchmarks.processes import Failed, Process
from benchmarks.workloads import (
    DESCRIPTIONS,
    ESTIMATOR,
    FIRST_STEPS,
    FIT,
    FRESH,
    IMPORT,
    LARGEST,
    MIDDLE,
    OWN,
    PREDICT,
    REPORTS,
    ROWS,
    SMALL,
    WORKS,
    XOR,
)

import plainnet as pn
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
    assert all(doing({work.kind}, PEERS.values()) for work in FRESH)
    for goal in goals.GOALS:
        if goal.work == IMPORT:
            continue
        names = {peer.name for peer in speed.taking_part(WORKS[goal.work], list(PEERS.values()))}
        assert {goal.engine, goal.peer or goal.engine} <= names
    assert [peer.name for peer in doing({"many"}, PEERS.values())] == [COMPILED, JAX]
    assert set(DESCRIPTIONS) == {*WORKS, IMPORT}
    assert {*WORKS, IMPORT} <= set(whole.NAMES)


WANTED = [
    goals.Faster("xor", NUMPY, PYTORCH, 6),
    goals.Faster("xor", NUMPY, JAX, 1),
    goals.Ceiling("xor", NUMPY, 35e-6),
    goals.Within("xor", NUMPY, TUTORIAL, 1.2),
]


def test_goals_are_held_up_to_their_bound_and_unjudged_where_nothing_was_measured():
    verdicts = goals.judge({"xor": {NUMPY: 30e-6, PYTORCH: 180e-6, TUTORIAL: 25e-6}}, WANTED)
    assert [verdict.measured for verdict in verdicts] == ["6.00 ×", "30.0 µs", "1.20 ×"]
    assert all(verdict.held for verdict in verdicts)
    verdicts = goals.judge({"xor": {NUMPY: 36e-6, PYTORCH: 180e-6, TUTORIAL: 25e-6}}, WANTED)
    assert not any(verdict.held for verdict in verdicts)
    assert [verdict.goal for verdict in verdicts] == ["≥ 6 × as fast", "≤ 35 µs", "≤ 1.2 × as long"]
    assert goals.judge({}) == []


def test_the_scoreboard_fits_a_terminal_of_80_columns_and_names_what_was_not_measured():
    seconds = {work: dict.fromkeys(PEERS, 0.0987e-6) for work in scoreboard.NAMES}
    for width in (80, 120):
        shown = [line for name in scoreboard.NAMES for line in scoreboard.lines(name, seconds, width)]
        assert all(len(line.plain) <= width for line in [scoreboard.heading(width), *shown])
        assert sum(line.plain.endswith(("held", "missed")) for line in shown) == len(goals.GOALS)
    lines = [line.plain for line in scoreboard.lines("xor", {"xor": {COMPILED: 0.1e-6, JAX: 0.6e-6}}, 80)]
    assert lines[:3] == [
        "XOR 3-4-1, full batch",
        "  compiled   0.100 µs                           ≤ 0.12 µs                held",
        "  compiled   0.100 µs  JAX            0.600 µs  ≥ 5 × as fast    6.00 ×  held",
    ]
    assert all(line.endswith("not measured") for line in lines[3:])
    assert scoreboard.summary(["held", "missed", "held"]).plain == "2 held, 1 missed"


def test_the_scoreboard_measures_only_whom_a_goal_names():
    assert scoreboard.contestants_of({PREDICT.name}) == {PLAINNET, ONNX, SKLEARN}
    assert scoreboard.contestants_of({IMPORT}) == {COMPILED}


def test_a_users_own_parts_take_the_steps_of_the_built_in_ones():
    own, built_in = own_parts.Single(one_batch(SMALL), "numpy"), plain.Single(one_batch(SMALL), "numpy")
    for each in (own, built_in):
        each.train(5)
    assert not {type(layer).__module__ for layer in own.network.layers} <= {"plainnet.layers"}
    np.testing.assert_allclose(own.network.parameters, built_in.network.parameters, rtol=0, atol=1e-6)


def test_a_users_own_parts_pass_the_gradient_check():
    work = replace(SMALL, rows=16)
    network = pn.Network(
        own_parts.Linear(8), pn.Activation(own_parts.rectifier), own_parts.Linear(1), input_size=30, dtype="float64"
    )
    assert pn.check_gradients(network, work.examples[0].astype(float), np.ones((16, 1)), loss="mse").passed


def test_figures_of_another_engine_than_the_one_named_are_refused():
    numpy_history, other = plain.Single(XOR, "numpy"), plain.Single(XOR, "auto")
    other.train(1)  # whichever it takes is the right one
    numpy_history.engine = "compiled"
    with pytest.raises(RuntimeError, match="the numpy engine ran"):
        numpy_history.train(1)


@pytest.mark.parametrize("name", [EACH_EPOCH, EACH_1000])
def test_reports_are_as_many_as_the_contestant_asks_for(name):
    contestant = plain.Single(REPORTS, "numpy", report_every=PEERS[name].options["report_every"])
    contestant.train(2000)
    every = contestant.network.history.settings["report_every"]
    assert every == {EACH_EPOCH: 1, EACH_1000: 1000}[name]


def test_the_two_estimators_are_given_the_same_settings():
    theirs, ours = (PEERS[name].open(ESTIMATOR).estimator.get_params() for name in (SKLEARN, PLAINNET))
    assert {name: ours[name] for name in theirs} == theirs
    assert theirs["hidden_layer_sizes"] == (128, 64)


def test_a_first_step_has_all_parts_and_few_steps():
    assert [(work.rows // work.batch_size, work.epochs) for work in FIRST_STEPS] == [(1, 1), (2, 1), (2, 1), (2, 1)]
    network = plain.network(FIRST_STEPS[-1])
    assert {type(layer) for layer in network.layers} == {
        pn.Dense,
        pn.BatchNorm,
        pn.LayerNorm,
        pn.Activation,
        pn.Dropout,
    }
    history = network.fit(*FIRST_STEPS[-1].examples, epochs=1, **plain.fit_options(FIRST_STEPS[-1], "numpy"))
    assert np.isfinite(history.loss[-1])


def test_a_fresh_process_is_measured_each_round_and_one_that_fails_is_left_out():
    work = replace(FIRST_STEPS[0], name="first step")
    broken = replace(PEERS[JAX], module="not_there")
    timings = fresh.measure(Contestants(), work, [PEERS[NUMPY], broken], rounds=2)
    assert list(timings.seconds) == [NUMPY]
    assert len(timings.seconds[NUMPY]) == 2
    assert timings.notes == [
        "JAX is left out of first step: ModuleNotFoundError: No module named 'benchmarks.peers.not_there'"
    ]


def test_digits_that_were_not_learned_have_no_time():
    with pytest.raises(ValueError, match=r"has \d+% of the digits right after 1 epochs"):
        fresh.seconds_of(PEERS[NUMPY], replace(FIT, epochs=1))


def test_a_process_answers_fails_and_ends():
    with Process(PLAINNET_TEST="set") as process:
        assert process.ask(os.getenv, "PLAINNET_TEST") == "set"
        assert process.ask(multiprocessing.parent_process) is None  # an ordinary one, with a user's number of threads
        with pytest.raises(Failed, match="ZeroDivisionError"):
            process.ask(divmod, 1, 0)
        assert process.ask(print, "not among the answers") is None
        with pytest.raises(Failed, match="ended with exit code 3"):
            process.ask(os._exit, 3)
    assert process.python.poll() == 3


def test_each_contestant_begins_in_its_turn():
    assert ["".join(in_turn(["A", "B", "C"], turn)) for turn in range(4)] == ["ABC", "BCA", "CAB", "ABC"]
    assert in_turn([], 1) == []


@pytest.mark.parametrize(("call", "step"), [(0.0, 1e-7), (0.2, 1e-7), (0.005, 0.04), (0.0, 3.0)])
def test_a_round_is_filled_with_steps_whatever_a_call_costs_by_itself(call, step):
    amount = filling(1.0, lambda amount: call + step * amount)
    assert amount == max(1, round(1.0 / step))


def test_one_call_that_was_held_up_does_not_fill_a_round():
    calls = iter([0.0, 0.0, 0.7])  # the third waited
    assert filling(1.0, lambda amount: 0.001 * amount + next(calls, 0.0)) == 1000


def test_the_modules_of_a_compiled_run_are_those_that_it_imported():
    with Process() as process:
        modules = process.ask(footprint.modules_of_a_compiled_run).split(", ")
    assert {"plainnet", "llvmlite.binding"} <= set(modules)
    assert {module.partition(".")[0] for module in modules} == {"plainnet", "llvmlite"}


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


def test_durations_have_the_unit_that_suits():
    assert [duration(seconds) for seconds in (2.5, 0.35, 12e-6, 0.0986e-6)] == [
        "2.50 s",
        "350 ms",
        "12.0 µs",
        "0.0986 µs",
    ]
    assert duration(0.12e-6, "g") == "0.12 µs"


def test_the_tables_of_speed_hold_medians_ratios_and_what_was_left_out():
    seconds = {NUMPY: [10e-6, 12e-6, 50e-6], SKLEARN: [120e-6, 240e-6, 100e-6]}
    results = [Timings(XOR, seconds, ["JAX is left out of xor: a reason"])]
    times, ratios = speed.tables(results)
    verdicts = goals.table(speed.medians(results))
    assert times.columns == ["work", NUMPY, SKLEARN]
    assert times.rows == [["XOR 3-4-1, full batch", "12.0", "120"]]
    assert "JAX is left out of xor: a reason" in times.notes
    assert ratios.rows == [["XOR 3-4-1, full batch", "10.0"]]
    assert verdicts.rows == [["XOR 3-4-1, full batch", NUMPY, SKLEARN, "≥ 6 × as fast", "10.0 ×", "held"]]


def test_what_extras_cost_has_a_table_of_its_own():
    (table,) = speed.tables([Timings(OWN[0], {COMPILED: [10e-6], OWN_PARTS: [11e-6]}, [])])
    assert table.rows == [["30-64-32-2, user's own parts", OWN_PARTS, "11.0", COMPILED, "10.0", "1.10"]]


def test_the_table_of_fresh_processes_holds_medians_in_units_that_suit():
    table = fresh.table([Timings(FIT, {NUMPY: [0.4, 0.5, 0.6], PYTORCH: [2.0, 2.5, 9.0]}, ["a note"])])
    assert table.columns == ["work", NUMPY, PYTORCH]
    assert table.rows == [["digits, all of fit", "500 ms", "2.50 s"]]
    assert "a note" in table.notes


def test_requirements_are_followed_and_sizes_are_of_files():
    needed = footprint.with_requirements(("scikit-learn",))
    assert {"scikit-learn", "numpy", "scipy", "joblib"} <= needed
    assert "pytest" not in needed  # of an extra
    on_disk = sum(path.locate().stat().st_size for path in distribution("joblib").files if path.suffix == ".py") / 1e6
    assert on_disk <= footprint.megabytes("joblib") < 2 * on_disk
