"""Measures plainnet beside what a user would pick instead: `python -m benchmarks`, from the repository root."""
