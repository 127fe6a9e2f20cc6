"""Reference values of models/src/mpnet.rs; see common.py."""

import torch
from transformers import MPNetConfig, MPNetModel
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

import common

# As published for sentence-transformers/all-mpnet-base-v2.
FULL = {"vocab_size": 30527, "max_position_embeddings": 514, "layer_norm_eps": 1e-05}
TINY = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 160,
    "layer_norm_eps": 1e-05,
}
GAIN = common.gains({
    "word_embeddings.weight": 6.0,
    "position_embeddings.weight": 3.0,
    "attn.q.weight": 2.0,
    "relative_attention_bias.weight": 12.0,
})


def run(config, lengths):
    model = MPNetModel(MPNetConfig(**config))
    entries = common.fill(model, GAIN)
    sentences = common.sentences(model.config.vocab_size, lengths)
    longest, padding = max(lengths), model.config.pad_token_id
    ids = torch.tensor([s + [padding] * (longest - len(s)) for s in sentences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sentences])
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    # As sentence-transformers pools and normalises them.
    mean = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
    return model, entries, {"sentences": sentences, "vectors": torch.nn.functional.normalize(mean, dim=1)}


def golden():
    _, entries, values = run(TINY, [5, 1, 150, 12])
    values["buckets"] = MPNetEncoder.relative_position_bucket(torch.arange(-150, 151)).tolist()
    common.write_golden("mpnet", TINY, None, entries, [], **values)


def full(folder):
    model, _, values = run(FULL, [9, 3, 384, 21])
    common.write_full(folder, model, None, None, **values)


common.main(golden, full)
