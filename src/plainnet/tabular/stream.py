"""Tables whose rows are read in pieces, or are shared out to several ranks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from plainnet._base.extras import missing_extra
from plainnet.tabular.parts import Division
from plainnet.tabular.read_options import DEFAULT, ReadOptions
from plainnet.tabular.recipe import RECIPES, Recipe

if TYPE_CHECKING:
    from plainnet.tabular.preparing import Prepared


def prepare_stream(
    paths: Any,
    target: str,
    recipe: Recipe = RECIPES["realmlp"],
    *,
    division: Division = Division(),  # noqa: B008  (it is frozen)
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
    sample_weight: str | None = None,
    task: str | None = None,
    loss: str | None = None,
    seed: int = 0,
    dtype: str = "float32",
    communicator: Any = None,
    stream: bool | None = None,
) -> Prepared:
    """Return a table of files that need not fit into memory, learned in one pass and ready for `fit_table`.

    `paths` are a file, a folder of files, or a list of both. With a `communicator` of mpi4py each rank calls this with
    the same arguments, and takes an equal part of the rows. `division` says which rows are held out, at most about
    100,000 for each part, drawn by a rule that looks at the seed and a row's number alone. The training rows, once
    encoded, stay in memory where they take little of it, and are otherwise read, piece by piece, in each epoch; with
    `stream` they take at most 128 MB of memory. `target`, `ignore`, `options`, `sample_weight`, `task` and `loss` are
    as for `problem_of_file`, `recipe` and `dtype` as for `prepare`, and `seed`, a whole number of at least 0, decides
    which rows are held out. Raises as they do.

    Means, deviations, counts, categories and ranges are those of all training rows; medians, quartiles and the means
    of clipped features are those of a sample of about 100,000. The classes of the target are those of all rows.
    """
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("a table", "tables") from None
    from plainnet.tabular.streaming.preparing import prepared_stream

    return prepared_stream(
        paths,
        target,
        recipe,
        division,
        ignore=ignore,
        options=options,
        sample_weight=sample_weight,
        task=task,
        loss=loss,
        seed=seed,
        dtype=dtype,
        communicator=communicator,
        stream=stream,
    )
