"""Shapley values: what each part of an example adds to its prediction, and the parts together add exactly.

The parts of an example, here groups of features, are the players of a game. The worth of a coalition S of them is the
average prediction when the features of S are those of the example and all others those of a background row:

    v(S) = 1/n · Σ_b f(x in the features of S, b in all others)

The Shapley value of a player is what it adds to those before it, on average over all orders of the players:

    φ_i = Σ_S |S|! (m - |S| - 1)! / m! · (v(S with i) - v(S)),  over the coalitions S of the m players without i

So Σ φ_i = v(all) - v(none), the prediction less the average prediction of the background. Sources: Shapley, "A value
for n-person games" (1953); Štrumbelj and Kononenko, "Explaining prediction models and individual predictions with
feature contributions" (2014); Lundberg and Lee, "A unified approach to interpreting model predictions" (2017), whose
`shap` library calls this the interventional values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network

Predict: TypeAlias = Callable[[Array], Any]
"""A function from rows of features, (rows, features), to predictions, (rows,) or (rows, outputs)."""

PREDICTIONS = 2**19
"""The default of the most predictions: with a background of 100 rows enough for all coalitions of 12 players."""
LEAST_ROUNDS = 8
"""So many rounds of orders are drawn at least, as their spread gives the standard errors."""
CLOSE = 0.01
"""Sampling ends when every standard error is below this share of the largest value."""
BLOCK = 2**22
"""A block of rows that are made at once holds about so many numbers."""
ROWS_AT_ONCE = 2**14
"""So many rows are predicted at once, as hidden layers may be wider than the rows."""


@dataclass(frozen=True, eq=False)
class ShapleyValues:
    """ShapleyValues hold what each group of features adds to a prediction; they sum to `prediction - average`."""

    values: Array
    """One for each group, shape (groups,), or (groups, outputs) of a function with several outputs."""
    errors: Array
    """The standard error of each value, 0 where it is exact."""
    prediction: Array
    """The prediction of the example, a number or shape (outputs,)."""
    average: Array
    """The average prediction of the background rows, in the same shape."""
    exact: bool
    """True if all coalitions were looked at, False if orders were drawn."""
    background: int
    """The number of background rows."""


def shapley_values(
    predict: Predict | Network,
    row: Any,
    background: Any,
    groups: Sequence[Sequence[int]] | None = None,
    *,
    predictions: int = PREDICTIONS,
    seed: int = 0,
) -> ShapleyValues:
    """Return what each group of features adds to the prediction of one example, compared with background rows.

    `predict` is a network or a function from rows of features to predictions, `row` the example, (features,), and
    `background` the rows that stand for "not known", (rows, features), such as a sample of the training rows.
    `groups` are features that belong together, such as those of one column of a table; each feature stands in one of
    them. By default each feature is a group.

    The values are exact if the predictions of all coalitions of the groups, background rows times 2^groups, are at
    most `predictions`. Otherwise orders of the groups are drawn by `seed`, in rounds, until the standard errors are
    below 1 % of the largest value, or `predictions` are made. Each round has one order and its reverse for every
    background row; therefore the values sum to prediction - average in each round, and interactions of no more than
    two groups are exact in each round. A group in which the example is equal to all background rows adds 0.

    >>> found = shapley_values(lambda X: X[:, 0] + X[:, 1] * X[:, 2], [3.0, 4.0, 1.0], [[0.0, 0.0, 0.0]])
    >>> found.values.tolist(), float(found.prediction), float(found.average)
    ([3.0, 2.0, 2.0], 7.0, 0.0)
    """
    dtype = predict.dtype if isinstance(predict, Network) else np.dtype(np.float64)
    rows = checks.examples("background", background, dtype)
    example = checks.examples("row", np.asarray(row)[None] if np.ndim(row) == 1 else row, dtype)
    if example.shape != (1, rows.shape[1]):
        raise InvalidValue(f"row has shape {np.shape(row)}; it takes the {rows.shape[1]} features of the background")
    most = checks.whole_number("predictions", predictions, least=1)
    random = np.random.default_rng(checks.whole_number("seed", seed, least=0))
    owner = _owners(groups, rows.shape[1])
    players = int(owner.max()) + 1
    different = np.unique(owner[(rows != example).any(axis=0)])  # all other groups add 0
    place = np.full(players, -1)
    place[different] = np.arange(len(different))
    game = _Game(_function(predict), example[0], rows, place[owner], len(different))
    exact = game.players <= 2 or len(rows) * 2**game.players <= most
    if not exact:
        cost = 2 * (game.players - 1)  # of one background row in a round: the ends of an order are known
        game = game.with_rows(random, max(1, most // (cost * LEAST_ROUNDS)))
    found, errors = _exact(game) if exact else _sampled(game, random, most)
    values, standard_errors = (np.zeros((players, found.shape[1])) for _ in range(2))
    values[different], standard_errors[different] = found, errors
    shape = game.shape
    return ShapleyValues(
        values=values.reshape(players, *shape),
        errors=standard_errors.reshape(players, *shape),
        prediction=game.all.reshape(shape),
        average=game.none.mean(axis=0).reshape(shape),
        exact=exact,
        background=len(game.background),
    )


class _Game:
    """The worth of coalitions: `owner` says to which player each feature belongs, -1 if to none."""

    def __init__(self, predict: Predict, row: Array, background: Array, owner: Array, players: int) -> None:
        self.predict, self.row, self.background, self.owner, self.players = predict, row, background, owner, players
        first = np.asarray(predict(row[None]), np.float64)
        if first.ndim not in (1, 2) or len(first) != 1:
            raise InvalidValue(
                f"predict returns shape {first.shape} for one row; it takes (rows,) or (rows, outputs) numbers"
            )
        self.shape = first.shape[1:]
        self.all = first.reshape(-1)
        """The worth of all players, (outputs,): the prediction of the example."""
        self.none = self.predicted(background)
        """The worth of no player against each background row, (rows, outputs)."""

    def with_rows(self, random: np.random.Generator, most: int) -> _Game:
        """Return the game with at most so many of its background rows, drawn at random."""
        if most >= len(self.background):
            return self
        kept = np.sort(random.choice(len(self.background), most, replace=False))
        return _Game(self.predict, self.row, self.background[kept], self.owner, self.players)

    def predicted(self, X: Array) -> Array:
        """Return the predictions of rows in float64, (rows, outputs)."""
        step = ROWS_AT_ONCE
        blocks = [np.asarray(self.predict(X[i : i + step]), np.float64) for i in range(0, len(X), step)]
        outputs = np.concatenate(blocks).reshape(len(X), -1)
        checks.finite("the predictions", outputs)
        return outputs

    def worth(self, members: Array, background: Array) -> Array:
        """Return the predictions for coalitions, (..., outputs), of which `members` is (..., players), True if in it.

        `background`, (..., features), has the row against which each coalition plays; the two shapes broadcast.
        """
        known = np.concatenate([members, np.zeros((*members.shape[:-1], 1), bool)], axis=-1)  # place -1: nobody's
        X = np.where(known[..., self.owner], self.row, background)
        return self.predicted(X.reshape(-1, X.shape[-1])).reshape(*X.shape[:-1], -1)


def _exact(game: _Game) -> tuple[Array, Array]:
    """Return the values by their formula, from the worth of every coalition, and standard errors of 0."""
    m = game.players
    coalitions = np.arange(2**m)
    worth = np.empty((len(coalitions), len(game.all)))
    step = max(1, BLOCK // game.background.size)
    for block in _blocks(coalitions, step):
        members = (block[:, None] >> np.arange(m)) & 1 == 1
        worth[block] = game.worth(members[:, None], game.background).mean(axis=1)
    sizes = np.bitwise_count(coalitions)
    share = np.array([1 / (m * math.comb(m - 1, size)) for size in range(m)])  # |S|! (m - |S| - 1)! / m!
    values = np.empty((m, worth.shape[1]))
    for i in range(m):
        without = coalitions[coalitions >> i & 1 == 0]
        values[i] = share[sizes[without]] @ (worth[without | 1 << i] - worth[without])
    return values, np.zeros_like(values)


def _sampled(game: _Game, random: np.random.Generator, most: int) -> tuple[Array, Array]:
    """Return the mean of rounds of orders, and the standard error of that mean."""
    cost = 2 * (game.players - 1) * len(game.background)
    limit = max(LEAST_ROUNDS, most // cost)
    rounds: list[Array] = []
    goal = LEAST_ROUNDS
    while True:
        rounds += [_round(game, random) for _ in range(min(goal, limit) - len(rounds))]
        values = np.mean(rounds, axis=0)
        errors = np.std(rounds, axis=0, ddof=1) / np.sqrt(len(rounds))
        if len(rounds) >= limit or (errors.max(axis=0) <= CLOSE * np.abs(values).max(axis=0)).all():
            return values, errors
        goal *= 2  # a look at the errors after each round would favour rounds that agree by chance


def _round(game: _Game, random: np.random.Generator) -> Array:
    """Return the values, (players, outputs), from one order of the players and its reverse for each background row."""
    rows, m = game.background, game.players
    total = np.zeros((m, len(game.all)))
    step = max(1, BLOCK // (m * rows.shape[1]))
    for block in _blocks(np.arange(len(rows)), step):
        rank = random.permuted(np.tile(np.arange(m), (len(block), 1)), axis=1)  # of each player in the order
        before = rank[:, None] < np.arange(1, m)[:, None]  # the first 1 ... m - 1 players, (rows, m - 1, players)
        for order, members in ((rank, before), (m - 1 - rank, ~before[:, ::-1])):
            worth = np.empty((len(block), m + 1, len(game.all)))
            worth[:, 0], worth[:, m] = game.none[block], game.all
            worth[:, 1:m] = game.worth(members, rows[block, None])
            added = np.diff(worth, axis=1)  # by the player at each place of the order
            total += np.take_along_axis(added, order[:, :, None], axis=1).sum(axis=0)
    return total / (2 * len(rows))


def _blocks(numbers: Array, step: int) -> Iterator[Array]:
    return (numbers[start : start + step] for start in range(0, len(numbers), step))


def _function(predict: Predict | Network) -> Predict:
    if isinstance(predict, Network):
        return lambda X: predict.predict(X, engine="numpy")
    if not callable(predict):
        raise InvalidType(f"predict is {predict!r}; it takes a network or a function of rows of features")
    return predict


def _owners(groups: Sequence[Sequence[int]] | None, features: int) -> Array:
    """Return the number of the group of each feature."""
    if groups is None:
        return np.arange(features)
    listed = [feature for group in groups for feature in group]
    if sorted(listed) != list(range(features)):
        raise InvalidValue(f"groups names the features {listed}; it takes each of 0 to {features - 1} once")
    owner = np.empty(features, int)
    for number, group in enumerate(groups):
        owner[list(group)] = number
    return owner
