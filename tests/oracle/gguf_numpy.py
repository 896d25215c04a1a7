"""Reads a GGUF file with NumPy alone: an oracle written from the format's definition, apart from
the C code. Tensors come decoded to float32, shape (rows, cols)."""

import struct

import numpy as np

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q",
            11: "<q", 12: "<d"}


class _Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalar(self, code):
        value = struct.unpack_from(code, self.data, self.at)[0]
        self.at += struct.calcsize(code)
        return value

    def text(self):
        length = self.scalar("<Q")
        self.at += length
        return self.data[self.at - length:self.at].decode("utf-8", "replace")

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            item, count = self.scalar("<I"), self.scalar("<Q")
            return [self.value(item) for _ in range(count)]
        return self.scalar(_SCALARS[kind])


def _half(raw):
    return raw.view(np.float16).astype(np.float32)


def _q8_0(raw):
    blocks = raw.reshape(-1, 34)
    return _half(blocks[:, :2].copy()) * blocks[:, 2:].view(np.int8).astype(np.float32)


def _q4_0(raw):
    blocks = raw.reshape(-1, 18)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return _half(blocks[:, :2].copy()) * (nibbles.astype(np.float32) - 8)


def _scales_k4(packed):
    """The eight 6-bit scales and minima of Q4_K and Q5_K from their 12 bytes."""
    low, mid, high = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = np.concatenate([low & 63, (high & 15) | (low >> 6) << 4], axis=1)
    minima = np.concatenate([mid & 63, (high >> 4) | (mid >> 6) << 4], axis=1)
    return scales.astype(np.float32), minima.astype(np.float32)


def _affine(blocks, quants):
    """d * scale * q - dmin * min over eight groups of 32."""
    d, dmin = _half(blocks[:, 0:2].copy()), _half(blocks[:, 2:4].copy())
    scales, minima = _scales_k4(blocks[:, 4:16])
    groups = quants.reshape(-1, 8, 32).astype(np.float32)
    return (groups * (d * scales)[:, :, None] - (dmin * minima)[:, :, None]).reshape(-1, 256)


def _q4_k(raw):
    blocks = raw.reshape(-1, 144)
    pairs = blocks[:, 16:].reshape(-1, 4, 1, 32)
    return _affine(blocks, np.concatenate([pairs & 15, pairs >> 4], axis=2))


def _q5_k(raw):
    blocks = raw.reshape(-1, 176)
    high, pairs = blocks[:, 16:48], blocks[:, 48:].reshape(-1, 4, 1, 32)
    low = np.concatenate([pairs & 15, pairs >> 4], axis=2).reshape(-1, 8, 32)
    fifth = np.stack([(high >> group) & 1 for group in range(8)], axis=1)
    return _affine(blocks, low + 16 * fifth)


def _q6_k(raw):
    blocks = raw.reshape(-1, 210)
    out = np.empty((len(blocks), 2, 4, 32), np.float32)
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32)
    d = _half(blocks[:, 208:210].copy())
    for half in range(2):
        low = blocks[:, 64 * half:64 * half + 64]
        high = blocks[:, 128 + 32 * half:160 + 32 * half]
        nibbles = [low[:, :32] & 15, low[:, 32:] & 15, low[:, :32] >> 4, low[:, 32:] >> 4]
        for part in range(4):
            quants = (nibbles[part] | ((high >> (2 * part)) & 3) << 4).astype(np.float32) - 32
            scale = np.repeat(scales[:, 8 * half + 2 * part:8 * half + 2 * part + 2], 16, axis=1)
            out[:, half, part] = d * scale * quants
    return out.reshape(-1, 256)


def _bf16(raw):
    return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


# type number -> (elements, bytes) of a block, decoder
_TYPES = {0: (1, 4, lambda raw: raw.view(np.float32)), 1: (1, 2, _half), 30: (1, 2, _bf16),
          2: (32, 18, _q4_0), 8: (32, 34, _q8_0), 12: (256, 144, _q4_k), 13: (256, 176, _q5_k),
          14: (256, 210, _q6_k)}


def read(path):
    """Returns (metadata, tensors)."""
    data = open(path, "rb").read()
    cursor = _Cursor(data)
    if data[:4] != b"GGUF":
        raise ValueError(f"{path}: not a GGUF file")
    cursor.at = 4
    cursor.scalar("<I")
    n_tensors, n_entries = cursor.scalar("<Q"), cursor.scalar("<Q")
    metadata = {}
    for _ in range(n_entries):
        key = cursor.text()
        metadata[key] = cursor.value(cursor.scalar("<I"))
    table = []
    for _ in range(n_tensors):
        name = cursor.text()
        dims = [cursor.scalar("<Q") for _ in range(cursor.scalar("<I"))]
        table.append((name, dims, cursor.scalar("<I"), cursor.scalar("<Q")))
    step = metadata.get("general.alignment", 32)
    start = (cursor.at + step - 1) // step * step
    tensors = {}
    for name, dims, kind, offset in table:
        elements = int(np.prod(dims))
        per_block, block_bytes, decode = _TYPES[kind]
        raw = np.frombuffer(data, np.uint8, elements // per_block * block_bytes, start + offset)
        tensors[name] = decode(raw.copy()).reshape(-1, dims[0]).astype(np.float32)
    return metadata, tensors
