"""What fuzzing and reading the readers found, one test each."""

import io
import json
import lzma
import os
import zipfile

import bad_files
import h5py
import numpy as np
import pytest
from refusals import refusal
from small_runs import recurrent_run

import eventsim as es
import training
from eventsim.errors import InputError, choose
from eventsim.io import aedat, idx, json_lines, network_link, nmnist
from training import checkpoint, config, datasets
from training.datasets import cifar10, dvs_gesture


def test_a_message_is_one_line_that_a_terminal_can_show_whatever_it_quotes():
    message = str(InputError(f"no {np.arange(4).reshape(2, 2)!r} \x1b[31m {'y' * 5000} here; give another"))
    assert message.isprintable() and len(message) < 620 and message.endswith("here; give another")


def test_names_that_cannot_be_hashed_are_refused():
    assert "is not known" in refusal(choose, "engine", [], {"heap": 1})


@pytest.mark.parametrize("claim", ["# n_samples: 2147483647\nneuron,time_ms\n1,1\n",
                                   "sample,neuron,time_ms\n2147483646,1,1\n"])
def test_a_table_cannot_claim_two_thousand_million_samples(claim, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(claim)
    assert "more than a table of its length" in refusal(es.io.from_csv, path)


def test_a_list_of_trials_does_not_lead_out_of_its_folder(tmp_path):
    (tmp_path / "dvs_gesture").mkdir()
    (tmp_path / "dvs_gesture" / "trials_to_test.txt").write_text("../secret.aedat\n")
    (tmp_path / "secret.aedat").write_bytes(b"")
    assert "no name of a file beside it" in refusal(dvs_gesture.read, "test", tmp_path)


@pytest.mark.parametrize("said", ["/etc/network-0123456789abcdef.h5", "../../network-0123456789abcdef.h5", "other.h5"])
def test_a_trace_does_not_take_its_network_from_anywhere(said, tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.attrs["path"] = said
        assert "neither beside it" in refusal(network_link.read, file, tmp_path)


@pytest.mark.parametrize("read", [idx.read, aedat.read, nmnist.read])
def test_a_pipe_is_not_waited_for(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a device or a pipe" in refusal(read, tmp_path / "pipe")


def test_a_configuration_nested_a_thousand_times_is_refused(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(f"a = {'[' * 5000}{']' * 5000}\n")
    assert "nested too deeply" in refusal(config.load, path)
    path.write_text(f"[fit]\nepochs = {'9' * 5000}\n")
    assert "not valid TOML" in refusal(config.load, path)


def test_a_log_nested_too_deeply_is_refused_by_its_line(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"epoch": 1}\n{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
    assert "line 2" in refusal(json_lines.read, path, "history")
    assert "line 2" in refusal(training.History.load, path)


def test_an_archive_cannot_claim_more_than_it_can_hold(tmp_path):
    (tmp_path / "nmnist").mkdir()
    with zipfile.ZipFile(tmp_path / "nmnist" / "Test.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("Test/3/00001.bin", bytes(5_000_000))
    assert "more than it can hold" in refusal(datasets.load, "nmnist", "test", tmp_path)


def test_an_xz_stream_cannot_ask_for_all_memory(tmp_path, monkeypatch):
    (tmp_path / "cifar10").mkdir()
    monkeypatch.setattr(cifar10, "_UNPACKING", 2**16)  # a stream that asks for more than 256 MB takes as much to make
    (tmp_path / "cifar10" / "test_batch.planes.xz").write_bytes(lzma.compress(bytes(100), preset=6))
    assert "truncated or damaged" in refusal(cifar10.read_records, "test_batch", tmp_path)


def test_a_member_of_an_archive_that_is_no_array_is_refused(tmp_path):
    from eventsim.cli import main

    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("images", b"not an array")
    (tmp_path / "i.npz").write_bytes(memory.getvalue())
    (tmp_path / "m.h5").write_bytes(bad_files.READERS["model"].seeds(tmp_path)[0])
    assert main(["simulate", str(tmp_path / "m.h5"), "--input", str(tmp_path / "i.npz"), "--out",
                 str(tmp_path / "o.h5")]) == 1


def test_a_few_bytes_cannot_describe_a_thousand_million_neurons(tmp_path):
    net = es.Network(seed=1)
    net.input("pixels", 4)
    net.save(tmp_path / "n.h5")
    with h5py.File(tmp_path / "n.h5", "r+") as file:
        file["populations/0000"].attrs["shape"] = np.array([10**9])
    assert "more neurons" in refusal(es.Network.load, tmp_path / "n.h5")


def test_a_model_with_a_flipped_bit_in_a_number_without_checksum_is_refused(tmp_path):
    data = bytearray(bad_files.READERS["model"].seeds(tmp_path)[0])
    at = data.find(np.float64(4.0).tobytes())  # the horizon, an attribute
    data[at + 6] ^= 1
    (tmp_path / "m.h5").write_bytes(data)
    assert "CRC-32" in refusal(training.Model.load, tmp_path / "m.h5")


def test_a_spike_of_a_stimulus_points_into_what_was_given(tmp_path):
    (tmp_path / "t.h5").write_bytes(bad_files.READERS["trace"].seeds(tmp_path)[0])
    with h5py.File(tmp_path / "t.h5", "r+") as file:
        file["stimulus/onset/given"][0] = 10**9
    assert "none of the" in refusal(es.Trace.load, tmp_path / "t.h5")


def test_a_provenance_of_a_file_is_shown_in_full_but_for_what_acts():
    from eventsim import cli_text

    assert cli_text.record({"a\x1b": json.loads('"b\\u001b[2J"')}) == "a?: b?[2J"


def test_what_is_no_path_is_refused():
    for wrong in (None, 3, b"bytes", "nul\0", ["a"]):
        for load in (es.Trace.load, es.Network.load, training.Model.load, es.io.from_csv, checkpoint.load):
            assert "a path is text" in refusal(load, wrong)


def test_membranes_of_rows_of_different_lengths_are_refused():
    trace = recurrent_run()
    assert '"excitatory"' in refusal(trace.membrane, "excitatory", [0, [1]], [1.0])


def test_a_batch_of_two_billion_samples_is_refused_before_its_offsets_are_made():
    assert "100000000" in refusal(es.Spikes, [1.0], [0], n_samples=2**31 - 1)
    assert "100000000" in refusal(es.Spikes, [1.0], [0], sample=[2**31 - 1])
