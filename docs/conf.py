"""The site: `pip install ".[docs]"`, then `sphinx-build -W docs site`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import matplotlib
from sphinx.application import Sphinx

import plainnet

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS / "extensions")]

import notebooks  # noqa: E402 - it stands beside this file

NOTEBOOKS = {f"learn/{path.stem}" for path in notebooks.pages()}

project = "plainnet"
author = "the plainnet authors"
copyright = "the plainnet authors"
version = release = plainnet.__version__
exclude_patterns = ["extensions", "pictures", "play", "static", "templates", "gallery/*.ipynb", "gallery/*.py"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
    "commands",
    "docstrings",
    "formulas",
    "headers",
    "public",
]
suppress_warnings = ["config.cache"]  # the settings of the gallery hold a function

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4
autodoc_typehints = "none"  # the docstrings say in words what an argument takes
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"

GALLERY = [
    "digits",
    "table_in_python",
    "overfitting",
    "regression_intervals",
    "unbalanced",
    "one_prediction",
    "dependence",
    "undecided",
    "plateau",
    "wrong_gradient",
    "own_activation",
    "own_layer",
    "thousand_networks",
    "interrupted",
    "model_as_c",
    "onnx_runtime",
    "pytorch_weights",
]
"""The examples from the simple to the special; those that are not named come first, so that nobody overlooks them."""


class GalleryOrder:
    """The place of an example in the gallery."""

    def __init__(self, folder: str) -> None: ...

    def __call__(self, name: str) -> int:
        """Return the place of the example in this file."""
        example = Path(name).stem
        return GALLERY.index(example) if example in GALLERY else -1


def larger_text(settings: dict[str, Any], example: str) -> None:
    """Draw the example's pictures in 11 points, as plainnet's own are small beside the text of a page."""
    matplotlib.rcParams["font.size"] = 11


sphinx_gallery_conf = {
    "examples_dirs": str(DOCS.parent / "examples" / "gallery"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_signature": False,
    "min_reported_time": 0,
    "write_computation_times": False,
    "copyfile_regex": r".*\.rst",
    "capture_repr": (),
    "reset_modules": ("matplotlib", larger_text),
    "within_subsection_order": "conf.GalleryOrder",
}

html_theme = "pydata_sphinx_theme"
html_title = "plainnet"
html_static_path = ["static"]
templates_path = ["templates"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "navigation_with_keys": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc", "notebook"],
    "back_to_top_button": False,
}


def setup(app: Sphinx) -> None:
    """Put the live page and the notebooks of the course beside the pages."""
    app.connect("html-page-context", name_the_notebook)
    app.connect("build-finished", add_pages)


def name_the_notebook(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Tell the template of a page whether the page is a notebook too."""
    context["notebook"] = f"{Path(page).name}.ipynb" if page in NOTEBOOKS else None


def add_pages(app: Sphinx, error: Exception | None) -> None:
    """Write the live page into `play/`, and the notebooks into `learn/`."""
    if error is not None or app.builder.format != "html":
        return
    runpy.run_path(str(DOCS / "play" / "build.py"))["build"](Path(app.outdir) / "play")
    notebooks.notebooks(Path(app.outdir) / "learn")
