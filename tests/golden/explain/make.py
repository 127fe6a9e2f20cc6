"""Golden keywords: counted by document frequency, and c-TF-IDF from its formula (Grootendorst 2022).

The words are made up and stand apart (commas), so that neither stop words, plurals nor phrases play a
part: `Counter` and the formula are all there is. Run: python3 make.py (standard library only).
"""

import json
import math
import random
from collections import Counter
from pathlib import Path

random.seed(782)
WORDS = [a + b + c for a in "bdfgk" for b in "aeo" for c in ("rin", "lom", "tek")]
CLUSTERS = 4
texts, labels = [], []
for i in range(120):
    label = random.choice([*range(CLUSTERS), *range(CLUSTERS), -1])
    start = max(label, 0) * 9
    words = ["common"] * (random.random() < 0.9)
    words += [WORDS[(start + int(random.expovariate(0.25))) % len(WORDS)] for _ in range(random.randint(0, 6))]
    texts.append(", ".join(words))
    labels.append(label)

documents = [t.split(", ") if t else [] for t in texts]
sizes = Counter(labels)
clusters = sorted(c for c in sizes if c >= 0)


def counted(top=8):
    inside = {c: Counter(w for d, l in zip(documents, labels) if l == c for w in set(d)) for c in sizes}
    total = sum(inside.values(), Counter())
    share = lambda c, w: inside[c][w] / sizes[c]
    common = {
        w for w in total
        if min(share(c, w) for c in clusters) > 0
        and min(share(c, w) for c in clusters) >= 0.5 * max(share(c, w) for c in clusters)
    }
    assert "common" in common and len(common) < 5, common
    result = {}
    for c in clusters:
        words = [w for w in inside[c] if w not in common]
        words.sort(key=lambda w: (-inside[c][w], total[w] - inside[c][w], w))
        result[str(c)] = [[w, inside[c][w], share(c, w)] for w in words[:top]]
    return result


def ctfidf(top=8):
    tf = {c: Counter(w for d, l in zip(documents, labels) if l == c for w in d) for c in clusters}
    f = sum(tf.values(), Counter())
    mean = sum(f.values()) / len(clusters)
    result = {}
    for c in clusters:
        length = sum(tf[c].values())
        weight = {w: n / length * math.log(1 + mean / f[w]) for w, n in tf[c].items()}
        words = sorted(weight, key=lambda w: (-weight[w], w))
        result[str(c)] = [[w, tf[c][w], weight[w]] for w in words[:top]]
    return result


golden = {"texts": texts, "labels": labels, "keywords": counted(), "ctfidf": ctfidf()}
Path(__file__).with_name("keywords.json").write_text(json.dumps(golden, indent=1) + "\n")
