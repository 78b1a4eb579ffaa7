"""`plainnet play` as people use it, in Chromium: from the first look to what they take along."""

import re

import pytest
from play_page import (
    NEEDS_CHROMIUM,
    Cable,
    choose_data,
    chromium,
    in_tab,
    opened,
    ready,
    served,
    story,
    until,
    wait_for_state,
)

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def server():
    with served() as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, server):
    with opened(browser, server.url) as page:
        yield ready(page)


def learned_table(page):
    """The cells of the learned table, row by row."""
    return [row.locator("td").all_inner_texts() for row in page.locator("#table tbody tr").all()]


def test_xor_is_played_until_it_is_learned_and_the_page_says_so(page):
    assert "token" not in page.url
    page.get_by_role("button", name="Play").click()
    wait_for_state(page, "learned")
    assert story(page).startswith("Learned: all 4 rows come out right")
    page.get_by_role("button", name="Pause").click()
    for row in learned_table(page):
        first, second, *_, target, prediction = (float(cell) for cell in row if re.fullmatch(r"[\d.]+(e\S+)?", cell))
        assert target == (first != second)
        assert abs(prediction - target) < 0.5


def test_a_step_an_epoch_and_both_ways_to_begin_again(page):
    start = parameters(page)
    for button, steps in (("Step", 1), ("Step", 2), ("Epoch", 3)):
        page.get_by_role("button", name=button, exact=True).click()
        until(page, lambda steps=steps: page.talk.run()["step"] == steps)
    assert parameters(page) != start
    page.get_by_role("button", name="Restart").click()
    until(page, lambda: page.talk.run()["step"] == 0)
    assert parameters(page) == start
    page.get_by_role("button", name="New seed").click()
    until(page, lambda: page.talk.scene["setup"]["seed"] != 0)
    until(page, lambda: parameters(page) != start)
    page.locator("#player-speed").fill("0")
    page.get_by_role("button", name="Play").click()
    until(page, lambda: page.talk.run()["step"] >= 2)
    assert page.talk.asked[-1] | {"id": 0} == {"id": 0, "do": "play", "speed": 1, "by": "steps"}
    page.get_by_role("button", name="Pause").click()
    wait_for_state(page, "paused")


def parameters(page):
    return page.talk.frame[1]["0.parameters"].tolist()


def test_a_cut_network_is_said_and_the_session_goes_on_after_it(browser, server):
    cable = Cable()
    proxy = {"server": cable.address, "bypass": "<-loopback>"}
    with opened(browser, server.url, proxy=proxy) as page:
        ready(page)
        page.locator("#player-speed").fill("3")
        page.get_by_role("button", name="Play").click()
        until(page, lambda: page.talk.run()["epoch"] >= 2)
        before = page.talk.run()["epoch"]
        cable.cut()
        page.get_by_text("The connection to plainnet was lost.").wait_for()
        cable.mend()
        page.get_by_role("button", name="Try now").click()
        page.locator("#lost").wait_for(state="hidden")
        until(page, lambda: page.talk.run()["epoch"] > before)
        assert page.talk.connections >= 2
        assert [asked["do"] for asked in page.talk.asked].count("start") == 1
        page.complaints[:] = [one for one in page.complaints if "WebSocket connection to" not in one]
    cable.close()


def test_tabs_are_sessions_of_their_own(browser, server):
    context = browser.new_context()
    with in_tab(context, server.url) as one, in_tab(context, server.url) as other:
        for page in (one, other):
            ready(page)
        other.get_by_role("button", name="Epoch", exact=True).click()
        until(other, lambda: other.talk.run()["epoch"] == 1)
        one.bring_to_front()
        choose_data(one, "moons")
        one.get_by_role("button", name="Step", exact=True).click()
        until(one, lambda: one.talk.run()["step"] == 1)
        assert one.talk.run()["epoch"] < 1
        assert other.talk.scene["data"]["name"] == "xor"
    context.close()


def test_a_link_holds_the_whole_setup(browser, server, page):
    choose_data(page, "circles")
    page.locator("#setup-layers-0-units").fill("7")
    page.locator("#setup-layers-0-units").press("Enter")
    until(page, lambda: page.talk.scene["setup"]["layers"][0]["units"] == 7)
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name=re.compile("address bar|Link copied")).wait_for()
    link = page.url
    assert "token" not in link
    token = server.url.partition("#")[2]
    with opened(browser, f"{link}&{token}") as other:
        ready(other)
        assert other.talk.scene["setup"] == page.talk.scene["setup"]
        assert parameters(other) == parameters(page)
        assert other.locator("#setup-layers-0-units").input_value() == "7"
