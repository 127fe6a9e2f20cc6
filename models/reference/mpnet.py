"""Reference values of models/src/mpnet.rs; see common.py.

    python3 mpnet.py real PUBLISHED TEXTS FOLDER    the same as `full` of the published weights, in the folder PUBLISHED,
                                                    on the lines of the file TEXTS
"""

import os
import sys

import torch
from tokenizers import Tokenizer
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
    return model, entries, {"sentences": sentences, "vectors": vectors(model, sentences)}


def vectors(model, sentences):
    longest, padding = max(map(len, sentences)), model.config.pad_token_id
    ids = torch.tensor([s + [padding] * (longest - len(s)) for s in sentences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sentences])
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    # As sentence-transformers pools and normalises them.
    mean = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=1)


def golden():
    _, entries, values = run(TINY, [5, 1, 150, 12])
    values["buckets"] = MPNetEncoder.relative_position_bucket(torch.arange(-150, 151)).tolist()
    common.write_golden("mpnet", TINY, None, entries, [], **values)


def full(folder):
    model, _, values = run(FULL, [9, 3, 384, 21])
    common.write_full(folder, model, None, None, **values)


def real(published, texts, folder):
    tokenizer = Tokenizer.from_file(os.path.join(published, "tokenizer.json"))
    # The published file pads every sentence; what is padded is masked.
    tokenizer.no_padding()
    with open(texts) as lines:
        sentences = [tokenizer.encode(line.strip()).ids for line in lines]
    model = MPNetModel.from_pretrained(published).eval()
    os.makedirs(folder, exist_ok=True)
    common.write_full(folder, model, None, None, sentences=sentences, vectors=vectors(model, sentences))


if len(sys.argv) == 5 and sys.argv[1] == "real":
    real(*sys.argv[2:])
else:
    common.main(golden, full)
