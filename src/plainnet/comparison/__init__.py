"""Fair comparisons: many seeds, the same splits, paired differences, and a plain word where the data do not decide.

`variants.py` says what is compared and `seed_data.py` on what, `runs.py` trains one run and `lanes.py` many small ones
at once, `executing.py` says where runs happen, `results_file.py` keeps them in a file, `comparing.py` puts these
together; `tables.py` makes the variants and data of a table; `result.py` and `statistics.py` say what came of it, and
`pictures.py` draws it.
"""

from plainnet.comparison.comparing import compare
from plainnet.comparison.result import Comparison, Difference, Summary
from plainnet.comparison.runs import Run

__all__ = ["Comparison", "Difference", "Run", "Summary", "compare"]
