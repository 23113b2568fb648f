"""JSON that is refused before Python's limit of recursion is near."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.io import json_text

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=300)


@given(DOCUMENTS)
def test_what_json_reads_is_read_alike(document):
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
        assert json_text.parsed(text) == json_text.parsed(text.encode()) == document


@given(st.text(alphabet='[]{}",:\\ab\n'))
def test_any_text_is_read_alike_or_refused(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            json_text.parsed(text)
    else:
        assert json_text.parsed(text) == expected


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}")])
def test_a_hundred_levels_are_read_and_no_more(opening, closing):
    for levels in (99, 100):
        text = opening * levels + "1" + closing * levels
        assert json_text.parsed(text) == json.loads(text)
    for levels in (101, 990, 100_000):
        with pytest.raises(ValueError, match="nested more than 100 times"):
            json_text.parsed(opening * levels + closing * levels)
        with pytest.raises(ValueError, match="nested more than 100 times"):
            json_text.parsed(opening * levels)


def test_brackets_within_strings_and_beside_each_other_are_no_levels():
    for document in ["[" * 1000, '\\"[{' * 500, [[1]] * 1000, {"]" * 200: "\\" * 3}]:
        assert json_text.parsed(json.dumps(document)) == document
