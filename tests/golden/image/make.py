"""Makes the golden pictures of this folder with Pillow, and what Pillow reads from them.

    python make.py            # needs pillow and numpy; written with pillow 13.0.0 (libjpeg-turbo 3.2)

NAME.EXT is a picture, NAME.EXT.expected.png is `ImageOps.exif_transpose(Image.open(NAME.EXT)).convert("RGB")`.
resize_*.png are `Resize(short)` and `CenterCrop(crop)` of torchvision, done with Pillow and torchvision's rounding.
All pictures are synthetic.
"""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent


def pattern(width, height, seed=0):
    """Smooth colours, a disc with a hard edge, stripes, and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    r = 128 + 120 * np.sin(x / 7 + seed)
    g = 255 * y / max(height - 1, 1)
    b = 255 * ((x // 4 + y // 3) % 2)
    out = np.stack([r, g, b], axis=2)
    disc = (x - width * 0.6) ** 2 + (y - height * 0.4) ** 2 < (min(width, height) * 0.3) ** 2
    out[disc] = (230, 20, 60)
    out += rng.normal(0, 2, out.shape)
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8))


def expect(name, data):
    (HERE / name).write_bytes(data)
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    picture.save(HERE / f"{name}.expected.png", optimize=True)


def saved(picture, format, **options):
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def with_sampling(jpeg, before, after):
    """The same data under another luma sampling: as many blocks a unit, other places."""
    assert jpeg.count(b"\x01" + bytes([before]) + b"\x00") == 1
    return jpeg.replace(b"\x01" + bytes([before]) + b"\x00", b"\x01" + bytes([after]) + b"\x00")


def adobe_transform(jpeg, value):
    at = jpeg.index(b"Adobe")
    return jpeg[: at + 11] + bytes([value]) + jpeg[at + 12 :]


class Bits:
    def __init__(self):
        self.text = []

    def put(self, code, length):
        self.text.append(format(code, f"0{length}b") if length else "")

    def data(self):
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        raw = bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
        return raw.replace(b"\xff", b"\xff\x00")


def separate_scans(width, height, sampling, seed):
    """A baseline JPEG of random coefficients with a scan for each component, which Pillow cannot write."""
    rng = np.random.default_rng(seed)
    template = saved(pattern(16, 16), "JPEG", quality=80)
    tables, pos = {}, 0
    head = b"\xff\xd8"
    while (pos := template.find(b"\xff", pos)) >= 0:
        marker, length = template[pos + 1], struct.unpack(">H", template[pos + 2 : pos + 4])[0] if pos > 0 else 0
        if marker == 0xD8:
            pos += 2
            continue
        if marker == 0xDA:
            break
        segment = template[pos : pos + 2 + length]
        if marker in (0xDB, 0xC4):
            head += segment
        if marker == 0xC4:
            body = segment[4:]
            while body:
                kind, counts = body[0], body[1:17]
                code, at, table = 0, 17, {}
                for bits in range(1, 17):
                    for _ in range(counts[bits - 1]):
                        table[body[at]] = (code, bits)
                        code, at = code + 1, at + 1
                    code <<= 1
                tables[kind] = table
                body = body[at:]
        pos += 2 + length
    frame = struct.pack(">BHHB", 8, height, width, len(sampling))
    for i, (h, v) in enumerate(sampling):
        frame += bytes([i + 1, h << 4 | v, min(i, 1)])
    out = head + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame
    h_max, v_max = max(h for h, _ in sampling), max(v for _, v in sampling)
    for i, (h, v) in enumerate(sampling):
        across, down = -(-width * h // h_max), -(-height * v // v_max)
        bits, last, kind = Bits(), 0, min(i, 1)
        for _ in range(-(-across // 8) * -(-down // 8)):
            values = np.zeros(64, int)
            values[0] = rng.integers(-60, 60)
            values[rng.integers(1, 64, 6)] = rng.integers(-9, 10, 6)
            difference, last, run = int(values[0]) - last, int(values[0]), 0
            size = abs(difference).bit_length()
            bits.put(*tables[kind][size])
            bits.put(difference if difference >= 0 else difference + (1 << size) - 1, size)
            for value in map(int, values[1:]):
                if value == 0:
                    run += 1
                    continue
                while run > 15:
                    bits.put(*tables[0x10 | kind][0xF0])
                    run -= 16
                size = abs(value).bit_length()
                bits.put(*tables[0x10 | kind][run << 4 | size])
                bits.put(value if value >= 0 else value + (1 << size) - 1, size)
                run = 0
            if run:
                bits.put(*tables[0x10 | kind][0])
        out += b"\xff\xda" + struct.pack(">HBBB", 8, 1, i + 1, kind << 4 | kind) + b"\x00\x3f\x00" + bits.data()
    return out + b"\xff\xd9"


def png16(samples, color):
    """A 16-bit PNG of `[height, width, channels]` values; Pillow writes 16 bits for grey alone."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\x00" + samples[y].astype(">u2").tobytes() for y in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def jpegs():
    small = pattern(45, 27)
    for name, options in {
        "420": dict(quality=85, subsampling=2),
        "422": dict(quality=85, subsampling=1),
        "444": dict(quality=95, subsampling=0),
        "low": dict(quality=15),
        "optimized": dict(quality=85, optimize=True),
        "restart": dict(quality=85, restart_marker_rows=1),
        "restart_blocks": dict(quality=85, restart_marker_blocks=2),
        "progressive_420": dict(quality=85, progressive=True),
        "progressive_444": dict(quality=95, progressive=True, subsampling=0),
        "rgb": dict(quality=85, keep_rgb=True),
    }.items():
        expect(f"jpeg_{name}.jpg", saved(small, "JPEG", **options))
    expect("jpeg_grey.jpg", saved(small.convert("L"), "JPEG"))
    expect("jpeg_grey_progressive.jpg", saved(small.convert("L"), "JPEG", progressive=True))
    cmyk = saved(small.convert("CMYK"), "JPEG")
    expect("jpeg_cmyk.jpg", cmyk)
    expect("jpeg_ycck.jpg", adobe_transform(cmyk, 2))
    expect("jpeg_cmyk_progressive.jpg", saved(small.convert("CMYK"), "JPEG", progressive=True))
    square = pattern(64, 64)
    expect("jpeg_440.jpg", with_sampling(saved(square, "JPEG", subsampling=1), 0x21, 0x12))
    expect("jpeg_411.jpg", with_sampling(saved(square, "JPEG", subsampling=2), 0x22, 0x41))
    expect("jpeg_scans.jpg", separate_scans(45, 27, [(2, 2), (1, 1), (1, 1)], 1))
    expect("jpeg_scans_444.jpg", separate_scans(20, 20, [(1, 1)] * 3, 2))
    for width, height in [(1, 1), (2, 2), (3, 3), (5, 1), (1, 5), (4, 17), (17, 16)]:
        expect(f"jpeg_{width}x{height}.jpg", saved(pattern(width, height), "JPEG", quality=90))
    tiny = pattern(12, 7)
    for orientation in range(1, 9):
        expect(f"exif_{orientation}.jpg", saved(tiny, "JPEG", quality=95, exif=exif(orientation)))


def others():
    small = pattern(23, 17)
    alpha = small.copy()
    alpha.putalpha(Image.fromarray(np.linspace(0, 255, 23 * 17).astype(np.uint8).reshape(17, 23)))
    rng = np.random.default_rng(5)
    expect("png_rgb.png", saved(small, "PNG"))
    expect("png_rgba.png", saved(alpha, "PNG"))
    expect("png_la.png", saved(alpha.convert("LA"), "PNG"))
    expect("png_grey.png", saved(small.convert("L"), "PNG"))
    expect("png_1bit.png", saved(small.convert("1"), "PNG"))
    expect("png_palette.png", saved(small.quantize(30), "PNG", transparency=3))
    # Pillow cuts 16-bit grey off at 255, which turns most pictures white; the high byte is expected here instead.
    grey = rng.integers(0, 65536, (9, 11, 1))
    (HERE / "png_grey16.png").write_bytes(png16(grey, 0))
    high = Image.fromarray((grey[:, :, 0] >> 8).astype(np.uint8))
    high.convert("RGB").save(HERE / "png_grey16.png.expected.png", optimize=True)
    expect("png_rgb16.png", png16(rng.integers(0, 65536, (9, 11, 3)), 2))
    expect("png_la16.png", png16(rng.integers(0, 65536, (9, 11, 2)), 4))
    expect("png_rgba16.png", png16(rng.integers(0, 65536, (9, 11, 4)), 6))
    expect("png_exif6.png", saved(small, "PNG", exif=exif(6)))
    expect("webp_lossy.webp", saved(small, "WEBP", quality=80))
    expect("webp_lossless.webp", saved(small, "WEBP", lossless=True))
    expect("webp_alpha.webp", saved(alpha, "WEBP", lossless=True, exact=True))
    expect("webp_exif8.webp", saved(small, "WEBP", lossless=True, exif=exif(8)))
    frames = [pattern(23, 17, i) for i in range(3)]
    expect("webp_animated.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    expect("gif_still.gif", saved(small, "GIF"))
    expect("gif_animated.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50))
    expect("gif_transparent.gif", saved(small.quantize(20), "GIF", transparency=0))
    expect("bmp_rgb.bmp", saved(small, "BMP"))
    expect("bmp_palette.bmp", saved(small.quantize(16), "BMP"))
    expect("bmp_grey.bmp", saved(small.convert("L"), "BMP"))
    expect("bmp_1bit.bmp", saved(small.convert("1"), "BMP"))
    expect("tiff_rgb.tif", saved(small, "TIFF"))
    expect("tiff_lzw.tif", saved(small, "TIFF", compression="tiff_lzw"))
    expect("tiff_deflate.tif", saved(small, "TIFF", compression="tiff_adobe_deflate"))
    expect("tiff_rgba.tif", saved(alpha, "TIFF"))
    expect("tiff_grey.tif", saved(small.convert("L"), "TIFF"))
    expect("tiff_cmyk.tif", saved(small.convert("CMYK"), "TIFF"))
    expect("tiff_1bit.tif", saved(small.convert("1"), "TIFF"))
    expect("tiff_orientation6.tif", saved(small, "TIFF", tiffinfo={0x0112: 6}))


def resizes():
    for name, width, height in [("wide", 157, 93), ("tall", 70, 211), ("up", 40, 51), ("same", 80, 64), ("odd", 131, 65)]:
        picture = pattern(width, height, 3)
        picture.save(HERE / f"resize_{name}.png", optimize=True)
        for kind, filter in [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)]:
            short, crop = 64, 57
            if width <= height:
                size = (short, int(short * height / width))
            else:
                size = (int(short * width / height), short)
            # Across first, then down, as Pillow up to 12 does; 13 goes down first with some tall pictures.
            across = picture.resize((size[0], height), filter)
            resized = across.resize(size, filter)
            left, top = int(round((size[0] - crop) / 2.0)), int(round((size[1] - crop) / 2.0))
            cut = resized.crop((left, top, left + crop, top + crop))
            cut.save(HERE / f"resize_{name}.{kind}.png", optimize=True)


if __name__ == "__main__":
    jpegs()
    others()
    resizes()
