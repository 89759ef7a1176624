"""Golden files of recurrent weights as Keras, ONNX Runtime, oneDNN and haste keep them, with the outputs they give.

Made with Keras 3.15.1 (JAX 0.10.2), ONNX 1.23.2, ONNX Runtime 1.31.1, NumPy 2.4.6 and oneDNN 2.6.3 (Debian libdnnl-dev):
    c++ -std=c++20 onednn/run.cpp -ldnnl -o run && python3 make_weight_goldens.py ./run [directory]
haste, which needs a GPU, is its documentation's formulas in float64; so is a GRU with the other sense of z. Weights are
multiples of 2^-12, random and all different; one file a framework, tensors are "case.tensor", a second direction's
"case.backward.tensor". x is [T, N, I], out [T, N, D H].
"""

import json
import os
import pathlib
import subprocess
import sys

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
import onnx
import onnxruntime

RUN = sys.argv[1]
OUT = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent / "data")
T, N, I, H, P = 5, 3, 3, 4, 3
random = np.random.default_rng(7)


def draw(*shape):
    return (np.round(random.uniform(-1, 1, shape) * 4096) / 4096).astype(np.float32)


def flat(a):
    return {"shape": list(a.shape), "values": [float(f"{v:.9g}") for v in np.asarray(a, dtype=np.float64).reshape(-1)]}


def write(name, cases):
    tensors = {f"{case}.{k}": flat(v) for case, values in cases.items() for k, v in values.items()}
    (OUT / f"weights_{name}.json").write_text(json.dumps({"tensors": tensors}, separators=(",", ":")) + "\n")


def drawn(**shapes):
    return {k: draw(*s) for k, s in shapes.items() if s}


# Keras --------------------------------------------------------------------------------------------


def keras_case(layer, bidirectional=False):
    if bidirectional:
        layer = keras.layers.Bidirectional(layer)
    layer.build((N, T, I))
    layer.set_weights([draw(*w.shape) for w in layer.weights])
    x = draw(T, N, I)
    tensors = {"x": x, "out": np.asarray(layer(x.swapaxes(0, 1))).swapaxes(0, 1)}
    names = {"kernel": "input", "recurrent_kernel": "recurrent", "bias": "bias"}
    for w in layer.weights:
        prefix = "backward." if "backward" in w.path else ""
        tensors[prefix + names[w.path.split("/")[-1]]] = np.asarray(w)
    return tensors


def all_keras():
    L = keras.layers
    o = {"return_sequences": True}
    write("keras", {
        "rnn": keras_case(L.SimpleRNN(H, **o)),
        "lstm": keras_case(L.LSTM(H, **o)),
        "lstm_no_bias": keras_case(L.LSTM(H, use_bias=False, **o)),
        "gru_after": keras_case(L.GRU(H, **o)),
        "gru_before": keras_case(L.GRU(H, reset_after=False, **o)),
        "gru_no_bias": keras_case(L.GRU(H, use_bias=False, **o)),
        "lstm_both_ways": keras_case(L.LSTM(H, **o), True),
        "gru_both_ways": keras_case(L.GRU(H, **o), True),
    })


# ONNX Runtime -------------------------------------------------------------------------------------


def onnx_case(op, gates, directions=1, peepholes=False, **attributes):
    D, value = directions, onnx.helper.make_tensor_value_info
    inputs = {"x": draw(T, N, I), "w": draw(D, gates * H, I), "r": draw(D, gates * H, H), "b": draw(D, 2 * gates * H)}
    names = ["x", "w", "r", "b"]
    if peepholes:
        inputs["p"] = draw(D, 3 * H)
        names += ["", "", "", "p"]
    node = onnx.helper.make_node(op, names, ["y"], hidden_size=H,
                                 direction="bidirectional" if D == 2 else "forward", **attributes)
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph([node], "g", [value(k, floats, v.shape) for k, v in inputs.items()],
                                   [value("y", floats, [T, D, N, H])])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, inputs)[0]  # [T, D, N, H]
    tensors = {"x": inputs["x"], "out": y.swapaxes(1, 2).reshape(T, N, D * H)}
    for d in range(D):
        prefix = "backward." if d else ""
        for ours, theirs in (("input", "w"), ("recurrent", "r"), ("bias", "b"), ("peepholes", "p")):
            if theirs in inputs:
                tensors[prefix + ours] = inputs[theirs][d]
    return tensors


def all_onnx():
    write("onnx", {
        "rnn": onnx_case("RNN", 1),
        "lstm": onnx_case("LSTM", 4),
        "lstm_peepholes": onnx_case("LSTM", 4, peepholes=True),
        "lstm_coupled": onnx_case("LSTM", 4, peepholes=True, input_forget=1),
        "gru_before": onnx_case("GRU", 3),
        "gru_after": onnx_case("GRU", 3, linear_before_reset=1),
        "lstm_both_ways": onnx_case("LSTM", 4, 2, peepholes=True),
        "gru_both_ways": onnx_case("GRU", 3, 2, linear_before_reset=1),
    })


# oneDNN -------------------------------------------------------------------------------------------


def onednn_case(kind, gates, bias_gates=None, peephole=False, projection=False):
    out = P if projection else H
    B = bias_gates or gates
    arrays = drawn(x=(T, N, I), input=(I, gates, H), recurrent=(out, gates, H), bias=(B, H),
                   peepholes=(3, H) if peephole else None, projection=(H, P) if projection else None)
    numbers = [T, N, I, H, out, gates, B, int(peephole), int(projection)]
    text = " ".join([kind, *map(str, numbers), *(f"{v:.9g}" for a in arrays.values() for v in a.reshape(-1))])
    result = subprocess.run([RUN], input=text, capture_output=True, text=True, check=True).stdout
    return {**arrays, "out": np.array(result.split(), dtype=np.float64).reshape(T, N, out)}


def all_onednn():
    write("onednn", {
        "rnn": onednn_case("rnn", 1),
        "lstm": onednn_case("lstm", 4),
        "lstm_peepholes": onednn_case("lstm", 4, peephole=True),
        "lstm_projection": onednn_case("lstm", 4, peephole=True, projection=True),
        "gru": onednn_case("gru", 3),
        "lbr_gru": onednn_case("lbr_gru", 3, 4),
    })


# Formulas -----------------------------------------------------------------------------------------


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def norm(a, gamma, beta=0.0):
    return (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + 1e-5) * gamma + beta


def plain(a, gamma):
    return a


def haste_lstm(w, x, h, c, ln):
    a = ln(x @ w["input"], w.get("input_gamma")) + ln(h @ w["recurrent"], w.get("recurrent_gamma")) + w["bias"]
    i, g, f, o = np.split(a, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    seen = norm(c, w["cell_gamma"], w["cell_beta"]) if "cell_gamma" in w else c
    return sigmoid(o) * np.tanh(seen), c


def haste_gru(w, x, h, c, ln):
    z, r, g = np.split(ln(x @ w["input"], w.get("input_gamma")) + w["bias"], 3, -1)
    uz, ur, ug = np.split(ln(h @ w["recurrent"], w.get("recurrent_gamma")) + w["recurrent_bias"], 3, -1)
    z = sigmoid(z + uz)
    return z * h + (1 - z) * np.tanh(g + sigmoid(r + ur) * ug), c


def writing_gru(after):
    """Rows r z n, and z is how much of n is written: h' = (1 - z) h + z n."""
    def step(w, x, h, c, ln):
        r, z, n = np.split(ln(x @ w["input"].T, w.get("input_gamma")) + w["bias"], 3, -1)
        ur, uz, un = np.split(ln(h @ w["recurrent"].T, w.get("recurrent_gamma")) + w["recurrent_bias"], 3, -1)
        r, z = sigmoid(r + ur), sigmoid(z + uz)
        reset = r * un if after else (r * h) @ w["recurrent"][2 * H:].T + w["recurrent_bias"][2 * H:]
        return (1 - z) * h + z * np.tanh(n + reset), c
    return step


def formula_case(step, ln=plain, **shapes):
    arrays = drawn(x=(T, N, I), **shapes)
    w = {k: v.astype(np.float64) for k, v in arrays.items()}
    h = c = np.zeros((N, H))
    outputs = []
    for x in w["x"]:
        h, c = step(w, x, h, c, ln)
        outputs.append(h)
    return {**arrays, "out": np.stack(outputs)}


def all_formulas():
    def shapes(G, turned=True, **more):
        both = {"input": (I, G * H), "recurrent": (H, G * H)} if turned else {"input": (G * H, I), "recurrent": (G * H, H)}
        return {**both, "bias": (G * H,), **more}
    gammas = lambda G: {"input_gamma": (G * H,), "recurrent_gamma": (G * H,)}
    two = {"recurrent_bias": (3 * H,)}
    write("haste", {
        "lstm": formula_case(haste_lstm, **shapes(4)),
        "lstm_norm": formula_case(haste_lstm, norm, **shapes(4, cell_gamma=(H,), cell_beta=(H,), **gammas(4))),
        "gru": formula_case(haste_gru, **shapes(3, **two)),
        "gru_norm": formula_case(haste_gru, norm, **shapes(3, **two, **gammas(3))),
    })
    write("writing", {
        "gru_after": formula_case(writing_gru(True), **shapes(3, False, **two)),
        "gru_before": formula_case(writing_gru(False), **shapes(3, False, **two)),
        "gru_norm": formula_case(writing_gru(True), norm, **shapes(3, False, **two, **gammas(3))),
    })


if __name__ == "__main__":
    all_keras()
    all_onnx()
    all_onednn()
    all_formulas()
