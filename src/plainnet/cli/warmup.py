"""The command `plainnet warmup`, which compiles ahead."""

from plainnet.cli.display import console, plain_table, print_whole
from plainnet.engines.choosing import require_compiled
from plainnet.engines.compiled.warming import warm_up


def warmup() -> None:
    """Compile the fast engine ahead, so that no training run waits for it (needs the extra `fast`)."""
    require_compiled()
    console.print("Making the machine code that is not there yet, up to a minute; loading what is.")
    done = warm_up()
    table = plain_table("machine code for", "numbers", "", "seconds", left=range(3))
    for one in done:
        table.add_row(one.kernel, one.dtype, "compiled" if one.compiled else "loaded", f"{one.seconds:.1f}")
    console.print(table)
    folder = done[0].folder
    print_whole(f"Kept in {folder}" if folder else "No folder can be written to, so every process compiles anew.")
