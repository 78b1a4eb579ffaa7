"""The compiled engine's kernels: the formulas of layers, losses and optimizers as loops over flat vectors.

Everything here is compiled by Numba and mirrors the NumPy code of the same name; `tests/test_engines.py` holds the
two against each other. A function works on whole vectors and offsets into them, and indexes with unsigned numbers
(`u`), which spares the check for negative ones and lets the loops become vector instructions. `T` is the number
type of the run: a bare 1.0 would turn float32 arithmetic into float64.
"""
