"""Reading and writing files: networks, traces, spike files, IDX arrays, and graphs of NIR.

The converters to and from formats of other programs load on first use, and import those programs' packages only when
they are called.
"""

from typing import TYPE_CHECKING

from eventsim.lazy import load_on_first_use

if TYPE_CHECKING:  # what the tables below load on first use, for type checkers and editors
    from eventsim.io.neo import from_neo as from_neo
    from eventsim.io.neo import to_neo as to_neo
    from eventsim.io.nir_read import from_nir as from_nir
    from eventsim.io.nir_write import to_nir as to_nir
    from eventsim.io.nwb import from_nwb as from_nwb
    from eventsim.io.nwb import to_nwb as to_nwb
    from eventsim.io.sonata import from_sonata as from_sonata
    from eventsim.io.sonata import to_sonata as to_sonata
    from eventsim.io.text import from_csv as from_csv
    from eventsim.io.text import to_csv as to_csv

_HOME = {
    "from_csv": "text",
    "from_neo": "neo",
    "from_nir": "nir_read",
    "from_nwb": "nwb",
    "from_sonata": "sonata",
    "to_csv": "text",
    "to_neo": "neo",
    "to_nir": "nir_write",
    "to_nwb": "nwb",
    "to_sonata": "sonata",
}

__all__ = sorted(_HOME)

load_on_first_use(__name__)
