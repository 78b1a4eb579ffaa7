"""Which tests need more than NumPy, pytest, hypothesis and autograd; where it is not installed they are left out.

A module that is about an extra stands in `NEEDS`, a single test has the mark `needs`. So `pytest` runs in an
environment with any of the extras, `pytest -m "not needs"` needs NumPy alone and `pytest -m needs` is all the rest.
`pytest --whole` fails where something is left out. `pytest -m core`, for the minute between two edits, is what needs
NumPy alone and does not stand in `LONG`; it does not even import the other modules.
"""

import os
import re
import signal
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("plainnet", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("plainnet")

os.environ.pop("COLUMNS", None)  # a console keeps the width it finds when it is made; pytest-xdist names one
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # otherwise Ray listens on every address of a Linux machine

COMMANDS = ("cli", "tables", "plots")
NEEDS = {
    "test_attribution_of_tables.py": ("cli", "tables"),
    "test_baselines.py": ("sklearn", "tables"),
    "test_benchmarks.py": ("fast", "sklearn", "cli"),
    "test_benchmarks_scaling.py": ("cli", "plots", "cluster"),
    "test_benchmarks_tables.py": ("sklearn", *COMMANDS),
    "test_blas.py": ("fast", "sklearn"),
    "test_c_tables.py": ("tables",),
    "test_choosing.py": ("cli", "fast", "sklearn"),
    "test_claims.py": (*COMMANDS, "sklearn"),
    "test_cli.py": COMMANDS,
    "test_cluster.py": (*COMMANDS, "cluster", "ray"),
    "test_code.py": ("fast", *COMMANDS),
    "test_column_kinds.py": COMMANDS,
    "test_compare_lanes.py": ("fast", "cli"),
    "test_compiled_bits.py": ("fast",),
    "test_compiled_many.py": ("fast",),
    "test_compiled_numbers.py": ("fast",),
    "test_compiled_forms.py": ("fast",),
    "test_compiled_own.py": ("fast", "sklearn"),
    "test_compiled_own_layers.py": ("fast",),
    "test_compiled_parts.py": ("fast",),
    "test_compiled_programs.py": ("fast",),
    "test_compiled_runs.py": ("fast",),
    "test_compiled_untraceable.py": ("fast", "scipy"),
    "test_completeness.py": ("exchange", "onnxruntime", "fast"),
    "test_compiled_predict.py": ("fast",),
    "test_conversion.py": ("pandas", "polars", "scipy"),
    "test_cluster_cli.py": (*COMMANDS, "cluster", "tune"),
    "test_dask.py": ("cluster",),
    "test_display.py": ("cli", "tables"),
    "test_encoded_exports.py": ("exchange", "tables", "onnxruntime"),
    "test_encodings.py": ("tables",),
    "test_engine_pauses.py": ("fast",),
    "test_engines.py": ("fast",),
    "test_explain_command.py": COMMANDS,
    "test_export_cli.py": (*COMMANDS, "exchange"),
    "test_fitting.py": ("tables",),
    "test_frames.py": ("tables", "pandas"),
    "test_intervals.py": ("sklearn",),
    "test_machine.py": ("fast",),
    "test_mathematics.py": ("fast",),
    "test_metrics.py": ("sklearn",),
    "test_parts.py": ("tables",),
    "test_streamed_tables.py": COMMANDS,
    "test_ranks_tables.py": (*COMMANDS, "cluster"),
    "test_thresholds.py": (*COMMANDS, "exchange", "onnxruntime", "sklearn"),
    "test_odd_tables.py": COMMANDS,
    "test_onnx.py": ("exchange", "tables", "onnxruntime"),
    "test_notebooks.py": (*COMMANDS, "nbformat", "nbclient", "ipykernel"),
    "test_options.py": ("sklearn",),
    "test_outputs.py": COMMANDS,
    "test_play_data.py": COMMANDS,
    "test_play_browser.py": (*COMMANDS, "play", "fast", "playwright"),
    "test_play_drawing.py": (*COMMANDS, "play", "playwright"),
    "test_play_controls.py": (*COMMANDS, "play", "fast", "playwright"),
    "test_play_gate.py": ("play",),
    "test_play_walk.py": (*COMMANDS, "play", "fast", "playwright"),
    "test_play_server.py": (*COMMANDS, "play", "fast"),
    "test_plots.py": ("plots", "sklearn"),
    "test_products.py": ("fast",),
    "test_compression.py": ("cluster",),
    "test_ranks.py": ("cluster",),
    "test_habits.py": ("docs",),
    "test_ranks_compiled.py": ("cluster", "fast"),
    "test_ranks_pieces.py": ("cluster",),
    "test_ranks_parts.py": ("cluster", "fast"),
    "test_ranks_training.py": ("cluster",),
    "test_ray.py": ("cluster", "ray"),
    "test_recipe.py": ("tables",),
    "test_report.py": COMMANDS,
    "test_play_reading.py": (*COMMANDS, "play", "fast", "playwright", "axe-playwright-python"),
    "test_report_browser.py": (*COMMANDS, "playwright"),
    "test_site.py": (*COMMANDS, "docs", "playwright", "axe-playwright-python"),
    "test_sklearn_additions.py": ("sklearn", "exchange", "onnxruntime", "tables"),
    "test_sklearn_agreement.py": ("sklearn",),
    "test_sklearn_attributes.py": ("sklearn",),
    "test_sklearn_ecosystem.py": ("sklearn", "pandas"),
    "test_sklearn_exchange.py": ("sklearn", "exchange", "onnxruntime"),
    "test_sklearn_labels.py": ("sklearn",),
    "test_sklearn_tables.py": ("sklearn", "tables", "pandas"),
    "test_sklearn_validation.py": ("sklearn",),
    "test_safetensors.py": ("exchange",),
    "test_script.py": ("tables",),
    "test_script_reading.py": ("tables",),
    "test_streaming_files.py": ("tables",),
    "test_rows_beyond_memory.py": ("tables",),
    "test_streams.py": COMMANDS,
    "test_table_sources.py": COMMANDS,
    "test_table_goldens.py": ("tables",),
    "test_table_options.py": COMMANDS,
    "test_table_files.py": ("tables",),
    "test_tasks.py": ("cluster",),
    "test_tabular.py": ("tables", "pandas"),
    "test_whole_set.py": ("sklearn", "fast"),
    "test_tuning.py": (*COMMANDS, "tune"),
    "test_weighting.py": ("sklearn",),
    "test_xor_post.py": ("cli",),
}
"""What each of these modules needs: extras of pyproject.toml, or libraries of its extra `test`."""

LONG = (
    "test_cluster_cli.py",
    "test_compare.py",
    "test_dask.py",
    "test_doctests.py",
    "test_hostile_files.py",
    "test_killing.py",
    "test_many.py",
    "test_mapped.py",
    "test_processes.py",
    "test_ray.py",
    "test_tasks.py",
)
"""Modules of many processes, large files or long runs."""

THOROUGH = (
    "test_compiled_bits.py",
    "test_compiled_forms.py",
    "test_compiled_many.py",
    "test_compiled_numbers.py",
    "test_compiled_own_layers.py",
    "test_compiled_parts.py",
    "test_compiled_predict.py",
    "test_compiled_programs.py",
    "test_compiled_runs.py",
    "test_engine_pauses.py",
    "test_hostile_files.py",
    "test_killing.py",
    "test_mapped.py",
    "test_mathematics.py",
    "test_processes.py",
    "test_products.py",
)
"""Modules with so many cases that once is enough, with everything installed: no other extra changes them."""

_project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_MODULES = {
    "scikit-learn": "sklearn",
    "pytest-xdist": "xdist",
    "mpich": "mpi4py",
    "impi-rt": "mpi4py",
}  # MPI itself is no Python module


def _lacking(names):
    """Those of the extras and libraries that are not installed."""
    return [name for name in names if not all(find_spec(module) for module in _modules(name))]


def _modules(name):
    requirements = _project["optional-dependencies"].get(name, [name])
    libraries = [re.match(r"[\w.-]+", requirement)[0] for requirement in requirements]
    return [_MODULES.get(library, library.replace("-", "_")) for library in libraries]


collect_ignore = [module for module, names in NEEDS.items() if _lacking(names)]


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="fail where a library is missing and tests are left out")


def pytest_configure(config):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a script; tests send it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    every = {"test", *(name for names in NEEDS.values() for name in names)}
    if config.getoption("--whole") and (missing := _lacking(sorted(every))):
        raise pytest.UsageError(f"--whole, and not all libraries are installed of: {', '.join(missing)}")
    config.addinivalue_line("markers", "needs(*names): the test needs these extras or libraries")
    config.addinivalue_line("markers", "thorough: many cases; no other extra than the test's own changes them")
    config.addinivalue_line("markers", "core: the test needs NumPy alone and does not take long")
    if config.option.markexpr == "core":
        collect_ignore.extend([*NEEDS, *LONG])


def pytest_report_header(config):
    if config.option.markexpr == "core":
        return []
    return [f"left out: {module} needs {', '.join(_lacking(NEEDS[module]))}" for module in collect_ignore]


def pytest_collection_modifyitems(items):
    for item in items:
        if names := NEEDS.get(item.path.name):
            item.add_marker(pytest.mark.needs(*names))
        if item.path.name in THOROUGH:
            item.add_marker(pytest.mark.thorough)
        if not item.get_closest_marker("needs") and not item.get_closest_marker("slow") and item.path.name not in LONG:
            item.add_marker(pytest.mark.core)
        for mark in item.iter_markers("needs"):
            if lacking := _lacking(mark.args):
                item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(lacking)}"))


@pytest.fixture
def in_empty_folder(tmp_path, monkeypatch):
    """The test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def browser():
    """Chromium, for the tests of a module."""
    from chromium import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server():
    """A process that runs `plainnet play`, for the tests of a module."""
    from play_page import served

    with served() as server:
        yield server


@pytest.fixture
def page(browser, server):
    """A page of `plainnet play`, ready to be used."""
    from play_page import opened, ready

    with opened(browser, server.url) as page:
        yield ready(page)
