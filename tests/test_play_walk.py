"""A step explained, a unit in numbers and the valley on the page of `plainnet play`, in Chromium."""

import re

import numpy as np
import pytest
from chromium import NEEDS_CHROMIUM
from play_page import choose_data, until

pytestmark = NEEDS_CHROMIUM


def fold(page, name):
    """Open a panel of the page."""
    panel = page.locator(f"#{name}")
    panel.locator("summary").first.click()
    return panel


def numbers(text):
    """The numbers that stand in a text."""
    return [float(found.replace("−", "-")) for found in re.findall(r"−?\d+(?:\.\d+)?", text)]


def parameters(page):
    return page.talk.frame[1]["0.parameters"]


def test_a_step_is_walked_through_by_keyboard_on_the_drawing(page):
    panel = fold(page, "explain")
    title = panel.locator("#explain-title-now")
    title.wait_for()
    assert title.inner_text() == "What unit 0 of layer 0 computes"
    weights = parameters(page)[:12].reshape(3, 4)
    assert panel.locator(".steps .terms").all_inner_texts()[1].startswith("1 × ")
    assert numbers(panel.locator(".steps tr.total").inner_text())[-1] == pytest.approx(weights[1:, 0].sum(), rel=1e-3)
    assert page.locator(".net .lit .link").count() == 3
    assert page.locator(".net .lit .ring").count() == 4
    panel.locator("#explain-next").focus()
    seen = [title.inner_text()]
    while panel.locator(".steps-bar span").inner_text() != "21 of 21":
        page.keyboard.press("ArrowRight")
        until(page, lambda: title.inner_text() != seen[-1])
        seen.append(title.inner_text())
        assert panel.locator("math").count() or "optimizer" in seen[-1]
        assert panel.locator(".differs").count() == 0
    assert len(seen) == len(set(seen)) == 21
    page.keyboard.press("Escape")
    until(page, lambda: page.locator(".net .lit").count() == 0)
    assert page.evaluate("document.activeElement.closest('#explain') !== null")


def test_the_update_of_a_batch_is_the_step_that_follows(page):
    panel = fold(page, "explain")
    panel.get_by_label("a batch of training examples").check()
    panel.get_by_role("button", name="Update").click()
    panel.locator("#explain-next").click()
    after = [numbers(row)[-1] for row in panel.locator(".steps tbody tr").all_inner_texts()]
    before = parameters(page).copy()
    page.get_by_role("button", name="Step", exact=True).click()
    until(page, lambda: page.talk.run()["step"] == 1 and not np.array_equal(parameters(page), before))
    assert after == pytest.approx([*parameters(page)[:12].reshape(3, 4)[:, 0], parameters(page)[12]], abs=1e-4)
    until(page, lambda: "gone on" in panel.inner_text())
    panel.get_by_role("button", name="Explain the step to come").click()
    until(page, lambda: "Step 2" in panel.inner_text())


def test_a_weight_of_a_unit_is_changed_by_number(page):
    panel = fold(page, "unit")
    page.locator(".net .node").nth(5).hover()
    panel.get_by_role("heading", name="unit 2 of layer 0", exact=True).wait_for()
    page.mouse.move(0, 0)
    panel.get_by_role("heading", name="unit 0 of layer 0", exact=True).wait_for()
    panel.get_by_label("Unit", exact=True).select_option(label="unit 2 of layer 0")
    weight = panel.get_by_label("x2", exact=True)
    weight.fill("1.5")
    weight.press("Enter")
    until(page, lambda: parameters(page)[1 * 4 + 2] == 1.5)
    total = panel.locator("tr.total").first
    expected = [1.5 + parameters(page)[2 * 4 + 2]]
    until(page, lambda: numbers(total.inner_text())[-1:] == pytest.approx(expected, rel=1e-3))


def test_the_valley_follows_the_choice_and_the_training(page):
    panel = fold(page, "valley")
    note = panel.locator(".valley-note")

    def says(words):
        """True once the note says these words; a map that nobody sees is not made."""
        note.scroll_into_view_if_needed()
        return words in note.inner_text()

    until(page, lambda: says("has not moved"))
    for _ in range(3):
        page.get_by_role("button", name="Epoch", exact=True).click()
    until(page, lambda: says("direction 1 of the path"))
    panel.get_by_label("Over", exact=True).select_option("0")
    until(page, lambda: says("the tangent has the slope"))
    panel.get_by_label("and", exact=True).select_option("17")
    until(page, lambda: says("with the slopes"))
    page.talk.settle()
    assert numbers(note.inner_text())[1:3] == pytest.approx(parameters(page)[[0, 17]], rel=1e-2)
    assert panel.locator("canvas").get_attribute("aria-label") == note.inner_text()
    first = note.inner_text()
    page.get_by_role("button", name="Play").click()
    until(page, lambda: not says(first))
    choose_data(page, "sine")
    until(page, lambda: says("direction 1 of the path"))  # the weights of the network before are no choice any more
