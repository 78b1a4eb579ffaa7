"""Every block of the README and the docs runs, from top to bottom, and prints what the page shows after it.

A page's blocks are one session in an empty folder, in which `examples` is the repository's. What a language means:
`python` runs (a page whose blocks have prompts is one doctest); each line of `bash` that is a command of plainnet runs;
`text` right after one of them is what it prints, with `...` in a line of its own for what is left out; the others are
shown and not run.
"""

import ast
import doctest
import re
import shlex
import tomllib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LANGUAGES = {"python", "py", "bash", "text", "c"}
"""`py` is Python that is shown and not run: excerpts of files that plainnet writes."""
FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

COMMANDS = ("cli", "tables", "plots")
NEEDS = {
    "docs/how/engines.md": ("fast",),
    "docs/learn/training.md": ("fast", "plots"),
    "docs/use/estimators.md": ("sklearn", "tables"),
    "docs/use/export.md": ("exchange",),
    "docs/use/many-networks.md": ("fast", "cluster"),
    "docs/use/onnx.md": ("exchange", "onnxruntime"),
    "docs/use/pytorch.md": (*COMMANDS, "exchange"),
    "docs/use/reproducibility.md": ("fast",),
    "docs/use/speed.md": ("fast",),
    "docs/use/table.md": ("sklearn",),
}
"""What the blocks of a page need beyond NumPy, and beyond what its commands of plainnet need (`COMMANDS`)."""

SHORTER = {
    "README.md": ("epochs=100_000", "epochs=1_000"),
    "docs/learn/five-defects.md": ("seeds=1000, steps=10_000", "seeds=50, steps=1_000"),
    "docs/learn/your-table.md": ("--target species\n", "--target species --recipe small\n"),
    "docs/use/compare.md": ("seeds=1000", "seeds=20"),
    "docs/use/estimators.md": ("TableClassifier(random_state=0)", "TableClassifier(epochs=20, random_state=0)"),
    "docs/use/table.md": ("--save model.npz", "--recipe small --save model.npz"),
}
"""What a page computes for long, and what is enough to see that its blocks run; `-m slow` runs them as they are."""

ELSEWHERE = {"docs/use/cluster.md": "test_cluster.py"}
"""Pages whose blocks need a cluster, and the tests that run them."""


EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


@dataclass(frozen=True)
class Block:
    """A block of a page, and what the page shows as its output: None where it shows none."""

    language: str
    text: str
    output: str | None = None


def blocks(page):
    """The blocks of a page; a `text` that follows another block with nothing between is the output of that one."""
    text = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    shown = []
    for block, after in pairwise([*found, None]):
        follows = after is not None and after["language"] == "text" and not text[block.end() : after.start()].strip()
        shown.append(Block(block["language"], block["text"], after["text"] if follows else None))
    return shown


def runs(page):
    return page not in [ROOT / name for name in ELSEWHERE] and {"python", "bash"} & {b.language for b in blocks(page)}


def named(page):
    name = page.relative_to(ROOT).as_posix()
    has_commands = any(program == "plainnet" for b in blocks(page) for program, *_ in commands_in(b))
    needs = (*NEEDS.get(name, ()), *(COMMANDS if has_commands else ()))
    return pytest.param(page, id=name, marks=[pytest.mark.needs(*needs)] if needs else [])


def commands_in(block):
    """Yield the program, its arguments and the exit status that the page names of each command of a `bash` block."""
    if block.language != "bash":
        return
    for line in block.text.replace("\\\n", " ").splitlines():
        line, _, comment = line.partition("#")
        for command in filter(str.strip, line.split("&&")):
            program, *arguments = shlex.split(command)
            yield program, arguments, 1 if "exit status 1" in comment else 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_says_its_language(page):
    languages = {block.language for block in blocks(page)}
    assert {language for language in languages if not language.startswith("{")} <= LANGUAGES


@pytest.mark.parametrize("page", [named(page) for page in PAGES if runs(page)])
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch, capsys):
    run_page(page, tmp_path, monkeypatch, capsys, *SHORTER.get(page.relative_to(ROOT).as_posix(), ()))


@pytest.mark.slow
@pytest.mark.parametrize("page", [named(ROOT / name) for name in SHORTER])
def test_long_blocks_run_as_they_are(page, tmp_path, monkeypatch, capsys):
    run_page(page, tmp_path, monkeypatch, capsys)


def run_page(page, folder, monkeypatch, capsys, long="", short=""):
    """Run the blocks of a page; where something is made shorter, its output is another one."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.syspath_prepend(".")  # a page may import the files that it wrote
    (folder / "examples").symlink_to(ROOT / "examples")
    assert long in page.read_text(encoding="utf-8")
    if any(">>> " in block.text for block in blocks(page)):
        assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0
        return
    names = {"__name__": "__main__"}
    for block in blocks(page):
        text = block.text.replace(long, short) if long else block.text
        if block.language == "python":
            run_python(text, names)
        elif block.language == "bash" and not run_commands(replace(block, text=text)):
            continue  # what it would print on the reader's own files
        printed = capsys.readouterr().out
        if block.output is not None and block.language in ("python", "bash") and text == block.text:
            assert_printed(block.output, printed)


def run_python(text, names):
    """Run a block as a notebook does, which shows the value of its last line."""
    tree = ast.parse(text)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "block", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "block", "eval"), names)
        print("" if value is None else repr(value))


def run_commands(block):
    """Run the commands of plainnet, and return whether all ran; those on files of the reader's own are parsed alone.

    `plainnet play` is one of these: it waits for a browser. A command that is meant to fail says so: `# exit status 1`.
    """
    ran = True
    for program, arguments, status in commands_in(block):
        if program == "pip":
            named = re.findall(r"\[(.*?)\]", " ".join(arguments))
            assert set(re.findall(r"[\w-]+", " ".join(named))) <= EXTRAS, arguments
        if program != "plainnet":
            continue
        from plainnet import cli

        name, *own = arguments
        files = [word for word in own if re.fullmatch(r"[\w/]+\.(csv|npz|parquet)|\w+/", word)]
        if name != "play" and (not files or Path(files[0]).exists()):
            assert cli.run(arguments) == status, arguments
        else:
            ran = False
            parse(name, own)
    return ran


def parse(name, arguments):
    """Hold the arguments of a command against those that it takes."""
    import typer

    from plainnet import cli

    command = typer.main.get_command(cli.program()).commands[name]
    command.make_context(name, list(arguments))


def assert_printed(shown, printed):
    """Each part of `shown` between lines of three dots stands in `printed`, in this order."""
    place = 0
    text = comparable(printed)
    for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
        part = comparable(part.strip("\n"))
        found = text.find(part, place)
        assert found >= 0, f"not printed:\n{part}\nbut:\n{text}"
        place = found


def comparable(text):
    """The text without spaces at the ends of lines, second empty lines, and the numbers of a last column of seconds."""
    lines = [line.rstrip() for line in text.splitlines()]
    if any(line.endswith(" seconds") for line in lines):
        lines = [re.sub(r" +[\d.]+$", "", line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
