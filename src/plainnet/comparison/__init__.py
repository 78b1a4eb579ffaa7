"""Fair comparisons: many seeds, the same splits, paired differences, and a clear word if the data do not decide.

`variants.py` and `seed_data.py` describe what is compared, `runs.py` trains one run and `lanes.py` many small ones at
once, `executing.py` distributes runs, `results_file.py` keeps them in a file, and `comparing.py` puts these together;
`tables.py` makes the variants and data of a table; `result.py`, `statistics.py`, `wording.py` and `pictures.py` present
the result.

>>> import plainnet as pn
>>> X, y = pn.datasets.xor()
>>> variants = {f"{n} tanh": pn.Network(pn.Dense(n, "tanh"), pn.Dense(1, "sigmoid")) for n in (1, 6)}
>>> comparison = pn.compare(variants, X, y, seeds=8, workers=1, loss="mse", optimizer=pn.SGD(2.0),
...                         epochs=500, batch_size=None, report_every=500, learned="loss < 0.05")
>>> comparison.ranking(), comparison.choice(), len(comparison.of("1 tanh"))
(['6 tanh', '1 tanh'], '6 tanh', 8)
"""

from plainnet.comparison.comparing import compare
from plainnet.comparison.result import Comparison, Difference, Summary
from plainnet.comparison.runs import Run

__all__ = ["Comparison", "Difference", "Run", "Summary", "compare"]
