"""Large networks of traces: in a file of their own, named by fingerprint, shared, and missed in one line."""

import h5py
import pytest

import eventsim as es
from eventsim.io import network_link, segments


@pytest.fixture(autouse=True)
def any_network_is_large(monkeypatch):
    monkeypatch.setattr(network_link, "LARGEST", 0)


def network(weight=8.0):
    net = es.Network(seed=1)
    net.input("source", 2)
    net.population("cells", 4, es.LIF(20.0, 5.0, t_refractory=1.0))
    net.connect("source", "cells", es.AllToAll(weight))
    net.connect("cells", "cells", es.FixedProbability(0.5, es.Normal(0.5, 0.1)), delay=1.0)
    return net


def run(weight=8.0, **options):
    return es.simulate(network(weight), es.Spikes([1.0, 5.0], [0, 1]), 30.0, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_traces_of_one_network_share_its_file(tmp_path):
    trace = run()
    trace.save(tmp_path / "one.h5")
    trace.save(tmp_path / "two.h5")
    run(9.0).save(tmp_path / "three.h5")
    own = f"network-{trace.fingerprint[:16]}.h5"
    assert len(names(tmp_path)) == 5
    assert own in names(tmp_path)
    with h5py.File(tmp_path / "one.h5") as file:
        assert dict(file["network"].attrs) == {"fingerprint": trace.fingerprint, "path": own}
    for name in ("one.h5", "two.h5"):
        loaded = es.Trace.load(tmp_path / name)
        assert loaded.network.fingerprint() == loaded.fingerprint == trace.fingerprint
        assert loaded.spikes("cells").time.tolist() == trace.spikes("cells").time.tolist()


def test_the_files_may_be_moved_together(tmp_path):
    (tmp_path / "old").mkdir()
    run().save(tmp_path / "old" / "run.h5")
    (tmp_path / "old").rename(tmp_path / "new")
    assert es.Trace.load(tmp_path / "new" / "run.h5").network.fingerprint() == network().fingerprint()


def test_a_small_network_stays_inside(tmp_path, monkeypatch):
    monkeypatch.setattr(network_link, "LARGEST", network_link.size(network()))
    run().save(tmp_path / "run.h5")
    assert names(tmp_path) == ["run.h5"]


def one_line(path):
    with pytest.raises(es.InputError) as caught:
        es.Trace.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_or_another_network_is_told_in_one_line(tmp_path):
    trace = run()
    trace.save(tmp_path / "run.h5")
    own = tmp_path / f"network-{trace.fingerprint[:16]}.h5"
    own.unlink()
    assert f'its network is in "{own}", which is missing; put that file there' in one_line(tmp_path / "run.h5")
    network(9.0).save(own)
    assert "its network is not the one in" in one_line(tmp_path / "run.h5")
    own.write_bytes(own.read_bytes()[:100])
    assert "cut short" in one_line(tmp_path / "run.h5")


def test_a_long_run_names_the_network_before_its_first_segment(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "ROWS", 3)
    listed = []

    def look(now):
        listed.append(names(tmp_path))
        if now.time >= 25.0:
            listed.append(es.Trace.load(tmp_path / "run.h5.segments"))

    trace = run(out=tmp_path / "run.h5", stop=look, stop_every=5.0)
    own = f"network-{trace.fingerprint[:16]}.h5"
    assert listed[1] == [own, "run.h5.segments"]
    assert listed[-1].fingerprint == trace.fingerprint
    assert names(tmp_path) == [own, "run.h5"]
    assert es.Trace.load(tmp_path / "run.h5").fingerprint == trace.fingerprint
