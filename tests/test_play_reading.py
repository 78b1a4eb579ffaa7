"""The page of `plainnet play` for everybody: on phones, in both colour schemes, for screen readers, and for a restless
hand."""

from pathlib import Path

import pytest
from chromium import NEEDS_CHROMIUM
from play_page import choose_data, opened, ready, show_all, until, wait_for_state

pytestmark = NEEDS_CHROMIUM

TABLE = "Größe;Farbe;Preis\n" + "".join(
    f"{i / 4};{'rot' if i % 3 else 'blau'};{i}\n".replace(".", ",") for i in range(40)
)


def just_opened(page):
    pass


def learned(page):
    page.get_by_role("button", name="Play").click()
    wait_for_state(page, "learned")


def all_folds(page):
    show_all(page)
    page.locator("#explain .scene").wait_for()


def four_classes(page):
    choose_data(page, "gaussians")
    show_all(page)


def one_input(page):
    choose_data(page, "sine")


def an_own_table(page):
    page.locator("#data-file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": TABLE.encode()})
    page.get_by_role("button", name="Use this table").click()
    until(page, lambda: page.talk.scene["data"]["name"] == "a.csv")


def two_runs(page):
    show_all(page)
    page.locator("#compare button").first.click()
    until(page, lambda: page.talk.scene["runs"] == 2)


def a_problem(page):
    page.locator("#setup-layers-1-activation").select_option('"relu"')
    page.talk.settle()


def a_lesson(page):
    page.locator("#open-lessons").click()
    page.locator("#lesson .tasks").wait_for()


def help_opened(page):
    page.locator("#open-help").click()
    page.locator("#help[open]").wait_for()


STATES = [
    just_opened,
    learned,
    all_folds,
    four_classes,
    one_input,
    an_own_table,
    two_runs,
    a_problem,
    a_lesson,
    help_opened,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_the_page_reads_well(browser, server, state):
    """On a phone nothing needs sideways scrolling, and axe has no complaint, in light and in dark."""
    with opened(browser, server.url, viewport={"width": 360, "height": 740}, reduced_motion="reduce") as page:
        ready(page)
        show_all(page) if state not in (just_opened, learned) else None
        state(page)
        page.talk.settle()
        assert_fits(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert_accessible(page)
        page.set_viewport_size({"width": 2560, "height": 1400})
        assert_fits(page)


def assert_fits(page):
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], wide


def assert_accessible(page):
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


RESTLESS = (Path(__file__).parent / "play_restless.js").read_text(encoding="utf-8")
ROUND = 250


def test_a_thousand_random_actions_leave_no_error_and_memory_flat(browser, server):
    permissions = ["clipboard-read", "clipboard-write"]
    with opened(browser, server.url, permissions=permissions) as page:
        ready(page)
        show_all(page)
        memory = []
        for start in range(4):
            page.evaluate(RESTLESS, [start + 1, ROUND])
            page.talk.settle()
            memory.append(server.memory())
            assert page.complaints == [], page.complaints
        page.get_by_role("button", name="Restart").click()
        page.talk.settle()
        failures = [one["error"] for one in page.talk.answers.values() if "failed inside" in one.get("error", "")]
        assert failures == []
        assert memory[-1] - memory[0] < 100, memory
