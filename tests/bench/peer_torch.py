"""The peer for benchmarks: the same training step, and the same training run, in PyTorch on the CPU.

  peer_torch.py step CELL V E H L B T     median milliseconds of one whole training step, as JSON
  peer_torch.py train --text FILE ...     trains like samples/char_lm, same options; validation loss as JSON

The model is Embedding, CELL, Linear; a step is forward, backward, clip_grad_norm_, Adam, with state carried and
detached. Best settings on two cores, for the caller to set: OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=2
OPENBLAS_NUM_THREADS=2.
"""

import argparse
import json
import pathlib
import statistics
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


# One step ------------------------------------------------------------------------------------------


def bench(a):
    torch.manual_seed(1)
    model = Model(a.cell, a.V, a.E, a.H, a.L)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    x, y = torch.randint(a.V, (a.T, a.B)), torch.randint(a.V, (a.T, a.B))
    state, times = None, []
    begin = time.perf_counter()
    while len(times) < a.warmup + 5 or (len(times) < a.warmup + a.most and time.perf_counter() - begin < a.seconds):
        start = time.perf_counter()
        loss, state = training_step(model, optimizer, x, y, state, 1.0)
        loss.item()
        times.append((time.perf_counter() - start) * 1e3)
    times = times[a.warmup:]
    print(json.dumps({"peer": "torch", "version": torch.__version__, "threads": torch.get_num_threads(),
                      "cell": a.cell, "V": a.V, "E": a.E, "H": a.H, "L": a.L, "B": a.B, "T": a.T, "runs": len(times),
                      "ms_median": round(statistics.median(times), 4), "ms_min": round(min(times), 4)}))


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
    step = modes.add_parser("step")
    step.add_argument("cell", choices=CELLS)
    for name in "VEHLBT":
        step.add_argument(name, type=int)
    step.add_argument("--seconds", type=float, default=5.0)
    step.add_argument("--most", type=int, default=200)
    step.add_argument("--warmup", type=int, default=3)
    step.set_defaults(run=bench)
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
