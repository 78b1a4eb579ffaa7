"""The compiled engine (extra `fast`): machine code made from the graph of a training step."""
