"""What the published processors cut of five real photographs of odd sizes, by hash: src/engine/published.rs.

    python3 crops.py DATA > crops.json      DATA is the folder of shared data

transformers 4.40.2, torchvision 0.14.1, Pillow 9.4, blake3 1.0. Levels of 8 bits, before they are normalised.
"""

import json
import os
import sys

import blake3
import numpy as np
from PIL import Image
from torchvision import models
from torchvision.transforms import functional
from transformers import (
    BitImageProcessor, BlipImageProcessor, CLIPImageProcessor, SiglipImageProcessor, ViltImageProcessor, ViTImageProcessor,
)

HERE = os.path.dirname(os.path.abspath(__file__))
PHOTOGRAPHS = [
    "food101_10/images/apple_pie/103801.jpg",
    "food101_10/images/apple_pie/1106961.jpg",
    "stanford40/images/applauding/applauding_009.jpg",
    "flickr8k_1000/images/102351840_323e3de834.jpg",
    "flickr8k_1000/images/1020651753_06077ec457.jpg",
]
# By the golden file that has its preprocessor_config.json.
PROCESSORS = {
    "clip": CLIPImageProcessor, "dinov2": BitImageProcessor, "siglip": SiglipImageProcessor, "blip_caption": BlipImageProcessor,
    "vit_gpt2": ViTImageProcessor, "vilt": ViltImageProcessor,
}
PRESETS = {
    "resnet18": models.ResNet18_Weights.IMAGENET1K_V1, "resnet50": models.ResNet50_Weights.IMAGENET1K_V2,
    "efficientnet-b0": models.EfficientNet_B0_Weights.IMAGENET1K_V1,
    "mobilenet-v3-small": models.MobileNet_V3_Small_Weights.IMAGENET1K_V1,
}


def of(picture):
    height, width, _ = picture.shape
    return {"width": width, "height": height, "blake3": blake3.blake3(np.ascontiguousarray(picture).tobytes()).hexdigest()}


def cut(processor, photograph):
    levels = processor(photograph, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
    assert levels.min() >= 0 and levels.max() <= 255 and np.array_equal(levels, np.round(levels))
    return of(levels.transpose(1, 2, 0).astype(np.uint8))


def preset(weights, photograph):
    transforms = weights.transforms()
    resized = functional.resize(photograph, transforms.resize_size, transforms.interpolation)
    return of(np.asarray(functional.center_crop(resized, transforms.crop_size)))


def main(data):
    photographs = [Image.open(os.path.join(data, name)).convert("RGB") for name in PHOTOGRAPHS]
    assert all(p.size[0] % 2 or p.size[1] % 2 for p in photographs)
    golden = {"photographs": PHOTOGRAPHS, "decoded": [of(np.asarray(p)) for p in photographs], "hub": [], "torchvision": []}
    for name, processor in PROCESSORS.items():
        with open(os.path.join(HERE, f"../../../models/reference/golden/{name}.json")) as file:
            config = json.load(file)["preprocessor_config"]
        if name == "dinov2":
            # The golden network is tiny, and so are its pictures.
            config["crop_size"] = {"height": 224, "width": 224}
        crops = [cut(processor(**config), p) for p in photographs]
        golden["hub"].append({"name": name, "preprocessor_config.json": config, "crops": crops})
    for name, weights in PRESETS.items():
        golden["torchvision"].append({"name": name, "crops": [preset(weights, p) for p in photographs]})
    print(json.dumps(golden, indent=1))


main(sys.argv[1])
