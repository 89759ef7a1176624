"""Files of PyTorch's own parameters, with the outputs PyTorch gives them; and the check of the way back.

Made with PyTorch 1.13.0 (Debian python3-torch), NumPy 1.24.2 and safetensors 0.4.5 from PyPI. Run:
    python3 make_state_dict_goldens.py [directory]        writes state_dict_*.safetensors
    golden_state_dict --folder=FOLDER                     trains models in Volute and saves them there
    python3 make_state_dict_goldens.py --check FOLDER     loads those with load_state_dict(strict=True), compares outputs
                                                          and saves them again: NAME_back.safetensors
    golden_state_dict --back=FOLDER                       holds those against what was saved
Weights are random multiples of 2^-12. Every recurrent layer of PyTorch in one and both directions, one and two layers,
with and without bias, over whole and packed sequences; and a stack of everything else.
"""

import itertools
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file, save_model
from torch import nn

torch.set_num_threads(1)
T, N, I, H, P, V, E = 4, 3, 2, 3, 2, 7, 4
LENGTHS = [2, 4, 1]


def dyadic(t):
    return torch.round(t * 4096) / 4096


def draw(*shape):
    return dyadic(torch.rand(*shape) * 2 - 1)


# Names are "kind_directions_layers_bias": lstm_both_l2_bias.


def cells():
    made = {}
    for kind, both, layers, bias in itertools.product(
            ["rnn_tanh", "rnn_relu", "lstm", "lstm_projection", "gru"], [False, True], [1, 2], [False, True]):
        options = {"num_layers": layers, "bidirectional": both, "bias": bias}
        if kind.startswith("rnn"):
            layer = nn.RNN(I, H, nonlinearity=kind[4:], **options)
        elif kind == "gru":
            layer = nn.GRU(I, H, **options)
        else:
            layer = nn.LSTM(I, H, proj_size=P if "projection" in kind else 0, **options)
        made[f"{kind}_{'both' if both else 'one'}_l{layers}_{'bias' if bias else 'plain'}"] = layer
    return nn.ModuleDict(made)


class Stack(nn.Module):
    """Everything but the cells, and a head that shares the embedding's weight."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(V, E)
        self.encoder = nn.Sequential(nn.Linear(E, E), nn.BatchNorm1d(E))
        self.cell = nn.GRU(E, E, bidirectional=False)
        self.norm = nn.LayerNorm(E)
        self.attention = nn.MultiheadAttention(E, 2)
        self.head = nn.Linear(E, V)
        self.head.weight = self.embed.weight

    def forward(self, tokens):  # [T, N]
        x = self.encoder(self.embed(tokens).reshape(-1, E)).reshape(T, N, E)
        x = self.norm(self.cell(x)[0])
        return self.head(x + self.attention(x, x, x)[0])


def tokens():
    t, n = torch.arange(T).reshape(T, 1), torch.arange(N).reshape(1, N)
    return (3 * t + 5 * n + t * n) % V


def randomise(module):
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(draw(*value.shape) + (1.5 if "running_var" in name else 0))


@torch.no_grad()
def outputs_of_cells(module, x):
    results = {}
    for name, layer in module.items():
        for kind, lengths in (("full", None), ("packed", LENGTHS)):
            packed = x
            if lengths:
                packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
            out, last = layer(packed)
            if lengths:
                out, _ = nn.utils.rnn.pad_packed_sequence(out, total_length=T)
            last = last if isinstance(last, tuple) else (last,)
            results[f"{name}.{kind}.out"] = out
            results.update({f"{name}.{kind}.{s}": v for s, v in zip("hc", last)})
    return results


@torch.no_grad()
def make(folder):
    torch.manual_seed(3)
    expected, module = {"x": draw(T, N, I)}, cells().eval()
    randomise(module)
    save_file(module.state_dict(), folder / "state_dict_cells.safetensors")
    expected.update(outputs_of_cells(module, expected["x"]))
    stack = Stack().eval()
    randomise(stack)
    save_model(stack, str(folder / "state_dict_stack_tied.safetensors"))
    for name, dtype in (("f32", torch.float32), ("f64", torch.float64), ("f16", torch.float16), ("bf16", torch.bfloat16)):
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in stack.state_dict().items()}
        save_file({k: v.clone() for k, v in state.items()}, folder / f"state_dict_stack_{name}.safetensors")
        again = Stack().eval()
        again.load_state_dict(state)
        expected[f"stack_{name}"] = again(tokens())
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "state_dict_expected.safetensors")


@torch.no_grad()
def check(folder):
    expected = load_file(folder / "expected.safetensors")
    module, stack = cells().eval(), Stack().eval()
    for loaded, name in ((module, "cells"), (stack, "stack")):
        state = load_file(folder / f"{name}.safetensors")
        loaded.load_state_dict(state, strict=True)
        assert all(torch.equal(loaded.state_dict()[k], v) for k, v in state.items())
        save_file({k: v.clone() for k, v in loaded.state_dict().items()}, folder / f"{name}_back.safetensors")
    got = {**outputs_of_cells(module, expected["x"]), "stack": stack(tokens())}
    assert set(got) | {"x"} == set(expected), "the same outputs are there"
    errors = {k: (v - expected[k]).abs().max().item() for k, v in got.items()}
    worst = max(errors, key=errors.get)
    sizes = [v.abs().max().item() for v in got.values()]
    print(f"{len(module)} cells and a stack loaded strictly; {len(got)} outputs up to {max(sizes):.2f}, the largest "
          f"difference is {errors[worst]:.1e} ({worst})")
    assert errors[worst] <= 1e-5


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        make(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"))
