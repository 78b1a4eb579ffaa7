"""This package makes models of tables: rows become arrays, a recipe's network learns them, outputs become labels.

    file or frame → `problem_of_file`, `problem_of`   rows with a known target, and what the target is
                  → `divide`                          parts: some rows train, some choose, some test
                  → `prepare`                         encoders learned on the training part, and arrays
                  → `fit_table`                       the network of a `Recipe`, trained; it knows its `Table`

Of files larger than memory, and for training by several ranks, `prepare_stream` takes the first three steps in one.

Each step takes the object that the one before it gave. A `Table` reads later files as the first one was read:
`Table.read` → `Table.features` → a network → `Table.predictions` → `write_table`. Files and frames go through polars,
which is imported where it is used.
"""

from plainnet.tabular.features import FeatureGroups
from plainnet.tabular.fitting import Fitted, fit_table
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import Problem, divide, problem_of, problem_of_file
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.reading import read_table, write_table
from plainnet.tabular.recipe import RECIPES, Recipe
from plainnet.tabular.stream import prepare_stream
from plainnet.tabular.table import Table
from plainnet.tabular.targets import Task, decide_task, drop_missing_targets, split

__all__ = [
    "RECIPES",
    "Division",
    "FeatureGroups",
    "Fitted",
    "Prepared",
    "Problem",
    "ReadOptions",
    "Recipe",
    "Share",
    "Table",
    "Task",
    "decide_task",
    "divide",
    "drop_missing_targets",
    "fit_table",
    "prepare",
    "prepare_stream",
    "problem_of",
    "problem_of_file",
    "read_table",
    "split",
    "write_table",
]
