"""`plainnet` and `python -m plainnet`: the command line, where its extra is installed."""

import sys

from plainnet import __version__


def main() -> None:
    """Run the command line; without the extra `cli`, say how to install it."""
    if sys.argv[1:] == ["--version"]:  # without the time that the commands take to import
        print(f"plainnet {__version__}")
        return
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError:
        print("plainnet: the command line needs more than NumPy: pip install 'plainnet[cli,tables]'", file=sys.stderr)
        sys.exit(2)
    from plainnet.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
