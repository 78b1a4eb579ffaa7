"""The drawings of `plainnet play` in Chromium: they show the session's numbers, and answer to the keyboard alone."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from chromium import NEEDS_CHROMIUM
from play_page import choose_data, opened, ready, until, wait_for_state

from plainnet.play.session.session import Session

pytestmark = NEEDS_CHROMIUM

PIXEL = """([x, y]) => {
    const map = document.querySelector('#plane .map canvas');
    const copy = new OffscreenCanvas(map.width, map.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(map, 0, 0);
    const place = [x * map.width, (1 - y) * map.height].map(Math.round);
    return Array.from(copy.getImageData(...place, 1, 1).data.slice(0, 3));
}"""
"""The colour of the map at a share of its width and height, counted from the lower left corner."""

PICTURE = """async (kind) => {
    const { picture } = await import('./picture.js');
    const numbers = { text: () => '', number: String, scene: window.sceneOfTest, frame: null };
    const bytes = new Uint8Array(await (await picture(numbers, kind)).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}"""


def parameters(page):
    return page.talk.frame[1]["0.parameters"]


def focused(page):
    """The name of the element in focus, as a screen reader says it."""
    return page.evaluate("document.activeElement.getAttribute('aria-label')")


def said_number(sentence):
    return float(re.search(r"(?:weight|bias) (−?[\d.]+)", sentence)[1].replace("−", "-"))


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_by_keyboard_a_weight_is_read_pinned_and_changed(page):
    page.locator("#network .node[tabindex='0']").focus()
    press(page, "ArrowRight")
    match = re.match(r"(x1) → unit (\d) of layer 0: weight", focused(page))
    weights = page.talk.scene["network"]["layers"][0]["parameters"]["weights"]
    place = weights["start"] + int(match[2])  # x1 is the first row of the matrix
    assert said_number(focused(page)) == pytest.approx(parameters(page)[place], rel=1e-3)
    press(page, "Enter")
    field = page.locator("#network .pins input")
    assert float(field.input_value()) == pytest.approx(parameters(page)[place], rel=1e-5)
    field.fill("-2.25")
    field.press("Enter")
    until(page, lambda: parameters(page)[place] == -2.25)
    press(page, "Shift+Tab")
    page.locator("#network .cursor").focus()
    until(page, lambda: said_number(focused(page)) == -2.25)
    press(page, "ArrowRight")
    assert focused(page).startswith(f"unit {match[2]} of layer 0, bias")
    press(page, "Enter")
    assert page.locator("#network .pins li").count() == 2


def test_the_map_of_learned_xor_has_the_colours_of_its_classes(page):
    page.get_by_role("button", name="Play", exact=True).click()
    wait_for_state(page, "learned")
    page.get_by_role("button", name="Pause").click()
    wait_for_state(page, "paused", "learned")
    map_of = page.talk.frame[1]["0.map"]
    ends = page.talk.scene["data"]["columns"][0]["range"]
    near = [(end - ends[0]) / (ends[1] - ends[0]) for end in (0.1, 0.9)]
    for x in near:
        for y in near:
            red, _, blue = page.evaluate(PIXEL, [x, y])
            j, i = (round(share * (len(map_of) - 1)) for share in (y, x))
            assert (blue > red) == (map_of[j, i] > 0.5)


def test_by_keyboard_examples_are_added_moved_and_deleted(page):
    choose_data(page, "moons")
    rows = page.talk.scene["data"]["rows"]
    said = page.locator("#said")
    page.locator("#plane .map").focus()
    press(page, "Shift+ArrowUp", "Shift+ArrowUp", "Shift+ArrowUp", "Shift+ArrowUp", "Enter")
    until(page, lambda: page.talk.scene["data"]["rows"] == rows + 1)
    added = page.talk.scene["setup"]["data"]["X"][-1]
    page.talk.settle()  # the map has its new examples
    until(page, lambda: page.evaluate("document.activeElement.matches('.map')"))
    press(page, "PageUp")
    until(page, lambda: f"Example {rows}:" in said.inner_text())
    press(page, "m", "ArrowLeft", "ArrowLeft", "Enter")
    until(page, lambda: page.talk.scene["setup"]["data"]["X"][-1][0] < added[0])
    press(page, "Delete")
    until(page, lambda: page.talk.scene["data"]["rows"] == rows)


def test_an_example_follows_the_pointer(page):
    choose_data(page, "moons")
    rows = page.talk.scene["data"]["rows"]
    plane = page.locator("#plane .map")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    page.mouse.click(box["x"] + 70, box["y"] + 30)
    until(page, lambda: page.talk.scene["data"]["rows"] == rows + 1)
    page.talk.settle()
    ends = np.array([column["range"] for column in page.talk.scene["data"]["columns"]])
    added = np.array(page.talk.scene["setup"]["data"]["X"][-1])
    border = page.locator("#plane .map .border")
    left, top, size = (float(border.get_attribute(name)) for name in ("x", "y", "width"))
    shares = (added - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
    box = plane.bounding_box()
    x, y = box["x"] + left + shares[0] * size, box["y"] + top + (1 - shares[1]) * size
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.25 * size, y + 0.5 * size, steps=4)
    page.mouse.up()
    until(page, lambda: page.talk.scene["setup"]["data"]["X"][-1] != added.tolist())
    moved = page.talk.scene["setup"]["data"]["X"][-1]
    expected = added + (ends[:, 1] - ends[:, 0]) * [0.25, -0.5]
    np.testing.assert_allclose(moved, expected, atol=0.02 * (ends[:, 1] - ends[:, 0]).max())


def test_of_several_classes_the_map_shows_the_winner_and_the_wrong_are_counted(page):
    choose_data(page, "gaussians")
    until(page, lambda: "0.winner" in page.talk.frame[1] and "0.wrong" in page.talk.frame[1])
    page.talk.settle()
    wrong = int(page.talk.frame[1]["0.wrong"].sum())
    rows = page.talk.scene["data"]["rows"]
    page.locator("#plane").get_by_text(re.compile(rf"^{wrong} of {rows} examples (is|are) predicted wrong")).wait_for()
    page.locator("#plane-output").select_option("1")
    until(page, lambda: "0.winner" not in page.talk.frame[1])


def test_of_a_run_that_ends_by_itself_the_wrong_are_those_of_its_end(page):
    choose_data(page, "gaussians")
    field = page.locator("#setup-epochs")
    field.fill("30")
    field.press("Tab")
    until(page, lambda: page.talk.scene["setup"]["epochs"] == 30)
    page.locator("#player-play").click()
    wait_for_state(page, "finished")
    session = Session(page.talk.scene["setup"])
    (run,), (inputs, targets, _) = session.runs, session.examples.training
    run.network.parameters = parameters(page)
    rows, wrong = len(inputs), int((run.network.predict(inputs).argmax(axis=1) != np.ravel(targets)).sum())
    page.locator("#plane").get_by_text(re.compile(rf"^{wrong} of {rows} examples (is|are) predicted wrong")).wait_for()


def test_the_picture_stands_alone(page):
    scene = page.talk.scene
    scene = {**scene, "data": {**scene["data"], "name": "not \x07 XML"}}
    page.evaluate("(scene) => { window.sceneOfTest = scene; }", scene)
    svg = ElementTree.fromstring(base64.b64decode(page.evaluate(PICTURE, "svg")))
    elements = [element.tag.rpartition("}")[2] for element in svg.iter()]
    assert elements.count("image") == 3  # the units' maps; the map and its points
    assert elements.count("path") > 16  # the links
    assert all(image.get("href").startswith("data:image/png") for image in svg.iter() if image.tag.endswith("image"))
    assert not any(element.get("class") for element in svg.iter())
    png = base64.b64decode(page.evaluate(PICTURE, "png"))
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 2 * int(float(svg.get("width")))


@pytest.mark.parametrize("width", [360, 2560])
def test_the_drawings_fit_any_width(browser, server, width):
    with opened(browser, server.url, viewport={"width": width, "height": 800}, color_scheme="dark") as page:
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for drawing in page.locator(".net, #plane .map svg, #curves .chart").all():
            box = drawing.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width + 1
