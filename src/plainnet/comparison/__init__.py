"""Fair comparisons: many seeds, the same splits, paired differences, and a clear word if the data do not decide.

`variants.py` and `seed_data.py` describe what is compared, `runs.py` trains one run and `lanes.py` many small ones at
once, `executing.py` distributes runs, `results_file.py` keeps them in a file, and `comparing.py` puts these together;
`tables.py` makes the variants and data of a table; `result.py`, `statistics.py`, `wording.py` and `pictures.py` present
the result.
"""

from plainnet.comparison.comparing import compare
from plainnet.comparison.result import Comparison, Difference, Summary
from plainnet.comparison.runs import Run

__all__ = ["Comparison", "Difference", "Run", "Summary", "compare"]
