"""What the reference scripts of torchvision's networks share; see common.py. Version: Debian's python3-torchvision 0.14.1.

torchvision publishes no preprocessor_config.json: its presets are in code (`torchvision.models.get_weight(..).transforms`).
Here they are written down in that file's words, for the side of the pictures.
"""

import torch
from torchvision.transforms import functional

import common

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def preprocessor(resize, crop, resample):
    return {
        "crop_size": {"height": crop, "width": crop},
        "do_center_crop": True,
        "image_mean": MEAN,
        "image_std": STD,
        "resample": resample,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": resize},
    }


def gains(conv):
    """`conv` for the weights of convolutions, so that a deep network still tells pictures apart."""

    def gain(name):
        norm = ".bn" in name or name.startswith("bn") or name.endswith(".1.weight")
        return conv if name.endswith("weight") and not norm and "fc." not in name else 1.0

    return gain


def inputs(pixels):
    """As torchvision's ImageClassification preset makes them of pictures that are cut already."""
    tensors = [functional.convert_image_dtype(torch.from_numpy(p).permute(2, 0, 1), torch.float) for p in pixels]
    theirs = torch.stack([functional.normalize(t, mean=MEAN, std=STD) for t in tensors])
    config = preprocessor(256, pixels.shape[1], 2)
    ours = common.pixel_values(pixels, config, lambda *_, **__: {"pixel_values": theirs.numpy()})
    return ours


def run(model, side, n, conv):
    """The features are what the pooling gives."""
    entries = common.fill(model, gains(conv))
    pixels = common.pictures(n, side, side)
    kept = {}
    handle = model.avgpool.register_forward_hook(lambda module, given, out: kept.update(out=out))
    logits = model(inputs(pixels))
    handle.remove()
    found = torch.flatten(kept["out"], 1)
    spread = (found.std(0).mean() / found.abs().mean(), logits.std(0).mean() / logits.abs().mean())
    print("pictures differ by", *(f"{float(s):.3f}" for s in spread))
    return entries, pixels, {"features": found, "logits": logits}


def main(name, tiny, full, resize, resample, n=2, conv=1.4):
    """`tiny` and `full` make a model."""

    def golden():
        entries, pixels, values = run(tiny(), 64, n, conv)
        common.write_golden(name, {}, preprocessor(64, 64, resample), entries, pixels.shape, **values)

    def whole(folder):
        model = full()
        _, pixels, values = run(model, 224, 3, conv)
        common.write_full(folder, model, preprocessor(resize, 224, resample), pixels, **values)

    common.main(golden, whole)
