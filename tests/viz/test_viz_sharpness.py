import pytest

import viz
from eventsim.errors import InputError


def test_the_sharpness_is_drawn_where_it_was_measured_with_the_edge_of_stability():
    records = [{"epoch": 1, "sharpness": None}, {"epoch": 2, "sharpness": 3.0}, {"epoch": 4, "sharpness": 5.0}]
    panel = viz.sharpness(records, rate=0.5)
    assert panel.lines[0].get_xdata().tolist() == [2, 4] and panel.lines[0].get_ydata().tolist() == [3.0, 5.0]
    assert panel.lines[1].get_ydata()[0] == 4.0
    panel.figure.canvas.draw()


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="No record has a sharpness"):
        viz.sharpness([{"epoch": 1, "loss": 1.0}])
    with pytest.raises(InputError, match="rate is 0"):
        viz.sharpness([{"epoch": 1, "sharpness": 1.0}], rate=0.0)
