"""Reference values of models/src/blip, answers; see common.py."""

import torch
from transformers import BlipConfig, BlipForQuestionAnswering, BlipImageProcessor

import common
from blip_caption import FULL, GAIN, PREPROCESSOR, TINY, with_end


def run(config, n, ends, max_length, lengths):
    model = BlipForQuestionAnswering(BlipConfig(**config))
    entries = common.fill(model, GAIN)
    side = model.config.vision_config.image_size
    pixels = common.pictures(n, side, side)
    inputs = common.pixel_values(pixels, PREPROCESSOR, BlipImageProcessor(**PREPROCESSOR))
    # Two questions about each picture. Each is asked alone: in a batch, the reference's decoder also looks at padding.
    questions = common.sentences(model.config.text_config.vocab_size - 2, lengths)
    pairs = [(inputs[i // 2 : i // 2 + 1], torch.tensor([question])) for i, question in enumerate(questions)]

    def sequences(end):
        model.config.text_config.sep_token_id = end
        out = [
            [model.generate(input_ids=ids, pixel_values=picture, num_beams=beams, max_length=max_length) for picture, ids in pairs]
            for beams in (1, 3)
        ]
        return tuple([common.strip(ids, end, 1, max_length)[0] for ids in found] for found in out)

    greedy, beam, end = common.most_telling(ends, sequences)
    states = [
        model.text_encoder(ids, encoder_hidden_states=model.vision_model(picture)[0])[0][0] for picture, ids in pairs
    ]
    return model, entries, pixels, with_end(config, end), {
        "questions": questions,
        "question_states": torch.cat(states),
        "max_length": max_length,
        "greedy": greedy,
        "beam": beam,
    }


def golden():
    tiny = TINY | {"vision_config": TINY["vision_config"] | {"hidden_size": 32}}
    tiny["text_config"] = TINY["text_config"] | {"encoder_hidden_size": 32}
    _, entries, pixels, config, values = run(tiny, 2, range(3, 48), 11, [5, 3, 9, 1])
    common.write_golden("blip_vqa", config, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, _, values = run(FULL, 1, [102], 8, [9, 12])
    common.write_full(folder, model, PREPROCESSOR, pixels, **values)


if __name__ == "__main__":
    common.main(golden, full)
