"""A table's preprocessing as C: a struct for a row, and the function that makes a network's inputs of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plainnet.engines.compiled.c_expressions import formula, literal
from plainnet.engines.compiled.loops import Buffer, Expression, Extent, Nest
from plainnet.engines.compiled.lowering import lower
from plainnet.export.c_text import field_names, function, string, strings, words
from plainnet.tabular import Table
from plainnet.tabular.columns import CategoryColumn, Column, NumberColumn
from plainnet.tracing import ShapeDtype, trace

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
    functions: list[str]
    text_bytes: int
    """The bytes of the categories."""
    members: list[tuple[str, bool]]
    """The name of each member of the struct; True for text."""


def table_code(table: Table, prefix: str, kind: str) -> TableCode:
    """Return the code of a table for features of the C type `kind`."""
    names = field_names(column.name for column in table.columns)
    one, zero = _one_and_zero(kind)
    members, categories, lines, size = [], [], [], 0
    place = 0
    for name, column in zip(names, table.columns, strict=True):
        is_text = isinstance(column, CategoryColumn)
        about = words(f"{column.name}: {_meaning(table, column)}")
        members.append(f"    {'const char *' if is_text else 'double '}{name}; /* {about} */")
        lines.append(f"/* {words(column.name)} */")
        if isinstance(column, CategoryColumn):
            array = f"{prefix}_{name}_values"
            categories.append(strings(f"static const char *const {array}[{len(column.values)}]", column.values))
            size += sum(len(value.encode()) + 1 for value in column.values)
            lines += _one_hot(column, name, array, prefix, place, kind)
        else:
            lines.append(f"features[{place}] = {_feature(column, name, kind)};")
            if column.missing:
                lines.append(f"features[{place + 1}] = isnan(row->{name}) ? {one} : {zero};")
        place += len(column.feature_names)
    head = f"void {prefix}_features(const {prefix}_row *row, {kind} *features)"
    body = ["int place;", "", *lines] if categories else lines
    helpers = [PLACE.format(prefix=prefix)] if categories else []
    struct = "\n".join(["typedef struct {", *members, f"}} {prefix}_row;"])
    kinds = [(name, isinstance(column, CategoryColumn)) for name, column in zip(names, table.columns, strict=True)]
    return TableCode(struct, categories, [*helpers, function(head, body)], size, kinds)


def _meaning(table: Table, column: Column) -> str:
    """Return what a member takes, for a comment."""
    if isinstance(column, CategoryColumn):
        known = ", ".join(map(string, column.values[:4])) + (", ..." if len(column.values) > 4 else "")
        return f"{known}; {'NULL' if '' in column.values else 'NULL or empty'} where missing"
    if isinstance(column, NumberColumn):
        unit = "days since 1970-01-01" if column.name in table.date_columns else "a number"
        return f"{unit}, NAN where missing"
    return "1 for true, 0 for false, NAN where missing"


def _feature(column: Column, name: str, kind: str) -> str:
    """Return the feature of a number as a formula, traced from the column's own arithmetic in float64."""
    graph = trace(column.first_feature, ShapeDtype((1,), np.float64))
    (value,) = graph.inputs
    extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
    target = Buffer("features", 0, (Extent(1),), graph.result.dtype)
    number = Expression("argument", np.dtype(np.float64), value=f"row->{name}")
    (nest,) = lower(graph, {value: number}, [(graph.result, target)], extents).steps
    assert isinstance(nest, Nest)
    text = formula(nest.stores[0].expression).text
    return f"({kind})({text})" if kind != "double" else text


def _one_hot(column: CategoryColumn, name: str, array: str, prefix: str, place: int, kind: str) -> list[str]:
    one, zero = _one_and_zero(kind)
    count = len(column.values)
    start = f"{place} + i" if place else "i"
    lines = [
        f"place = {prefix}_place(row->{name}, {array}, {count});",
        f"for (int i = 0; i < {count}; i++) {{",
        f"    features[{start}] = place == i ? {one} : {zero};",
        "}",
    ]
    if column.missing:
        missing = f"!row->{name}" if "" in column.values else f"!row->{name} || !*row->{name}"
        lines.append(f"features[{place + count}] = {missing} ? {one} : {zero};")
    return lines


def _one_and_zero(kind: str) -> tuple[str, str]:
    return ("1.0f", "0.0f") if kind == "float" else ("1.0", "0.0")


def value_lines(mean: float, deviation: float) -> str:
    """Return the output of a regression in the target's own units."""
    if (mean, deviation) == (0.0, 1.0):
        return "(double)outputs[0]"
    number = np.dtype(np.float64)
    shift = literal(abs(mean), number).text
    return f"(double)outputs[0] * {literal(deviation, number).text} {'-' if mean < 0 else '+'} {shift}"
