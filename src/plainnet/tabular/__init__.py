"""Make arrays for a network from tables (CSV, TSV, Parquet), and labels and units from its outputs.

From file to file: `read_table` → `drop_missing_targets` → `decide_task` → `split` → `Table.learn` on the
training rows → `Table.features` and `Table.targets` → a network → `Table.predictions` → `write_table`. For
the next file `Table.read` replaces the first steps. Files and frames go through polars, which is imported
where it is used.
"""

from plainnet.tabular.features import FeatureGroups
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.reading import read_table, write_table
from plainnet.tabular.table import Table
from plainnet.tabular.targets import Task, decide_task, drop_missing_targets, split

__all__ = [
    "FeatureGroups",
    "ReadOptions",
    "Table",
    "Task",
    "decide_task",
    "drop_missing_targets",
    "read_table",
    "split",
    "write_table",
]
