"""Exports both networks as ONNX graphs (opset 13, dynamic batch), the baseline that gistmap's `cpu` device is timed
against with ONNX Runtime: `python3 export_onnx.py [FOLDER]`, by default /tmp/setup/onnx."""

import os
import sys

import torch

from networks import EfficientNetLite0, MiniLM

folder = sys.argv[1] if len(sys.argv) > 1 else "/tmp/setup/onnx"
os.makedirs(folder, exist_ok=True)
torch.onnx.export(
    EfficientNetLite0(),
    torch.zeros(2, 3, 224, 224),
    f"{folder}/efficientnet-lite0.onnx",
    opset_version=13,
    input_names=["pixels"],
    output_names=["features", "logits"],
    dynamic_axes={name: {0: "n"} for name in ("pixels", "features", "logits")},
)
names = ["input_ids", "attention_mask", "token_type_ids"]
ids = torch.tensor([[101, 2023, 2003, 102], [101, 3231, 102, 0]])
torch.onnx.export(
    MiniLM(),
    (ids, (ids > 0).long(), torch.zeros_like(ids)),
    f"{folder}/minilm.onnx",
    opset_version=13,
    input_names=names,
    output_names=["vectors"],
    dynamic_axes={name: {0: "n", 1: "t"} for name in names} | {"vectors": {0: "n"}},
)
