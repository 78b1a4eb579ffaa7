"""The command `plainnet warmup`, which earlier versions needed."""

from plainnet.cli.display import print_whole


def warmup() -> None:
    """Do nothing: the fast engine compiles each job in tenths of a second, so nothing is compiled ahead any longer."""
    print_whole(
        "Nothing to do: the fast engine makes the machine code of each job when it starts, in tenths of a second. "
        "This command is no longer needed."
    )
