"""Real photographs and sentences for `models/examples/packs.rs`: `photos.py DATA FOLDER [TOKENIZER]`.

DATA is the shared folder of pictures; the first two pictures of each class of food101_10, squeezed to squares as Pillow's
bicubic filter does, go to FOLDER/photos.safetensors as `224` and `384`, five others to calibration.safetensors. 50
sentences go to FOLDER/sentences.json as ids, 200 others to calibration.json: by TOKENIZER, a tokenizer.json, or, where there
is none, as common.sentences draws them below 30,000.
"""

import glob
import json
import os
import sys

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

import common

data, folder = sys.argv[1:3]
classes = sorted(glob.glob(os.path.join(data, "food101_10", "images", "*")))
paths = [path for each in classes for path in sorted(glob.glob(os.path.join(each, "*")))[:2]]
others = [path for each in classes for path in sorted(glob.glob(os.path.join(each, "*")))[5:10]]


def save(name, paths):
    pictures = [Image.open(path).convert("RGB") for path in paths]
    squares = {str(s): np.stack([np.asarray(p.resize((s, s), Image.BICUBIC)) for p in pictures]) for s in (224, 384)}
    save_file(squares, os.path.join(folder, name))


save("photos.safetensors", paths)
save("calibration.safetensors", others)
if len(sys.argv) > 3:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(sys.argv[3])
    # Published files may say that all texts are filled up to one length.
    tokenizer.no_padding()
    with open(os.path.join(data, "stanford40", "texts.jsonl")) as file:
        texts = sorted({text for line in file for text in json.loads(line).values() if isinstance(text, str) and " " in text})
    step = len(texts) // 50
    chosen = set(texts[::step][:50])
    ids = [tokenizer.encode(text).ids for text in texts[::step][:50]]
    rest = [text for text in texts if text not in chosen]
    others_ids = [tokenizer.encode(text).ids for text in rest[:: len(rest) // 200][:200]]
else:
    ids = common.sentences(30000, [4 + i % 12 for i in range(50)])
    others_ids = common.sentences(30000, [4 + i % 12 for i in range(200)], seed=6)
for name, sentences in ("sentences", ids), ("calibration", others_ids):
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(sentences, file)
print(len(paths), "and", len(others), "photographs,", len(ids), "sentences")
