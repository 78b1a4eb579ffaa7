"""`plainnet warmup`: compile ahead."""

from plainnet.cli.display import console
from plainnet.engines.warming import warm_up


def warmup() -> None:
    """Compile the fast engine ahead, so that no training run waits for it (needs the extra `fast`)."""
    for done in warm_up():
        did = "compiled" if done.compiled else "is there already, loaded"
        kept = f"kept in {done.folder}" if done.folder else "no folder to keep it in can be written to"
        console.print(f"{done.dtype}: {did} in {done.seconds:.1f} s; {kept}")
