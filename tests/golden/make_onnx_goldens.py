#!/usr/bin/env python3
"""Small models as PyTorch exports them, with what goes in and comes out: data/onnx/NAME.onnx and NAME.json.

Made with PyTorch 1.13.1 (Debian python3-torch). The same versions write the same bytes.
"""
import json
import pathlib

import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "data" / "onnx"


class Tagger(nn.Module):
    """Words to tags: embedding, two bidirectional layers, a head."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 5)
        self.lstm = nn.LSTM(5, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, words):
        return torch.log_softmax(self.head(self.lstm(self.embed(words))[0]), -1)


class Packed(nn.Module):
    """Packed sequences; the last states in front of a head."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, bidirectional=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths)
        outputs, last = self.gru(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs)
        return outputs, torch.softmax(self.head(torch.cat([last[0], last[1]], 1)), 1)


class Stateful(nn.Module):
    """States in and out, and a plain network in front."""

    def __init__(self):
        super().__init__()
        self.before = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Dropout(0.5), nn.LayerNorm(6))
        self.rnn = nn.RNN(6, 4, num_layers=2, nonlinearity="relu")

    def forward(self, x, h):
        return self.rnn(self.before(x), h)


class Attending(nn.Module):
    """Multi-head attention over an LSTM's outputs, with a residual and a mean over time."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.norm = nn.LayerNorm(4)

    def forward(self, x):
        y = self.lstm(x)[0]
        return self.norm(y + self.attention(y, y, y, need_weights=False)[0]).mean(0).argmax(1), y.max(0)[0]


def exact(tensor):
    """Multiples of 2^-12: equal in float32 and float64."""
    return torch.round(tensor * 4096) / 4096


def make(name, model, inputs, input_names, output_names, **options):
    for parameter in model.parameters():
        parameter.data = exact(parameter.data)
    model.eval()
    torch.onnx.export(model, tuple(inputs), FOLDER / f"{name}.onnx", input_names=input_names,
                      output_names=output_names, **options)
    doubles = [x.double() if x.is_floating_point() else x for x in inputs]
    outputs = model.double()(*doubles)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    tensors = dict(zip(input_names + output_names, [*inputs, *outputs]))
    described = {key: {"shape": list(value.shape), "values": value.flatten().tolist()}
                 for key, value in tensors.items()}
    text = json.dumps({"inputs": input_names, "outputs": output_names, "tensors": described})
    (FOLDER / f"{name}.json").write_text(text + "\n")


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(5)
    words = torch.randint(0, 11, (3, 6))
    make("tagger", Tagger(), [words], ["words"], ["tags"], opset_version=13,
         dynamic_axes={"words": {0: "batch", 1: "time"}})
    make("packed", Packed(), [exact(torch.randn(5, 3, 3)), torch.tensor([5, 3, 1])], ["x", "lengths"],
         ["outputs", "classes"], opset_version=16)
    make("stateful", Stateful(), [exact(torch.randn(5, 3, 3)), exact(torch.randn(2, 3, 4))], ["x", "h"],
         ["y", "next"], opset_version=17)
    make("attending", Attending(), [exact(torch.randn(5, 3, 3))], ["x"], ["best", "most"], opset_version=11)


main()
