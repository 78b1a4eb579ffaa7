"""The compiled engine (extra `fast`): a network as tables of numbers, and loops over them that Numba compiles."""
