"""The peer for benchmarks: the same training step, and the same training run, in PyTorch.

  peer_torch.py serve --cpu|--gpu         makes steps when told to, one command a line (volute_bench does it):
      model CELL V E H L B T                Embedding, CELL, Linear; Adam after clip_grad_norm_      -> ready
      layer CELL 0 I H L B T                CELL alone, mean square of its outputs, SGD              -> ready
      step                                  one more step                                            -> {"ms": ...}
      gemm M N K TRANSPOSED_A TRANSPOSED_B  a product, median of several                             -> {"ms": ...}
      quit                                  or the end of the input
  peer_torch.py train --text FILE ...     trains like samples/char_lm, same options; validation loss as JSON

A step is forward, backward, update, with the model's state carried and detached. Best settings on CPUs, for the caller
to set: OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=<cores> OPENBLAS_NUM_THREADS=<cores>. On GPUs TF32 is off.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time

import torch
from torch import nn

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Model(nn.Module):
    def __init__(self, cell, V, E, H, L, dropout=0.0):
        super().__init__()
        self.embed = nn.Embedding(V, E)
        self.cell = CELLS[cell](E, H, L, dropout=dropout if L > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(H, V)

    def forward(self, x, state):  # [T, N], [L, N, H] -> [T N, V]
        y, state = self.cell(self.embed(x), state)
        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        return self.head(self.dropout(y)).flatten(0, 1), state


def training_step(model, optimizer, x, y, state, clip):
    optimizer.zero_grad(set_to_none=True)
    logits, state = model(x, state)
    loss = nn.functional.cross_entropy(logits, y.flatten())
    loss.backward()
    if clip > 0:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss, state


# Steps on demand -----------------------------------------------------------------------------------


class Clock:
    """Milliseconds around work of a device, which may be done later than it is asked for."""

    def __init__(self, device):
        self.device = device

    def now(self):
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() * 1e3


def model_step(device, cell, V, E, H, L, B, T):
    model = Model(cell, V, E, H, L).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    x, y = (torch.randint(V, (T, B), device=device) for _ in range(2))
    state = None

    def step():
        nonlocal state
        loss, state = training_step(model, optimizer, x, y, state, 1.0)
        loss.item()

    return step


def layer_step(device, cell, _, I, H, L, B, T):
    layer = CELLS[cell](I, H, L).to(device)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-2)
    x = torch.rand(T, B, I, device=device) * 2 - 1

    def step():
        optimizer.zero_grad(set_to_none=True)
        ys, _ = layer(x)
        loss = (ys * ys).mean()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def gemm(clock, M, N, K, transposed_a, transposed_b):
    a = torch.randn((K, M) if transposed_a else (M, K), device=clock.device)
    b = torch.randn((N, K) if transposed_b else (K, N), device=clock.device)
    a, b = (a.T if transposed_a else a), (b.T if transposed_b else b)
    c = torch.empty(M, N, device=clock.device)
    torch.mm(a, b, out=c)
    repeats = max(3, min(200, int(2e9 / (2 * M * N * K))))
    times = []
    for _ in range(7):
        start = clock.now()
        for _ in range(repeats):
            torch.mm(a, b, out=c)
        times.append((clock.now() - start) / repeats)
    return statistics.median(times)


def serve(a):
    device = "cuda" if a.gpu and torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    clock, step = Clock(device), None
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "device": name}), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "quit":
            break
        if command in ("model", "layer"):
            step = None  # its memory first
            make = model_step if command == "model" else layer_step
            step = make(device, arguments[0].lower(), *map(int, arguments[1:]))
            answer = "ready"
        elif command == "step":
            start = clock.now()
            step()
            answer = json.dumps({"ms": clock.now() - start})
        elif command == "gemm":
            answer = json.dumps({"ms": gemm(clock, *map(int, arguments))})
        else:
            answer = f"unknown command {command}"
        print(answer, flush=True)


# One run -------------------------------------------------------------------------------------------


def tokens(paths):
    """Training and validation tokens: indices in the sorted bytes that occur; the last tenth validates."""
    text = torch.tensor(list(b"".join(pathlib.Path(p).read_bytes() for p in paths)))
    vocabulary, text = torch.unique(text, return_inverse=True)
    split = len(text) - len(text) // 10
    return text[:split], text[split:], len(vocabulary)


def piece(streams, i, T):
    """Piece i of contiguous streams [stride, N] -> x, y [T, N], and whether the streams start over with it."""
    at = i % ((len(streams) - 1) // T) * T
    return streams[at: at + T], streams[at + 1: at + T + 1], at == 0


@torch.no_grad()
def validate(model, text, T, N):
    """Nats a character; every character but the first is a target exactly once."""
    model.eval()
    N = max(1, min(N, (len(text) - 1) // T))
    targets = len(text) - 1
    stride = -(-targets // N)
    at = torch.arange(stride)[:, None] + torch.arange(N) * stride  # [stride, N]
    valid = at < targets
    at = at.clamp(max=targets - 1)
    state, total = None, 0.0
    for begin in range(0, stride, T):
        part = slice(begin, begin + T)
        logits, state = model(text[at[part]], state)
        loss = nn.functional.cross_entropy(logits, text[at[part] + 1].flatten(), reduction="none")
        total += (loss * valid[part].flatten()).sum(dtype=torch.float64).item()
    model.train()
    return total / targets


def train(a):
    torch.manual_seed(a.seed)
    training, validation, V = tokens(a.text)
    stride = len(training) // a.batch
    streams = training[: stride * a.batch].reshape(a.batch, stride).T.contiguous()  # [stride, N]
    model = Model(a.cell, V, a.embed, a.hidden, a.layers, a.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=a.lr)
    state, start, step = None, time.perf_counter(), 0
    while step < a.steps and (a.max_seconds <= 0 or time.perf_counter() - start < a.max_seconds):
        x, y, first = piece(streams, step, a.length)
        loss, state = training_step(model, optimizer, x, y, None if first else state, a.clip)
        step += 1
    seconds = time.perf_counter() - start
    print(json.dumps({"peer": "torch", "version": torch.__version__, "steps": step, "seconds": round(seconds, 2),
                      "tokens_per_second": round(step * a.length * a.batch / max(seconds, 1e-9)),
                      "validation_loss": round(validate(model, validation, a.length, a.batch), 5)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(required=True)
    served = modes.add_parser("serve")
    where = served.add_mutually_exclusive_group(required=True)
    where.add_argument("--cpu", action="store_true")
    where.add_argument("--gpu", action="store_true", help="if PyTorch has one")
    served.set_defaults(run=serve)
    run = modes.add_parser("train")
    run.add_argument("--text", nargs="+", required=True)
    run.add_argument("--cell", choices=CELLS, default="lstm")
    for name, value in {"embed": 64, "hidden": 128, "layers": 1, "batch": 32, "length": 64, "steps": 3000, "lr": 2e-3,
                        "clip": 1.0, "dropout": 0.0, "max-seconds": 0.0, "seed": 1}.items():
        run.add_argument(f"--{name}", type=type(value), default=value)
    run.set_defaults(run=train)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
