"""The report opened as a reader would, in Chromium: on a phone and a desk, in light and in dark."""

import pytest
from chromium import NEEDS_CHROMIUM

import plainnet as pn
from plainnet.report import of_arrays, write_report

pytestmark = NEEDS_CHROMIUM
HEADINGS = [
    "How right it is",
    "The worst-predicted rows",
    "What it predicts",
    "How it learned",
    "The data",
    "The network",
    "What each hidden unit learned",
    "Weights, activations and gradients",
    "Settings, and how to do it again",
]
SIZES_OF_TEXT = """[...document.querySelectorAll('svg text')].map(text => {
    const {a, b} = text.getScreenCTM();
    return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b);
})"""
"""The height of each text in the pictures, in pixels."""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    X, y = pn.datasets.moons(120, noise=0.2, seed=1)
    net = pn.Network(pn.Dense(20, "tanh"), pn.Dense(6, "relu"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    net.fit(X, y, loss="cross_entropy", epochs=30, validation=0.2, early_stopping=5, metrics=["accuracy"])
    path = tmp_path_factory.mktemp("report") / "report.html"
    names = ["a_column_with_quite_a_long_name_in_the_table", "b"]
    write_report(path, of_arrays(net, X, y, title="Two moons", names=names, classes=["upper moon", "lower moon"]))
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_reads_well(browser, report, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report)
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [report]
    assert page.locator("section h2").all_inner_texts() == HEADINGS
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.querySelectorAll('svg')].every(svg => svg.getBoundingClientRect().width > 250)")
    assert min(page.evaluate(SIZES_OF_TEXT)) > 10.9
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('svg text')).fill]"
    )
    assert (brightness(ground) > brightness(ink)) == (scheme == "light")
    assert abs(brightness(ground) - brightness(ink)) > 500
    page.close()


def brightness(color):
    """Red, green and blue of 'rgb(1, 2, 3)' together, 0 to 765."""
    return sum(int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3])
