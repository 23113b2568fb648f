"""Ways to spoil a file: bytes of any format, and the objects of an HDF5 file."""

import json

import h5py
import numpy as np

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
NUMBERS = (0, -1, 1, 2**31 - 1, -(2**31), 2**62, 1e-320, -0.0, 1e308, np.nan, np.inf, -np.inf)


def spoiled(rng, contents):
    """Return bytes that differ from `contents` by one to four changes.

    Parameters
    ----------
    rng : numpy.random.Generator
    contents : bytes

    Returns
    -------
    bytes
    """
    data = bytearray(contents)
    for _ in range(1 + int(rng.integers(4)) * int(rng.integers(2))):
        data = _CHANGES[rng.integers(len(_CHANGES))](rng, data)
    return bytes(data)


def _flip(rng, data):
    if data:
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return data


def _byte(rng, data):
    if data:
        data[rng.integers(len(data))] = int(rng.integers(256))
    return data


def _number(rng, data):
    """Write an extreme number of 1 to 8 bytes over what is there."""
    size = int(rng.choice((1, 2, 4, 8)))
    value = EXTREMES[rng.integers(len(EXTREMES))] % 2 ** (8 * size)
    if len(data) >= size:
        at = int(rng.integers(len(data) - size + 1))
        data[at:at + size] = value.to_bytes(size, "big" if rng.integers(2) else "little")
    return data


def _cut(rng, data):
    return data[:int(rng.integers(len(data) + 1))]


def _double(rng, data):
    first, last = sorted(int(place) for place in rng.integers(len(data) + 1, size=2))
    return data[:last] + data[first:last] + data[last:]


def _drop(rng, data):
    first, last = sorted(int(place) for place in rng.integers(len(data) + 1, size=2))
    return data[:first] + data[min(last, first + 64):]


def _blank(rng, data):
    first = int(rng.integers(len(data) + 1))
    size = min(int(rng.integers(1, 64)), len(data) - first)
    data[first:first + size] = bytes([int(rng.choice((0, 255)))]) * size
    return data


def _swap(rng, data):
    size = int(rng.integers(1, 32))
    if len(data) < 2 * size:
        return data
    one, other = (int(place) for place in rng.integers(len(data) - size + 1, size=2))
    data[one:one + size] = data[other:other + size]
    return data


_CHANGES = (_flip, _flip, _byte, _number, _number, _cut, _double, _drop, _blank, _swap)


def spoil_hdf5(rng, path):
    """Change one or two objects or attributes of an HDF5 file in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    path : path-like

    Returns
    -------
    list of str
        What was done.
    """
    done = []
    with h5py.File(path, "r+") as file:
        for _ in range(1 + int(rng.integers(2))):
            owners, data = _objects(file)
            with_attributes = [owner for owner in owners if len(owner.attrs)]
            if with_attributes and rng.integers(2):
                owner = with_attributes[rng.integers(len(with_attributes))]
                name = list(owner.attrs)[rng.integers(len(owner.attrs))]
                done.append(f"{owner.name}@{name}: {_spoil_attribute(rng, owner, name)}")
            elif len(owners) > 1:
                own = data if data and rng.integers(4) else owners[1:]
                found = own[rng.integers(len(own))]
                name = found.name
                done.append(f"{name}: {_spoil_object(rng, file, found)}")
    return done


def _objects(file):
    owners = [file]
    file.visititems(lambda _, found: owners.append(found))
    return owners, [found for found in owners if isinstance(found, h5py.Dataset)]


def _spoil_attribute(rng, owner, name):
    old = owner.attrs[name]
    numbers = [NUMBERS[rng.integers(len(NUMBERS))], np.array([1.0, 2.0]), np.array([], np.int64), True]
    texts = ["", "x", "no\nline", "\x1b[31mred", b"bytes", np.bytes_(b"\xff\xfe"), "[" * 20000, "{}", "[1, 2]", "null",
             json.dumps({"kind": [], "decoder": {}, "distribution": "Normal"}), '"' + "y" * 3000 + '"', "NaN", "1e999",
             "9" * 5000, "../../etc/passwd"]
    choices = [*numbers, *(texts[place] for place in rng.integers(len(texts), size=6)), h5py.Empty("f"), None]
    if isinstance(old, str) and old[:1] in "{[" and rng.integers(2):
        choices = [_spoiled_json(rng, old)]
    new = choices[rng.integers(len(choices))]
    del owner.attrs[name]
    if new is None:
        return "gone"
    owner.attrs[name] = new
    return f"{str(new)[:40]!r}"


def _spoiled_json(rng, text):
    document = json.loads(text)
    others = (None, -1, 1e308, "text", [], {}, [[]], True, 2**70)
    other = others[rng.integers(len(others))]
    if isinstance(document, dict) and document:
        key = list(document)[rng.integers(len(document))]
        document[key if rng.integers(4) else f"{key}_"] = other
    elif document:
        document[rng.integers(len(document))] = other
    return json.dumps(document)


def _spoil_object(rng, file, found):
    """Put something else in the place of a group or a data set; return what."""
    name, parent = found.name, found.parent
    values = found[()] if isinstance(found, h5py.Dataset) and found.shape is not None else np.arange(3.0)
    whole = isinstance(found, h5py.Dataset) and isinstance(values, np.ndarray) and values.size
    how = rng.integers(13 if whole and values.dtype.kind in "iuf" else 9)
    last = name.rsplit("/", 1)[-1]
    if how == 12:
        flat = np.array(values).reshape(-1)
        with np.errstate(all="ignore"):
            flat[rng.integers(flat.size)] = np.asarray(NUMBERS[rng.integers(len(NUMBERS))]).astype(flat.dtype)
        found[...] = flat.reshape(values.shape)
        return "an extreme number"
    attributes = dict(found.attrs) if isinstance(found, h5py.Dataset) else {}
    del file[name]
    if how == 0:
        return "gone"
    if how == 1:
        parent.create_group(last)
        return "a group"
    if how == 2:
        parent[last] = h5py.ExternalLink("other.h5", "/")
        return "an external link"
    if how == 3:
        parent[last] = h5py.SoftLink("/")
        return "a soft link"
    if how == 4:
        parent[last] = file
        return "a hard link to the root"
    if how == 5:
        kinds = ("S3", "i1", "f4", "c16", "?", [("a", "i4"), ("b", "f8")], h5py.string_dtype(), h5py.vlen_dtype("i4"))
        kind = kinds[rng.integers(len(kinds))]
        new = parent.create_dataset(last, (int(rng.choice((0, 1, 3))),), kind)
        what = f"type {kind}"
    elif how == 6:
        new = parent.create_dataset(last, (10**12,), "f8", chunks=(2**20,), compression=1, fillvalue=1.0)
        what = "10^12 of a fill value"
    elif how == 7:
        new = parent.create_dataset(last, (1000,), "f8", external=[("other.bin", 0, 8000)])
        what = "external storage"
    elif how == 8:
        layout = h5py.VirtualLayout((10,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", (10,))
        new = parent.create_virtual_dataset(last, layout)
        what = "virtual"
    else:
        shape = (lambda: (), lambda: (2, *values.shape), lambda: (values.size + 1,))[how - 9]()
        new = parent.create_dataset(last, data=np.resize(values, shape))
        what = f"shape {shape}"
    for key, value in attributes.items():
        new.attrs[key] = value
    return what
