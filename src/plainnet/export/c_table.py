"""A table's preprocessing as C: a struct for a row, and the function that makes a network's inputs of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled.c_code import Loops
from plainnet.engines.compiled.c_expressions import literal, type_of
from plainnet.engines.compiled.loops import Buffer, Expression, Extent, Nest, Program
from plainnet.engines.compiled.lowering import lower
from plainnet.export.c_text import field_names, function, string, strings, words
from plainnet.export.source import free_name
from plainnet.tabular import Table
from plainnet.tabular.columns import Categories, Column
from plainnet.tabular.features import Features
from plainnet.tabular.targets import NumberTarget
from plainnet.tracing import ShapeDtype, simplify, trace

PLACE = """static int {prefix}_place(const char *text, const char *const *values, int count)
{{
    for (int i = 0; text && i < count; i++) {{
        const char *a = text;
        const char *b = values[i];
        while (*a && *a == *b) {{
            a++;
            b++;
        }}
        if (*a == *b) {{
            return i;
        }}
    }}
    return -1;
}}"""
"""The place of a text among a column's categories, -1 if it is none of them."""


@dataclass
class TableCode:
    """The parts of the file that know the table."""

    struct: str
    categories: list[str]
    """The categories of each column that has some."""
    constants: dict[str, Array]
    """The arrays of numbers by their names in C."""
    functions: list[str]
    text_bytes: int
    """The bytes of the categories."""
    members: list[tuple[str, bool]]
    """The name of each member of the struct; True for text."""


def table_code(table: Table, prefix: str, dtype: np.dtype[Any]) -> TableCode:
    """Return the code of a table for features of the network's dtype."""
    names = field_names(column.name for column in table.columns)
    members, categories, lines, size = [], [], [], 0
    constants: dict[str, Array] = {}
    for name, column, places in zip(names, table.columns, table.features_of_columns, strict=True):
        is_text = isinstance(column, Categories)
        about = words(f"{column.name}: {_meaning(table, column)}")
        members.append(f"    {'const char *' if is_text else 'double '}{name}; /* {about} */")
        lines.append(f"/* {words(column.name)} */")
        value = f"row->{name}"
        if isinstance(column, Categories):
            array = f"{prefix}_{name}_values"
            categories.append(strings(f"static const char *const {array}[{len(column.values)}]", column.values))
            size += sum(len(text.encode()) + 1 for text in column.values)
            lines += _place(column, name, array, prefix)
            value = "place"
        made = _features(column, places, value, f"{prefix}_{name}", dtype, constants)
        lines += made
    head = f"void {prefix}_features(const {prefix}_row *row, {type_of(dtype)} *features)"
    body = ["int place;", "", *lines] if categories else lines
    helpers = [PLACE.format(prefix=prefix)] if categories else []
    struct = "\n".join(["typedef struct {", *members, f"}} {prefix}_row;"])
    kinds = [(name, isinstance(column, Categories)) for name, column in zip(names, table.columns, strict=True)]
    return TableCode(struct, categories, constants, [*helpers, function(head, body)], size, kinds)


def _meaning(table: Table, column: Column) -> str:
    """Return what a member takes, for a comment."""
    if isinstance(column, Categories):
        known = ", ".join(map(string, column.values[:4])) + (", ..." if len(column.values) > 4 else "")
        return f"{known}; {'NULL' if '' in column.values else 'NULL or empty'} where missing"
    if column.kind == "number":
        unit = "days since 1970-01-01" if column.name in table.date_columns else "a number"
        return f"{unit}, NAN where missing"
    return "1 for true, 0 for false, NAN where missing"


def _place(column: Categories, name: str, array: str, prefix: str) -> list[str]:
    """Return the lines that find the place of a text, as `plainnet.tabular.encoding.codes` has it."""
    missing = f"!row->{name}" if "" in column.values else f"!row->{name} || !*row->{name}"
    count = len(column.values)
    return [f"place = {missing} ? {count} : {prefix}_place(row->{name}, {array}, {count});"]


def _features(
    column: Column, places: Sequence[int], value: str, name: str, dtype: np.dtype[Any], constants: dict[str, Array]
) -> list[str]:
    """Return the lines that make a column's features of a number in C, traced from their formulas in float64.

    Arrays of numbers that they need come into `constants`, under names that begin with `name`.
    """
    lines: list[str] = []
    starts = iter(places)
    for features in column.features:
        place, *_ = islice(starts, len(features.names))
        program = _lowered(features, place, value, dtype)
        names = {}
        for i, array in enumerate(program.arrays):
            names[f"array {i}", 0] = free_name(f"{name}_numbers", constants)
            constants[names[f"array {i}", 0]] = np.asarray(array)
        made = Loops(program, names, {"work"}, {}).lines
        for array_name in names.values():
            if np.array_equal(constants[array_name], np.arange(len(constants[array_name]))):  # it is its own index
                made = [re.sub(rf"\b{array_name}\[(\w+)\]", r"\1", line) for line in made]
                del constants[array_name]
        is_block = any(line.startswith("const ") for line in made)
        lines += ["{", *(f"    {line}" for line in made), "}"] if is_block else made
    return lines


def _lowered(features: Features, place: int, value: str, dtype: np.dtype[Any]) -> Program:
    """Return the loops that write features from a place on."""
    graph = simplify(trace(lambda values: features.of(values).astype(dtype), ShapeDtype((1, 1), np.float64)))
    (values,) = graph.inputs
    extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
    target = Buffer("features", 0, extents[graph.result], dtype)
    number = Expression("argument", np.dtype(np.float64), value=value)
    program = lower(graph, {values: number}, [(graph.result, target)], extents)
    for step in program.steps:
        assert isinstance(step, Nest)
        step.stores = [
            store._replace(place=store.place.scaled(1, place)) if store.buffer.base == target.base else store
            for store in step.stores
        ]
    return program


def value_lines(target: NumberTarget) -> list[str]:
    """Return the lines that give the output of a regression in the target's own units."""
    number = np.dtype(np.float64)
    quantity = "(double)outputs[0]"
    if (target.mean, target.deviation) != (0.0, 1.0):
        shift = literal(abs(target.mean), number).text
        quantity += f" * {literal(target.deviation, number).text} {'-' if target.mean < 0 else '+'} {shift}"
    if not target.limits:
        return [f"return {quantity};"]
    low, high = (literal(limit, number).text for limit in target.limits)
    return [f"const double value = {quantity};", f"return value < {low} ? {low} : value > {high} ? {high} : value;"]
