"""Formulas written as text, set as MathML.

a / b        a fraction of the two factors beside the stroke      e^-z, Σ_j    above and below
√(a + b)     a root                                               z², zᵀ       above
|a|, ‖a‖     between strokes                                      f(z)         a function where no space is between
"""

import re
from collections.abc import Sequence
from html import escape

PROSE = frozenset({"for", "else", "with", "probability"})
"""Words between formulas, as against names."""

THIN_SPACE = '<mspace width="0.25em"/>'
"""Between factors such as "mean m", which would read as one word."""

_SUPERSCRIPTS = {"²": "2", "³": "3", "ᵀ": "T"}
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<word>∂?(?:(?![ᵀΣ²³₀-₉])[^\W\d_]\u0302?)+'?)"
    r"|(?P<above>[²³ᵀ])|(?P<below>[₀-₉]+)|(?P<operator>\S)"
)
_CLOSING = {"(": ")", "[": "]", "|": "|", "‖": "‖"}


def mathml(formula: str) -> str:
    """The formula as one `<math>` element.

    >>> mathml("a / 2")
    '<math displaystyle="true"><mfrac><mi>a</mi><mn>2</mn></mfrac></math>'
    """
    tokens = list(_TOKEN.finditer(formula))
    return f'<math displaystyle="true">{"".join(_Parser(tokens).row())}</math>'


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: Sequence["re.Match[str]"]) -> None:
        self.tokens = tokens
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place].group() if self.place < len(self.tokens) else ""

    def row(self, closing: str = "") -> list[str]:
        """Factors and operators up to `closing`."""
        nodes: list[str] = []
        while self.peek() and self.peek() != closing:
            if self.parts_words():
                nodes.append(THIN_SPACE)
            node = self.factor(closing)
            if self.peek() == "/":
                self.place += 1
                node = f"<mfrac>{_bare(node)}{_bare(self.factor(closing))}</mfrac>" if self.peek() else node
            nodes.append(node)
        return nodes

    def parts_words(self) -> bool:
        """Tell whether the next token is a factor beside another one, of which either is a word of several letters."""
        if not self.place:
            return False
        before, after = self.tokens[self.place - 1], self.tokens[self.place]
        words = [t.group() for t in (before, after) if t.lastgroup == "word" and t.group() not in PROSE]
        beside = before.lastgroup != "operator" or before.group() in _CLOSING.values()
        if after.lastgroup == "number":
            return before.lastgroup == "word" and before.group() not in PROSE
        begins = after.lastgroup == "word" or after.group() in ("(", "√", "Σ")
        return beside and begins and before.group() not in PROSE and any(len(word) > 1 for word in words)

    def factor(self, closing: str = "") -> str:
        """An atom with what stands above and below it."""
        token = self.tokens[self.place]
        node = self.atom(closing)
        below = above = ""
        while self.place < len(self.tokens):
            following = self.tokens[self.place]
            if following.lastgroup == "above":
                above = f"<mn>{_SUPERSCRIPTS[following.group()]}</mn>".replace("<mn>T</mn>", "<mo>⊤</mo>")
                self.place += 1
            elif following.lastgroup == "below":
                below = f"<mn>{following.group().translate(_SUBSCRIPTS)}</mn>"
                self.place += 1
            elif following.group() == "^" and self.place + 1 < len(self.tokens):
                self.place += 1
                above = _bare(self.signed(closing))
            elif following.group() == "_" and self.place + 1 < len(self.tokens):
                self.place += 1
                below = self.atom(closing)
            elif self.is_call(token, following):
                node = f"<mrow>{node}{self.atom(closing)}</mrow>"
            else:
                break
        if below and above:
            return f"<msubsup>{node}{below}{above}</msubsup>"
        if below:
            return f"<msub>{node}{below}</msub>"
        return f"<msup>{node}{above}</msup>" if above else node

    def is_call(self, name: "re.Match[str]", following: "re.Match[str]") -> bool:
        """Whether `following` opens the arguments of the word just read."""
        return name.lastgroup == "word" and following.group() == "(" and following.start() == name.end()

    def signed(self, closing: str) -> str:
        if self.peek() != "-":
            return self.factor(closing)
        self.place += 1
        return f"<mrow><mo>−</mo>{self.factor(closing)}</mrow>" if self.peek() else "<mo>−</mo>"

    def atom(self, closing: str = "") -> str:
        token = self.tokens[self.place]
        text = token.group()
        self.place += 1
        if token.lastgroup == "number":
            return _number(text)
        if token.lastgroup == "word":
            return _word(text)
        if text == "√" and self.peek():
            return f"<msqrt>{_bare(self.factor(closing))}</msqrt>"
        if text in _CLOSING and text != closing and self.closes(_CLOSING[text]):
            inside = "".join(self.row(_CLOSING[text]))
            self.place += 1
            return f'<mrow><mo fence="true">{text}</mo>{inside}<mo fence="true">{_CLOSING[text]}</mo></mrow>'
        return f"<mo>{escape(text.replace('-', '−').replace('Σ', '∑'))}</mo>"

    def closes(self, closing: str) -> bool:
        return any(token.group() == closing for token in self.tokens[self.place :])


_BRACKETS = re.compile(r'<mrow><mo fence="true">\(</mo>(.*)<mo fence="true">\)</mo></mrow>')


def _bare(node: str) -> str:
    """Without the brackets that a fraction, a root or a power makes unnecessary."""
    match = _BRACKETS.fullmatch(node)
    return f"<mrow>{match[1]}</mrow>" if match else node


def _number(text: str) -> str:
    """1e-08 as 10 to the power of -8."""
    significand, _, exponent = text.partition("e")
    if not exponent:
        return f"<mn>{text}</mn>"
    power = (
        f"<msup><mn>10</mn><mrow>{'<mo>−</mo>' if int(exponent) < 0 else ''}<mn>{abs(int(exponent))}</mn></mrow></msup>"
    )
    return power if significand == "1" else f"<mrow><mn>{significand}</mn><mo>·</mo>{power}</mrow>"


def _word(text: str) -> str:
    if text in PROSE:
        return f"<mtext>\u00a0{text}\u00a0</mtext>"
    partial, name = ("<mo>∂</mo>", text[1:]) if text.startswith("∂") else ("", text)
    prime = name.endswith("'")
    identifier = f"<mi>{escape(name.rstrip(chr(39)))}</mi>"
    identifier = f"<msup>{identifier}<mo>′</mo></msup>" if prime else identifier
    return f"<mrow>{partial}{identifier}</mrow>" if partial else identifier
