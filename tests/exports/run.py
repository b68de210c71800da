"""Runs exported scripts and tells what they compute.

Reads a JSON list of {name, code} from standard input and writes one JSON object a line: {name, shape, y}, or {name, error}. Every script has a namespace
of its own; the folder that it may read files from is the first argument. With `--libraries` it tells which libraries can be imported, with their versions.
"""

import contextlib
import importlib
import io
import json
import math
import os
import sys
import traceback
import types
import warnings


def libraries():
    found = {}
    for name in ["numpy", "jax", "onnx", "torch"]:
        try:
            found[name] = importlib.import_module(name).__version__
        except ImportError:
            pass
    return found


def plain(x):
    """A number as JSON has it; what is not finite as text."""
    return float(x) if math.isfinite(x) else str(x)


def main():
    if sys.argv[1:] == ["--libraries"]:
        print(json.dumps(libraries()))
        return
    os.chdir(sys.argv[1])
    warnings.simplefilter("ignore", UserWarning)
    # Anything else that warns would warn the reader of the script as well.
    warnings.simplefilter("error", RuntimeWarning)
    import numpy as np

    for number, case in enumerate(json.load(sys.stdin)):
        answer = {"name": case["name"]}
        try:
            # A module of its own: PyTorch's tracer looks up globals by the module's name.
            module = types.ModuleType(f"script_{number}")
            sys.modules[module.__name__] = module
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(case["code"], case["name"], "exec"), module.__dict__)
            y = np.asarray(module.y)
            answer.update(shape=list(y.shape), y=[plain(x) for x in y.ravel().tolist()])
        except Exception:
            answer["error"] = traceback.format_exc(limit=-3)
        print(json.dumps(answer), flush=True)
        if "torch" in sys.modules:
            # What it compiled for one script is of no use to the next, and it keeps a few only.
            sys.modules["torch"]._dynamo.reset()


main()
