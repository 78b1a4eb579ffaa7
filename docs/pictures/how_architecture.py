"""The picture of docs/how/architecture.md: what a batch goes through, once and again."""

from style import GRAY, IMAGES, STROKE, save_drawing

ONCE = ["fit: options checked", "data checked, rows held out", "job, engine, run"]
AGAIN = [
    ("batch", "its rows are gathered"),
    ("forward", "layer by layer: z, a"),
    ("loss", "and the slope of it"),
    ("back", "layer by layer: slopes"),
    ("update", "the one vector θ"),
]
STEP, HEIGHT, LEFT, WIDTH = 52, 36, 34, 250


def box(top: int, text: str, note: str = "") -> str:
    """Return a station: a box, its name, and beside the name what happens in it."""
    rect = f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="none" stroke="{GRAY}"/>'
    weight = ' font-weight="bold"' if note else ""
    name = f'<text x="{LEFT + 12}" y="{top + 23}"{weight}>{text}</text>'
    return rect + name + (f'<text x="{LEFT + 82}" y="{top + 23}" font-size="12.5">{note}</text>' if note else "")


def arrow(top: int) -> str:
    """Return an arrow down to the box that begins at `top`."""
    x = LEFT + WIDTH // 2
    return f'<path d="M{x} {top - STEP + HEIGHT + 1} V{top - 4}" stroke="{STROKE}" marker-end="url(#head)"/>'


def road(name: str) -> None:
    """Draw the stations of a run and of a batch, and the frame of what machine code does in one call."""
    parts = [f'<text x="{LEFT}" y="20">Once for each fit</text>']
    for i, text in enumerate(ONCE):
        top = 32 + STEP * i
        parts += [box(top, text), arrow(top) if i else ""]
    begin = 32 + STEP * len(ONCE) + 36
    parts.append(f'<text x="{LEFT}" y="{begin - 12}">Again for each batch</text>')
    for i, (text, note) in enumerate(AGAIN):
        top = begin + STEP * i
        parts += [box(top, text, note), arrow(top) if i else ""]
    end, right = begin + STEP * (len(AGAIN) - 1) + HEIGHT, LEFT + WIDTH
    loop = f"M{right} {end - 18} H{right + 18} V{begin + 18} H{right + 4}"
    parts.append(f'<path d="{loop}" fill="none" stroke="{STROKE}" marker-end="url(#head)"/>')
    frame = f'x="10" y="{begin - 32}" width="326" height="{end - begin + 44}" rx="8"'
    parts.append(f'<rect {frame} fill="none" stroke="{STROKE}" stroke-dasharray="5 4"/>')
    parts.append(f'<text x="10" y="{end + 32}" font-size="12.5">dashed: one call of machine code,</text>')
    parts.append(f'<text x="10" y="{end + 49}" font-size="12.5">many batches (compiled engine)</text>')
    save_drawing(name, 346, end + 60, parts)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    road("road-of-a-batch.svg")
