"""Writes npz.stored.npz and npz.deflated.npz as numpy.savez and numpy.savez_compressed do, and prints what is in them as singles: JSON."""

import json

import numpy as np

rng = np.random.default_rng(7)
arrays = {
    "query": rng.standard_normal((2, 3, 5, 4)).astype("<f4"),
    "key": np.asfortranarray(rng.standard_normal((2, 3, 6, 4))),
    "value": rng.standard_normal((2, 6, 9)).astype(">f2"),
    "lengths": np.array([[5, 6], [4, -3]], dtype="<i8"),
    "mask": np.array([[True, False], [False, True]]),
    "one": np.float32(3.5),
}
np.savez("npz.stored.npz", **arrays)
np.savez_compressed("npz.deflated.npz", **arrays)
print(
    json.dumps(
        {
            name: dict(shape=np.shape(array), bits=np.ascontiguousarray(array).astype("<f4").ravel().view("<u4").tolist())
            for name, array in arrays.items()
        }
    )
)
