"""Reference values of models/src/blip, captions; see common.py."""

import copy

import torch
from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessor

import common

# As published for Salesforce/blip-image-captioning-base.
PREPROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 384, "width": 384},
}
FULL = {"text_config": {"num_attention_heads": 12}, "vision_config": {}}
TINY = {
    "text_config": {
        "vocab_size": 50,
        "hidden_size": 32,
        "encoder_hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 16,
        "bos_token_id": 48,
        "sep_token_id": 49,
    },
    "vision_config": {
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 24,
        "patch_size": 6,
    },
}
GAINS = {
    "class_embedding": 6.0,
    "position_embedding": 4.0,
    "qkv.weight": 1.5,
    "word_embeddings.weight": 6.0,
    "position_embeddings.weight": 6.0,
    "query.weight": 3.0,
    "crossattention.output.dense.weight": 3.0,
    "cls.predictions.decoder.weight": 2.5,
}
# Wider layers need others, or every token is the same.
FULL_GAINS = GAINS | {"crossattention.output.dense.weight": 0.5, "output.dense.weight": 0.3, "query.weight": 6.0}
UNUSED = 3


def with_end(config, end):
    config = copy.deepcopy(config)
    config["text_config"]["sep_token_id"] = end
    return config


def run(config, gains, n, ends, max_length, prefix):
    model = BlipForConditionalGeneration(BlipConfig(**config))
    entries = common.fill(model, common.gains(gains))
    common.remembered(model.vision_model)
    side = model.config.vision_config.image_size
    pixels = common.pictures(n, side, side)
    inputs = common.pixel_values(pixels, PREPROCESSOR, BlipImageProcessor(**PREPROCESSOR))

    def generate(end, prefix, beams):
        model.config.text_config.sep_token_id = end
        # The tokenizer's own first and last tokens are replaced and cut off.
        ids = torch.tensor([[1, *prefix, 1]] * n)
        settings = dict(max_length=max_length, return_dict_in_generate=True, output_scores=True)
        out = model.generate(pixel_values=inputs, input_ids=ids, num_beams=beams, **settings)
        return common.strip(out.sequences, end, 1 + len(prefix), max_length), torch.stack(out.scores)

    def sequences(end, prefix=()):
        (greedy, logits), (beam, _) = (generate(end, prefix, beams) for beams in (1, 3))
        return greedy, beam, logits

    ends = ends or [common.end_of(generate(UNUSED, (), 1)[0], 1)]
    greedy, beam, logits, end = common.most_telling(ends, sequences)
    values = {"image_states": model.vision_model(inputs).last_hidden_state, "max_length": max_length}
    values |= {"greedy": greedy, "beam": beam, "logits": logits, "prefix": prefix}
    greedy, beam, logits = sequences(end, prefix)
    values |= {"prefixed_greedy": greedy, "prefixed_beam": beam, "prefixed_logits": logits}
    return model, entries, pixels, with_end(config, end), values


def golden():
    _, entries, pixels, config, values = run(TINY, GAINS, 4, range(3, 48), 13, [7, 21])
    common.write_golden("blip_caption", config, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, _, values = run(FULL, FULL_GAINS, 2, None, 12, [1037, 3861, 1997])
    for name, prompt in (("", 1), ("prefixed_", 1 + len(values["prefix"]))):
        logits = values[f"{name}logits"]
        values[f"{name}logits"] = common.open_rows(logits, values[f"{name}greedy"], prompt)
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


if __name__ == "__main__":
    common.main(golden, full)
