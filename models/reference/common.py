"""What the reference scripts of the transformer networks share.

    python3 NAME.py golden            writes golden/NAME.json, the tiny configuration of the test suite
    python3 NAME.py full FOLDER       writes the published layout at full size, with reference values, for
                                      `cargo run --release -p gistmap-models --example parity -- NAME FOLDER`

Versions: Debian's python3-torch 1.13.1 under Python 3.11, transformers 4.40.2, numpy 1.26.4, safetensors, pillow
(a venv with --system-site-packages).

No weights are kept: both sides fill every tensor by one formula of its key and the index (`tensor`, in Rust
models/src/cpu/reference.rs), times a gain that makes the network's outputs vary.
"""

import json
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
MULTIPLIER, INCREMENT = 6364136223846793005, 1442695040888963407
BLOCK = 1 << 16

torch.set_grad_enabled(False)


def _jumps():
    """State i+1 steps on is a[i] * state + c[i]."""
    with np.errstate(over="ignore"):
        a = np.cumprod(np.full(BLOCK, MULTIPLIER, np.uint64))
        powers = np.concatenate([np.ones(1, np.uint64), a[:-1]])
        c = np.cumsum(powers) * np.uint64(INCREMENT)
    return a, c


A, C = _jumps()


def values(seed, n):
    """n numbers in -1..1, as `Random` in models/src/cpu/reference.rs."""
    out = np.empty(n, np.float32)
    state = np.uint64(seed)
    with np.errstate(over="ignore"):
        for start in range(0, n, BLOCK):
            states = A * state + C
            state = states[-1]
            part = out[start : start + BLOCK]
            part[:] = (states >> np.uint64(40)).astype(np.float32)[: len(part)] / np.float32(1 << 23) - np.float32(1)
    return out


def tensor(name, shape):
    """A tensor by its key, as `tensor` in models/src/cpu/reference.rs."""
    seed = 782
    for byte in name.encode():
        seed = (seed * 31 + byte) % (1 << 64)
    inputs = int(np.prod(shape[1:], dtype=np.int64)) if len(shape) > 1 else 1
    scale = np.sqrt(np.float32(3.0) / np.float32(inputs)) if len(shape) > 1 else np.float32(0.2)
    centred = name.endswith("var") or (len(shape) == 1 and name.endswith("weight"))
    drawn = values(seed, int(np.prod(shape, dtype=np.int64)))
    return (np.float32(1.0 if centred else 0.0) + scale * drawn).reshape(shape)


def fill(model, gain):
    """Fills a model; `gain(key)` is what a tensor is multiplied by. What the golden file says of every tensor."""
    entries, seen = {}, {}
    for name, parameter in model.state_dict().items():
        if not parameter.dtype.is_floating_point:
            continue
        # Tied tensors have several keys; the first is filled and published.
        if parameter.data_ptr() in seen:
            continue
        seen[parameter.data_ptr()] = name
        shape = list(parameter.shape)
        factor = float(gain(name))
        parameter.copy_(torch.from_numpy(np.asarray(tensor(name, shape) * np.float32(factor))))
        entries[name] = {"shape": shape, "gain": factor}
    model.eval()
    return entries


def gains(table):
    """A gain by the longest key ending of `table`; 1 for other keys."""

    def gain(name):
        endings = [ending for ending in table if name.endswith(ending)]
        return table[max(endings, key=len)] if endings else 1.0

    return gain


def pictures(n, height, width):
    """Pictures of coloured squares under noise, [n, height, width, 3], 8 bits; as `pictures` in models/src/reference.rs."""
    def levels(seed, *shape):
        drawn = (values(seed, int(np.prod(shape))) + np.float32(1)) * np.float32(128)
        return drawn.astype(np.uint16).reshape(shape)

    squares = levels(1, n, -(-height // 8), -(-width // 8), 3)
    squares = squares.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return ((3 * squares + levels(2, n, height, width, 3)) // 4).astype(np.uint8)


def pixel_values(pixels, preprocessor, processor):
    """What the network reads, [n, 3, height, width]: by our formula, checked against the published processor's."""
    mean = np.array(preprocessor["image_mean"], np.float32)
    std = np.array(preprocessor["image_std"], np.float32)
    ours = ((pixels * (1 / 255)).astype(np.float32) - mean) / std
    ours = np.ascontiguousarray(ours.transpose(0, 3, 1, 2))
    theirs = processor(list(pixels), do_resize=False, do_center_crop=False, return_tensors="np")["pixel_values"]
    assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs), "normalisation differs from the processor's"
    return torch.from_numpy(ours)


def matrix(t):
    """Rows of a tensor, its leading dimensions joined."""
    return t.reshape(-1, t.shape[-1]).float().numpy()


def sentences(vocabulary, lengths, seed=5, low=3):
    """Token ids in low..vocabulary."""
    drawn = iter(values(seed, sum(lengths)))
    return [[low + int((next(drawn) + 1) / 2 * (vocabulary - low)) for _ in range(n)] for n in lengths]


def strip(sequences, end, prompt, max_length):
    """What generate returned, without the padding behind the ending token."""
    out = []
    for row in sequences.tolist():
        stop = row.index(end, prompt) + 1 if end in row[prompt:] else len(row)
        assert stop == max_length or row[stop - 1] == end
        out.append(row[:stop])
    return out


def remembered(network):
    """Lets a network compute each of its inputs once: every `generate` asks anew for the same pictures' states."""
    forward, known = network.forward, {}

    def once(pixels=None, pixel_values=None, **settings):
        pixels = pixels if pixel_values is None else pixel_values
        key = (pixels.data_ptr(), pixels.shape)
        if key not in known:
            known[key] = forward(pixels, **settings)
        # Beam search repeats what it is given in place.
        return type(known[key])(**known[key])

    network.forward = once


def open_rows(logits, sequences, prompt):
    """Logits of each step, [steps, sequences, vocabulary], without the rows of sequences that ended before."""
    rows = [row for step, all in enumerate(logits) for row, ids in zip(all, sequences) if len(ids) > prompt + step]
    return torch.stack(rows)


def end_of(sequences, prompt):
    """A token that ends one of the sequences half-way and none of the others: at full size there is no trying them all."""
    half = [(ids[at], at, i) for i, ids in enumerate(sequences) for at in range(prompt + 2, len(ids) - 2)]
    for token, at, i in half:
        others = [ids[prompt:] for j, ids in enumerate(sequences) if j != i]
        if token not in sequences[i][prompt:at] and not any(token in ids for ids in others):
            return token
    raise AssertionError(f"no token ends one of {sequences} half-way")


def telling(greedy, beam):
    """How much sequences show of what matters, 0 if too little: they differ, end at different steps, and beams find
    others than greed."""
    if len({tuple(s) for s in greedy}) < len(greedy) or greedy == beam:
        return 0
    lengths = {len(s) for s in greedy} | {len(s) for s in beam}
    return 100 * len(lengths) + len({t for s in greedy + beam for t in s}) if len(lengths) > 1 else 0


def most_telling(ends, sequences):
    """The ending token that makes the best test, as another one makes a different tiny model; `sequences(end)` gives
    the greedy and the beam ones first."""
    best = max((sequences(end) + (end,) for end in ends), key=lambda found: telling(found[0], found[1]))
    assert telling(best[0], best[1]), "no ending token makes a test"
    return best


def _json(value):
    if isinstance(value, torch.Tensor):
        value = matrix(value)
    if isinstance(value, np.ndarray):
        assert np.isfinite(value).all()
        return [[float(f"{v:.7g}") for v in row] for row in value.astype(np.float64)]
    return value


def write_golden(name, config, preprocessor, entries, shape, **rest):
    """golden/NAME.json."""
    golden = {"config": config, "preprocessor_config": preprocessor, "tensors": entries, "pictures": list(shape)}
    golden.update({key: _json(value) for key, value in rest.items()})
    path = os.path.join(HERE, "golden", f"{name}.json")
    with open(path, "w") as file:
        parts = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
        file.write("{\n" + ",\n".join(parts) + "\n}\n")
    print(f"{path}: {os.path.getsize(path)} bytes, {sum(int(np.prod(e['shape'])) for e in entries.values())} weights")


def write_full(folder, model, preprocessor, pixels, **rest):
    """The published layout, and beside it what the network must give: matrices, and token ids as JSON."""
    from safetensors.numpy import save_file

    if hasattr(model, "save_pretrained"):
        model.save_pretrained(folder, safe_serialization=True)
    else:
        weights = {key: value.numpy() for key, value in model.state_dict().items()}
        save_file(weights, os.path.join(folder, "model.safetensors"))
    if preprocessor is not None:
        with open(os.path.join(folder, "preprocessor_config.json"), "w") as file:
            json.dump(preprocessor, file)
    arrays = {key: matrix(value).copy() for key, value in rest.items() if isinstance(value, torch.Tensor)}
    if pixels is not None:
        arrays["pictures"] = pixels
    save_file(arrays, os.path.join(folder, "reference.safetensors"))
    lists = {key: value for key, value in rest.items() if not isinstance(value, torch.Tensor)}
    with open(os.path.join(folder, "reference.json"), "w") as file:
        json.dump(lists, file)
    print(folder, {key: value.shape for key, value in arrays.items()}, {key: str(value)[:200] for key, value in lists.items()})


def main(golden, full):
    """The command line of a script."""
    if sys.argv[1:] == ["golden"]:
        golden()
    elif len(sys.argv) == 3 and sys.argv[1] == "full":
        os.makedirs(sys.argv[2], exist_ok=True)
        full(sys.argv[2])
    else:
        sys.exit(__doc__)
