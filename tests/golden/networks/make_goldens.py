"""Golden values of the two default networks: pictures and sentences, and what PyTorch makes of them.

    PYTHONPATH=<tokenizers, safetensors> python3 make_goldens.py

Debian's python3-torch 1.13.1, python3-numpy and python3-pil; weights as in networks.py. Writes beside itself
`picture-{0,1,2}.png` (224 x 224, drawn here), `features.npy` [3, 1280] and `logits.npy` [3, 1000] of them,
`sentences.json` (sentences and their token ids) and `vectors.npy` [50, 384]; all arrays f32.
"""

import json
import os

import numpy as np
import tokenizers
import torch
from PIL import Image

from networks import MINILM, EfficientNetLite0, MiniLM

HERE = os.path.dirname(os.path.abspath(__file__))
SENTENCES = [
    "A dog runs across the beach.",
    "two children playing football in the park",
    "A plate of spaghetti with tomato sauce and basil",
    "",
    "Ein Mann fährt Fahrrad über die Brücke.",
    "猫在沙发上睡觉",
    "naïve café — “quotes” and an emoji 🐕",
    "Keywords: dog, beach, running; confidence 93.5%",
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
    "a long caption that goes on and on about a crowded street market at night where people in colourful clothes sell "
    "fruit, fish, spices and lanterns while a musician plays the violin under a red umbrella and the rain falls softly",
    "a person is riding a horse", "Someone is cooking in a kitchen full of steam.", "Clapping hands", "Two cats, one sofa.",
    "The image shows an old red car parked in front of a brick building.", "Is this a photograph or a painting?", "ramen",
    "A bowl of noodle soup with a boiled egg, spring onions and seaweed.", "Joyful", "a dark and gloomy street at night",
    "Un perro corre por la playa.", "Une assiette de fromages et de raisins", "Собака бежит по пляжу", "犬が浜辺を走っている",
    "A man in a blue shirt is fixing the chain of his bicycle while a child watches him.", "0", "1234567890", "!!!", "...",
    "supercalifragilisticexpialidocious", "x" * 80, "e-mail: someone@example.org", "C'est l'été, n'est-ce pas?", "ﬁsh and chips",
    "A (very) [strange] {caption} with <brackets> & ampersands", "photo_0001_final(2).jpg", "the the the the the the the",
    "The person is located in a restaurant, sitting at a table with a friend.", "Zwölf Boxkämpfer jagen Viktor quer über den Deich",
    "airplane", "airplanes in a clear sky above the airport", "An apple pie on a white plate beside a scoop of ice cream.",
    "not a dog", "no people, only chairs", "blowing bubbles", "Blowing Bubbles", "BLOWING BUBBLES", "3 dogs", "three dogs",
    "word " * 300,
]


def picture(kind):
    """Smooth colours with a few sharp shapes: compresses well and moves the network off its mean."""
    y, x = np.mgrid[0:224, 0:224] / 223.0
    if kind == 0:
        rgb = np.stack([x, y, 1 - x], -1)
        rgb[60:160, 40:120] = (0.9, 0.1, 0.1)
        rgb[(x - 0.7) ** 2 + (y - 0.4) ** 2 < 0.03] = (0.95, 0.9, 0.2)
    elif kind == 1:
        rgb = np.stack([0.5 + 0.4 * np.sin(20 * x), 0.5 + 0.4 * np.sin(14 * y), 0.3 + 0 * x], -1)
        rgb[np.abs(x - y) < 0.05] = (0.0, 0.0, 0.0)
    else:
        rgb = np.stack([0.4 + 0.2 * y, 0.6 + 0.2 * y, 0.95 - 0.1 * y], -1)
        rgb[y > 0.6] = (0.15, 0.45, 0.1)
        rgb[(np.abs(x - 0.5) < 0.25 * (y - 0.2)) & (y < 0.6)] = (0.45, 0.4, 0.4)
    levels = np.round(rgb * 24) * (255 / 24)
    return Image.fromarray(np.clip(np.round(levels), 0, 255).astype(np.uint8))


@torch.no_grad()
def main():
    pictures = [picture(kind) for kind in range(3)]
    for i, image in enumerate(pictures):
        image.save(f"{HERE}/picture-{i}.png", optimize=True)
    pixels = np.stack([np.asarray(image) for image in pictures]).astype(np.float32)
    features, logits = EfficientNetLite0()(torch.from_numpy((pixels - 127) / 128).permute(0, 3, 1, 2).contiguous())
    np.save(f"{HERE}/features.npy", features.numpy())
    np.save(f"{HERE}/logits.npy", logits.numpy())

    tokenizer = tokenizers.Tokenizer.from_file(f"{MINILM}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(SENTENCES)]
    net = MiniLM()
    vectors = []
    for row in ids:
        row = torch.tensor([row])
        vectors.append(net(row, torch.ones_like(row), torch.zeros_like(row))[0].numpy())
    np.save(f"{HERE}/vectors.npy", np.stack(vectors))
    with open(f"{HERE}/sentences.json", "w", encoding="utf-8") as file:
        rows = [{"text": text, "ids": row} for text, row in zip(SENTENCES, ids)]
        file.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")


main()
