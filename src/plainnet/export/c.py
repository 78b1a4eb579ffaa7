"""A network as one file of C99 with its numbers, for a microcontroller or any other program.

The layers are traced and lowered to loops as for the compiled engine, which `engines.compiled.c_code` prints; so
whatever NumPy code the compiled engine takes, a user's own layers included, becomes C.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import plainnet
from plainnet._base.arrays import Array
from plainnet.activations import Softmax
from plainnet.engines.compiled.c_expressions import type_of
from plainnet.errors import InvalidValue
from plainnet.export import c_main
from plainnet.export.c_network import network_code
from plainnet.export.c_table import table_code, value_lines
from plainnet.export.c_text import comment, function, identifier, numbers, strings, words
from plainnet.export.source import architecture, parts, training
from plainnet.export.tables import check_fit
from plainnet.files.writing import replacing
from plainnet.network import Network
from plainnet.tabular import Table
from plainnet.tabular.targets import NumberTarget, label_text
from plainnet.tabular.thresholds import HALF

MOST_ON_STACK = 4096
"""Bytes of arrays between the layers that a function keeps on the stack; of more, the caller gives the memory."""


def write(net: Network, path: str | PathLike[str]) -> None:
    """Write `net` to `path` as C99 that needs `math.h` alone; its names begin with the name of the file.

    Raises InvalidValue for a layer that cannot be traced or computes what has no C, a network that is not built or has
    a number that is not finite, and one that does not fit its table; FileError where the file cannot be written.
    """
    text = source(net, Path(os.fspath(path)).name)
    with replacing(path) as stream:
        stream.write(text.encode())


def source(net: Network, file: str) -> str:
    """Return the text of the C file of this name."""
    table = None if net.table is None else Table.from_dict(net.table)
    if table is not None:
        check_fit(net, table)
    return _File(net, file, table).text()


class _File:
    """The parts of the text, from what all of them need."""

    def __init__(self, net: Network, file: str, table: Table | None) -> None:
        self.net = net
        self.file = file
        self.table = table
        self.prefix = identifier(Path(file).stem)
        self.kind = type_of(net.dtype)
        self.code = network_code(net, self.prefix)
        self.made = None if table is None else table_code(table, self.prefix, net.dtype)
        self.classes: Sequence[str] = ()
        """The names of the classes, where they have some."""
        if table is not None:
            self.classes = table.class_names
        elif net.classes is not None:
            self.classes = [label if isinstance(label, str) else label_text(label) for label in net.classes]
        ends_in_softmax = isinstance(getattr(net.layers[-1], "activation", None), Softmax)
        self.is_classifier = bool(self.classes) or (table is None and ends_in_softmax)
        self.threshold = HALF if table is None else table.threshold
        self.count = len(self.classes) or net.output_size or 0
        """The number of classes of a classifier."""
        if self.count != net.output_size and (self.count, net.output_size) != (2, 1):
            raise InvalidValue(f"net.classes has {self.count} labels, and the network has {net.output_size} outputs")
        self.scratch = self.code.scratch + (0 if table is None else net.input_size or 0)
        self.on_stack = self.scratch * net.dtype.itemsize <= MOST_ON_STACK
        self.taken = f"const {self.kind} *inputs" if table is None else f"const {self.prefix}_row *row"
        self.memory = "" if self.on_stack else f", {self.kind} *scratch"

    def text(self) -> str:
        made, macro = self.made, self.prefix.upper()
        heads = [head for head, _ in self._functions()]
        if made is not None:
            heads.insert(0, f"void {self.prefix}_features(const {self.prefix}_row *row, {self.kind} *features)")
        declared = f"const char *const {self.prefix}_class_names[{len(self.classes)}]"
        names = [f"extern {declared};"] if self.classes else []
        sections = [
            self._introduction(),
            "#include <math.h>",
            '#ifdef __cplusplus\nextern "C" {\n#endif',
            "\n".join(f"#define {macro}_{name} {value}" for name, value in self._sizes().items()),
            made.struct if made else "",
            "\n".join([*names, *(f"{head};" for head in heads)]),
            *(made.categories if made else []),
            strings(declared, self.classes) if self.classes else "",
            *(numbers(name, array) for name, array in self._constants().items()),
            *(made.functions if made else []),
            *(function(head, lines) for head, lines in self._functions()),
            "#ifdef __cplusplus\n}\n#endif",
            self._main(),
        ]
        return "\n\n".join(filter(None, sections)) + "\n"

    def _constants(self) -> dict[str, Array]:
        return self.code.constants | (self.made.constants if self.made else {})

    def _sizes(self) -> dict[str, int]:
        sizes = {"INPUTS": self.net.input_size or 0, "OUTPUTS": self.net.output_size or 0}
        if self.is_classifier:
            sizes["CLASSES"] = self.count
        return sizes if self.on_stack else {**sizes, "SCRATCH": self.scratch}

    # Functions

    def _functions(self) -> list[tuple[str, list[str]]]:
        """Return the head and the lines of each function but the table's."""
        declared = self.code.declarations if self.on_stack else self.code.pointers
        head = f"void {self.prefix}_predict(const {self.kind} *inputs, {self.kind} *outputs{self.memory})"
        unused = ["(void)scratch;"] if not self.on_stack and not any("scratch" in line for line in declared) else []
        functions = [(head, [*declared, *unused, *([""] if declared else []), *self.code.loops])]
        if self.is_classifier:
            head = f"int {self.prefix}_class({self.taken}, {self.kind} *probabilities{self.memory})"
            functions.append((head, self._class_lines()))
        elif self.table is not None:
            target = self.table.target
            assert isinstance(target, NumberTarget)
            head = f"double {self.prefix}_value({self.taken}{self.memory})"
            lines = [*self._outputs("outputs", declare=True), *value_lines(target)]
            functions.append((head, lines))
        return functions

    def _outputs(self, outputs: str, *, declare: bool) -> list[str]:
        """Return the lines that compute the network's outputs from what the function takes."""
        declared = [f"{self.kind} {outputs}[{self.net.output_size}];"] if declare else []
        memory = "" if self.on_stack else ", scratch"
        if self.table is None:
            return [*declared, f"{self.prefix}_predict(inputs, {outputs}{memory});"]
        if self.on_stack:
            declared.insert(0, f"{self.kind} features[{self.net.input_size}];")
        else:
            at = f" + {self.code.scratch}" if self.code.scratch else ""
            declared.insert(0, f"{self.kind} *const features = scratch{at};")
        calls = [f"{self.prefix}_features(row, features);", f"{self.prefix}_predict(features, {outputs}{memory});"]
        return [*declared, *calls]

    def _class_lines(self) -> list[str]:
        one = self.net.output_size == 1
        lines = self._outputs("outputs" if one else "probabilities", declare=one)
        if self.count == 1:
            lines += ["probabilities[0] = outputs[0] * 0 + 1;"]
        elif one:
            lines += ["probabilities[0] = 1 - outputs[0];", "probabilities[1] = outputs[0];"]
        if self.threshold != HALF:
            second = f"{'(double)' if self.kind == 'float' else ''}probabilities[1]"
            return [*lines, f"return isnan(probabilities[1]) ? -1 : {second} > {self.threshold!r};"]
        return [
            "int best = -1;",
            *lines,
            f"for (int i = 0; i < {self.count}; i++) {{",
            "    if (best < 0 ? !isnan(probabilities[i]) : probabilities[i] > probabilities[best]) {",
            "        best = i;",
            "    }",
            "}",
            "return best;",
        ]

    def _main(self) -> str:
        members = None if self.made is None else self.made.members
        prints = "class" if self.is_classifier else "value" if members else "outputs"
        return c_main.main(self.prefix, self.kind, members, prints, bool(self.classes), self.on_stack)

    # The comment at the top

    def _introduction(self) -> str:
        net, prefix = self.net, self.prefix
        purpose = "a network" if self.table is None else f"predicts {words(self.table.target.name)} by a network"
        numbers_bytes = sum(array.nbytes for array in self._constants().values())
        texts = sum(len(name.encode()) + 1 for name in self.classes) + (self.made.text_bytes if self.made else 0)
        scratch = self.scratch * net.dtype.itemsize
        where = "on the stack" if self.on_stack else f"given by the caller, {prefix.upper()}_SCRATCH numbers"
        flash = f"{numbers_bytes:,} bytes of numbers" + (f" and {texts:,} of texts" if texts else "")
        lines = architecture(net, parts(net)).replace("→", "->")
        return comment(
            [
                words(f"{self.file}: {purpose}, {lines}."),
                words(
                    f"{net.parameters.size:,} parameters ({self.kind}). plainnet {plainnet.__version__} wrote this "
                    f"file{training(net)}."
                ),
                *self._usage(),
                f"    flash    {flash}, beside the code\n    memory   {scratch:,} bytes of arrays, {where}",
                "The file is C99 and C++ and needs math.h alone. Nothing is allocated or kept from call to call, so "
                "threads and interrupts may call the functions at once. Arrays that are passed must not overlap.",
                f"Compile the file with a program that declares its functions as below, or #include it in one file. "
                f"With -D{prefix.upper()}_MAIN it is a program itself, which reads {self._read()} from its standard "
                "input and prints what it predicts.",
            ]
        )

    def _read(self) -> str:
        if self.made is None:
            return f"rows of {self.net.input_size} numbers"
        return f"rows of {len(self.made.members)} fields with commas between them, empty where missing,"

    def _usage(self) -> list[str]:
        """Return how the functions are called."""
        prefix, macro, kind = self.prefix, self.prefix.upper(), self.kind
        memory = [] if self.on_stack else [f"    static {kind} scratch[{macro}_SCRATCH];"]
        last = "" if self.on_stack else ", scratch"
        given = f"    {kind} inputs[{macro}_INPUTS] = {{ ... }};"
        argument = "inputs"
        if self.made is not None:
            shown = ", ".join('"..."' if is_text else "NAN" for _, is_text in self.made.members[:3])
            more = ", ..." if len(self.made.members) > 3 else ""
            given, argument = f"    {prefix}_row row = {{{shown}{more}}};", "&row"
        lines = [given, *memory]
        after = []
        if self.is_classifier:
            lines += [f"    {kind} probabilities[{macro}_CLASSES];"]
            lines += [f"    int best = {prefix}_class({argument}, probabilities{last});"]
            called = f"; its name is {prefix}_class_names[best]" if self.classes else ""
            which = "the number of the most probable class"
            if self.threshold != HALF:
                which = f"1, the second class, where its probability is above {self.threshold!r}, else 0, the first"
            after = [f"best is {which}{called}. It is -1 where an input is not a number."]
        elif self.made is not None:
            lines += [f"    double value = {prefix}_value({argument}{last});"]
        else:
            lines += [f"    {kind} outputs[{macro}_OUTPUTS];", f"    {prefix}_predict(inputs, outputs{last});"]
        if self.made is not None:
            after += [
                "A text has to be spelled as in the list of its column, in UTF-8; any other is a value that training "
                "did not have. An infinite number is not refused: it makes the outputs NAN, or counts as very large "
                "where numbers are clipped."
            ]
        return ["\n".join(lines), *after]
