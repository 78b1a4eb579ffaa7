"""The scripts that made the goldens need PyTorch or an earlier plainnet, which the tests do not: pytest skips them."""

collect_ignore = ["make_goldens.py", "make_checkpoint.py"]
