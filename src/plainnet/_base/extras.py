"""The extras of plainnet and what they hold, as the installed package itself lists it in its metadata."""

import re
import sys

from plainnet.errors import MissingExtraError


def missing_extra(what: str, extra: str, library: str | None = None) -> MissingExtraError:
    """Return the error for `what`, which needs the libraries of `extra`, or one of them alone."""
    if sys.platform == "emscripten":  # Python in a browser, where nobody installs
        return MissingExtraError(f"{what} needs libraries that a browser has not; plainnet on your own machine does it")
    libraries = lacking(extra)
    if library is not None:
        libraries = [library] if libraries is None else [one for one in libraries if one.startswith(library)]
    if libraries:
        quoted = " ".join(f'"{name}"' if {*"[>"} & {*name} else name for name in libraries)  # as a shell needs it
        return MissingExtraError(f"{what} needs {', '.join(libraries)}: pip install {quoted} (of plainnet[{extra}])")
    if libraries is None:
        return MissingExtraError(f"{what} needs the libraries of plainnet[{extra}], which pyproject.toml names")
    return MissingExtraError(
        f"{what} needs the libraries of plainnet[{extra}]; they are installed and one cannot be imported: "
        f"{sys.exception()}"
    )


def lacking(extra: str) -> list[str] | None:
    """Return the libraries of an extra that are not installed ("rich") or too old ("rich>=13"), as pip takes them.

    None where plainnet runs without having been installed, so that nothing tells what its extras hold.
    """
    from importlib import metadata  # reads files, which nobody needs before something is missing

    try:
        required = metadata.requires("plainnet") or []
    except metadata.PackageNotFoundError:
        return None
    form = rf"([\w.-]+(?:\[[\w,-]+\])?)([^;]*);\s*(?:\(?(.*?)\)? and )?extra == ['\"]{extra}['\"]$"
    found = (re.match(form, line) for line in required)
    needed = [_needed(match[1], match[2].strip()) for match in found if match and _is_for_here(match[3])]
    return [library for library in needed if library]


def _is_for_here(marker: str | None) -> bool:
    """Return True if a library is for this system: its marker, if any, names the system to have or to lack."""
    named = re.fullmatch(r"sys_platform (==|!=) ['\"](\w+)['\"]", marker or "")
    return named is None or (sys.platform == named[2]) == (named[1] == "==")


def _needed(name: str, versions: str) -> str | None:
    """Return what to install for a library of these versions (">=0.61"); None where it is there."""
    from importlib import metadata

    try:
        installed = metadata.version(name.partition("[")[0])
    except metadata.PackageNotFoundError:
        return name
    least = versions.removeprefix(">=")
    return f"{name}{versions}" if _parts(installed) < _parts(least) else None


def _parts(version: str) -> list[int]:
    """[0, 61, 2] of "0.61.2"; what follows the numbers, such as "rc1", does not count."""
    return [int(part) for part in re.findall(r"(?:^|\.)(\d+)", version)]
