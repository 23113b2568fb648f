"""JSON and TOML that are refused before Python's limit of recursion is near."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.io import documents

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=300)


@given(DOCUMENTS)
def test_what_json_reads_is_read_alike(document):
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
        assert documents.from_json(text) == documents.from_json(text.encode()) == document


@given(st.text(alphabet='[]{}",:\\ab\n'))
def test_any_text_is_read_alike_or_refused(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            documents.from_json(text)
    else:
        assert documents.from_json(text) == expected


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}")])
def test_a_hundred_levels_of_json_are_read_and_no_more(opening, closing):
    for levels in (99, 100):
        text = opening * levels + "1" + closing * levels
        assert documents.from_json(text) == json.loads(text)
    for levels in (101, 990, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            documents.from_json(opening * levels + closing * levels)
        with pytest.raises(ValueError, match="nested too deeply"):
            documents.from_json(opening * levels)


def test_brackets_within_strings_and_beside_each_other_are_no_levels():
    for document in ["[" * 1000, '\\"[{' * 500, [[1]] * 1000, {"]" * 200: "\\" * 3}]:
        assert documents.from_json(json.dumps(document)) == document


@given(st.text(alphabet="[]{}\"'#=,a1\\\n "))
def test_any_text_is_read_as_toml_alike_or_refused(text):
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            documents.from_toml(text)
    else:
        assert documents.from_toml(text) == expected


def test_a_hundred_levels_of_toml_are_read_and_no_more():
    for opening, closing in (("[", "]"), ("{a = ", "}")):
        text = "a = " + opening * 100 + "1" + closing * 100
        assert documents.from_toml(text) == tomllib.loads(text)
        for levels in (101, 990, 100_000):
            with pytest.raises(ValueError, match="nested too deeply"):
                documents.from_toml("# don't\na = " + opening * levels + "1" + closing * levels)


@pytest.mark.parametrize("text", [
    "a = 1 # " + "[" * 200, 'a = "' + "[" * 200 + '"', "a = '" + "[" * 200 + "'", 'a = """\n"' + "[" * 200 + '"""',
    "a = '''\n'" + "[" * 200 + "'''", 'a = "\\"' + "[" * 200 + '"', "[[a]]\n" * 200,
    "a = [" + "[1]," * 200 + "]"])
def test_brackets_in_strings_and_comments_of_toml_are_no_levels(text):
    assert documents.from_toml(text) == tomllib.loads(text)
