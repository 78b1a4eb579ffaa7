"""`plainnet` and `python -m plainnet`: the command line, where its extra is installed."""

import sys

from plainnet import __version__


def main() -> None:
    """Run the command line; without the extra `cli`, say what to install."""
    if sys.argv[1:] == ["--version"]:  # without the time that the commands take to import
        try:
            print(f"plainnet {__version__}", flush=True)
        except OSError as error:
            sys.stdout = None  # Python would try to write it once more at its end
            print(f"plainnet: standard output cannot be written: {error.strerror}", file=sys.stderr)
            sys.exit(2)
        return
    try:
        sys.exit(_run())
    except KeyboardInterrupt:  # while Python still imports, or once more at the end; `run` itself handles its own
        print("plainnet: interrupted", file=sys.stderr)
        sys.exit(130)


def _run() -> int:
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError:
        from plainnet._base.extras import missing_extra

        print(f"plainnet: {missing_extra('the command line', 'cli')}", file=sys.stderr)
        return 2
    from plainnet.cli import run

    return run()


if __name__ == "__main__":
    main()
