"""Prepare a table that is read in pieces, perhaps by several ranks, for training: learned in one pass over its rows."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.errors import FileError, InvalidValue, warnings_passed_over
from plainnet.ranks import Alone, Ranks, ranks_of
from plainnet.tabular import cautions, overlap
from plainnet.tabular.parts import Division, TablePart, part_of_file
from plainnet.tabular.preparing import TOLD_APART, Prepared, Stream, arrays_of
from plainnet.tabular.problem import Divided, Problem, check_roles, loss_of_task, require_classes
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.recipe import Recipe
from plainnet.tabular.sources import files_in, named
from plainnet.tabular.streaming.drawing import TEST, TRAINING, VALIDATION, Drawing, require_streamable
from plainnet.tabular.streaming.encoded import EncodedPieces, fits
from plainnet.tabular.streaming.evidence import evidence_of
from plainnet.tabular.streaming.file_pieces import pieces_of
from plainnet.tabular.streaming.learned import table_of, task_of
from plainnet.tabular.streaming.passing import Passed, passed
from plainnet.tabular.streaming.portions import Portion, portions_of
from plainnet.tabular.streaming.reading import Reader, require_target
from plainnet.tabular.table import Table
from plainnet.tabular.targets import target_column
from plainnet.training.ranked import warnings_of_first

MOST_PASSES = 8
"""A pass that meets something new begins again; so often at most."""
MOST_BYTES = 2**26
"""The sample, the validation part and the test part have about so many bytes each at most."""


def prepared_stream(
    paths: Any,
    target: str,
    recipe: Recipe,
    division: Division,
    *,
    ignore: Collection[str],
    options: ReadOptions,
    sample_weight: str | None,
    task: str | None,
    loss: str | None,
    seed: int,
    dtype: str,
    communicator: Any,
    stream: bool | None,
) -> Prepared:
    """Return a stream ready for training; see `plainnet.tabular.prepare_stream`."""
    check_roles(target, sample_weight, None, options.categories, ignore)
    require_streamable(division)
    require_no_refit(recipe)
    ranks = ranks_of(communicator)
    with ranks.together(), warnings_of_first(ranks):
        pieces = pieces_of(paths, options)
        source = named(files_in(paths))
        rows = sum(piece.rows for piece in pieces)
        if not rows:
            raise FileError(f"{source} has no rows")
        portions = portions_of(pieces, ranks.size, ranks.rank)
        given = {"ignore": ignore, "weight_column": sample_weight}
        reader, own, lengths = _read_through(portions, rows, ranks, division, seed, target, options, given)
        found = sum(ranks.all(own), Passed())  # the same on every rank, to the last bit
        problem = _problem(reader, found, source, task, loss)
        table = table_of(reader, found, problem, recipe)
        nothing = problem.rows.take(np.arange(0))
        validation = _validation(table, division, found, source, sample_weight)
        test = found.part(TEST, source) or nothing
        parts = Divided(problem.rows, validation, test, problem.rows)
        table, examples = _checked(table, problem, parts, dtype)
        drawn = len(test) + found.nowhere + (len(validation) if validation.source == source else 0)
        known = Stream(found.training + drawn, found.training, found.nowhere, examples, ranks, communicator)
        encoded = EncodedPieces(reader, table, portions, lengths, dtype)
        return _prepared(problem, parts, table, encoded, known, dtype, stream)


def _problem(reader: Reader, found: Passed, source: str, task: str | None, loss: str | None) -> Problem:
    """Return the problem, whose rows are the sample; raise InvalidValue as `problem_of` does."""
    sample, target = found.part(TRAINING, source), reader.target
    if sample is None or found.classes is None:
        raise InvalidValue(f"no row of {source} has a target {target!r}, counts, and is left to train on")
    sample = replace(sample, without_target=found.without_target, weightless=found.weightless)
    decided = task_of(reader, found, sample, task)
    checked_loss = loss_of_task(decided, loss)
    require_classes(checked_loss, target, found.classes.different)
    if task is None and loss is None:
        cautions.warn_of_target(target_column(sample.frame, target), decided)
    return Problem(sample, target, decided, checked_loss, reader.options, reader.weight_column)


def _prepared(
    problem: Problem,
    parts: Divided,
    table: Table,
    encoded: EncodedPieces,
    stream: Stream,
    dtype: str,
    asked: bool | None,
) -> Prepared:
    ranks, held_out = stream.ranks, parts.validation
    assert isinstance(held_out, TablePart)
    share = held_out.take(np.arange(ranks.rank, len(held_out), ranks.size))
    in_memory = all(ranks.all(fits(encoded, ranks.here, asked)))  # all ranks alike
    X, y, weights = encoded.all() if in_memory else encoded.columns()
    with warnings_passed_over():
        validation = arrays_of(table, share, dtype)
    return Prepared(
        problem=problem,
        parts=parts,
        table=table,
        X=X,
        y=y,
        sample_weight=weights,
        validation=validation,
        held_out=held_out,
        dtype=dtype,
        stream=replace(stream, in_memory=in_memory),
    )


def _read_through(
    portions: Sequence[Portion],
    rows: int,
    ranks: Ranks | Alone,
    division: Division,
    seed: int,
    target: str,
    options: ReadOptions,
    given: dict[str, Any],
) -> tuple[Reader, Passed, list[int]]:
    """Decide on the columns and pass over this rank's rows; begin again if any rank meets what the evidence lacks."""
    evidence = [table for own in ranks.all(evidence_of(portions, rows)) for table in own]
    most = max(1_000, min(100_000, MOST_BYTES // (8 * max(1, len(evidence[0].names)))))
    drawing = Drawing.of(division, rows, seed, most=most)
    for again in range(MOST_PASSES):
        with warnings_passed_over() if again else nullcontext():
            reader = Reader.of(evidence, target, options, drawing=drawing, **given)
        require_target(reader)
        found, lengths, new = passed(reader, portions)
        met_by_all = [table for own in ranks.all(new) for table in own]
        if not met_by_all:
            return reader, found, lengths
        evidence += met_by_all
    raise FileError(f"{reader.source}: the columns cannot be decided on; say what they are (columns=, --column)")


def _validation(table: Table, division: Division, found: Passed, source: str, weight_column: str | None) -> TablePart:
    """Return the validation rows of all ranks."""
    given = division.validation
    if isinstance(given, str | os.PathLike):
        part = part_of_file(table, given, weight_column)
        if not len(part):
            raise InvalidValue(f"{given} has no row that has a {table.target.name} and counts")
        return part
    part_found = found.part(VALIDATION, source)
    if part_found is None:
        raise InvalidValue(
            f"no row of {source} is drawn to validate on; take a larger share (--validation 0.5), or a file "
            "(--validation FILE)"
        )
    return part_found


def _checked(
    table: Table, problem: Problem, parts: Divided, dtype: str
) -> tuple[Table, tuple[Array, Array, Array | None]]:
    """Return the table with its fingerprint, and the encoded sample; warn of what looks wrong in it.

    The sample stands for all rows: what is so in each of its rows is taken to be so in all.
    """
    training = parts.training
    cautions.warn_of_leaks(training.frame, problem.target)
    cautions.warn_of_columns(training.frame, table)
    looked_at = _some(training, MOST_BYTES // (np.dtype(dtype).itemsize * len(table.feature_names)))
    X = table.features(looked_at.frame, dtype=dtype, place=looked_at.place)
    cautions.warn_of_far_out(table, looked_at, X)
    hashes = overlap.row_hashes(table, training.frame)
    by_chance = cautions.share_equal_by_chance(training.frame.select(cs.by_name(table.column_names)))
    for part, name in ((parts.validation, "validation"), (parts.test, "test")):
        assert isinstance(part, TablePart)
        if len(part):
            cautions.warn_of_overlap(hashes, overlap.row_hashes(table, part.frame), part, by_chance, name)
    if by_chance < TOLD_APART:
        table = replace(table, fingerprint=overlap.fingerprint(hashes))
    return table, (X, table.targets(looked_at.frame), looked_at.weights)


def _some(part: TablePart, most: int) -> TablePart:
    """Return at most so many rows of a part, drawn at random, in their order."""
    if len(part) <= most:
        return part
    return part.take(np.sort(np.random.default_rng(0).choice(len(part), max(1, most), replace=False)))


def require_no_refit(recipe: Recipe) -> None:
    """Raise InvalidValue for a recipe that trains once more on all rows."""
    if recipe.refit:
        raise InvalidValue(
            "refit is True and the table is read in pieces or by several ranks, where the validation rows are few and "
            "are not trained on; leave refit out"
        )
