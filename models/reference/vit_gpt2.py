"""Reference values of models/src/vit_gpt2.rs; see common.py."""

import torch
from transformers import VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTImageProcessor

import common

# As published for nlpconnect/vit-gpt2-image-captioning.
PREPROCESSOR = {
    "do_normalize": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "size": 224,
}
UNUSED = 3
IDS = {"bos_token_id": 50256, "decoder_start_token_id": 50256, "eos_token_id": 50256, "pad_token_id": 50256}
CROSS = {"model_type": "gpt2", "add_cross_attention": True, "is_decoder": True}
FULL = {"encoder": {"model_type": "vit"}, "decoder": CROSS} | IDS
TINY = {
    "encoder": {
        "model_type": "vit",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "image_size": 24,
        "patch_size": 6,
    },
    "decoder": CROSS
    | {"vocab_size": 51, "n_positions": 16, "n_embd": 32, "n_layer": 2, "n_head": 4},
    "decoder_start_token_id": 50,
    "eos_token_id": 50,
    "pad_token_id": 50,
}
GAINS = {
    "cls_token": 6.0,
    "position_embeddings": 8.0,
    "query.weight": 2.0,
    "wte.weight": 4.0,
    "wpe.weight": 9.0,
    "attn.c_attn.weight": 2.0,
    "crossattention.c_proj.weight": 3.0,
}
# Wider layers need others, or every token is the same.
FULL_GAINS = GAINS | {
    "wte.weight": 2.0,
    "wpe.weight": 40.0,
    "crossattention.c_proj.weight": 2.0,
    "crossattention.q_attn.weight": 12.0,
    "mlp.c_fc.weight": 4.0,
}


def run(config, gains, n, ends, max_length):
    encoder, decoder = dict(config["encoder"]), dict(config["decoder"])
    rest = {key: value for key, value in config.items() if key not in ("encoder", "decoder")}
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig(encoder=encoder, decoder=decoder, **rest))
    entries = common.fill(model, common.gains(gains))
    common.remembered(model.encoder)
    side = model.config.encoder.image_size
    pixels = common.pictures(n, side, side)
    inputs = common.pixel_values(pixels, PREPROCESSOR, ViTImageProcessor(**PREPROCESSOR))

    def generate(end, beams, **settings):
        settings |= dict(eos_token_id=end, pad_token_id=end, max_length=max_length, num_beams=beams)
        out = model.generate(inputs, return_dict_in_generate=True, output_scores=True, **settings)
        return common.strip(out.sequences, end, 1, max_length), torch.stack(out.scores)

    def sequences(end):
        greedy, logits = generate(end, 1)
        beam = generate(end, 3)[0]
        short, early = generate(end, 3, length_penalty=-2.0)[0], generate(end, 3, early_stopping=True)[0]
        return greedy, beam, logits, short, early, len({str(found) for found in (beam, short, early)})

    ends = ends or [common.end_of(generate(UNUSED, 1)[0], 1)]
    # The first of the ending tokens for which the settings of beam search matter most.
    found = [sequences(end) + (end,) for end in ends]
    greedy, beam, logits, short, early, _, end = max(found, key=lambda f: (f[5], common.telling(f[0], f[1])))
    model.config.eos_token_id = end
    return model, entries, pixels, config | {"eos_token_id": end}, {
        "image_states": model.encoder(inputs).last_hidden_state,
        "max_length": max_length,
        "greedy": greedy,
        "logits": logits,
        "beam": beam,
        "short_beam": short,
        "early_beam": early,
    }


def golden():
    _, entries, pixels, config, values = run(TINY, GAINS, 4, range(50), 13)
    common.write_golden("vit_gpt2", config, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, _, values = run(FULL, FULL_GAINS, 2, None, 12)
    values["logits"] = common.open_rows(values["logits"], values["greedy"], 1)
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


common.main(golden, full)
