"""The site as a reader has it: links lead somewhere, a phone does not scroll sideways, axe has no complaint.

The site is built without running the gallery, or stands in the folder that PLAINNET_SITE names.
"""

import os
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from inspect import ismodule
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from chromium import NEEDS_CHROMIUM

import plainnet

ROOT = Path(__file__).parent.parent
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    if folder := os.environ.get("PLAINNET_SITE"):
        return Path(folder).resolve()
    folder = tmp_path_factory.mktemp("site")
    options = ["-W", "--keep-going", "-q", "-D", "plot_gallery=0", "-d", f"{folder}/doctrees"]
    command = [sys.executable, "-m", "sphinx", *options, f"{ROOT}/docs", f"{folder}/html"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def pages(site):
    """The pages that the theme makes; the live page has its own tests."""
    found = sorted(path for path in site.rglob("*.html") if path.relative_to(site).parts[0] not in ("play", "_static"))
    assert len(found) > 50
    return found


class Links(HTMLParser):
    """What a page leads to and loads, and the places in it that a link can lead to."""

    def __init__(self, page):
        super().__init__()
        self.targets, self.loaded, self.places = [], [], {"", "top"}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.targets.append(given["href"])
        if tag in ("img", "script", "source", "iframe") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(given["href"])


def test_every_link_leads_to_a_page_and_a_place_in_it(site):
    links = {page: Links(page) for page in pages(site)}
    broken = []
    for page, found in links.items():
        for address in (*found.targets, *found.loaded):
            parts = urlsplit(address)
            if parts.scheme:
                continue
            path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not path.exists() or (path in links and unquote(parts.fragment) not in links[path].places):
                broken.append((page.relative_to(site).as_posix(), address))
    assert broken == []


def test_the_reference_has_every_public_name(site):
    """Each callable that plainnet, or a module of its own public names, lists in `__all__`."""
    places = {place for page in (site / "reference").glob("*.html") for place in Links(page).places}
    documented = {place.rpartition(".")[2] for place in places if place.startswith("plainnet.")}
    modules = [plainnet, *(thing for name in plainnet.__all__ if ismodule(thing := getattr(plainnet, name)))]
    modules += [import_module(f"plainnet.{name}") for name in ("attribution", "comparison", "sklearn", "tabular")]
    names = {name for module in modules for name in module.__all__ if callable(getattr(module, name))}
    assert names <= documented


def test_pages_load_nothing_from_other_hosts(site):
    loaded = {address for page in pages(site) for address in Links(page).loaded}
    assert [address for address in loaded if urlsplit(address).netloc] == []


@NEEDS_CHROMIUM
def test_every_page_fits_on_a_phone_and_axe_has_no_complaint(browser, site):
    assert complaints(browser, pages(site), "light") == []


@NEEDS_CHROMIUM
def test_pages_in_the_dark(browser, site):
    """A page of each kind: the whole course, and the first page of each other folder."""
    folders = {}
    for page in pages(site):
        folders.setdefault(page.parent, []).append(page)
    chosen = [page for folder, found in folders.items() for page in (found if folder.name == "learn" else found[:1])]
    assert len(folders) > 4
    assert complaints(browser, chosen, "dark") == []


@pytest.mark.slow
@NEEDS_CHROMIUM
def test_every_page_in_the_dark(browser, site):
    assert complaints(browser, pages(site), "dark") == []


def complaints(browser, pages, scheme):
    """What axe has to say about the pages on a phone, and which of them are wider than it."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    found = []
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce", color_scheme=scheme)
    tab = context.new_page()
    for page in pages:
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.dataset.theme") == scheme
        if tab.evaluate("document.scrollingElement.scrollWidth") > PHONE["width"]:
            found.append(f"{page.name} is wider than a phone")
        for rule in axe.run(tab).response["violations"]:
            found += [f"{page.name}: {rule['id']}: {node['html'][:120]}" for node in rule["nodes"]]
    context.close()
    return found
