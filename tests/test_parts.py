"""The division of a table's rows: shares by class, the last rows, whole groups, folds, and what is decided alone."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from plainnet.errors import InvalidValue
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.problem import Problem, divide, problem_of


def problem(rows: int = 100, **settings: str) -> Problem:
    """Return a problem whose column `row` counts its rows, with a rare class and groups of four rows."""
    count = np.arange(rows)
    frame = pl.DataFrame({"row": count, "patient": count // 4, "y": np.where(count % 10 == 0, "rare", "common")})
    return problem_of(frame, "y", **settings)


def rows_of(part: object) -> list[int]:
    return part.frame["row"].to_list()


def test_each_row_is_in_one_part_and_each_class_gives_its_share():
    parts = divide(problem(), Division(test=Share(0.2), validation=Share(0.25)), seed=3)
    found = [rows_of(part) for part in (parts.training, parts.validation, parts.test)]
    assert list(map(len, found)) == [60, 20, 20]
    assert sorted(row for rows in found for row in rows) == list(range(100))
    assert [sum(row % 10 == 0 for row in rows) for rows in found] == [6, 2, 2]
    again = divide(problem(), Division(test=Share(0.2), validation=Share(0.25)), seed=3)
    assert rows_of(again.test) == found[2]
    assert rows_of(divide(problem(), Division(test=Share(0.2)), seed=4).test) != found[2]


def test_without_a_test_part_the_validation_rows_are_those_of_version_0_1():
    parts = divide(problem(), Division(test=Share(0.0), validation=Share(0.2), folds=0), seed=7)
    labels = np.where(np.arange(100) % 10 == 0, "rare", "common")
    from plainnet.training.data import split

    assert rows_of(parts.validation) == split(100, 0.2, np.random.default_rng(7), labels)[1].tolist()


def test_the_last_rows():
    parts = divide(problem(), Division(test=Share(0.1, last=True), validation=Share(0.2, last=True)), seed=0)
    assert rows_of(parts.test) == list(range(90, 100))
    assert rows_of(parts.validation) == list(range(72, 90))


def test_rows_of_a_group_stay_together_and_the_group_is_no_input():
    parts = divide(problem(group="patient"), Division(test=Share(0.2), validation=Share(0.2)), seed=1)
    groups = [{row // 4 for row in rows_of(part)} for part in (parts.training, parts.validation, parts.test)]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 25
    assert "patient" not in parts.training.frame.columns


@pytest.mark.parametrize("group", [None, "patient"])
def test_folds_validate_each_row_once(group):
    parts = divide(problem(group=group), Division(test=Share(0.0), folds=5), seed=1)
    held = [set(fold[1].tolist()) for fold in parts.folds]
    assert sorted(row for rows in held for row in rows) == list(range(100))
    for (train, other), rows in zip(parts.folds, held, strict=True):
        assert sorted([*train, *other]) == list(range(100))
        if group:
            assert not {row // 4 for row in train} & {row // 4 for row in rows}
        else:
            assert sum(row % 10 == 0 for row in rows) == 2


def test_an_ensemble_draws_other_validation_rows_for_each_network():
    parts = divide(problem(), Division(test=Share(0.0), ensemble=3), seed=1)
    assert len(parts.folds) == 3
    assert len({tuple(held) for _, held in parts.folds}) == 3


def test_what_is_left_open_is_decided_by_the_number_of_rows():
    many, few = Division().for_rows(1000), Division().for_rows(999)
    assert (many.test, many.validation, many.folds) == (Share(0.2), Share(0.2), 0)
    assert (few.test, few.validation, few.folds) == (Share(0.0), None, 5)
    assert Division(validation=Share(0.3)).for_rows(200) == Division(Share(0.0), Share(0.3), 0)
    assert Division(test=Share(0.2)).for_rows(200) == Division(Share(0.2), Share(0.2), 0)
    assert Division(folds=10).for_rows(5000) == Division(Share(0.0), None, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 5, "validation": Share(0.2)}, "folds and validation are both given"),
        ({"folds": 5, "ensemble": 8}, "folds and ensemble are both given"),
        ({"folds": 1}, "folds is 1"),
        ({"ensemble": 3, "validation": Path("held.csv")}, "ensemble is 3 and validation the file held.csv"),
        ({"ensemble": 0}, "ensemble is 0"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        Division(**settings)


def test_more_folds_than_rows_are_refused():
    with pytest.raises(InvalidValue, match="folds is 200 and there are 100 rows"):
        divide(problem(), Division(folds=200), seed=0)
