#!/usr/bin/env python3
"""Runs ONNX Runtime and onnx.checker over models that interchange_onnx_export --models=DIR has left in DIR.

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime numpy
    mkdir models && build/release/tests/interchange_onnx_export --models=models
    venv/bin/python tools/check_onnx.py models
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort

ALLOWED = 1e-5


def array(tensor):
    dtype = np.int64 if tensor["dtype"] == "u32" else np.float32
    return np.array(tensor["values"], dtype=np.float64).astype(dtype).reshape(tensor["shape"])


def difference(path):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    case = json.loads(path.with_suffix(".json").read_text())
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = {name: array(tensor) for name, tensor in case.get("inputs", {}).items()}
    got = session.run(list(case["outputs"]), feeds)
    worst = 0.0
    for value, wanted in zip(got, case["outputs"].values()):
        expected = np.array(wanted["values"]).reshape(wanted["shape"])
        if value.shape != expected.shape:
            raise ValueError(f"shape {value.shape}, not {expected.shape}")
        worst = max(worst, float(np.max(np.abs(value - expected), initial=0.0)))
    return worst


def main():
    folder = pathlib.Path(sys.argv[1])
    paths = sorted(folder.glob("*.onnx"))
    failed, worst = 0, 0.0
    for path in paths:
        try:
            off = difference(path)
            if not off <= ALLOWED:
                raise ValueError(f"differs by {off:.3g}")
            worst = max(worst, off)
        except Exception as error:  # what any of the libraries says of a model is a finding
            failed += 1
            print(f"{path.stem}: {str(error).splitlines()[0]}")
    print(f"{len(paths)} models, {failed} failed, worst difference of the others {worst:.2g}; "
          f"onnx {onnx.__version__}, onnxruntime {ort.__version__}")
    return 1 if failed or not paths else 0


sys.exit(main())
