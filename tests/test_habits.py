"""The files for those who carry on agree with each other: versions, the changelog's form, the workflows' commands."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import plainnet

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == plainnet.__version__
    assert citation["cff-version"] == "1.2.0"
    versions = re.findall(r"^## \[(\d[\d.]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == plainnet.__version__


def test_the_changelog_has_the_form_of_keep_a_changelog():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *releases = re.split(r"^## ", text, flags=re.MULTILINE)
    assert "keepachangelog.com" in first
    assert releases[0].startswith("[Unreleased]\n")
    for release in releases:
        kinds = re.findall(r"^### (.*)$", release, re.MULTILINE)
        assert kinds
        assert kinds == [kind for kind in KINDS if kind in kinds]
        assert re.match(r"\[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d\d-\d\d)?\n", release)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_names_extras_and_files_that_exist(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert text.startswith("# Untried")
    assert workflow["permissions"] == {"contents": "read"}  # a job that needs more says so itself
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        for step in job["steps"]:
            command = step.get("run", "")
            assert set(re.findall(r"\.\[(\w+)\]", command)) <= extras.keys()
            assert all((ROOT / name).exists() for name in re.findall(r"bash (\S+)", command))
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step["uses"])


def test_templates_speak_of_what_there_is():
    folder = ROOT / ".github"
    assert yaml.safe_load((folder / "ISSUE_TEMPLATE" / "config.yml").read_text(encoding="utf-8"))
    for path in (folder / "ISSUE_TEMPLATE").glob("*.md"):
        head = yaml.safe_load(path.read_text(encoding="utf-8").split("---")[1])
        assert head["name"]
        assert head["about"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "## Versions" in contributing  # which the template of changes names
