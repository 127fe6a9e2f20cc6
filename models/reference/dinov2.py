"""Reference values of models/src/dinov2.rs; see common.py."""

from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

import common

# As published for facebook/dinov2-small.
PREPROCESSOR = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 256},
}
FULL = {"hidden_size": 384, "num_attention_heads": 6, "image_size": 518, "patch_size": 14}
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "mlp_ratio": 2,
    "image_size": 34,
    "patch_size": 6,
}
GAIN = common.gains({"cls_token": 6.0, "position_embeddings": 12.0, "query.weight": 2.0, "lambda1": 3.0})


def run(config, preprocessor, n):
    model = Dinov2Model(Dinov2Config(**config))
    entries = common.fill(model, GAIN)
    side = preprocessor["crop_size"]["height"]
    pixels = common.pictures(n, side, side)
    states = model(common.pixel_values(pixels, preprocessor, BitImageProcessor(**preprocessor))).last_hidden_state
    return model, entries, pixels, dict(states=states, features=states[:, 0])


def golden():
    preprocessor = PREPROCESSOR | {"crop_size": {"height": 20, "width": 20}}
    _, entries, pixels, values = run(TINY, preprocessor, 3)
    common.write_golden("dinov2", TINY, preprocessor, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, values = run(FULL, PREPROCESSOR, 3)
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


common.main(golden, full)
