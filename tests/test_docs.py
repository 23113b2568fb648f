"""The examples of README.md and of every page under docs/ run as they stand, and links lead somewhere.

Every page's ``python`` blocks run in one namespace, from top to bottom. In ``console`` blocks every
``$ eventsim ...`` line must be a valid command and is run, unless the line above the block is
``<!-- not run -->`` (long training runs, data sets that are not in the package). Where a block shows an
error line, that very line must come.

The pages run in a folder that holds a finished demo as ``demo-results``.
"""

import pathlib
import re
import shlex
import shutil
import sys
import tomllib

import pytest
from shared_data import published

from eventsim.cli import build_parser, main
from training import config

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(
    r"^(?P<mark><!-- not run -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
GENERATED = ("digits",)
"""Data sets by names without a dash that need no files."""

OPTIONAL = {"torch": "torch", "sklearn": "sklearn", "nir": "nir", "pandas": "nwb"}
"""Packages that examples import, and the extras that install them."""

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def blocks(page, kind):
    """Yield (line number, text, whether it is to be run) of the blocks of one kind."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        if match["kind"] == kind:
            line = text.count("\n", 0, match.start("text"))
            yield line, match["text"], match["mark"] is None


def commands(page):
    """Yield (arguments, shown output, whether it is to be run) of every ``$ eventsim`` line."""
    for _, text, run in blocks(page, "console"):
        for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            words = shlex.split(command)
            if words[0] == "eventsim":
                yield words[1:], output, run


def skip_without_packages(text):
    """Skip the test where an optional package that the examples import is missing."""
    for package in OPTIONAL:
        if re.search(rf"^(import|from) ([\w., ]+, )?{package}\b", text, re.MULTILINE):
            pytest.importorskip(package, reason=f"needs the extra {OPTIONAL[package]}")


def name_of(page):
    return page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT).as_posix()


def pages_with(find):
    return [pytest.param(page, id=name_of(page)) for page in PAGES if any(True for _ in find(page))]


def anchors(page):
    """Return what links may name behind "#": the headings, written as GitHub and the documentation site write them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def workplace(demo_run, tmp_path, monkeypatch):
    """Stand in a folder with the results of a demo in it, as a reader of the pages does."""
    shutil.copytree(demo_run[1], tmp_path / "demo-results")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # a reader's program ends there, and its figures with it
        pyplot.close("all")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_is_of_a_kind_that_is_checked_here_or_is_no_code(page):
    kinds = {match["kind"] for match in BLOCK.finditer(page.read_text(encoding="utf-8"))}
    assert kinds <= {"python", "console", "toml", "sh", "text"}  # "sh": how to install


@pytest.mark.parametrize("page", pages_with(lambda page: blocks(page, "toml")))
def test_the_settings_of_a_page_are_settings_of_a_training(page):
    for _, text, _ in blocks(page, "toml"):
        config.parse(tomllib.loads(text))


@pytest.mark.compiled
@pytest.mark.whole
@pytest.mark.parametrize("page", pages_with(lambda page: blocks(page, "python")))
def test_the_python_examples_of_a_page_run(page, workplace):
    namespace = {"__name__": "__main__"}
    skip_without_packages("".join(text for _, text, run in blocks(page, "python") if run))
    for line, text, run in blocks(page, "python"):
        code = compile("\n" * line + text, str(page), "exec")
        if run:
            exec(code, namespace)


@pytest.mark.parametrize("page", pages_with(commands))
def test_the_commands_of_a_page_are_valid(page):
    for words, _, _ in commands(page):
        if words[-1] not in ("--help", "--version"):
            build_parser().parse_args(words)


@pytest.mark.compiled
@pytest.mark.whole
@pytest.mark.parametrize("page", pages_with(commands))
def test_the_commands_of_a_page_run_and_their_errors_are_those_shown(page, workplace, capsys):
    for words, output, run in commands(page):
        if not run or words[0] == "demo":  # the fixture has run the demo
            continue
        try:
            status = main(words)
        except SystemExit as end:  # --help
            status = end.code
        error = capsys.readouterr().err
        shown = [line for line in output.splitlines() if line.startswith("eventsim: error:")]
        assert status == (1 if shown else 0), error
        for line in shown:
            assert line in error.splitlines()


@pytest.mark.compiled
@pytest.mark.whole
@pytest.mark.parametrize("script", [pytest.param(path, id=path.name) for path in EXAMPLES])
def test_an_example_script_runs(script, workplace, monkeypatch):
    text = script.read_text(encoding="utf-8")
    skip_without_packages(text)
    for name in re.findall(r'datasets\.load\("(\w+)"', text):
        if name not in GENERATED:
            published(name)
    monkeypatch.setattr(sys, "argv", [str(script)])
    code = compile(script.read_text(encoding="utf-8"), str(script), "exec")
    exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page):
    broken = []
    for target, anchor in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path = page.parent / target if target else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []
