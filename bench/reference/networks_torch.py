"""Networks by PyTorch on a CUDA card, for `models/examples/speed.rs` to be compared with.

`networks_torch.py NAME FOLDER BATCHES ROUNDS` (NAME: clip, dinov2, blip_caption) prints a line of JSON for each of BATCHES
(`1,8,32`): pictures or captions (20 tokens, greedy, with the cache of keys and values) a second in bfloat16 with SDPA.
`host`: 8-bit pixels lie in pinned memory of the host and are normalised on the card, as gistmap does it; `card`: finished
inputs lie on the card. A batch is enqueued before the one before it is read. `compiled` is `card` by `torch.compile`.

FOLDER holds `config.json` and `preprocessor_config.json`, and `model.safetensors` or `keys.json` (each key's shape, mean and
deviation), of which a random checkpoint is then made. What single precision gives for eight pictures is written to
FOLDER/expected.safetensors, which `speed` reads. Made with torch 2.11, transformers 5.17.
"""

import json
import os
import statistics
import sys
import time

import torch
import transformers
from safetensors.torch import save_file

torch.set_grad_enabled(False)
NAME, FOLDER, BATCHES, ROUNDS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
COMPILED = len(sys.argv) > 5
CLASS = {
    "clip": transformers.CLIPModel,
    "dinov2": transformers.Dinov2Model,
    "blip_caption": transformers.BlipForConditionalGeneration,
}[NAME]
SIDE = 384 if NAME == "blip_caption" else 224
WEIGHTS = f"{FOLDER}/model.safetensors"
SETTINGS = json.load(open(f"{FOLDER}/preprocessor_config.json"))


def random_checkpoint():
    torch.manual_seed(782)
    tensors = {}
    for key, (shape, mean, deviation) in json.load(open(f"{FOLDER}/keys.json")).items():
        if mean == "arange":
            tensors[key] = torch.arange(shape[-1]).expand(shape).contiguous()
        else:
            tensors[key] = (torch.randn(shape, device="cuda") * deviation + mean).cpu()
    # Whether one table, one vector under two names: the same by any reading.
    for name, other in (("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
                        ("cls.predictions.decoder.bias", "cls.predictions.bias")):
        if f"text_decoder.{name}" in tensors:
            tensors[f"text_decoder.{name}"] = tensors[f"text_decoder.{other}"].clone()
    save_file(tensors, WEIGHTS, metadata={"format": "pt"})


def network(dtype):
    try:
        model, said = CLASS.from_pretrained(FOLDER, dtype=dtype, attn_implementation="sdpa", output_loading_info=True)
    except ValueError as error:
        print(error)
        model, said = CLASS.from_pretrained(FOLDER, dtype=dtype, output_loading_info=True)
    print(json.dumps({"missing": sorted(said["missing_keys"]), "unexpected": sorted(said["unexpected_keys"])}))
    return model.eval().cuda()


def picture_tower(model):
    if NAME == "clip":
        return lambda pixels: model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
    return lambda pixels: model(pixel_values=pixels).last_hidden_state[:, 0]


def forward(model):
    if NAME != "blip_caption":
        return picture_tower(model)
    return lambda pixels: model.generate(pixel_values=pixels, max_length=20, num_beams=1, do_sample=False)


def normalised(pixels, dtype):
    mean, deviation = (torch.tensor(SETTINGS[k], device="cuda").view(3, 1, 1) for k in ("image_mean", "image_std"))
    levels = pixels.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)
    return ((levels - mean) / deviation).to(dtype)


def pictures(n):
    random = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (n, SIDE, SIDE, 3), dtype=torch.uint8, generator=random)


def expected():
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    pixels = pictures(8)
    # Smooth at two scales, as photographs are.
    small = torch.nn.functional.interpolate(pixels[:, :8, :8].permute(0, 3, 1, 2).float(), SIDE, mode="bilinear")
    pixels = (0.8 * small + 0.2 * pixels.permute(0, 3, 1, 2)).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    pixels = pixels.contiguous()
    exact, rough = network(torch.float32), network(torch.bfloat16)
    found = forward(exact)(normalised(pixels.cuda(), torch.float32))
    other = forward(rough)(normalised(pixels.cuda(), torch.bfloat16))
    out = {"pictures": pixels}
    if NAME == "blip_caption":
        out["ids"] = found.to(torch.int32).cpu().contiguous()
        print(json.dumps({"bf16 ids": int((found == other).cumprod(1).sum()), "of": found.numel()}))
        print(found[:2].tolist())
    else:
        out["features"] = found.float().cpu().contiguous()
        cosine = torch.nn.functional.cosine_similarity(found.double(), other.double()).min()
        print(json.dumps({"bf16 cosine": float(cosine)}))
    save_file(out, f"{FOLDER}/expected.safetensors")
    return rough


def seconds(enqueue):
    """Median of a round; the result of a round is read once the next is enqueued."""
    for _ in range(3):
        before = enqueue()
    before.cpu()
    times = []
    before = enqueue()
    for _ in range(ROUNDS):
        start = time.perf_counter()
        after = enqueue()
        before.float().cpu()
        before = after
        times.append(time.perf_counter() - start)
    torch.cuda.synchronize()
    return statistics.median(times)


if not os.path.exists(WEIGHTS):
    random_checkpoint()
MODEL = expected()
RUN = forward(MODEL)
FAST = torch.compile(RUN) if COMPILED and NAME != "blip_caption" else None
for batch in map(int, BATCHES.split(",")):
    pixels = pictures(batch).pin_memory()
    ready = normalised(pixels.cuda(), torch.bfloat16)
    line = {"network": NAME, "batch": batch}
    line["host"] = batch / seconds(lambda: RUN(normalised(pixels.cuda(non_blocking=True), torch.bfloat16)))
    line["card"] = batch / seconds(lambda: RUN(ready))
    if FAST:
        line["compiled"] = batch / seconds(lambda: FAST(ready))
    print(json.dumps(line), flush=True)
