"""The documentation site: every public name in the reference, docstrings in order, a build without a warning."""

import doctest
import importlib
import inspect
import pathlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

import eventsim
import training
import viz

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REFERENCE = sorted((DOCS / "api").glob("*.md"))
NEEDED = ("sphinx", "myst_parser", "numpydoc", "furo")
MISSING = "needs the extra docs: pip install eventsim[docs]"
DIRECTIVE = re.compile(
    r"^\.\. (currentmodule|automodule|autoclass|autofunction|autodata|py:data):: ([\w.]+)", re.MULTILINE)

INSIDE = "inside.md"
"""The page of modules that nobody needs in order to use the package; their docstrings may be one line."""

HANDED_OUT = {"Population", "Projection", "Trace", "History", "SpikeTimeGradient"}
"""Classes that users are given and do not make: their attributes are described instead of their constructor."""

CHECKS = {"GL06", "GL07", "GL08", "SS01", "SS03", "SS04", "SS05", "SS06", "PR01", "PR02", "PR03", "RT01", "YD01"}
"""Checks of numpydoc: known sections in their order, a summary of one line, parameters as in the signature, returns."""


def described(page):
    """Yield the names that a page of the reference describes, in full."""
    module = ""
    for kind, name in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
        if kind in ("currentmodule", "automodule"):
            module = name
        else:
            yield f"{module}.{name}"


def found(name):
    """Return the object of a full name, also of one in a module that a function of the same name hides."""
    parts = name.split(".")
    value = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], 1):
        if not hasattr(value, part):
            value = importlib.import_module(".".join(parts[:number]))
        value = getattr(value, part) if hasattr(value, part) else importlib.import_module(".".join(parts[:number + 1]))
    return value


def public_of(module):
    """Yield the full names that a module offers: its `__all__`, else the functions and classes written in it.

    `training.torch` has the names of what it loads on first use in `_NAMES`.
    """
    yield from (f"{module.__name__}.{name}" for name in getattr(module, "_NAMES", ()))
    for name in getattr(module, "__all__", None) or vars(module):
        value = getattr(module, name)
        own = getattr(value, "__module__", None) == module.__name__
        if hasattr(module, "__all__") or (own and callable(value) and not name.startswith("_")):
            yield f"{module.__name__}.{name}"


def public():
    """Yield the full names of everything public: of the three packages and of their public modules."""
    for package in (eventsim, training, viz):
        modules = getattr(package, "_MODULES", ())
        for name in package.__all__:
            if name in modules:
                yield from public_of(importlib.import_module(f"{package.__name__}.{name}"))
            if name not in modules and name != "__version__":
                yield f"{package.__name__}.{name}"


def documented_parts(name):
    """Yield where an object is written, and the public methods and properties that its class adds to its bases."""
    value = found(name)
    name = f"{value.__module__}.{value.__qualname__}"
    yield name
    if inspect.isclass(value):
        inherited = {part for base in value.__mro__[1:] for part in vars(base)}
        for part, member in vars(value).items():
            kinds = (classmethod, staticmethod, property)
            if not part.startswith("_") and part not in inherited and (
                    inspect.isfunction(member) or isinstance(member, kinds)):
                yield f"{name}.{part}"


def described_fields(kind):
    """Return the names in a class's section Attributes, and those of fields with a docstring behind them."""
    from numpydoc.docscrape import NumpyDocString
    from sphinx.pycode import ModuleAnalyzer

    sections = NumpyDocString(inspect.getdoc(kind) or "")
    listed = {part for field in sections["Attributes"] for part in field.name.split(", ")}
    written = ModuleAnalyzer.for_module(kind.__module__).find_attr_docs()
    return listed | {part for owner, part in written if owner == kind.__name__}


def counts(name, code, text):
    """Return whether what numpydoc found counts here."""
    value = found(name)
    if code == "RT01":  # "Return the ..." says it
        return not inspect.getdoc(value).startswith(("Return ", "Yield "))
    if code != "PR01":
        return code in CHECKS
    known = {"**unknown"}  # taken in order to be refused with advice
    known |= set(re.findall(r"`(\w+)`", inspect.getdoc(value)))  # a sentence that names a parameter describes it
    if inspect.isclass(value):
        if value.__name__ in HANDED_OUT:
            return False
        for base in value.__mro__:
            if base.__module__ != "builtins":
                known |= described_fields(base)
    missing = set(re.findall(r"'([^']+)'", text))
    return bool(missing - known)


def skip_without_torch(page):
    if page.name == "pytorch.md":
        pytest.importorskip("torch", reason="needs the extra torch: pip install eventsim[torch]")


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.name)
def test_every_name_on_a_page_of_the_reference_exists(page):
    skip_without_torch(page)
    for name in described(page):
        found(name)


def test_every_public_name_is_in_the_reference():
    names = {name for page in REFERENCE for name in described(page)}
    objects = {id(found(name)) for name in names if not name.startswith("training.torch.")}
    lacking = [name for name in public() if name not in names and id(found(name)) not in objects]
    assert lacking == []


@pytest.mark.parametrize(
    "page", [page for page in REFERENCE if any(described(page)) and page.name != INSIDE], ids=lambda page: page.name)
def test_the_docstrings_of_a_page_of_the_reference_are_complete(page):
    for name in NEEDED:
        pytest.importorskip(name, reason=MISSING)
    skip_without_torch(page)
    from numpydoc.validate import validate

    wrong = []
    for name in described(page):
        if callable(found(name)):
            for part in documented_parts(name):
                wrong += [f"{part}: {text}" for code, text in validate(part)["errors"] if counts(part, code, text)]
    assert wrong == []


def test_the_docstrings_of_inner_modules_have_a_summary_and_no_unknown_parameter():
    pytest.importorskip("numpydoc", reason=MISSING)
    from numpydoc.validate import validate

    wrong = []
    for name in described(DOCS / "api" / INSIDE):
        for part in documented_parts(name):
            wrong += [f"{part}: {text}" for code, text in validate(part)["errors"] if code in CHECKS - {"PR01", "RT01"}]
    assert wrong == []


@pytest.mark.compiled
@pytest.mark.whole
@pytest.mark.parametrize("page", [page for page in REFERENCE if page.name != "pytorch.md"], ids=lambda page: page.name)
def test_the_examples_in_the_docstrings_of_a_page_show_what_comes(page):
    for name in described(page):
        value = found(name)
        if callable(value):
            for test in doctest.DocTestFinder().find(value, name, sys.modules[value.__module__]):
                assert doctest.DocTestRunner().run(test).failed == 0, test.name


class Page(HTMLParser):
    """The links and the images of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.images = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make docs` does; return its folder."""
    for name in NEEDED:
        pytest.importorskip(name, reason=MISSING)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html",
               "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr.strip()) == (0, "")
    return folder / "html"


@pytest.mark.whole
def test_the_site_builds_without_a_warning(site):
    assert (site / "index.html").is_file()


@pytest.mark.whole
def test_every_page_is_reached_from_the_first(site):
    contents = Page(site / "index.html")
    reached = {link.partition("#")[0] for link in contents.links}
    pages = {path.relative_to(DOCS).with_suffix(".html").as_posix()
             for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert pages - reached == {"index.html"} - reached


@pytest.mark.whole
def test_every_image_of_the_site_has_words_for_those_who_do_not_see_it(site):
    wordless = [(path.name, image.get("src")) for path in site.rglob("*.html") for image in Page(path).images
                if not image.get("alt", "").strip() or image["alt"] == image.get("src")]
    assert wordless == []


@pytest.mark.whole
def test_the_site_asks_no_other_place_for_anything(site):
    """Neither fonts nor scripts: it is read without network, too."""
    asked = re.compile(r"<(?:script|link|img)\b[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*\"")
    assert [match for path in site.rglob("*.html") for match in asked.findall(path.read_text(encoding="utf-8"))] == []


@pytest.mark.whole
def test_formulas_are_drawn_by_the_browser(site):
    text = (site / "equations.html").read_text(encoding="utf-8")
    assert text.count("<math ") > 20 and "$$" not in text
