"""Reference values of models/src/clip.rs; see common.py."""

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

import common

PREPROCESSOR = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 224,
}
# As published for openai/clip-vit-base-patch32, with the ending token of files from before there was one.
FULL = {"text_config": {"eos_token_id": 2}, "vision_config": {}, "projection_dim": 512}
TINY = {
    "text_config": {
        "vocab_size": 99,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 12,
        "eos_token_id": 2,
    },
    "vision_config": {
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 24,
        "patch_size": 6,
    },
    "projection_dim": 20,
}
GAIN = common.gains({
    "embedding.weight": 4.0,
    "q_proj.weight": 2.0,
    "logit_scale": -15.0,
})


def run(config, n):
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(**config))
    entries = common.fill(model, GAIN)
    vision, text = model.config.vision_config, model.config.text_config
    pixels = common.pictures(n, vision.image_size, vision.image_size)
    inputs = common.pixel_values(pixels, PREPROCESSOR, CLIPImageProcessor(**PREPROCESSOR))
    end = text.vocab_size - 1
    sentences = [s + [end] for s in common.sentences(end, [5, 1, text.max_position_embeddings - 1, 3])]
    longest = max(map(len, sentences))
    ids = torch.tensor([s + [end] * (longest - len(s)) for s in sentences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sentences])
    out = model(input_ids=ids, attention_mask=mask, pixel_values=inputs)
    return model, entries, pixels, dict(
        sentences=sentences,
        image_states=out.vision_model_output.last_hidden_state,
        image_features=model.get_image_features(pixel_values=inputs),
        text_features=model.get_text_features(input_ids=ids, attention_mask=mask),
        logits_per_image=out.logits_per_image,
    )


def golden():
    _, entries, pixels, values = run(TINY, 3)
    common.write_golden("clip", TINY, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, values = run(FULL, 4)
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


common.main(golden, full)
