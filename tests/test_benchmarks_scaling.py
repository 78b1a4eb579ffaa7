"""The model of a data-parallel step: its limits, the published formulas, and the fit to measurements."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.scaling import allreduce, drawing, tables
from benchmarks.scaling.allreduce import ALGORITHMS, Link, doubling, fastest, halving, in_pieces, ring, tree
from benchmarks.scaling.fitting import fit_link, fit_rest, least_squares
from benchmarks.scaling.measuring import NETWORKS, ONE, THREADS, Group, Measured, ask, groups, points
from benchmarks.scaling.model import Step, crowded
from benchmarks.scaling.networks import LINKS
from benchmarks.scaling.predicting import checked, fitted

LINK = Link(latency=30e-6, bandwidth=1e9, additions=4e9)
INSTANT = Link(latency=0, bandwidth=math.inf)
STEP = Step(parameters=1_000_000, fixed=1e-3, per_row=1e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_one_rank_sends_nothing_and_an_instant_link_takes_no_time(algorithm):
    assert algorithm(1, 1e6, LINK) == 0
    assert algorithm(16, 1e6, INSTANT) == 0


def test_all_reduces_are_the_published_formulas():
    """Thakur, Rabenseifner & Gropp 2005, section 4.5, for p = 16, and Patarasuk & Yuan 2009 for the ring."""
    p, n, alpha, beta, gamma = 16, 3e6, LINK.latency, 1 / LINK.bandwidth, 1 / LINK.additions
    assert doubling(p, n, LINK) == pytest.approx(4 * alpha + 4 * n * beta + 4 * n * gamma)
    assert halving(p, n, LINK) == pytest.approx(8 * alpha + 2 * 15 / 16 * n * beta + 15 / 16 * n * gamma)
    assert ring(p, n, LINK) == pytest.approx(30 * alpha + 2 * 15 / 16 * n * beta + 15 / 16 * n * gamma)
    assert tree(p, n, LINK) == pytest.approx(8 * alpha + 8 * n * beta + 4 * n * gamma)


def simulated(ranks, schedule):
    """The seconds of rounds in which each rank sends (bytes sent, bytes added): one round after the other."""
    return sum(LINK.message(sent) + added / LINK.additions for sent, added in schedule)


@pytest.mark.parametrize("ranks", [2, 4, 8, 64])
def test_all_reduces_are_their_rounds_one_after_the_other(ranks):
    """The rounds written out: what each algorithm's every rank sends and adds in each of them."""
    n, rounds = 1e6, int(math.log2(ranks))
    around = [(n / ranks, n / ranks)] * (ranks - 1) + [(n / ranks, 0)] * (ranks - 1)
    halves = [(n / 2**k, n / 2**k) for k in range(1, rounds + 1)]
    assert ring(ranks, n, LINK) == pytest.approx(simulated(ranks, around))
    assert halving(ranks, n, LINK) == pytest.approx(simulated(ranks, halves + [(sent, 0) for sent, _ in halves]))
    assert doubling(ranks, n, LINK) == pytest.approx(simulated(ranks, [(n, n)] * rounds))
    assert tree(ranks, n, LINK) == pytest.approx(simulated(ranks, [(n, n)] * rounds + [(n, 0)] * rounds))


def test_no_all_reduce_sends_less_than_the_lower_bound_and_the_ring_reaches_it():
    without_latency = Link(0, 1e9)
    for ranks in (2, 3, 5, 100, 1000):
        least = allreduce.least_bytes(ranks, 1e6) / 1e9
        assert all(algorithm(ranks, 1e6, without_latency) >= least * (1 - 1e-12) for algorithm in ALGORITHMS.values())
        assert ring(ranks, 1e6, without_latency) == pytest.approx(least)
    assert allreduce.least_bytes(10**9, 1e6) == pytest.approx(2e6)


def test_short_vectors_go_by_doubling_and_long_ones_by_the_whole_bandwidth():
    assert fastest(64, 4, LINK) == doubling(64, 4, LINK)
    assert fastest(64, 4e6, LINK) == halving(64, 4e6, LINK)
    assert ring(64, 4e6, LINK) > halving(64, 4e6, LINK)  # the same bytes in more messages
    assert fastest(3, 4e6, LINK) <= ring(3, 4e6, LINK)


def test_pieces_pay_their_latency_each():
    whole, piece = in_pieces(8, 2.5e6, LINK), in_pieces(8, 2.5e6, LINK, piece=1e6)
    assert piece == pytest.approx(2 * fastest(8, 1e6, LINK) + fastest(8, 0.5e6, LINK))
    assert piece > whole
    assert in_pieces(8, 2e6, LINK, piece=1e6) == pytest.approx(2 * fastest(8, 1e6, LINK))
    assert in_pieces(1, 2.5e6, LINK, piece=1e6) == 0


def test_one_rank_is_the_step_itself_and_an_instant_link_leaves_the_update():
    assert STEP.seconds(1, 256, LINK) == pytest.approx(1e-3 + 256e-5)
    assert STEP.efficiency(1, 256, LINK) == 1
    assert STEP.seconds(256, 256, INSTANT) == pytest.approx(1e-3 + 1e-5)
    assert STEP.speedup(10**6, 10**6, INSTANT) == pytest.approx((1e-3 + 10) / (1e-3 + 1e-5))  # Amdahl's law
    assert STEP.seconds(3, 256, INSTANT) == pytest.approx(1e-3 + 86e-5)  # the rank with the most rows
    assert STEP.compressed().size == STEP.size / 2


@pytest.mark.parametrize("ranks", [2, 10, 100, 1000])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_batch_for_an_efficiency_has_it(ranks, share):
    batch = STEP.batch_for(share, ranks, LINK)
    rounded = ranks * math.ceil(batch / ranks)  # all ranks have as many rows
    assert STEP.efficiency(ranks, rounded, LINK) >= share
    assert STEP.efficiency(ranks, rounded - ranks, LINK) < share + 1e-3
    assert STEP.ranks_for(share, rounded, LINK) >= ranks


def test_more_ranks_pay_up_to_a_number():
    most = STEP.ranks_for(0.5, 4096, LINK)
    assert STEP.efficiency(most, 4096, LINK) >= 0.5
    assert all(STEP.efficiency(ranks, 4096, LINK) < 0.5 for ranks in range(most + 1, 1001))
    best = STEP.fastest_ranks(4096, LINK)
    assert all(STEP.seconds(best, 4096, LINK) <= STEP.seconds(ranks, 4096, LINK) for ranks in range(1, 1001))


def test_ranks_that_share_cores_take_turns():
    assert crowded(STEP, 2, 2) == STEP
    assert crowded(STEP, 4, 2).compute(4, 256) == pytest.approx(2 * STEP.compute(4, 256))


def test_least_squares_minimizes_relative_errors_and_gives_nothing_negative():
    assert least_squares([[1, 1, 1], [1, 10, 100]], [5, 32, 302]) == pytest.approx([2, 3])
    assert least_squares([[1, 1, 1], [1, 10, 100]], [0.9, 10, 101])[0] == 0
    random = np.random.default_rng(0)
    columns, seconds = random.random((2, 6)), random.random(6) + 0.5

    def loss(factors):
        return sum((np.dot(factors, columns[:, i]) / seconds[i] - 1) ** 2 for i in range(6))

    found = least_squares(columns, seconds)
    assert all(loss(found) <= loss(found + 1e-3 * random.normal(size=2)) for _ in range(50))


TRUE = {work.name: Step(work.parameters, 2e-6 + 3e-10 * work.parameters, 1e-9 * work.parameters) for work in NETWORKS}
SHARED = Link(2e-6, 5e9)


def made_up():
    """What a machine of two cores would measure that keeps to the model."""
    measured = Measured()
    chosen = groups(4)
    for group in chosen:
        of = measured.steps.setdefault(str(group), {})
        for name, engine, batch in points(group, NETWORKS, ["compiled", "numpy"], 4):
            step = crowded(replace(TRUE[name], between=5e-6), group.ranks, 2)
            step = step.compressed() if group.compression else step
            link = Link(SHARED.latency, SHARED.bandwidth / max(1, group.ranks / 2))
            of[name, engine, batch] = [step.seconds(group.ranks, batch, link)] * 3
        if group.ranks > 1:
            of_sizes = {size: [doubling(group.ranks, size, SHARED)] for size in (4, 4096, 2**20)}
            measured.additions[str(group)] = of_sizes
    return measured, chosen


def test_the_fit_finds_the_numbers_that_made_the_measurement_and_predicts_the_ranks():
    measured, chosen = made_up()
    model = fitted(measured, cores=2)
    for name, step in TRUE.items():
        found = model.step(ONE, name, "compiled")
        assert (found.fixed, found.per_row) == pytest.approx((step.fixed, step.per_row))
    assert (model.link.latency, model.link.bandwidth) == pytest.approx((SHARED.latency, SHARED.bandwidth))
    assert model.between == pytest.approx({"compiled": 5e-6, "numpy": 5e-6})
    for group in chosen:
        for predicted, seconds in checked(model, measured, group).values():
            assert predicted == pytest.approx(seconds)


def test_what_is_left_is_fitted_and_never_negative():
    assert fit_rest([1, 10], [3, 12]) == pytest.approx(2)
    assert fit_rest([1, 10], [0.5, 9]) == 0
    assert STEP.exchange(1, LINK) == replace(STEP, between=1.0).exchange(1, LINK) == 0


def test_a_link_is_fitted_to_short_and_long_messages():
    link = fit_link({4: 1e-6, 400_000: 101e-6})
    assert (link.latency, link.bandwidth) == pytest.approx((1e-6, 4e9), rel=1e-2)


def test_figures_are_read_back_and_all_tables_and_the_picture_are_made_of_them(tmp_path):
    measured, chosen = made_up()
    again = Measured.of(json.loads(json.dumps(measured.plain())))
    assert again == measured
    model = fitted(again, cores=2)
    made = {table.title: table for table in tables.every(again, model, chosen)}
    assert all(table.rows for table in made.values())
    rows = {row[0]: row for row in made["Predicted and measured steps"].rows}
    assert rows["4 ranks"][2] == "0%"
    (goal,) = [
        row
        for row in made["Two ranks beside one process of two threads"].rows
        if "held" in row[-1] or "missed" in row[-1]
    ][:1]
    assert goal[0].startswith("1024-2048-1024-10")
    assert drawing.draw(model, tmp_path / "model.svg")
    assert "<svg" in Path(tmp_path / "model.svg").read_text()


def test_links_are_of_the_rates_that_they_are_called():
    for name, link in LINKS.items():
        assert 8 * link.bandwidth / 1e9 == pytest.approx(0.9 * float(name.split()[0]))


def test_a_real_process_measures_its_steps():
    done = ask(THREADS, [("30-64-32-2", "numpy", 32)], seconds=0.01)
    ((name, engine, batch, took),) = done["steps"]
    assert (name, engine, batch) == ("30-64-32-2", "numpy", 32)
    assert 0 < took < 1
    assert done["additions"] == []


def test_real_ranks_measure_their_sums():
    done = ask(Group(2), [], seconds=0.01, sizes=[1, 1000])
    assert [size for size, _ in done["additions"]] == [4, 4000]
    assert all(0 < took < 1 for _, took in done["additions"])
