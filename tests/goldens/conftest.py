"""The script that made the goldens needs PyTorch, which the tests do not: pytest leaves it alone."""

collect_ignore = ["make_goldens.py"]
