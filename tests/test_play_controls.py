"""Every control of the page of `plainnet play` does what it says, in Chromium."""

import json
import re

from chromium import NEEDS_CHROMIUM
from play_page import choose_data, show_all, until

pytestmark = NEEDS_CHROMIUM

CONTROLS = "[...document.querySelectorAll('#PANEL .body :is(input, select)[id]')].map(control => control.id)"
EACH = ("setup-loss", "setup-optimizer", "setup-layers-#-kind", "setup-layers-#-activation")
"""The lists of which each option is chosen; of the others two are."""
SUFFIXES = ("slider", "schedule", "kind")


class Control:
    """One control of the setup or the data: its place in the setup is in its id."""

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.element = page.locator(f"[id='{name}']")
        *parts, last = name.split("-")[1:]
        self.suffix = last if last in SUFFIXES else None
        self.path = [int(part) if part.isdigit() else part for part in (parts if self.suffix else [*parts, last])]

    @property
    def kind(self):
        """The id without its places: the same for the same setting of several layers."""
        return re.sub(r"\d+", "#", self.name)

    def now(self):
        """Return what the setup of the session has at the control's place."""
        return at(self.page.talk.scene["setup"], self.path)

    def checked_change(self, act, fits):
        """Change the control, and check that the session has it, or that the page says why it has not."""
        talk = self.page.talk
        count = len(talk.changes)
        act()
        until(self.page, lambda: len(talk.changes) > count)
        talk.settle()
        asked = talk.changes[-1]
        answer = talk.answers[asked["id"]]
        if "error" in answer:
            sentences = [answer["error"]]
        else:
            assert fits(answer["setup"]), (self.name, asked, at(answer["setup"], self.path))
            sentences = [problem["message"] for problem in answer["problems"]]
        for sentence in sentences:
            self.page.locator("main", has_text=sentence).wait_for()
        return not sentences


def at(setup, path):
    """Return the part of a setup at a path; None where there is none."""
    for name in path:
        try:
            setup = setup[name]
        except (KeyError, IndexError, TypeError):
            return None
    return setup


def name_of(part):
    return part.get("name") if isinstance(part, dict) else part


def walk(page, panel, seen):
    """Change each control of a panel that is of a kind not seen before; return how many changes there were."""
    count = 0
    while True:
        show_all(page)
        names = page.evaluate(CONTROLS.replace("PANEL", panel))
        fresh = [control for control in (Control(page, name) for name in names) if control.kind not in seen]
        fresh = [control for control in fresh if not control.name.startswith(("data-set-", "data-file", "data-target"))]
        if not fresh:
            return count
        seen.add(fresh[0].kind)
        count += change(page, fresh[0])


def change(page, control):
    """Change one control, to each of its choices if it has some, and put it back."""
    tag, kind = control.element.evaluate("element => [element.tagName, element.type]")
    if tag == "SELECT":
        return choose_each(control)
    if kind == "checkbox":
        before = control.element.is_checked()
        control.checked_change(control.element.click, lambda setup: flag(setup, control) != before)
        if control.element.is_visible() and control.path[0] != "early_stopping":
            control.checked_change(control.element.click, lambda setup: flag(setup, control) == before)
        return 1
    if kind == "range":
        before = control.element.input_value()
        key = "ArrowLeft" if before == control.element.get_attribute("max") else "ArrowRight"
        control.checked_change(lambda: control.element.press(key), lambda setup: value_in(setup, control) is not None)
        return 1
    value = another_number(control)

    def act():
        control.element.fill(str(value))
        control.element.press("Enter")

    if kind == "text":
        return 0
    control.checked_change(act, lambda setup: value_in(setup, control) == value)
    if control.element.is_visible():
        assert float(control.element.input_value()) == value
    return 1


def flag(setup, control):
    """Return whether a setting is on in a setup."""
    if control.path[0] == "metrics":
        return control.path[1] in map(name_of, setup["metrics"])
    value = at(setup, control.path)
    return value not in (None, False)


def value_in(setup, control):
    """Return the number that a control sets; one of "all" stands in several layers."""
    if control.path[0] != "all":
        value = at(setup, control.path)
        return value["learning_rate"] if isinstance(value, dict) and "learning_rate" in value else value
    name = {"dropout": "rate"}.get(control.path[1], control.path[1])
    values = [layer[name] for layer in setup["layers"] if name in layer]
    assert len(set(values)) <= 1
    return values[0] if values else 0


def another_number(control):
    """Return a number that the control takes, other than the one that it has."""
    before = control.element.input_value()
    least, most, step = (control.element.get_attribute(name) for name in ("min", "max", "step"))
    if step == "1":
        value = int(before or 3) + 1
        return value if most is None or value <= float(most) else int(least or 0)
    value = float(before or 0) / 2 if before and float(before) else 0.1
    return max(value, float(least)) if least is not None else value


def choose_each(control):
    """Choose each option of a list, and the first one again; of long lists in many places a few."""
    element, page = control.element, control.page
    before = element.input_value()
    values = element.evaluate("element => [...element.options].map(option => option.value)")
    count = 0
    options = 99 if control.kind in EACH else 2
    for value in [*[one for one in values if one != before][:options], before]:
        if not element.count() or element.input_value() == value:
            continue
        wanted = value if control.suffix else json.loads(value)

        def fits(setup, wanted=wanted):
            found = at(setup, control.path)
            if control.suffix == "schedule" and not wanted:
                return not isinstance(found, dict) or found["name"] == "constant"
            return name_of(found) == wanted

        worked = control.checked_change(lambda value=value: element.select_option(value), fits)
        count += 1
        if worked and value != before:
            page.talk.settle()
    return count


def test_each_control_of_the_setup_is_in_the_setup_afterwards(page):
    choose_data(page, "moons")
    assert walk(page, "setup", set()) > 80


def test_each_data_set_and_each_of_its_options(page):
    seen = set()
    count = 0
    names = [entry.inner_text() for entry in page.locator("#data .sets label span").all()]
    for name in reversed(names):
        if name == page.talk.scene["data"]["name"]:
            continue
        page.locator("#data .sets label", has=page.get_by_text(name, exact=True)).click()
        until(page, lambda name=name: chosen_data(page) == name)
        assert page.talk.scene["problems"] == []
        page.get_by_role("button", name="Epoch", exact=True).click()
        until(page, lambda: page.talk.run()["epoch"] == 1)
        count += walk(page, "data", seen)
        seen -= {kind for kind in seen if "options" in kind}
    assert count > 15


def chosen_data(page):
    """Return what the data panel calls the data of the session."""
    data = page.talk.scene["setup"]["data"]
    return data["name"] if data["kind"] == "dataset" else "draw"
