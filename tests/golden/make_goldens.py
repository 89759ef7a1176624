"""Golden files from PyTorch: what users expect an operation, a cell and a training run to give.

Made with PyTorch 1.13.0 (Debian python3-torch), Python 3.11, NumPy 1.24. Run: /usr/bin/python3
make_goldens.py [directory]. Inputs and weights are multiples of 2^-12, so float32 and float64 hold the same
values; cases are float64 unless a name ends in _f32. Same versions, same bytes.
"""

import json
import pathlib
import sys

import torch
from torch import nn

torch.set_num_threads(1)
OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data")


def dyadic(t):
    return torch.round(t * 4096) / 4096


def draw(*shape, bound=1.0):
    """Uniform in +-bound, float64."""
    return dyadic((torch.rand(*shape, dtype=torch.float64) * 2 - 1) * bound)


def flat(t):
    t = torch.as_tensor(t).detach()
    values = t.reshape(-1).tolist()
    if t.dtype == torch.float64:  # 13 digits: a hundred times finer than the tightest tolerance
        values = [float(f"{v:.13g}") for v in values]
        values = [int(v) if v.is_integer() else v for v in values]
    elif t.dtype == torch.float32:
        values = [float(f"{v:.9g}") for v in values]
    return {"shape": list(t.shape), "values": values}


def write(name, tensors, **extra):
    OUT.mkdir(parents=True, exist_ok=True)
    data = {**extra, "tensors": {k: flat(v) for k, v in tensors.items()}}
    (OUT / f"{name}.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


def leaves(**tensors):
    return {k: v.clone().requires_grad_(True) for k, v in tensors.items()}


def with_grads(loss, inputs):
    grads = torch.autograd.grad(loss, list(inputs.values()))
    return {**inputs, **{"grad." + k: g for k, g in zip(inputs, grads)}, "loss": loss}


# Cells: forward and backward, every weight random and different -----------------------------------


def conformance(cell, seed, I=10, H=6, L=2, T=7, N=6):
    torch.manual_seed(seed)
    module = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell](I, H, L).double()
    weights = {k: draw(*p.shape, bound=0.8) for k, p in module.named_parameters()}
    module.load_state_dict(weights)
    states = ["h0", "c0"] if cell == "lstm" else ["h0"]
    inputs = leaves(x=draw(T, N, I), **{s: draw(L, N, H) for s in states})
    start = tuple(inputs[s] for s in states)
    out, last = module(inputs["x"], start if cell == "lstm" else start[0])
    last = last if cell == "lstm" else (last,)
    factors = [draw(T, N, H)] + [draw(L, N, H) for _ in last]
    loss = sum((f * t).sum() for f, t in zip(factors, [out, *last]))
    tensors = with_grads(loss, {**dict(module.named_parameters()), **inputs})
    tensors.update({"out": out, "factor.out": factors[0]})
    for s, value, factor in zip(states, last, factors[1:]):
        tensors.update({f"last.{s[0]}": value, f"factor.{s[0]}": factor})
    write(f"cell_{cell}", tensors, cell=cell)


# PyTorch's own grid: {RNN tanh, RNN relu, LSTM, GRU} x bias x bidirectional x lengths x initial state, and
# LSTM with projection. batch_first is the same numbers with two axes swapped, so it is no case of its own.

LENGTHS = {"full": None, "sorted": [7, 5, 5, 2, 1, 1], "unsorted": [2, 7, 1, 5, 1, 5]}


def grid_module(kind, bias, bidirectional, P, I=10, H=6, L=2):
    options = {"num_layers": L, "bias": bias, "bidirectional": bidirectional}
    if kind == "lstm":
        return nn.LSTM(I, H, proj_size=P, **options).double()
    if kind == "gru":
        return nn.GRU(I, H, **options).double()
    return nn.RNN(I, H, nonlinearity=kind[4:], **options).double()


def grid_run(kind, module, data, lengths, initial):
    """Output, last states and the gradients of their weighted sum for everything that is given."""
    inputs = leaves(x=data["x"])
    names = ["h0", "c0"] if kind == "lstm" else ["h0"]
    if initial:
        inputs.update(leaves(**{s: data[s] for s in names}))
    start = None
    if initial:
        start = (inputs["h0"], inputs["c0"]) if kind == "lstm" else inputs["h0"]
    x = inputs["x"]
    if lengths is not None:
        x = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    out, last = module(x, start)
    if lengths is not None:
        out, _ = nn.utils.rnn.pad_packed_sequence(out, total_length=len(data["x"]))
    last = last if kind == "lstm" else (last,)
    loss = sum((data["factor." + n] * t).sum() for n, t in zip(["out", "h", "c"], [out, *last]))
    inputs.update(module.named_parameters())
    tensors = dict(zip(["grad." + k for k in inputs], torch.autograd.grad(loss, list(inputs.values()))))
    tensors.update({"out": out, "last.h": last[0]})
    if kind == "lstm":
        tensors["last.c"] = last[1]
    return tensors


def fingerprint(t):
    """Two projections of all values: equal for equal tensors, different for shuffled or wrong ones."""
    flat_values = t.detach().reshape(-1)
    i = torch.arange(len(flat_values), dtype=torch.float64)
    return torch.stack([(flat_values * torch.cos(1 + 0.7 * i)).sum(), (flat_values * torch.cos(2 + 1.3 * i)).sum()])


def grid(kind, seed, P=0, I=10, H=6, L=2, T=7, N=6):
    torch.manual_seed(seed)
    name = f"grid_{kind}{'_projection' if P else ''}"
    for bidirectional in (False, True):
        D = 2 if bidirectional else 1
        weights = {k: draw(*p.shape, bound=0.8) for k, p in grid_module(kind, True, bidirectional, P).named_parameters()}
        data = {"x": draw(T, N, I), "h0": draw(L * D, N, P or H), "factor.out": draw(T, N, D * (P or H)),
                "factor.h": draw(L * D, N, P or H)}
        if kind == "lstm":
            data.update({"c0": draw(L * D, N, H), "factor.c": draw(L * D, N, H)})
        tensors = {**weights, **data}
        for bias in (False, True):
            module = grid_module(kind, bias, bidirectional, P)
            module.load_state_dict({k: w for k, w in weights.items() if bias or "bias" not in k})
            for length, lengths in LENGTHS.items():
                for initial in (False, True):
                    values = grid_run(kind, module, data, lengths, initial)
                    case = f"{'bias' if bias else 'nobias'}.{length}.{'fed' if initial else 'zero'}."
                    if bias and initial and length == "unsorted":  # in full, so that a failure can be looked at
                        tensors.update({case + k: torch.round(v * 1e10) / 1e10 for k, v in values.items()})
                    else:
                        tensors.update({case + k: fingerprint(v) for k, v in values.items()})
        write(name + ("_bidirectional" if bidirectional else ""), tensors, cell=kind, projection=P,
              bidirectional=bidirectional, hidden=H, layers=L)


# Options PyTorch's layers have not got: the formulas of their papers, differentiated by autograd ------


def norm(a, gamma, beta=None):
    return nn.functional.layer_norm(a, a.shape[-1:], gamma, beta, 1e-5)


def hard_sigmoid(a):
    return torch.clamp(a / 6 + 0.5, 0, 1)


def lstm_clips(w, x, h, c):
    """Peepholes, projection, one bias, and all three clips."""
    i, f, g, o = (x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T).chunk(4, dim=1)
    pi, pf, po = w["weight_ch"].chunk(3)
    clip = lambda a: torch.clamp(a, -0.6875, 0.6875)
    i, f, g = torch.sigmoid(clip(i + pi * c)), torch.sigmoid(clip(f + pf * c)), torch.tanh(clip(g))
    c = torch.clamp(f * c + i * g, -0.40625, 0.40625)
    o = torch.sigmoid(clip(o + po * c))
    return torch.clamp((o * torch.tanh(clip(c))) @ w["weight_hr"].T, -0.1875, 0.3125), c


def lstm_norm(w, x, h, c):
    """haste's layer norm."""
    a = norm(x @ w["weight_ih"].T, w["gamma_ih"]) + w["bias_ih"]
    i, f, g, o = (a + norm(h @ w["weight_hh"].T, w["gamma_hh"]) + w["bias_hh"]).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(norm(c, w["gamma_h"], w["beta_h"])), c


def lstm_coupled(w, x, h, c):
    """f = 1 - i with a peephole for i and o, other activations, and zoneout's expected value."""
    i, g, o = (x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]).chunk(3, dim=1)
    pi, po = w["weight_ch"].chunk(2)
    i = hard_sigmoid(i + pi * c)
    new_c = (1 - i) * c + i * nn.functional.elu(g)
    new_h = hard_sigmoid(o + po * new_c) * nn.functional.softsign(new_c)
    return 0.25 * h + 0.75 * new_h, 0.125 * c + 0.875 * new_c


def gru_before(w, x, h):
    """Reset before the product, each product with a layer norm of its own."""
    H = h.shape[1]
    a = norm(x @ w["weight_ih"].T, w["gamma_ih"]) + w["bias_ih"]
    u, gamma, b = w["weight_hh"], w["gamma_hh"], w["bias_hh"]
    rz = torch.sigmoid(a[:, : 2 * H] + norm(h @ u[: 2 * H].T, gamma[: 2 * H]) + b[: 2 * H])
    r, z = rz.chunk(2, dim=1)
    n = torch.tanh(a[:, 2 * H:] + norm((r * h) @ u[2 * H:].T, gamma[2 * H:]) + b[2 * H:])
    return ((1 - z) * n + z * h,)


def indrnn(w, x, h):
    return (torch.relu(x @ w["weight_ih"].T + w["bias_ih"] + w["weight_hh"] * h),)


def mingru(w, x, h):
    z, n = (x @ w["weight_ih"].T + w["bias_ih"]).chunk(2, dim=1)
    z = torch.sigmoid(z)
    return ((1 - z) * h + z * n,)


def minlstm(w, x, h):
    f, i, n = (x @ w["weight_ih"].T + w["bias_ih"]).chunk(3, dim=1)
    f, i = torch.sigmoid(f), torch.sigmoid(i)
    return (f / (f + i) * h + i / (f + i) * n,)


def options(step, seed, shapes, P=5, states=1, T=5, N=3, I=4, H=5):
    torch.manual_seed(seed)
    inputs = leaves(x=draw(T, N, I), h0=draw(N, P), **({"c0": draw(N, H)} if states > 1 else {}))
    weights = leaves(**{k: draw(*s) for k, s in shapes(I, H, P).items()})
    now, outputs = tuple(inputs[k] for k in ["h0", "c0"][:states]), []
    for x in inputs["x"]:
        now = step(weights, x, *now)
        outputs.append(now[0])
    out = torch.stack(outputs)
    factors = [draw(*out.shape)] + [draw(*s.shape) for s in now]
    loss = sum((f * t).sum() for f, t in zip(factors, [out, *now]))
    tensors = with_grads(loss, {**inputs, **{k + "_l0": w for k, w in weights.items()}})
    tensors.update(zip(["factor.out", "factor.h", "factor.c"], factors))
    write(f"option_{step.__name__}", {**tensors, "out": out, "last.h": now[0]}, hidden=H)


def all_options():
    usual = lambda G: lambda I, H, P: {"weight_ih": (G * H, I), "weight_hh": (G * H, P), "bias_ih": (G * H,)}
    both = lambda G, more=lambda H: {}: lambda I, H, P: {**usual(G)(I, H, P), "bias_hh": (G * H,), **more(H)}
    gammas = lambda G: lambda H: {"gamma_ih": (G * H,), "gamma_hh": (G * H,)}
    options(lstm_clips, 31, lambda I, H, P: {**usual(4)(I, H, P), "weight_ch": (3 * H,), "weight_hr": (P, H)}, P=3, states=2)
    options(lstm_norm, 32, both(4, lambda H: {**gammas(4)(H), "gamma_h": (H,), "beta_h": (H,)}), states=2)
    options(lstm_coupled, 33, both(3, lambda H: {"weight_ch": (2 * H,)}), states=2)
    options(gru_before, 34, both(3, gammas(3)))
    options(indrnn, 35, lambda I, H, P: {"weight_ih": (H, I), "weight_hh": (H,), "bias_ih": (H,)})
    options(mingru, 36, lambda I, H, P: {"weight_ih": (2 * H, I), "bias_ih": (2 * H,)})
    options(minlstm, 37, lambda I, H, P: {"weight_ih": (3 * H, I), "bias_ih": (3 * H,)})


# Training runs ------------------------------------------------------------------------------------


class Model(nn.Module):
    def __init__(self, cell, V, E, H, L):
        super().__init__()
        self.embed = nn.Embedding(V, E)
        self.cell = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell](E, H, L)
        self.head = nn.Linear(H, V)

    def forward(self, x, state):
        y, state = self.cell(self.embed(x), state)
        return self.head(y), state


def train(cell, weights, dtype, x, y, options, L, steps):
    V, E = weights["embed.weight"].shape
    model = Model(cell, V, E, weights["head.weight"].shape[1], L).to(dtype)
    model.load_state_dict({k: w.to(dtype) for k, w in weights.items()})
    if options["optimizer"] == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=options["lr"])
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=options["lr"], momentum=options["momentum"],
                                    nesterov=options["nesterov"])
    state, losses, norms = None, [], []
    for i in range(steps):
        optimizer.zero_grad()
        logits, state = model(x[i % len(x)], state)
        state = tuple(s.detach() for s in state) if cell == "lstm" else state.detach()
        loss = nn.functional.cross_entropy(logits.reshape(-1, V), y[i % len(y)].reshape(-1))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options["clip_norm"])
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
    return torch.tensor(losses, dtype=dtype), torch.tensor(norms, dtype=dtype)


def parity(name, cell, seed, options, V=11, E=6, H=9, L=1, T=7, N=5, steps=50, batches=4):
    torch.manual_seed(seed)
    shapes = {k: p.shape for k, p in Model(cell, V, E, H, L).state_dict().items()}
    weights = {k: draw(*s, bound=1.2) for k, s in shapes.items()}
    x = torch.randint(V, (batches, T, N))
    y = (x + torch.roll(x, 1, 1)) % V  # something to learn: the sum of this token and the one before
    tensors = {**weights, "x": x, "y": y}
    for suffix, dtype in (("_f32", torch.float32), ("", torch.float64)):
        tensors["losses" + suffix], tensors["norms" + suffix] = train(cell, weights, dtype, x, y, options, L, steps)
    norms = tensors["norms"]
    clipped = int((norms > options["clip_norm"]).sum())
    drift = ((tensors["losses_f32"] - tensors["losses"]).abs() / tensors["losses"]).max().item()
    print(f"{name}: loss {tensors['losses'][0]:.4f} -> {tensors['losses'][-1]:.4f}, norm {norms.min():.3f} to "
          f"{norms.max():.3f}, clipped {clipped} of {steps}, f32 against f64 {drift:.1e}")
    assert 0 < clipped < steps, "choose clip_norm so that some steps are clipped and some are not"
    write(f"parity_{name}", tensors, cell=cell, layers=L, steps=steps, **options)


# Operations ---------------------------------------------------------------------------------------


def operations():
    torch.manual_seed(7)
    F = nn.functional
    a = leaves(logits=draw(5, 3, 7, bound=6.0))
    targets = torch.randint(7, (5, 3))
    loss = F.cross_entropy(a["logits"].reshape(-1, 7), targets.reshape(-1))
    write("op_cross_entropy", {**with_grads(loss, a), "targets": targets})

    a, factor = leaves(a=draw(4, 5, bound=20.0)), draw(4, 5)
    out = F.log_softmax(a["a"], dim=0)
    write("op_log_softmax", {**with_grads((out * factor).sum(), a), "out": out, "factor": factor})

    a, factor = leaves(a=draw(2, 3, 4), b=draw(5, 4)), draw(2, 3, 5)
    out = a["a"] @ a["b"].T
    write("op_matmul", {**with_grads((out * factor).sum(), a), "out": out, "factor": factor})

    a, factor = leaves(table=draw(4, 3)), draw(2, 5, 3)
    indices = torch.tensor([[1, 3, 1, 1, 0], [3, 0, 1, 3, 3]])  # rows repeat, row 2 is never read
    out = F.embedding(indices, a["table"])
    write("op_embedding", {**with_grads((out * factor).sum(), a), "out": out, "factor": factor, "indices": indices})


def gru_reset_before(I=4, H=5, T=6, N=3):
    """n = tanh(W x + b_i + U (r h) + b_h): the other reset, as a cell of one's own."""
    torch.manual_seed(8)
    a = leaves(x=draw(T, N, I), h0=draw(N, H), w_ih=draw(3 * H, I), w_hh=draw(3 * H, H), b_ih=draw(3 * H),
               b_hh=draw(3 * H))
    h, states = a["h0"], []
    u_rz, u_n = a["w_hh"][: 2 * H], a["w_hh"][2 * H:]
    b_rz, b_n = a["b_hh"][: 2 * H], a["b_hh"][2 * H:]
    for x in a["x"]:
        i_rz, i_n = (x @ a["w_ih"].T + a["b_ih"]).split([2 * H, H], dim=1)
        r, z = torch.sigmoid(i_rz + h @ u_rz.T + b_rz).chunk(2, dim=1)
        n = torch.tanh(i_n + (r * h) @ u_n.T + b_n)
        h = (1 - z) * n + z * h
        states.append(h)
    out, factor = torch.stack(states), draw(T, N, H)
    write("gru_reset_before", {**with_grads((out * factor).sum(), a), "out": out, "factor": factor})


if __name__ == "__main__":
    for seed, cell in enumerate(["lstm", "gru", "rnn"]):
        conformance(cell, seed)
    for seed, kind in enumerate(["lstm", "gru", "rnn_tanh", "rnn_relu"]):
        grid(kind, 20 + seed)
    grid("lstm", 24, P=3)
    all_options()
    adam = {"optimizer": "adam", "lr": 2e-3}
    parity("lstm", "lstm", 11, {**adam, "clip_norm": 0.5}, L=2)
    parity("gru", "gru", 12, {**adam, "clip_norm": 0.7})
    parity("rnn", "rnn", 13, {**adam, "clip_norm": 1.4})
    parity("sgd", "lstm", 14, {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "clip_norm": 0.35})
    operations()
    gru_reset_before()
