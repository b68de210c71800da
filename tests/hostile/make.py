"""Writes the files of this folder: what readers of untrusted files are fed. `tests/hostile.rs` says what is due for each.

Run it here: python3 make.py. It needs NumPy, and writes the same bytes each time.
"""

import io
import json
import struct
import zlib

import numpy as np


def npy(header, data=b"", version=(1, 0), length=None):
    header = header.encode() if isinstance(header, str) else header
    size = len(header) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", size) + header + data


def said(shape, descr="<f4", order=False):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


def saved(array, **more):
    file = io.BytesIO()
    np.save(file, array, **more)
    return file.getvalue()


def member(name, packed, size, method=0, crc=None, flags=0, at=0, data=b""):
    """Local header and directory entry of a file in an archive."""
    crc = zlib.crc32(data) if crc is None else crc
    name = name.encode()
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, flags, method, 0, 0, crc, len(packed), size, len(name), 0)
    central = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, flags, method, 0, 0, crc, len(packed), size, len(name), 0, 0, 0, 0, 0, at
    )
    return local + name + packed, central + name


def archive(members, count=None, size=None, start=None):
    body, directory = b"", b""
    for one in members:
        local, central = member(at=len(body), **one)
        body, directory = body + local, directory + central
    count = len(members) if count is None else count
    end = struct.pack(
        "<4sHHHHIIH",
        b"PK\x05\x06",
        0,
        0,
        count,
        count,
        len(directory) if size is None else size,
        len(body) if start is None else start,
        0,
    )
    return body + directory + end


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def safetensors(header, data=b"", length=None):
    header = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(dtype, shape, *offsets):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


small = saved(np.arange(6, dtype="<f4").reshape(2, 3))
bomb = npy(said("(1048576, 4)")) + bytes(1 << 24)
stored = dict(name="q.npy", packed=small, size=len(small), data=small)
# Two entries of the directory for the same bytes.
overlap_body, entry = member(**stored)
_, other = member(**{**stored, "name": "k.npy"})
overlapping = overlap_body + entry + other
overlapping += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, len(entry + other), len(overlap_body), 0)

files = {
    "empty.npy": b"",
    "magic-only.npy": b"\x93NUMPY",
    "header-length-lies.npy": npy(said("(2, 3)"), bytes(24), length=60000),
    "header-of-4-GiB.npy": npy(said("(2, 3)"), bytes(24), version=(2, 0), length=0xFFFFFFFF),
    "version-9.npy": npy(said("(2, 3)"), bytes(24), version=(9, 0)),
    "truncated.npy": small[:-5],
    "trailing.npy": small + b"\0",
    "huge-shape.npy": npy(said("(65536, 65536)", "<f8")),
    "overflow.npy": npy(said("(4294967296, 4294967296, 4)")),
    "past-64-bits.npy": npy(said("(18446744073709551616, 2)")),
    "negative.npy": npy(said("(-2, -3)"), bytes(24)),
    "zero.npy": npy(said("(0, 3)")),
    "nan.npy": saved(np.array([[1, np.nan], [3, 4]], dtype="<f4")),
    "infinite.npy": saved(np.array([[1, 2], [np.inf, 4]], dtype="<f8")),
    "fortran.npy": saved(np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3))),
    "big-endian.npy": saved(np.arange(6, dtype=">f8").reshape(2, 3)),
    "pickle.npy": npy(said("(1,)", "|O"), b"\x80\x04cos\nsystem\n(S'echo'\ntR."),
    "records.npy": npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", bytes(8)),
    "complex.npy": npy(said("(2, 3)", "<c8"), bytes(48)),
    "unicode-header.npy": npy(said("(2, 3)").replace("}", "'Größe\u202e': 1}"), bytes(24), version=(3, 0)),
    "not-utf8.npy": npy(said("(2, 3)").encode() + b"\xff\xfe", bytes(24)),
    "nested-dictionary.npy": npy("{" * 2000 + "}" * 2000, bytes(24)),
    "nine-extents.npy": npy(said("(1, 1, 1, 1, 1, 1, 1, 1, 1)"), bytes(4)),
    "empty.npz": archive([]),
    "no-directory.npz": b"PK\x03\x04" + bytes(64),
    "directory-outside.npz": archive([stored], start=1 << 30),
    "count-lies.npz": archive([stored], count=3),
    "zip64.npz": archive([stored], count=65535),
    "bomb.npz": archive([dict(name="q.npy", packed=deflated(bomb), size=len(small), method=8, data=small)]),
    "bomb-after-the-array.npz": archive(
        [dict(name="q.npy", packed=deflated(small + bytes(1 << 24)), size=len(small), method=8, data=small)]
    ),
    "size-of-3-GiB.npz": archive([dict(name="q.npy", packed=deflated(small), size=3 << 30, method=8, data=small)]),
    "shorter-than-said.npz": archive([dict(name="q.npy", packed=deflated(small[:-4]), size=len(small), method=8, data=small)]),
    "wrong-crc.npz": archive([{**stored, "crc": 1}]),
    "damaged-deflate.npz": archive([dict(name="q.npy", packed=deflated(small)[:60] + b"\xff" * 40, size=len(small), method=8, data=small)]),
    "overlapping.npz": overlapping,
    "encrypted.npz": archive([{**stored, "flags": 1}]),
    "lzma.npz": archive([{**stored, "method": 14}]),
    "twice.npz": archive([stored, stored]),
    "not-an-array.npz": archive([dict(name="readme.txt", packed=b"hello", size=5, data=b"hello"), stored]),
    "names.npz": archive(
        [{**stored, "name": name} for name in ["__proto__.npy", "../../etc/passwd.npy", "a\u202egnp.yek.npy", "<img src=x onerror=alert(1)>.npy"]]
    ),
    "header-length-lies.safetensors": safetensors({}, length=1 << 40),
    "header-past-the-end.safetensors": safetensors({}, length=500),
    "overlap.safetensors": safetensors({"q": tensor("F32", [2, 2], 0, 16), "k": tensor("F32", [2, 2], 8, 24)}, bytes(24)),
    "hole.safetensors": safetensors({"q": tensor("F32", [2, 2], 0, 16), "k": tensor("F32", [2, 2], 20, 36)}, bytes(36)),
    "offset-outside.safetensors": safetensors({"q": tensor("F32", [2, 2], 0, 16)}, bytes(8)),
    "shape-lies.safetensors": safetensors({"q": tensor("F32", [2, 3], 0, 16)}, bytes(16)),
    "overflow.safetensors": safetensors({"q": tensor("F32", [1 << 40, 1 << 40], 0, 16)}, bytes(16)),
    "negative.safetensors": safetensors({"q": tensor("F32", [-2, 2], 0, 16)}, bytes(16)),
    "eight-bits.safetensors": safetensors({"q": tensor("F8_E4M3", [2, 2], 0, 4), "k": tensor("BF16", [1, 2], 4, 8)}, bytes(4) + b"\x80\x3f\x00\xc0"),
    "deep.safetensors": safetensors("[" * 5000 + "]" * 5000),
    "nan.safetensors": safetensors({"q": tensor("F16", [1, 2], 0, 4)}, b"\x00\x3c\x00\x7e"),
    "deep.json": ("[" * 10000 + "1" + "]" * 10000).encode(),
    "prototype.json": b'{"__proto__": [[1, 2]], "constructor": [[3, 4]]}',
    "twice.json": b'{"q": [[1]], "q": [[2]]}',
    "ragged.json": b"[[1, 2], [3]]",
    "null.json": b"[[1, null], [3, 4]]",
    "open.json": b"[[1, 2], [3, 4",
    "elided.txt": b"array([[0.1, 0.2, ..., 0.9],\n       [0.3, 0.4, ..., 0.8]], dtype=float32)",
    "ragged.csv": b"a,b\n1,2\n3\n",
    "nan.csv": b"1;2\n3;NaN\n",
    "formula.csv": b"1,=cmd|' /C calc'!A0\n",
    "quote.csv": b'1,"2\n3,4\n',
    "utf-16.csv": "1,2\n3,4\n".encode("utf-16"),
    "half-utf-16.csv": "1,2\n3,4\n".encode("utf-16")[:-1],
    "image.png": b"\x89PNG\r\n\x1a\n" + bytes(16),
}
for name, data in files.items():
    with open(name, "wb") as file:
        file.write(data)
