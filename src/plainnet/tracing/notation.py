"""Two ways to set mathematics: plain text in Unicode, and MathML.

A formula is built from pieces by the methods of a notation. Each piece knows how strongly it holds together, so that
brackets stand where mathematics needs them and nowhere else: a fraction needs some in text and none in MathML.
"""

import re
from html import escape
from typing import Any, NamedTuple

RELATION, SUM, NEGATIVE, PREFIX, FRACTION, PRODUCT, POWER, ATOM = range(8)
"""The strengths by which a piece holds together: a > b, a + b, -a, Σ a, a / b, a b, aᵇ, a."""

_RAISED = {"2": "²", "3": "³", "⊤": "ᵀ"}
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_NAME = re.compile(r"(?P<letters>.*?)(?P<below>[₀-₉]+|_\w+)?(?P<prime>'*)")


class Piece(NamedTuple):
    """A part of a formula."""

    text: str
    strength: int = ATOM
    begins_with_minus: bool = False


class Text:
    """Text sets formulas as plain text: 1 / (1 + e^-z)."""

    def name(self, name: str) -> Piece:
        """Return the piece of a `name`."""
        return Piece(name)

    def number(self, number: Any) -> Piece:
        """Return a number in six digits; one that is nearly whole as a difference."""
        text = f"{number:g}".replace("inf", "∞")
        if text.isdigit() and int(text) != number and abs(number) < 1e5:
            rest = number - int(text)
            return self.row(text, " + " if rest > 0 else " - ", self.number(abs(rest)), strength=SUM)
        return Piece(text, NEGATIVE if number < 0 else ATOM, bool(number < 0))

    def row(self, *parts: Piece | str, strength: int) -> Piece:
        """Return `parts`, pieces and the signs between them, one after the other; `strength` is that of the whole."""
        shown = "".join(part if isinstance(part, str) else part.text for part in parts)
        return Piece(shown, strength, _begins_with_minus(parts))

    def words(self, words: str) -> str:
        """Return words that stand between pieces."""
        return words

    def bracketed(self, piece: Piece, brackets: str = "()") -> Piece:
        """Return the `piece` in `brackets`."""
        return Piece(f"{brackets[0]}{piece.text}{brackets[1]}")

    def held(self, piece: Piece, least: int) -> Piece:
        """Return the `piece`, in brackets if it holds together less than `least`."""
        return piece if piece.strength >= least else self.bracketed(piece)

    def fraction(self, numerator: Piece, denominator: Piece) -> Piece:
        """Return `numerator` / `denominator`."""
        above, below = self.held(numerator, PRODUCT), self.held(denominator, POWER)
        return Piece(f"{above.text} / {below.text}", FRACTION, above.begins_with_minus)

    def root(self, piece: Piece) -> Piece:
        """Return the square root of a `piece`."""
        return Piece(f"√{self.held(piece, ATOM).text}", POWER)

    def power(self, base: Piece, exponent: Piece) -> Piece:
        """Return `base` to the power of `exponent`."""
        base = self.held(base, ATOM)
        if exponent.text in _RAISED:
            return Piece(base.text + _RAISED[exponent.text], POWER)
        is_simple = exponent.strength == ATOM or re.fullmatch(r"-([^\W²³ᵀ]+|[\d.]+|\|[^|]+\|)", exponent.text)
        return Piece(f"{base.text}^{exponent.text if is_simple else self.bracketed(exponent).text}", POWER)

    def below(self, base: str, index: str) -> Piece:
        """Return a sign, `base`, such as Σ with its `index`."""
        return Piece(f"{base}_{index}")

    def formula(self, piece: Piece) -> str:
        """Return the finished formula that is the `piece`."""
        return piece.text


class MathML(Text):
    """MathML sets formulas for pages: a fraction, a root and an exponent show what they hold without brackets."""

    def name(self, name: str) -> Piece:
        if "/" in name:
            return self.fraction(*(self.name(part) for part in name.split("/", 1)))
        if name.startswith("∂"):
            return Piece(f"<mrow><mo>∂</mo>{self.name(name[1:]).text}</mrow>")
        letters, below, prime = _NAME.fullmatch(name).groups()  # type: ignore[union-attr]
        if below and len(letters) == 1:
            node = self.below(letters, below.translate(_LOWERED).removeprefix("_")).text
        else:
            node = f"<mi>{escape(letters + (below or ''))}</mi>"
        return Piece(f"<msup>{node}<mo>{'′' * len(prime)}</mo></msup>" if prime else node)

    def number(self, number: Any) -> Piece:
        own = super().number(abs(number))
        if own.strength == SUM:
            return own
        text = own.text
        significand, _, exponent = text.partition("e")
        if exponent:
            power = self.power(Piece("<mn>10</mn>"), self.number(int(exponent)))
            shown = power if significand == "1" else self.row(Piece(_leaf(significand)), "·", power, strength=PRODUCT)
        else:
            shown = Piece(_leaf(text))
        return self.row("-", shown, strength=NEGATIVE) if number < 0 else shown

    def row(self, *parts: Piece | str, strength: int) -> Piece:
        shown = [_sign(part) if isinstance(part, str) else part.text for part in parts]
        return Piece(f"<mrow>{''.join(shown)}</mrow>", strength, _begins_with_minus(parts))

    def words(self, words: str) -> str:
        return f"<mtext>{escape(words).replace(' ', chr(0xA0))}</mtext>"

    def bracketed(self, piece: Piece, brackets: str = "()") -> Piece:
        opening, closing = (f'<mo fence="true">{bracket}</mo>' for bracket in brackets)
        return Piece(f"<mrow>{opening}{piece.text}{closing}</mrow>")

    def fraction(self, numerator: Piece, denominator: Piece) -> Piece:
        return Piece(f"<mfrac>{numerator.text}{denominator.text}</mfrac>", POWER)

    def root(self, piece: Piece) -> Piece:
        return Piece(f"<msqrt>{piece.text}</msqrt>")

    def power(self, base: Piece, exponent: Piece) -> Piece:
        raised = "<mo>⊤</mo>" if exponent.text == "⊤" else exponent.text
        return Piece(f"<msup>{self.held(base, ATOM).text}{raised}</msup>", POWER)

    def below(self, base: str, index: str) -> Piece:
        return Piece(f"<msub>{_leaf(base)}{_leaf(index)}</msub>")

    def formula(self, piece: Piece) -> str:
        return f'<math displaystyle="true">{piece.text}</math>'


def _begins_with_minus(parts: tuple[Piece | str, ...]) -> bool:
    return parts[0] == "-" if isinstance(parts[0], str) else parts[0].begins_with_minus


def _leaf(text: str) -> str:
    """Return the element of a number, a name or a sign."""
    if re.fullmatch(r"[\d.]+", text):
        return f"<mn>{text}</mn>"
    is_name = text.isidentifier() and text not in ("Σ", "Π")
    return f"<mi>{text}</mi>" if is_name else f"<mo>{escape(text.replace('Σ', '∑').replace('Π', '∏'))}</mo>"


def _sign(sign: str) -> str:
    """Return the element of what stands between two pieces; a space stands between factors."""
    if sign.startswith("<"):
        return sign
    return _leaf(sign.strip().replace("-", "−")) if sign.strip() else '<mspace width="0.2em"/>'
