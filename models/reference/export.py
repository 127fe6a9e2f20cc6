"""A network of a folder that `NAME.py full FOLDER` wrote, as an ONNX graph: `export.py NAME FOLDER GRAPH`.

The graphs are what `cargo xtask bench networks` gives to ONNX Runtime: `clip`, `dinov2`, `siglip` and torchvision's give
the features of pictures, `vilt` the logits of answers, `mpnet` the states of sentences; of networks that write, the
states of pictures. Same versions as common.py; the first extent of every input is free.
"""

import sys

import torch
import torchvision
import transformers
from safetensors.torch import load_file

torch.set_grad_enabled(False)

PICTURE = torch.zeros(2, 3, 224, 224)
LARGE_PICTURE = torch.zeros(2, 3, 384, 384)
WORDS = torch.ones(2, 16, dtype=torch.long)


class Part(torch.nn.Module):
    """What is wanted of a network."""

    def __init__(self, network, forward):
        super().__init__()
        self.network, self.wanted = network, forward

    def forward(self, *inputs):
        return self.wanted(self.network, *inputs)


def published(cls, forward):
    return lambda folder: Part(cls.from_pretrained(folder), forward)


def siglip(folder):
    network = transformers.SiglipModel.from_pretrained(folder)
    # The same as "valid", which PyTorch 1.13 does not export.
    network.vision_model.embeddings.patch_embedding.padding = (0, 0)
    return Part(network, lambda m, x: m.get_image_features(pixel_values=x))


def torchvisions(make):
    def load(folder):
        network = make()
        network.load_state_dict(load_file(f"{folder}/model.safetensors"))
        return network

    return load


def answers(network, pixels, ids):
    mask = torch.ones(pixels.shape[0], 384, 384, dtype=torch.long)
    embedded, mask = embed(network.vilt, ids, pixels, mask)
    return network.classifier(network.vilt.pooler(network.vilt.layernorm(network.vilt.encoder(embedded)[0])))


def embed(vilt, ids, pixels, mask):
    """ViLT's embedding of whole pictures; the published one also draws patches at random, which no graph can."""
    parts = vilt.embeddings
    patches = parts.patch_embeddings(pixels).flatten(2).transpose(1, 2)
    side = vilt.config.image_size // vilt.config.patch_size
    patches = torch.cat([parts.cls_token.expand(pixels.shape[0], -1, -1), patches], 1) + parts.position_embeddings[:, : 1 + side * side]
    kinds = parts.token_type_embeddings.weight
    words = parts.text_embeddings(input_ids=ids, token_type_ids=torch.zeros_like(ids))
    return torch.cat([words + kinds[0], patches + kinds[1]], 1), mask


NETWORKS = {
    "clip": (published(transformers.CLIPModel, lambda m, x: m.get_image_features(pixel_values=x)), [PICTURE]),
    "dinov2": (published(transformers.Dinov2Model, lambda m, x: m(x).last_hidden_state[:, 0]), [PICTURE]),
    "siglip": (siglip, [PICTURE]),
    "resnet18": (torchvisions(torchvision.models.resnet18), [PICTURE]),
    "resnet50": (torchvisions(torchvision.models.resnet50), [PICTURE]),
    "efficientnet_b0": (torchvisions(torchvision.models.efficientnet_b0), [PICTURE]),
    "mobilenet_v3_small": (torchvisions(torchvision.models.mobilenet_v3_small), [PICTURE]),
    "mpnet": (published(transformers.MPNetModel, lambda m, x: m(input_ids=x).last_hidden_state), [WORDS]),
    "vilt": (published(transformers.ViltForQuestionAnswering, answers), [LARGE_PICTURE, WORDS[:, :12]]),
    "blip_caption": (
        published(transformers.BlipForConditionalGeneration, lambda m, x: m.vision_model(x).last_hidden_state),
        [LARGE_PICTURE],
    ),
    "vit_gpt2": (published(transformers.VisionEncoderDecoderModel, lambda m, x: m.encoder(x).last_hidden_state), [PICTURE]),
}

name, folder, graph = sys.argv[1:4]
load, inputs = NETWORKS[name]
names = [f"input{i}" for i in range(len(inputs))]
torch.onnx.export(
    load(folder).eval(),
    tuple(inputs),
    graph,
    input_names=names,
    output_names=["output"],
    dynamic_axes={name: {0: "n"} for name in names},
    opset_version=16,
)
