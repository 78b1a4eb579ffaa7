"""The command `plainnet warmup`, which earlier versions needed."""

from plainnet.cli.display import print_whole


def warmup() -> None:
    """Do nothing: this command is no longer needed, as the fast engine compiles each job in tenths of a second."""
    print_whole(
        "Nothing to do: the fast engine makes the machine code of each job when it starts, in tenths of a second. "
        "This command is no longer needed."
    )
