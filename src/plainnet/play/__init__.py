"""The live page: watch a network learn."""
