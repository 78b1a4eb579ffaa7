"""The scripts that made the goldens need PyTorch, pytabkit or an earlier plainnet; the tests do not, and skip them."""

collect_ignore = ["make_goldens.py", "make_checkpoint.py", "make_tables.py"]
