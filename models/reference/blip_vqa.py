"""Reference values of models/src/blip, answers; see common.py."""

import torch
from transformers import BlipConfig, BlipForQuestionAnswering, BlipImageProcessor

import common
from blip_caption import FULL, FULL_GAINS, GAINS, PREPROCESSOR, TINY, UNUSED, with_end

POSITIONS = {"position_embeddings.weight": 12.0}


def run(config, gains, n, ends, max_length, lengths):
    model = BlipForQuestionAnswering(BlipConfig(**config))
    entries = common.fill(model, common.gains(gains | POSITIONS))
    common.remembered(model.vision_model)
    side = model.config.vision_config.image_size
    pixels = common.pictures(n, side, side)
    inputs = common.pixel_values(pixels, PREPROCESSOR, BlipImageProcessor(**PREPROCESSOR))
    # Two questions about each picture. Each is asked alone: in a batch, the reference's decoder also looks at padding.
    questions = common.sentences(model.config.text_config.vocab_size - 2, lengths)
    pairs = [(inputs[i // 2 : i // 2 + 1], torch.tensor([question])) for i, question in enumerate(questions)]

    def generate(end, beams):
        model.config.text_config.sep_token_id = end
        settings = dict(max_length=max_length, num_beams=beams, return_dict_in_generate=True, output_scores=True)
        out = [model.generate(input_ids=ids, pixel_values=picture, **settings) for picture, ids in pairs]
        return [common.strip(o.sequences, end, 1, max_length)[0] for o in out], [o.scores for o in out]

    def sequences(end):
        (greedy, scores), (beam, _) = (generate(end, beams) for beams in (1, 3))
        return greedy, beam, scores

    ends = ends or [common.end_of(generate(UNUSED, 1)[0], 1)]
    greedy, beam, scores, end = common.most_telling(ends, sequences)
    states = [
        model.text_encoder(ids, encoder_hidden_states=model.vision_model(picture)[0])[0][0] for picture, ids in pairs
    ]
    steps = range(max(len(ids) for ids in scores))
    more = {
        "image_states": model.vision_model(inputs).last_hidden_state,
        "logits": torch.cat([ids[step] for step in steps for ids in scores if step < len(ids)]),
    }
    return model, entries, pixels, with_end(config, end), more, {
        "questions": questions,
        "question_states": torch.cat(states),
        "max_length": max_length,
        "greedy": greedy,
        "beam": beam,
    }


def golden():
    tiny = TINY | {"vision_config": TINY["vision_config"] | {"hidden_size": 32}}
    tiny["text_config"] = TINY["text_config"] | {"encoder_hidden_size": 32}
    _, entries, pixels, config, _, values = run(tiny, GAINS, 2, range(3, 48), 11, [5, 3, 9, 1])
    common.write_golden("blip_vqa", config, PREPROCESSOR, entries, pixels.shape, **values)


def full(folder):
    model, _, pixels, _, more, values = run(FULL, FULL_GAINS, 1, None, 10, [9, 12])
    common.write_full(folder, model, PREPROCESSOR, pixels, **values, **more)


if __name__ == "__main__":
    common.main(golden, full)
