"""Token ids of 200 strings in many scripts, as transformers' own BERT tokenizer makes them (its Python, not the library
`tokenizers` that gistmap uses).

    python3 tokens.py MINILM      MINILM has the model's tokenizer.json; writes tokens.json beside this script

transformers 4.40.2. Texts are cut at 256 tokens, as the model's own settings say.
"""

import json
import os
import random
import sys
import tempfile
import unicodedata

from transformers import BertTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST = 256
WRITTEN = [
    "", " ", "\t\n", "a", ".", "...", "?!", "A photo of a dog.", "two  spaces   three", "\ttab\nline\r\nend ",
    "don't can't it's O'Neil's", "well-known mother-in-law", "e.g. 3.14, 1,000,000 and 50%", "http://localhost:8080/a?b=c&d=e#f",
    "user@host C:\\path /usr/bin/env", "#hash @at $5 €6 £7 ¥8 ₹9", "x<y && y>=z || !w", "f(x) = x^2 + 2*x - 1", "ALL CAPS and MiXeD",
    "naïve café Zürich Ångström façade", "ﬁne ﬂow ﬀ", "e\u0301 a\u0308 n\u0303 o\u0302\u0323", "Ǆ Ĳ ŉ ß ẞ", "İstanbul ISPARTA ıspanak",
    "Ein großer Fußball über die Brücke", "Кошка сидит на диване", "Ο σκύλος τρέχει στην παραλία", "الكلب يجري على الشاطئ", "הכלב רץ על החוף",
    "कुत्ता समुद्र तट पर दौड़ता है", "หมาวิ่งบนชายหาด", "개가 해변을 달린다", "犬が浜辺を走る", "狗在海滩上跑", "漢字かな交じり文。", "ｆｕｌｌ ｗｉｄｔｈ １２３",
    "Tiếng Việt có nhiều dấu", "ქართული ენა", "Հայերեն լեզու", "አማርኛ ቋንቋ", "dog🐕cat🐈", "👨‍👩‍👧‍👦 family", "🇩🇪🇫🇷 flags", "👍🏽 thumbs",
    "☀️ ❤ ★ → ∑ √ ∞ ≠", "“quotes” ‘single’ «guillemets» „low“", "en–dash em—dash hy‐phen non‑breaking", "a\u00a0b\u2003c\u3000d", "zero\u200bwidth\u200djoin\ufeffmark",
    "soft\u00adhyphen", "control\u0001char\u007f\u0085", "replacement \ufffd here", "rtl\u200f ltr\u200e", "½ ⅓ ² ³ ₂ Ⅳ", "™ © ® ° µ", "a" * 99, "b" * 101, "supercalifragilisticexpialidocious",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis", "word " * 300, "猫" * 300, "🐕" * 40, "l'été à l'hôtel", "¿Qué hay en la imagen?", "1st 2nd 3rd 4th", "12:30pm 2026-11-26",
    "C++ C# .NET node.js", "[brackets] {braces} (round)", "under_score and__double", "~tilde` ^caret |pipe", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒻𝑜𝓃𝓉𝓈", "𠀀𪜀 rare han", "ﷺ ﻻ", "Z̴̡̢a̷l̶g̵o̸",
]
# First and last code point of what random words are made of.
SCRIPTS = [
    (0x61, 0x7A), (0x41, 0x5A), (0x30, 0x39), (0x21, 0x2F), (0xC0, 0x17F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5F4), (0x620, 0x64A),
    (0x904, 0x939), (0xE01, 0xE3A), (0x10D0, 0x10F0), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x2010, 0x2030),
    (0x2190, 0x21FF), (0x1F300, 0x1F5FF), (0x300, 0x36F),
]


def drawn(chance):
    """Some words, each of one script, with marks and spaces between them."""
    words = []
    for _ in range(chance.randint(1, 8)):
        first, last = chance.choice(SCRIPTS)
        # What Unicode has not assigned, this one drops and the fast one of transformers, which is `tokenizers`, keeps.
        assigned = [chr(c) for c in range(first, last + 1) if unicodedata.category(chr(c)) != "Cn"]
        words.append("".join(chance.choice(assigned) for _ in range(chance.randint(1, 9))))
    return chance.choice([" ", ", ", "", "-", "  "]).join(words)


def main(minilm):
    with open(os.path.join(minilm, "tokenizer.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)["model"]["vocab"]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.write("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n")
        file.flush()
        tokenizer = BertTokenizer(file.name, do_lower_case=True)
    chance = random.Random(782)
    texts = WRITTEN + [drawn(chance) for _ in range(200 - len(WRITTEN))]
    assert len(set(texts)) == 200
    rows = [{"text": t, "ids": tokenizer(t, truncation=True, max_length=LONGEST)["input_ids"]} for t in texts]
    with open(os.path.join(HERE, "tokens.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


main(sys.argv[1])
