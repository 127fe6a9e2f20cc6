"""Reference values of models/src/siglip.rs; see common.py."""

import torch
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

import common

# As published for google/siglip-base-patch16-224.
PREPROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}
FULL = {"text_config": {}, "vision_config": {}}
TINY = {
    "text_config": {
        "vocab_size": 99,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 10,
    },
    "vision_config": {
        "hidden_size": 32,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 24,
        "patch_size": 6,
    },
}
GAIN = common.gains({
    "embedding.weight": 4.0,
    "q_proj.weight": 2.0,
    "in_proj_weight": 1.5,
    "probe": 4.0,
    "logit_scale": 15.0,
    "logit_bias": 20.0,
})


def run(config, n):
    model = SiglipModel(SiglipConfig(**config))
    entries = common.fill(model, GAIN)
    vision, text = model.config.vision_config, model.config.text_config
    pixels = common.pictures(n, vision.image_size, vision.image_size)
    inputs = common.pixel_values(pixels, PREPROCESSOR, SiglipImageProcessor(**PREPROCESSOR))
    sentences = common.sentences(text.vocab_size, [5, 1, text.max_position_embeddings, 3])
    # Filled up to the most tokens, without a mask, as the published processor does it.
    ids = [s + [text.pad_token_id] * (text.max_position_embeddings - len(s)) for s in sentences]
    out = model(input_ids=torch.tensor(ids), pixel_values=inputs)
    return model, entries, pixels, dict(
        sentences=sentences,
        image_states=out.vision_model_output.last_hidden_state,
        image_features=model.get_image_features(pixel_values=inputs),
        text_features=model.get_text_features(input_ids=torch.tensor(ids)),
        logits_per_image=out.logits_per_image,
    )


def golden():
    _, entries, pixels, values = run(TINY, 3)
    common.write_golden("siglip", TINY, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, values = run(FULL, 3)
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


common.main(golden, full)
