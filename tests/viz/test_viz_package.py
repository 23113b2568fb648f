import importlib
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import viz
from viz import style


def test_importing_viz_loads_neither_matplotlib_nor_numba_nor_scipy(repository):
    code = "import sys, viz; print([m for m in ('matplotlib', 'numba', 'scipy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_a_function_even_after_its_file_was_imported_by_name():
    for name in viz.__all__:
        importlib.import_module(f"viz.{name}")
        assert callable(getattr(viz, name))


@pytest.mark.parametrize("name", ["raster", "latency", "anytime"])
def test_a_figure_neither_shows_itself_nor_changes_a_global_setting(small_trace, name):
    before = dict(matplotlib.rcParams)
    axes = getattr(viz, name)(small_trace)
    np.ravel(axes)[0].figure.canvas.draw()
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(pytest.fail.Exception):  # the guard itself works
        plt.show()


def test_population_colours_do_not_depend_on_what_is_shown(small_trace):
    colours = style.population_colours(small_trace.network)
    assert colours == {"pixels": style.INPUT_GREYS[0], "hidden": style.PALETTE[0], "output": style.PALETTE[1]}


def _seen(colour, matrix):
    """Return linear RGB of a colour as a dichromat sees it."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.clip(matrix @ linear, 0.0, 1.0)


def _lab(linear):
    """Return CIE L*a*b* (D65) of linear sRGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira, Fernandes, IEEE TVCG 15 (2009), 1291-1298, severity 1.0.
DICHROMATS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("kind", DICHROMATS)
def test_colours_of_the_palette_and_the_input_grey_stay_apart_for_colour_blind_readers(kind):
    matrix = np.array(DICHROMATS[kind])
    seen = [_lab(_seen(colour, matrix)) for colour in (*style.PALETTE, style.INPUT_GREYS[0])]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(distances) > 10.0  # a difference of 2.3 is just noticeable
