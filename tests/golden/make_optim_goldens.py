"""Golden files from PyTorch for training: optimisers over 20 steps, and learning rate schedules.

Made as make_goldens.py makes its own (same versions, same bytes). Hyperparameters are rounded to float32
first, as Volute holds them, so that everything may be compared in float64.
"""

import json

import torch
from torch.optim import lr_scheduler as S

from make_goldens import OUT, draw, flat  # importing it sets one thread

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW,
              "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad}

# optimizer, its settings, and of `minimize`: clip_norm, clip_value, accumulate, groups. lr is always given, as
# PyTorch's SGD has no default; the settings not named are PyTorch's defaults and must be Volute's.
CASES = {
    "sgd": ("sgd", {"lr": 0.1}, {}),
    "sgd_decay": ("sgd", {"lr": 0.1, "weight_decay": 0.1}, {}),
    "momentum": ("sgd", {"lr": 0.05, "momentum": 0.8}, {}),
    "momentum_dampening_decay": ("sgd", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.05}, {}),
    "nesterov_decay": ("sgd", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}, {}),
    "adam": ("adam", {"lr": 0.02}, {}),
    "adam_decay": ("adam", {"lr": 0.02, "betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.1}, {}),
    "adamw": ("adamw", {"lr": 0.02}, {}),
    "adamw_decay": ("adamw", {"lr": 0.02, "weight_decay": 0.3}, {}),
    "rmsprop": ("rmsprop", {"lr": 0.005}, {}),
    "rmsprop_centered": ("rmsprop", {"lr": 0.005, "alpha": 0.9, "eps": 1e-3, "centered": True}, {}),
    "rmsprop_momentum_decay": ("rmsprop", {"lr": 0.002, "momentum": 0.6, "weight_decay": 0.1}, {}),
    "rmsprop_everything": ("rmsprop", {"lr": 0.002, "alpha": 0.9, "eps": 1e-3, "momentum": 0.6, "centered": True,
                                       "weight_decay": 0.1}, {}),
    "adagrad": ("adagrad", {"lr": 0.1}, {}),
    "adagrad_everything": ("adagrad", {"lr": 0.1, "lr_decay": 0.05, "initial_accumulator_value": 0.25,
                                       "weight_decay": 0.1}, {}),
    "clip_norm": ("adam", {"lr": 0.02}, {"clip_norm": 0.5}),
    "clip_value": ("sgd", {"lr": 0.1}, {"clip_value": 0.1}),
    "groups": ("adamw", {"lr": 0.02}, {"groups": [{"parameters": ["w1"], "lr": 0.05, "weight_decay": 0.0},
                                                  {"parameters": ["b1"], "lr_scale": 0.5}]}),
    "groups_frozen": ("sgd", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1},
                      {"clip_norm": 0.9, "groups": [{"parameters": ["w2"], "frozen": True}]}),
    "accumulate": ("adamw", {"lr": 0.02}, {"accumulate": 4}),
    "accumulate_clip": ("sgd", {"lr": 0.2, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.05},
                        {"accumulate": 3, "clip_norm": 0.3, "clip_value": 0.15}),
    "accumulate_adagrad": ("adagrad", {"lr": 0.1, "lr_decay": 0.1}, {"accumulate": 2}),
}


def f32(value):
    """The float32 nearest to a setting, as a double."""
    if isinstance(value, list):
        return [f32(v) for v in value]
    return torch.tensor(value, dtype=torch.float32).item() if isinstance(value, float) else value


def groups_of(parameters, settings, extra):
    rest, groups = dict(parameters), []
    for group in extra.get("groups", []):
        chosen = [rest.pop(name) for name in group["parameters"]]
        if group.get("frozen"):
            for p in chosen:
                p.requires_grad_(False)
            continue
        one = {"params": chosen, "lr": f32(group.get("lr", f32(settings["lr"]) * group.get("lr_scale", 1.0)))}
        if "weight_decay" in group:
            one["weight_decay"] = f32(group["weight_decay"])
        groups.append(one)
    return groups + [{"params": list(rest.values())}]


def train(weights, x, y, optimizer, settings, extra, steps):
    parameters = {k: w.clone().requires_grad_(True) for k, w in weights.items()}
    groups = groups_of(parameters, settings, extra)
    optimizer = OPTIMIZERS[optimizer](groups, **{k: f32(v) for k, v in settings.items()})
    count = extra.get("accumulate", 1)
    losses, clipped, first = [], 0, None
    for i in range(steps):
        a = torch.tanh(x[i % len(x)] @ parameters["w1"].T + parameters["b1"])
        loss = torch.nn.functional.mse_loss(a @ parameters["w2"].T, y[i % len(y)])
        (loss / count).backward()
        losses.append(loss.item())
        if (i + 1) % count:
            continue
        trained = [p for p in parameters.values() if p.requires_grad]
        if "clip_value" in extra:
            torch.nn.utils.clip_grad_value_(trained, f32(extra["clip_value"]))
        if "clip_norm" in extra:
            clipped += torch.nn.utils.clip_grad_norm_(trained, f32(extra["clip_norm"])).item() > extra["clip_norm"]
        optimizer.step()
        optimizer.zero_grad()
        first = first or {k: p.detach().clone() for k, p in parameters.items()}
    assert "clip_norm" not in extra or 0 < clipped < steps // count, f"clipped {clipped}: clip some steps, not all"
    return losses, first, parameters


def optimizers():
    torch.manual_seed(21)
    weights = {"w1": draw(5, 4), "b1": draw(5), "w2": draw(2, 5)}
    x, y = draw(8, 6, 4, bound=2.0), draw(8, 6, 2)
    tensors = {**weights, "x": x, "y": y}
    for name, (optimizer, settings, extra) in CASES.items():
        steps = 20 * extra.get("accumulate", 1)
        losses, first, after = train(weights, x, y, optimizer, settings, extra, steps)
        tensors[name + ".losses"] = torch.tensor(losses, dtype=torch.float64)
        tensors.update({f"{name}.first.{k}": p for k, p in first.items()})
        tensors.update({f"{name}.{k}": p for k, p in after.items()})
        print(f"{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    cases = {n: {"optimizer": o, "settings": s, **e} for n, (o, s, e) in CASES.items()}
    save("optimizers", tensors, cases=cases)


def save(name, tensors, **extra):
    data = {**extra, "tensors": {k: flat(v) for k, v in tensors.items()}}
    (OUT / f"{name}.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


# Schedules: base rate 0.5, the rate before each of 40 steps ----------------------------------------


def sequential(first, then, at):
    return lambda o: S.SequentialLR(o, [first(o), then(o)], [at])


SCHEDULES = {
    "step": lambda o: S.StepLR(o, 7, 0.5),
    "multi_step": lambda o: S.MultiStepLR(o, [3, 4, 20], 0.1),
    "exponential": lambda o: S.ExponentialLR(o, 0.93),
    "cosine": lambda o: S.CosineAnnealingLR(o, 25, 0.01),
    "cosine_restarts": lambda o: S.CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
    "cosine_restarts_equal": lambda o: S.CosineAnnealingWarmRestarts(o, 6),
    "linear": lambda o: S.LinearLR(o),
    "linear_down": lambda o: S.LinearLR(o, 1.0, 0.2, 12),
    "one_cycle": lambda o: S.OneCycleLR(o, 0.5, 40),
    "one_cycle_linear": lambda o: S.OneCycleLR(o, 0.5, 40, pct_start=0.37, anneal_strategy="linear", div_factor=10, final_div_factor=100),
    "one_cycle_three": lambda o: S.OneCycleLR(o, 0.5, 40, pct_start=0.4, three_phase=True),
    "warm_up_cosine": sequential(lambda o: S.LinearLR(o, 0.1, 1.0, 8), lambda o: S.CosineAnnealingLR(o, 32), 8),
    "sequential": sequential(lambda o: S.ConstantLR(o, 1.0, 1), lambda o: S.ExponentialLR(o, 0.9), 10),
}
METRICS = [5, 4, 3.9999, 3.9998, 3.9997, 3.5, 3.6, 3.7, 3.6, 3.55, 3.52, float("nan"), 3.4, 3.4, 3.4, 3.4, 3.4, 3.4,
           3.4, 3.4, 3.4, 3.4, -1, -1, -1.00001, -1.2, -1.1, -1.1, -1.1, -1.1, -1.1, -1.1, -1.1, -1.1]
PLATEAUS = {
    "plateau": {"patience": 2},
    "plateau_highest": {"mode": "max", "factor": 0.5, "patience": 1},
    "plateau_absolute": {"factor": 0.5, "patience": 1, "threshold": 0.25, "threshold_mode": "abs"},
    "plateau_highest_absolute": {"mode": "max", "factor": 0.3, "patience": 0, "threshold": 0.1, "threshold_mode": "abs"},
    "plateau_cooldown": {"factor": 0.5, "patience": 1, "cooldown": 3, "min_lr": 0.06},
    "plateau_eps": {"factor": 0.5, "patience": 1, "eps": 0.1},
}


def schedules():
    import warnings

    warnings.simplefilter("ignore")
    tensors = {}
    for name, make in SCHEDULES.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        schedule, rates = make(optimizer), []
        for i in range(40):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if i < 39:
                schedule.step()
        tensors[name] = torch.tensor(rates, dtype=torch.float64)
    for name, options in PLATEAUS.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        schedule, rates = S.ReduceLROnPlateau(optimizer, **options), []
        for metric in METRICS:
            schedule.step(metric)
            rates.append(optimizer.param_groups[0]["lr"])
        tensors[name] = torch.tensor(rates, dtype=torch.float64)
    save("schedules", tensors)


if __name__ == "__main__":
    optimizers()
    schedules()
