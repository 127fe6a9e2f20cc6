"""What `gistmap run` must say of pictures by published networks, at tiny configurations: tests/published.rs.

    python3 make.py          writes golden.json

Versions: Debian's python3-torch 1.13.1 under Python 3.11, transformers 4.40.2, tokenizers 0.19.1, numpy 1.26.4, pillow.

Every model is in the layout of the hub: config.json, preprocessor_config.json, tokenizer.json. No weights are kept: both
sides fill every tensor by one formula of its key (models/reference/common.py). Pictures are of odd sizes, also by formula;
transformers' own processors resize, crop and pad them.
"""

import json
import os
import sys

import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BlipConfig, BlipForConditionalGeneration, BlipForQuestionAnswering, BlipImageProcessor, CLIPConfig, CLIPImageProcessor,
    CLIPModel, Dinov2Config, Dinov2Model, MPNetConfig, MPNetModel, PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessor,
    SiglipModel, ViltConfig, ViltForQuestionAnswering, ViltImageProcessor, VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel, BitImageProcessor, ViTImageProcessor,
)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../models/reference"))
import blip_caption  # noqa: E402
import common  # noqa: E402

SIZES = [(37, 53), (64, 40), (50, 50), (91, 33), (29, 70), (48, 47)]
NAMES = ["dog", "house", "tree", "red car", "bird"]
QUESTION = "what is this"
WORDS = """a photo of . this is might be , but it could also or what dog house tree red car bird cat man woman child street sky
water boat green blue white black two three on in with near big small running sitting old new very many""".split()
# Columns of features that are kept.
KEPT = 12


def pictures():
    out = []
    for width, height in SIZES:
        out.append(Image.fromarray(common.pictures(1, height, width)[0]))
    return out


def tokenizer(begin, end, size=50):
    """Words, [PAD] 0, [UNK] 1, and where it is wanted what begins and ends."""
    special = {0: "[PAD]", 1: "[UNK]", begin: "[CLS]", end: "[SEP]"}
    words = iter(WORDS)
    vocab = {}
    for i in range(size):
        vocab[special.get(i) or next(words)] = i
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", begin), ("[SEP]", end)]
    )
    made.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return made


def spoken(made, ids):
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    return [fast.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip() for row in ids]


GOLDEN = {"sizes": SIZES, "names": NAMES, "question": QUESTION, "models": {}, "texts": {}, "features": {}, "vectors": {}}


def keep(name, model, gain, config, preprocessor=None, made=None):
    """Fills the model and keeps what makes it again."""
    entry = {"tensors": common.fill(model, gain), "config.json": config}
    if preprocessor:
        entry["preprocessor_config.json"] = preprocessor
    if made:
        entry["tokenizer.json"] = json.loads(made.to_str())
    GOLDEN["models"][name] = entry


def numbers(t):
    return [[float(f"{v:.7g}") for v in row[:KEPT]] for row in t.tolist()]


def caption(row):
    """As the report words it."""
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    first, second, third = (NAMES[i] for i in order[:3])
    if row[order[0]] > 0.5:
        return f"This is a {first}."
    return f"This might be a {first}, but it could also be a {second} or a {third}."


def differ(name, texts):
    print(name, len(set(texts)), "different texts:", texts[:3])
    assert len(set(texts)) > 2, name


def blip(name, model_class, vision_width, ask):
    config = {
        "text_config": blip_caption.TINY["text_config"] | {"max_position_embeddings": 24, "encoder_hidden_size": vision_width},
        "vision_config": blip_caption.TINY["vision_config"] | {"hidden_size": vision_width},
    }
    preprocessor = blip_caption.PREPROCESSOR | {"size": {"height": 24, "width": 24}}
    gain = common.gains(blip_caption.GAINS | {"position_embeddings.weight": 10.0})
    inputs = BlipImageProcessor(**preprocessor)(pictures(), return_tensors="pt")["pixel_values"]
    best = None
    for end in range(2, 48):
        config["text_config"]["sep_token_id"] = end
        model = model_class(BlipConfig(**config))
        common.fill(model, gain)
        made = tokenizer(48, end)
        if ask:
            ids = torch.tensor([made.encode(QUESTION).ids] * len(SIZES))
            found = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=inputs, max_length=20)
        else:
            found = model.generate(pixel_values=inputs, max_length=20)
        texts = spoken(made, found.tolist())
        lengths = {len(t.split()) for t in texts}
        score = (len(set(texts)), len(lengths))
        if best is None or score > best[0]:
            best = (score, end, texts)
    _, end, texts = best
    config["text_config"]["sep_token_id"] = end
    model = model_class(BlipConfig(**config))
    keep(name, model, gain, config, preprocessor, tokenizer(48, end))
    differ(name, texts)
    GOLDEN["texts"][QUESTION if ask else name] = texts


def clip():
    config = {
        "text_config": {
            "vocab_size": 50, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
            "max_position_embeddings": 77, "eos_token_id": 2,
        },
        "vision_config": {
            "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 24,
            "patch_size": 6,
        },
        "projection_dim": 512,
    }
    preprocessor = {
        "crop_size": 24, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3, "size": 24,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    model, made = CLIPModel(CLIPConfig(**config)), tokenizer(48, 49)
    gain = common.gains({
        "token_embedding.weight": 9.0, "position_embedding.weight": 2.0, "patch_embedding.weight": 6.0, "q_proj.weight": 4.0,
        "out_proj.weight": 3.0, "logit_scale": -45.0, "bias": 0.2,
    })
    keep("clip-vit-b32", model, gain, config, preprocessor, made)
    inputs = CLIPImageProcessor(**preprocessor)(pictures(), return_tensors="pt")["pixel_values"]
    made.enable_padding(pad_id=49)
    encoded = made.encode_batch([f"a photo of a {name}." for name in NAMES])
    ids, mask = (torch.tensor([getattr(e, part) for e in encoded]) for part in ("ids", "attention_mask"))
    out = model(input_ids=ids, attention_mask=mask, pixel_values=inputs)
    probabilities = out.logits_per_image.softmax(1)
    print("clip", probabilities)
    GOLDEN["features"]["clip-vit-b32"] = numbers(model.get_image_features(pixel_values=inputs))
    GOLDEN["texts"]["clip-names"] = [caption(row) for row in probabilities.tolist()]
    differ("clip-names", GOLDEN["texts"]["clip-names"])


def siglip():
    tower = {"hidden_size": 768, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 12}
    config = {
        "text_config": tower | {"vocab_size": 50, "max_position_embeddings": 16},
        "vision_config": tower | {"image_size": 24, "patch_size": 6},
    }
    preprocessor = {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5], "resample": 3, "rescale_factor": 0.00392156862745098,
        "size": {"height": 24, "width": 24},
    }
    model, made = SiglipModel(SiglipConfig(**config)), tokenizer(48, 49)
    gain = common.gains({
        "token_embedding.weight": 9.0, "position_embedding.weight": 2.0, "patch_embedding.weight": 6.0, "q_proj.weight": 4.0,
        "out_proj.weight": 3.0, "bias": 0.2, "in_proj_weight": 1.5, "probe": 4.0, "logit_scale": -50.0, "logit_bias": -6.0,
    })
    keep("siglip-base", model, gain, config, preprocessor, made)
    inputs = SiglipImageProcessor(**preprocessor)(pictures(), return_tensors="pt")["pixel_values"]
    made.enable_padding(pad_id=1, length=16)
    ids = torch.tensor([e.ids for e in made.encode_batch([f"a photo of a {name}." for name in NAMES])])
    probabilities = model(input_ids=ids, pixel_values=inputs).logits_per_image.sigmoid()
    print("siglip", probabilities)
    GOLDEN["features"]["siglip-base"] = numbers(model.get_image_features(pixel_values=inputs))
    GOLDEN["texts"]["siglip-names"] = [caption(row) for row in probabilities.tolist()]
    differ("siglip-names", GOLDEN["texts"]["siglip-names"])


def dinov2():
    config = {
        "hidden_size": 384, "num_hidden_layers": 1, "num_attention_heads": 6, "mlp_ratio": 1, "image_size": 42,
        "patch_size": 14, "layer_norm_eps": 1e-6,
    }
    preprocessor = {
        "crop_size": {"height": 28, "width": 28}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
        "do_rescale": True, "do_resize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
        "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 31},
    }
    model = Dinov2Model(Dinov2Config(**config))
    gain = common.gains({"cls_token": 4.0, "position_embeddings": 4.0, "lambda1": 1.0, "query.weight": 3.0})
    keep("dinov2-small", model, gain, config, preprocessor)
    inputs = BitImageProcessor(**preprocessor)(pictures(), return_tensors="pt")["pixel_values"]
    GOLDEN["features"]["dinov2-small"] = numbers(model(inputs).last_hidden_state[:, 0])


def vilt():
    labels = {str(i): " ".join(WORDS[i : i + 2]) for i in range(13)}
    config = {
        "vocab_size": 50, "max_position_embeddings": 9, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "image_size": 60, "patch_size": 12,
    }
    preprocessor = {
        "do_normalize": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "resample": 3, "size": 48, "size_divisor": 12,
    }
    model = ViltForQuestionAnswering(ViltConfig(**config, id2label={int(k): v for k, v in labels.items()}))
    gain = common.gains({
        "cls_token": 4.0, "position_embeddings": 4.0, "word_embeddings.weight": 5.0, "embeddings.weight": 4.0,
        "query.weight": 4.0, "attention.output.dense.weight": 3.0, "projection.weight": 8.0, "classifier.3.weight": 3.0,
        "bias": 0.2,
    })
    made = tokenizer(48, 49)
    keep("vilt-vqa", model, gain, config | {"id2label": labels}, preprocessor, made)
    # All pictures in one batch, padded to the largest, under the processor's mask.
    given = ViltImageProcessor(**preprocessor)(pictures(), return_tensors="pt")
    ids = torch.tensor([made.encode(QUESTION).ids] * len(SIZES))
    out = model(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids), **given)
    best = out.logits.topk(2, dim=1).values
    print("vilt: batch", tuple(given["pixel_values"].shape), "margins", (best[:, 0] - best[:, 1]).tolist())
    GOLDEN["texts"]["vilt " + QUESTION] = [labels[str(i)] for i in out.logits.argmax(1).tolist()]
    differ("vilt-vqa", GOLDEN["texts"]["vilt " + QUESTION])


def vit_gpt2():
    encoder = {
        "model_type": "vit", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "image_size": 24, "patch_size": 6,
    }
    decoder = {
        "model_type": "gpt2", "add_cross_attention": True, "is_decoder": True, "vocab_size": 50, "n_positions": 24,
        "n_embd": 32, "n_layer": 2, "n_head": 4,
    }
    preprocessor = {
        "do_normalize": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2,
        "size": 24,
    }
    gain = common.gains({
        "cls_token": 6.0, "position_embeddings": 8.0, "query.weight": 3.0, "projection.weight": 3.0, "wte.weight": 4.0,
        "wpe.weight": 9.0, "attn.c_attn.weight": 2.0, "crossattention.c_proj.weight": 4.0,
    })
    inputs = ViTImageProcessor(**preprocessor)(pictures(), return_tensors="pt")["pixel_values"]
    best = None
    for end in range(2, 50):
        ids = {"decoder_start_token_id": end, "eos_token_id": end, "pad_token_id": end}
        model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig(encoder=dict(encoder), decoder=dict(decoder), **ids))
        common.fill(model, gain)
        # GPT-2 begins and ends with the same token.
        made = tokenizer(48 if end != 48 else 47, end)
        texts = spoken(made, model.generate(inputs, max_length=20).tolist())
        score = (len(set(texts)), len({len(t.split()) for t in texts}))
        if best is None or score > best[0]:
            best = (score, end, ids, texts, made)
    _, end, ids, texts, made = best
    config = {"encoder": encoder, "decoder": decoder} | ids
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig(encoder=dict(encoder), decoder=dict(decoder), **ids))
    keep("vit-gpt2", model, gain, config, preprocessor, made)
    differ("vit-gpt2", texts)
    GOLDEN["texts"]["vit-gpt2"] = texts


def mpnet():
    config = {
        "vocab_size": 50, "hidden_size": 768, "num_hidden_layers": 1, "num_attention_heads": 12, "intermediate_size": 64,
        "max_position_embeddings": 40, "layer_norm_eps": 1e-05,
    }
    model, made = MPNetModel(MPNetConfig(**config)), tokenizer(48, 49)
    gain = common.gains({
        "word_embeddings.weight": 6.0, "position_embeddings.weight": 3.0, "attn.q.weight": 3.0,
        "relative_attention_bias.weight": 12.0,
    })
    keep("mpnet", model, gain, config, None, made)
    for column in ("clip-names", "siglip-names"):
        rows = []
        for text in GOLDEN["texts"][column]:
            states = model(input_ids=torch.tensor([made.encode(text).ids])).last_hidden_state
            rows.append(torch.nn.functional.normalize(states.mean(1), dim=1)[0])
        GOLDEN["vectors"][column] = numbers(torch.stack(rows))


clip()
siglip()
dinov2()
vilt()
mpnet()
vit_gpt2()
blip("blip-caption", BlipForConditionalGeneration, 48, False)
blip("blip-vqa", BlipForQuestionAnswering, 32, True)
path = os.path.join(HERE, "golden.json")
with open(path, "w") as file:
    lines = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in GOLDEN.items()]
    file.write("{\n" + ",\n".join(lines) + "\n}\n")
print(os.path.getsize(path), "bytes")
