#!/usr/bin/env python3
"""Recurrent operators with attributes that no exporter's file and no node test of ONNX has, as ONNX Runtime runs them:
data/onnx/NAME.onnx and NAME.json. Made with onnx 1.23.2 and onnxruntime 1.31.1 from PyPI.
"""
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "data" / "onnx"
T, N, I, H = 5, 3, 3, 2
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
random = np.random.default_rng(3)


def draw(*shape):
    return (np.round(random.uniform(-1, 1, shape) * 4096) / 4096).astype(np.float32)


def make(name, op, directions, peepholes=False, **attributes):
    gates, states = GATES[op], 2 if op == "LSTM" else 1
    weights = {"W": draw(directions, gates * H, I), "R": draw(directions, gates * H, H),
               "B": draw(directions, 2 * gates * H)}
    fed = {"x": draw(T, N, I), "lengths": np.array([3, 5, 2], np.int32), "h": draw(directions, N, H)}
    inputs = ["x", "W", "R", "B", "lengths", "h"]
    if op == "LSTM":
        fed["c"] = draw(directions, N, H)
        inputs.append("c")
    if peepholes:
        weights["P"] = draw(directions, 3 * H)
        inputs.append("P")
    outputs = ["y", "last_h", "last_c"][:states + 1]
    node = helper.make_node(op, inputs, outputs, name=name, hidden_size=H, **attributes)
    types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}
    graph = helper.make_graph(
        [node], name,
        [helper.make_tensor_value_info(key, types[value.dtype], value.shape) for key, value in fed.items()],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, [None] * (3 + (key == "y"))) for key in outputs],
        [numpy_helper.from_array(value, key) for key, value in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8, producer_name="")
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")
    results = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(outputs, fed)
    tensors = {**fed, **dict(zip(outputs, results))}
    described = {key: {"shape": list(value.shape), "values": value.astype(float).flatten().tolist()}
                 for key, value in tensors.items()}
    text = json.dumps({"inputs": list(fed), "outputs": outputs, "tensors": described})
    (FOLDER / f"{name}.json").write_text(text + "\n")


make("lstm_clip", "LSTM", 2, peepholes=True, direction="bidirectional", clip=0.3)
make("lstm_coupled", "LSTM", 1, peepholes=True, direction="reverse", input_forget=1)
make("lstm_activations", "LSTM", 1, activations=["HardSigmoid", "ScaledTanh", "Elu"],
     activation_alpha=[0.3, 1.2, 0.7], activation_beta=[0.4, 0.8])
make("gru_clip", "GRU", 2, direction="bidirectional", clip=0.4, linear_before_reset=0,
     activations=["Affine", "LeakyRelu"] * 2, activation_alpha=[0.5, 0.2] * 2, activation_beta=[0.25] * 2)
make("rnn_threshold", "RNN", 1, direction="reverse", activations=["ThresholdedRelu"], activation_alpha=[0.1])
