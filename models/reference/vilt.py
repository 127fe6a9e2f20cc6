"""Reference values of models/src/vilt.rs; see common.py."""

import torch
from transformers import ViltConfig, ViltForQuestionAnswering, ViltImageProcessor

import common

# As published for dandelin/vilt-b32-finetuned-vqa.
PREPROCESSOR = {
    "do_normalize": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 3,
    "size": 384,
    "size_divisor": 32,
}


def answers(n):
    return {"id2label": {str(i): f"answer {i}" for i in range(n)}}


FULL = answers(3129)
TINY = {
    "vocab_size": 60,
    "max_position_embeddings": 9,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 30,
    "patch_size": 6,
} | answers(13)
GAIN = common.gains({
    "cls_token": 6.0,
    "position_embeddings": 9.0,
    "word_embeddings.weight": 5.0,
    "embeddings.weight": 4.0,
    "query.weight": 2.0,
    "classifier.3.weight": 2.0,
})


def run(config, n, height, width, lengths):
    labels = {int(key): value for key, value in config["id2label"].items()}
    model = ViltForQuestionAnswering(ViltConfig(**config | {"id2label": labels}))
    entries = common.fill(model, GAIN)
    pixels = common.pictures(n, height, width)
    processor = ViltImageProcessor(**PREPROCESSOR)
    inputs = common.pixel_values(pixels, PREPROCESSOR, lambda *a, do_center_crop, **k: processor(*a, **k))
    # Two questions about each picture.
    inputs = inputs.repeat_interleave(2, dim=0)
    questions = common.sentences(model.config.vocab_size, lengths)
    longest = model.config.max_position_embeddings
    ids = torch.tensor([q + [0] * (longest - len(q)) for q in questions])
    mask = torch.tensor([[1] * len(q) + [0] * (longest - len(q)) for q in questions])
    torch.manual_seed(0)
    logits = model(
        input_ids=ids,
        attention_mask=mask,
        token_type_ids=torch.zeros_like(ids),
        pixel_values=inputs,
        pixel_mask=torch.ones(len(inputs), height, width, dtype=torch.long),
    ).logits
    return model, entries, pixels, {"questions": questions, "logits": logits}


def golden():
    _, entries, pixels, values = run(TINY, 2, 24, 36, [4, 1, 9, 6])
    common.write_golden("vilt", TINY, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, values = run(FULL, 2, 384, 512, [9, 5, 14, 8])
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


common.main(golden, full)
