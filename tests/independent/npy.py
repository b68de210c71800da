"""Arrays as numpy.save writes them (bytes in hex), and the numbers that they hold as singles. Prints JSON."""

import io
import json

import numpy as np

cases = []
values = np.array([[0, 1, -2, 3.5], [100.25, -0.125, 7, 65504], [1e-3, 5, 6, 8]])
for kind in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<i1", "<i2", ">i4", "<i8", ">i8", "<u2", "|u1", "|b1"]:
    for shape in [(3, 4), (2, 3, 2), (1, 2, 2, 3)]:
        for order in "CF":
            integers = kind[1] in "iub"
            numbers = np.array([0, 1, -2, 3, 100, -1, 7, 127, 2, 5, 6, 8]) if integers else values
            if kind[1] in "ub":
                numbers = np.abs(numbers)
            array = np.asarray(numbers.reshape(shape).astype(kind), order=order)
            file = io.BytesIO()
            np.save(file, array)
            cases.append(
                dict(
                    name=f"{kind} {shape} {order}",
                    file=file.getvalue().hex(),
                    shape=shape,
                    bits=array.astype("<f4").ravel(order="C").view("<u4").tolist(),
                )
            )
print(json.dumps(cases))
