"""One network split over the processes of an MPI run: each has a range of neurons and the synapses onto them.

Every process (rank) runs the same script. It builds only the rows of its own neurons, simulates them in windows of
the shortest delay between ranks, and hears after each window what the others fired. Same bits as one process.
"""

from typing import TYPE_CHECKING

from eventsim.lazy import load_on_first_use

if TYPE_CHECKING:  # what the table below loads on first use, for type checkers and editors
    from eventsim.mpi.files import load as load
    from eventsim.mpi.files import spikes as spikes
    from eventsim.mpi.network import Network as Network
    from eventsim.mpi.run import simulate as simulate
    from eventsim.mpi.share import Share as Share

_HOME = {"Network": "network", "Share": "share", "load": "files", "simulate": "run", "spikes": "files"}

__all__ = sorted(_HOME)

load_on_first_use(__name__)
