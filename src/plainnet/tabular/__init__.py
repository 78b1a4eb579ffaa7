"""This package makes models of tables: rows become arrays, a recipe's network learns them, outputs become labels.

    file or frame → problem_of_file, problem_of   rows with a known target, and what the target is
                  → divide                          parts: some rows train, some choose, some test
                  → prepare                         encoders learned on the training part, and arrays
                  → fit_table                       the network of a Recipe, trained; it knows its Table

Of files larger than memory, and for training by several ranks, `prepare_stream` takes the first three steps in one.

Each step takes the object that the one before it gave. A `Table` reads later files as the first one was read:
`Table.read` → `Table.features` → a network → `Table.predictions` → `write_table`. Files and frames go through polars,
which is imported where it is used.

>>> import polars
>>> from plainnet import tabular
>>> size = [number / 2 for number in range(100)]
>>> price = [5 + s + number % 3 for number, s in enumerate(size)]
>>> frame = polars.DataFrame({"size": size, "color": ["red", "blue"] * 50, "price": price})
>>> recipe = tabular.RECIPES["small"].varied(epochs=2)
>>> problem = tabular.problem_of(frame, "price")
>>> parts = tabular.divide(problem, tabular.Division(validation=tabular.Share(0.2)), seed=0)
>>> prepared = tabular.prepare(problem, parts, recipe)
>>> prepared.X.shape, len(prepared.held_out), prepared.table.feature_names
((80, 3), 20, ('size', 'color=blue', 'color=red'))
>>> fitted = tabular.fit_table(prepared, recipe)
>>> fitted.net.predict_labels(frame).shape
(100,)
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
