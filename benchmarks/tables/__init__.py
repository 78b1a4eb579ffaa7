"""`python -m benchmarks.tables FOLDER`: how accurate plainnet is on tables, beside other libraries, and how fast.

| file | what it holds |
| --- | --- |
| `folder.py` | the tables of a folder, their columns and splits |
| `models.py` | each contestant: how it is fitted and predicts |
| `results.py` | one result, and the file of results that a broken run goes on from |
| `summary.py` | errors, ratios and their geometric means as tables |
"""
