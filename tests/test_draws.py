"""The random numbers of several ranks: together those of one process, from streams that stay the same."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plainnet.engines import draws
from plainnet.engines.draws import DrawsOfRank
from plainnet.errors import InvalidValue

STREAMS = st.sampled_from([np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox])
DTYPES = st.sampled_from([np.float32, np.float64])


def after(stream):
    """What a stream gives next, of the kinds that keep half of a word and that do not."""
    return [stream.random(dtype=np.float32), stream.random(), stream.random(dtype=np.float32), stream.integers(2**63)]


@pytest.mark.parametrize("few", [0, draws.FEW])
@given(
    bits=STREAMS,
    counts=st.lists(st.integers(0, 5), min_size=2, max_size=4).filter(any),
    draws_of_a_pass=st.lists(st.tuples(st.integers(1, 5), DTYPES, st.booleans()), min_size=1, max_size=4),
    used=st.integers(0, 3),
)
def test_the_parts_of_all_ranks_are_what_one_process_draws(few, bits, counts, draws_of_a_pass, used):
    """Several draws one after the other, from a stream of which an odd or even number of halves was taken before."""

    def stream():
        made = np.random.Generator(bits(7))
        made.random(used, dtype=np.float32)
        return made

    def drawn(random, rows):
        return [
            random.standard_normal((rows, width), dtype=dtype) if normal else random.random((rows, width), dtype=dtype)
            for width, dtype, normal in draws_of_a_pass
        ]

    one = stream()
    whole = drawn(one, sum(counts))
    following = after(one)
    with mock.patch.object(draws, "FEW", few):
        streams = [stream() for _ in counts]
        before = np.cumsum([0, *counts])
        of_ranks = [
            drawn(DrawsOfRank(own).of(int(start), count, sum(counts)), count)
            for own, count, start in zip(streams, counts, before, strict=False)
        ]
    for expected, *parts in zip(whole, *of_ranks, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), expected)
    assert len({DrawsOfRank(own).checksum for own in streams}) == 1
    assert all(after(own) == following for own in streams)


def test_what_layers_may_ask_for():
    """A size by place or by name, one number for all rows, and numbers for features rather than rows."""
    one, own = np.random.default_rng(1), np.random.default_rng(1)
    random = DrawsOfRank(own).of(2, 3, 9)
    np.testing.assert_array_equal(random.normal(5, 0.1, (3, 2)), one.normal(5, 0.1, (9, 2))[2:5])
    np.testing.assert_array_equal(random.uniform(high=4.0, size=3), one.uniform(high=4.0, size=9)[2:5])
    np.testing.assert_array_equal(random.integers(0, 7, size=(3, 4)), one.integers(0, 7, size=(9, 4))[2:5])
    np.testing.assert_array_equal(random.random(size=(3,)), one.random(size=(9,))[2:5])
    np.testing.assert_array_equal(random.binomial(1, 0.3, (1, 4)), one.binomial(1, 0.3, (1, 4)))
    assert random.random() == one.random()
    assert random.standard_normal() == one.standard_normal()
    assert random.permutation(5).tolist() == one.permutation(5).tolist()
    assert random.bit_generator.state == one.bit_generator.state


def test_what_several_ranks_cannot_draw():
    random = DrawsOfRank(np.random.default_rng(1)).of(2, 3, 9)
    with pytest.raises(InvalidValue, match=r"random.normal without a size.*random.normal\(size=inputs.shape\)"):
        random.normal(np.zeros((3, 2)), 0.1)
    for mixed in (3, np.zeros((3, 2))):
        with pytest.raises(InvalidValue, match=r"random\.permutation mixes the rows"):
            random.permutation(mixed)
