"""Look at traces: every function draws on matplotlib axes and returns them; `report` writes a page of it all.

None calls ``pyplot.show`` or changes a global setting; ``axes=None`` makes a new figure.
matplotlib is imported when the first figure is drawn, so that ``import viz`` is cheap.
"""

from viz.anytime import anytime
from viz.first_spikes import first_spikes
from viz.hessian_norms import hessian_norms
from viz.latency import latency
from viz.layer_activity import layer_activity
from viz.learning import learning
from viz.membrane import membrane
from viz.raster import raster
from viz.report import report
from viz.robustness import robustness
from viz.sharpness import sharpness

__all__ = [
    "anytime",
    "first_spikes",
    "hessian_norms",
    "latency",
    "layer_activity",
    "learning",
    "membrane",
    "raster",
    "report",
    "robustness",
    "sharpness",
]
