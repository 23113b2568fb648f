"""What a call that must be refused says."""

import pytest

from eventsim.errors import InputError


def refusal(call, *args, **kwargs):
    """Return the one line with which a call is refused."""
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)
