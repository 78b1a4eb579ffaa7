"""The README and the docs: every block says its language, and the README's commands do and print what it shows."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from plainnet.cli import run

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LANGUAGES = {"python", "py", "bash", "text", "c"}
"""`py` is Python that is shown and not run: excerpts of files that plainnet writes."""
FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    return [(match["language"], match["text"]) for match in FENCE.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_its_language(page):
    assert {language for language, _ in blocks(page)} <= LANGUAGES


def commands():
    """Each command of the README with the text that the page shows as its output, empty where it shows none."""
    found = []
    shown = blocks(ROOT / "README.md")
    for (language, text), (following, output) in zip(shown, [*shown[1:], ("", "")], strict=True):
        if language == "bash":
            lines = [part.strip() for line in text.replace("\\\n", " ").splitlines() for part in line.split("&&")]
            outputs = [output if following == "text" and i == 0 else "" for i in range(len(lines))]
            found += zip(lines, outputs, strict=True)
    return found


def test_commands_run_and_print_what_the_readme_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for command, output in commands():
        program, *arguments = shlex.split(command)
        if program == "pip":
            assert set(re.findall(r"[\w-]+", arguments[1])) <= extras.keys(), command
        elif command == "plainnet play":
            continue  # it ends with Ctrl-C: test_play_server starts it
        elif program == "plainnet":
            assert run(arguments) == 0, command
            assert_printed(output, capsys.readouterr().out)
        else:
            assert command == "pytest"


def assert_printed(shown, printed):
    """Each part of `shown` between lines of three dots stands in `printed`, in this order."""
    place = 0
    lines = [line.rstrip() for line in printed.splitlines()]
    text = "\n".join(lines)
    for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
        found = text.find(part.strip("\n"), place)
        assert found >= 0, f"not printed:\n{part}\nbut:\n{text}"
        place = found
