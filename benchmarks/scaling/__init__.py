"""Trainings on several ranks, measured on this machine and drawn out to many: `python -m benchmarks.scaling`."""
