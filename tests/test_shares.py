"""The parts that ranks have in global batches: every row once, batches exact, each rank spread evenly."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plainnet.ranks.shares import Shares

ROWS = st.lists(st.integers(0, 300), min_size=1, max_size=9).filter(any)
SIZES = st.one_of(st.none(), st.integers(1, 400))


def by_hand(rows: list[int], ends: list[int]) -> list[list[int]]:
    """The counts at each end, one seat after the other in exact fractions."""
    counts, found = [0] * len(rows), []
    for seat in range(ends[-1] + 1):
        if seat in ends:
            found.append(list(counts))
        if seat < ends[-1]:
            lowest = min((r for r in range(len(rows)) if rows[r]), key=lambda r: Fraction(2 * counts[r] + 1, rows[r]))
            counts[lowest] += 1
    return found


@given(rows=ROWS, batch_size=SIZES)
def test_the_counts_are_those_of_webster_seat_by_seat(rows, batch_size):
    size = batch_size or sum(rows)
    shares = Shares(rows, batch_size, 0)
    ends = [*range(0, sum(rows), size), sum(rows)]
    assert shares.batches == len(ends) - 1
    assert shares.counts(0, shares.batches).tolist() == by_hand(rows, ends)


@given(rows=ROWS, batch_size=SIZES)
def test_the_parts_of_all_ranks_make_whole_batches_and_every_row_has_one_turn(rows, batch_size):
    size = batch_size or sum(rows)
    ranks = [Shares(rows, batch_size, rank) for rank in range(len(rows))]
    done = [0] * len(rows)
    for batch in range(ranks[0].batches):
        before = 0
        for rank, shares in enumerate(ranks):
            part = shares.slice(batch)
            assert part.start == done[rank] <= part.stop  # one after the other, and never back
            assert shares.before(batch) == before
            assert part.stop - part.start in shares.sizes
            done[rank] = part.stop
            before += part.stop - part.start
            even = rows[rank] * min((batch + 1) * size, sum(rows)) / sum(rows)
            assert abs(part.stop - even) <= max(1, len(rows) / 2)
        assert before == ranks[0].rows_of(batch) == min(size, sum(rows) - batch * size)
    assert done == rows
    for rank, shares in enumerate(ranks):
        parts = [shares.slice(batch) for batch in range(shares.batches)]
        assert shares.sizes == tuple(sorted({part.stop - part.start for part in parts}))
        assert shares.rank == rank


def test_ranks_without_rows_and_more_ranks_than_rows_in_a_batch():
    ranks = [Shares([0, 1, 5, 0], 2, rank) for rank in range(4)]
    sizes = [[s.slice(b).stop - s.slice(b).start for s in ranks] for b in range(3)]
    assert [sum(batch) for batch in sizes] == [2, 2, 2]
    assert ranks[0].sizes == ranks[3].sizes == (0,)
    assert [sum(column) for column in zip(*sizes, strict=True)] == [0, 1, 5, 0]


def test_equal_ranks_have_equal_parts():
    assert Shares([100, 100, 100, 100], 40, 2).sizes == (10,)


def test_batches_in_any_order_are_the_same():
    """What is asked first makes no difference, nor where the tables kept begin."""
    rows, random = [3_000_001, 7, 2_000_000], np.random.default_rng(0)
    shares = Shares(rows, 32, 0)
    in_order = shares.counts(0, shares.batches)[:, 0]
    assert in_order[-1] == rows[0]
    for batch in [shares.batches - 1, 0, *random.integers(shares.batches, size=200).tolist()]:
        assert shares.slice(batch) == slice(*in_order[batch : batch + 2].tolist())


def test_an_epoch_of_a_billion_rows_is_not_gone_through():
    rows = [400_000_003, 350_000_000, 0, 249_999_997]
    ranks = [Shares(rows, 32, rank) for rank in range(4)]
    last = ranks[0].batches - 1
    assert last == 31_249_999
    for batch in (0, 1, 12_345_678, last):
        parts = [shares.slice(batch) for shares in ranks]
        assert sum(part.stop - part.start for part in parts) == ranks[0].rows_of(batch) == 32
        assert all(part.stop - part.start in shares.sizes for part, shares in zip(parts, ranks, strict=True))
    assert [shares.slice(last).stop for shares in ranks] == rows
    assert all(len(shares.sizes) <= 8 for shares in ranks)


@given(rows=st.lists(st.integers(0, 10_000), min_size=2, max_size=40).filter(any), size=st.integers(1, 64))
def test_the_bounds_for_long_epochs_hold_what_occurs(rows, size):
    for rank in {0, len(rows) - 1}:
        shares = Shares(rows, size, rank)
        assert set(shares.sizes) <= set(shares._possible_sizes())
