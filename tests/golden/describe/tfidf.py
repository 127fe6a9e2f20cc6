"""Golden TF-IDF rows: `python3 tfidf.py` writes `tfidf.json` beside itself.

scikit-learn 1.9.0, numpy 2.4.6, Python 3.11. The texts are made here: sentences of a few words, with capitals, digits,
underscores, hyphens, contractions, several scripts and an empty text. Cases: all words, `max_features` (cut where no two
words are equally frequent, because the order of those is numpy's unstable sort), and English stop words.
"""

import json
import os

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

HERE = os.path.dirname(os.path.abspath(__file__))
subjects = ["A man", "The woman", "Two CHILDREN", "An old dog", "Somebody", "Eine Straße", "Кошка", "Ο σκύλος", "一只猫"]
verbs = ["is riding", "holds", "isn't near", "sits beside", "has", "überquert", "видит", "βλέπει", "看着"]
objects = ["a horse.", "2 red-cars", "file_name_01", "café crème!", "a T-shirt, a ball", "x", "the horse", "дом", "İstanbul ½"]
random = np.random.RandomState(782)
texts = [
    " ".join([subjects[random.randint(9)], verbs[random.randint(9)], objects[random.randint(9)]] * random.randint(1, 3))
    for _ in range(60)
]
texts += ["", "a . b", "horse horse horse", "the the"]


def case(max_features, stop_words):
    vectorizer = TfidfVectorizer(max_features=max_features, stop_words=stop_words)
    matrix = vectorizer.fit_transform(texts).tocsr()
    matrix.sort_indices()
    rows = [
        [[int(c), float(v)] for c, v in zip(matrix.indices[a:b], matrix.data[a:b])]
        for a, b in zip(matrix.indptr, matrix.indptr[1:])
    ]
    return {
        "max_features": max_features,
        "stop_words": stop_words,
        "vocabulary": vectorizer.get_feature_names_out().tolist(),
        "idf": vectorizer.idf_.tolist(),
        "rows": rows,
    }


def cuts(stop_words):
    """Numbers of words between which the frequency falls."""
    counts = CountVectorizer(stop_words=stop_words).fit_transform(texts).sum(axis=0)
    counts = np.sort(np.asarray(counts).ravel())[::-1]
    return [i for i in range(5, len(counts)) if counts[i - 1] > counts[i]]


plain, english = cuts(None), cuts("english")
cases = [case(None, None), case(6000, "english"), case(plain[0], None), case(plain[-1], None), case(english[1], "english")]
with open(f"{HERE}/tfidf.json", "w", encoding="utf-8") as file:
    json.dump({"texts": texts, "cases": cases}, file, ensure_ascii=False, separators=(",", ":"))
