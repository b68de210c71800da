"""Safetensors, read and written with the standard library and NumPy.

The format: 8 bytes little-endian header length, a JSON header naming each tensor's dtype, shape and byte range, then the bytes.
https://huggingface.co/docs/safetensors
"""

import json
import struct

import numpy as np

DTYPES = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8")}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_HEADER = 1 << 20


def read(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors and metadata of one file's bytes. Raises ValueError on a header that does not fit the data."""
    (length,) = struct.unpack_from("<Q", data)
    if length > MAX_HEADER or 8 + length > len(data):
        raise ValueError(f"header of {length} bytes in a file of {len(data)}")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        dtype, shape = DTYPES[entry["dtype"]], tuple(entry["shape"])
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        if end > len(data):
            raise ValueError(f"{name} ends past the file")
        tensors[name] = np.frombuffer(data[begin:end], dtype).reshape(shape)
    return tensors, metadata


def write(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """One file's bytes. The same arguments give the same bytes, so a rerun shows no change in version control."""
    header, body = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor).tobytes()
        header[name] = {
            "dtype": NAMES[tensor.dtype.newbyteorder("<")],
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8
    return struct.pack("<Q", len(text)) + text + body
