"""Golden files from PyTorch for what stands around the cell: norms, attention, embedding options and losses.

Same versions and conventions as make_goldens.py, whose helpers it uses. Run: /usr/bin/python3
make_layer_goldens.py [directory].
"""

import math

import torch
from torch import nn

from make_goldens import draw, leaves, with_grads, write

F = nn.functional


def weighed(out, extra=None):
    factor = draw(*out.shape)
    return factor, (out * factor).sum()


def norms():
    torch.manual_seed(21)
    a = leaves(x=draw(4, 3, 6, bound=3.0), weight=draw(6), bias=draw(6))
    out = F.layer_norm(a["x"], (6,), a["weight"], a["bias"], 1e-5)
    factor, loss = weighed(out)
    write("layer_layer_norm", {**with_grads(loss, a), "out": out, "factor": factor})

    a = leaves(x=draw(4, 3, 6, bound=3.0), weight=draw(6))
    out = a["x"] * torch.rsqrt((a["x"] ** 2).mean(-1, keepdim=True) + 1e-5) * a["weight"]
    factor, loss = weighed(out)
    write("layer_rms_norm", {**with_grads(loss, a), "out": out, "factor": factor})


def batch_norm(C=5, T=3, N=4):
    """Three training steps, then evaluation: PyTorch wants channels second, the file has them last."""
    torch.manual_seed(22)
    norm = nn.BatchNorm1d(C).double()
    with torch.no_grad():
        norm.weight.copy_(draw(C) + 1)
        norm.bias.copy_(draw(C))
    tensors = {"weight": norm.weight, "bias": norm.bias}
    for step in range(4):
        if step == 3:
            norm.eval()
        x = (draw(T, N, C, bound=2.0) + step).requires_grad_(True)
        out = norm(x.reshape(T * N, C)).reshape(T, N, C)
        factor, loss = weighed(out)
        grads = torch.autograd.grad(loss, [x, norm.weight, norm.bias])
        s = str(step)
        tensors.update({"x" + s: x, "factor" + s: factor, "out" + s: out})
        tensors.update({f"grad.{k}{s}": g for k, g in zip(["x", "weight", "bias"], grads)})
        tensors.update({"running_mean" + s: norm.running_mean.clone(), "running_var" + s: norm.running_var.clone()})
    write("layer_batch_norm", tensors)


def attention(E=8, H=2, T=3, S=5, N=4):
    torch.manual_seed(23)
    module = nn.MultiheadAttention(E, H).double()
    weights = {k: draw(*p.shape) for k, p in module.named_parameters()}
    module.load_state_dict(weights)
    a = leaves(query=draw(T, N, E), memory=draw(S, N, E))
    valid = torch.arange(S)[:, None] < torch.tensor([5, 3, 1, 4])  # [S, N]
    out, averaged = module(a["query"], a["memory"], a["memory"], key_padding_mask=~valid.T)
    factor, loss = weighed(out)
    tensors = with_grads(loss, {**dict(module.named_parameters()), **a})
    write("layer_multi_head", {**tensors, "out": out, "weights": averaged, "factor": factor, "mask": valid.double()},
          heads=H)

    a = leaves(q=draw(2, 4, 3), k=draw(2, 4, 3), v=draw(2, 4, 5))
    scores = a["q"] @ a["k"].transpose(1, 2) / math.sqrt(3)
    scores = scores.masked_fill(torch.arange(4)[None, :] > torch.arange(4)[:, None], -math.inf)
    out = scores.softmax(-1) @ a["v"]
    factor, loss = weighed(out)
    write("layer_causal", {**with_grads(loss, a), "out": out, "factor": factor})


def additive(N=3, S=4, Q=5, M=6, A=7):
    torch.manual_seed(24)
    a = leaves(query=draw(N, Q), memory=draw(S, N, M))
    w = leaves(**{"query.weight": draw(A, Q), "query.bias": draw(A), "memory.weight": draw(A, M),
                  "score.weight": draw(A)})
    valid = torch.arange(S)[:, None] < torch.tensor([4, 1, 2])
    values = a["memory"].transpose(0, 1)
    hidden = torch.tanh((a["query"] @ w["query.weight"].T + w["query.bias"])[:, None] + values @ w["memory.weight"].T)
    scores = (hidden @ w["score.weight"]).masked_fill(~valid.T, -math.inf)
    weights = scores.softmax(-1)
    out = (weights[..., None] * values).sum(1)
    factor, loss = weighed(out)
    write("layer_additive", {**with_grads(loss, {**a, **w}), "out": out, "weights": weights, "factor": factor,
                             "mask": valid.double()})


def embeddings():
    torch.manual_seed(25)
    table = draw(5, 3)
    table[2] = 0
    a = leaves(weight=table)
    indices = torch.tensor([[1, 2, 1, 0], [2, 4, 2, 3]])
    out = F.embedding(indices, a["weight"], padding_idx=2)
    factor, loss = weighed(out)
    write("layer_embedding_padding", {**with_grads(loss, a), "out": out, "factor": factor, "indices": indices}, padding=2)

    head = nn.Linear(3, 5).double()
    a = leaves(weight=table, bias=draw(5))
    out = F.linear(F.embedding(indices, a["weight"], padding_idx=2), a["weight"], a["bias"])
    factor, loss = weighed(out)
    write("layer_embedding_tied", {**with_grads(loss, a), "out": out, "factor": factor, "indices": indices}, padding=2)
    del head


def class_losses(V=6):
    torch.manual_seed(26)
    logits, weights = draw(4, 3, V, bound=4.0), draw(V) + 1.5
    targets = torch.randint(V, (4, 3))
    targets[1, 2] = targets[3, 0] = -100
    for name, smoothing, weighted, ignore, reduction in [
            ("plain_mean", 0.0, False, -100, "mean"), ("plain_none", 0.0, False, -100, "none"),
            ("weighted_mean", 0.0, True, -100, "mean"), ("smooth_mean", 0.1, False, -100, "mean"),
            ("smooth_sum", 0.2, True, -100, "sum"), ("all", 0.3, True, int(targets[0, 0]), "mean"),
            ("all_none", 0.3, True, -100, "none")]:
        t = targets.clone()
        if ignore != -100:
            t[t == -100] = ignore
        a = leaves(logits=logits)
        loss = F.cross_entropy(a["logits"].reshape(-1, V), t.reshape(-1), weights if weighted else None,
                               ignore_index=ignore, reduction=reduction, label_smoothing=smoothing)
        tensors = {}
        if reduction == "none":
            loss = loss.reshape(4, 3)
            tensors["out"], (tensors["factor"], loss) = loss, weighed(loss)
        if weighted:
            tensors["class_weights"] = weights
        tensors.update({**with_grads(loss, a), "targets": t % 2 ** 32})
        write(f"loss_cross_entropy_{name}", tensors, smoothing=smoothing, ignore=ignore % 2 ** 32, reduction=reduction)


def element_losses():
    torch.manual_seed(27)
    target = draw(3, 5, bound=2.0)
    probability = dyadic_unit(3, 5)
    weight, pos = draw(3, 5) + 1.5, draw(5) + 1.5
    losses = {
        "mse": lambda x: F.mse_loss(x, target), "l1": lambda x: F.l1_loss(x, target),
        "huber": lambda x: F.huber_loss(x, target, delta=0.7),
        "smooth_l1": lambda x: F.smooth_l1_loss(x, target, beta=0.4, reduction="sum"),
        "bce": lambda x: F.binary_cross_entropy_with_logits(x, probability),
        "bce_weighted": lambda x: F.binary_cross_entropy_with_logits(x, probability, weight, pos_weight=pos),
    }
    for name, f in losses.items():
        x = draw(3, 5, bound=2.0)
        if "bce" in name:  # also where exp would overflow, and the kink at 0
            x[0, 0], x[0, 1], x[0, 2] = 200.0, -200.0, 0.0
        a = leaves(x=x)
        extra = {"weight": weight, "pos_weight": pos} if name == "bce_weighted" else {}
        write(f"loss_{name}", {**with_grads(f(a["x"]), a), "target": probability if "bce" in name else target, **extra})


def dyadic_unit(*shape):
    return (draw(*shape) + 1) / 2


def ctc_of_log_probabilities(log_p, targets, input_lengths, target_lengths, blank):
    """The forward recursion in plain autograd: true gradients also for log-probabilities."""
    losses = []
    for n in range(log_p.shape[1]):
        y = targets[n, : target_lengths[n]].tolist()
        labels = [blank] + [l for t in y for l in (t, blank)]
        alpha = [log_p.new_zeros(())] + [None] * (len(labels) - 1)
        for t in range(input_lengths[n]):
            new = []
            for s, label in enumerate(labels):
                terms = [alpha[s]] + [alpha[s - 1] if s else None]
                terms.append(alpha[s - 2] if s > 1 and label != blank and label != labels[s - 2] else None)
                terms = [a for a in terms if a is not None]
                new.append(torch.logsumexp(torch.stack(terms), 0) + log_p[t, n, label] if terms else None)
            alpha = new
        ends = [a for a in alpha[-2:] if a is not None] if len(labels) > 1 else [alpha[0]]
        losses.append(-torch.logsumexp(torch.stack(ends), 0) if ends else log_p.new_tensor(math.inf))
    return torch.stack(losses)


def ctc(T=9, N=5, C=6, S=4):
    torch.manual_seed(28)
    logits = draw(T, N, C, bound=3.0)
    cases = {  # targets with repeats, an empty one, a full-length one; blank 0 and blank 3
        "blank0": (0, [[1, 2, 3, 4], [5, 5, 1, 1], [2, 2, 2, 9], [3, 9, 9, 9], [9, 9, 9, 9]], [9, 9, 7, 4, 3],
                   [4, 4, 3, 1, 0]),
        "blank3": (3, [[1, 2, 0, 4], [5, 5, 1, 1], [0, 0, 0, 9], [2, 9, 9, 9], [4, 4, 9, 9]], [9, 6, 7, 1, 3],
                   [4, 4, 3, 1, 2]),
        # Row 1 needs 6 steps (two repeats) and has 5: impossible. Row 4 has no steps at all.
        "impossible": (0, [[1, 2, 3, 4], [5, 5, 1, 1], [2, 1, 2, 9], [3, 9, 9, 9], [4, 4, 9, 9]], [9, 5, 7, 4, 2],
                       [4, 4, 3, 1, 2]),
    }
    for name, (blank, targets, input_lengths, target_lengths) in cases.items():
        targets = torch.tensor(targets)
        il, tl = torch.tensor(input_lengths), torch.tensor(target_lengths)
        for reduction in ["mean", "sum", "none"] if name != "impossible" else ["none", "zero"]:
            safe = targets.clone()
            safe[safe == 9] = 1 if blank != 1 else 2  # never read
            zero = reduction == "zero"
            a = leaves(logits=logits)
            peer = F.ctc_loss(a["logits"].log_softmax(-1), safe, il, tl, blank=blank,
                              reduction="mean" if zero else reduction, zero_infinity=zero)
            tensors = {"targets": safe, "input_lengths": il, "target_lengths": tl}
            if reduction == "none" and name == "impossible":  # PyTorch's gradient is NaN there
                write(f"ctc_{name}_none", {**tensors, "logits": logits, "out": peer.nan_to_num(posinf=1e300)}, blank=blank,
                      reduction="none", zero_infinity=False)
                continue
            if reduction == "none":
                tensors["out"], (tensors["factor"], peer) = peer, weighed(peer)
            tensors.update(with_grads(peer, a))
            own = leaves(log_p=logits.log_softmax(-1))
            losses = ctc_of_log_probabilities(own["log_p"], safe, il, tl, blank)
            if zero:
                losses = torch.where(losses.isinf(), torch.zeros_like(losses), losses)
            by_length = (losses / tl.clamp(min=1)).mean()
            loss = {"mean": by_length, "zero": by_length, "sum": losses.sum()}.get(reduction)
            loss = (losses * tensors["factor"]).sum() if loss is None else loss
            assert torch.allclose(loss, peer, rtol=1e-12), (name, reduction, loss, peer)
            tensors["log_p"] = own["log_p"]
            tensors["grad.log_p"] = torch.autograd.grad(loss, own["log_p"])[0]
            write(f"ctc_{name}_{reduction}", tensors, blank=blank, reduction="mean" if zero else reduction,
                  zero_infinity=zero)


if __name__ == "__main__":
    norms()
    batch_norm()
    attention()
    additive()
    embeddings()
    class_losses()
    element_losses()
    ctc()
