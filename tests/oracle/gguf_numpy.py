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


def _nibbles(packed):
    """16 bytes a block: the low nibbles, then the high ones."""
    return np.concatenate([packed & 15, packed >> 4], axis=1)


def _fifth_bits(packed):
    """Bit e of four bytes belongs to element e."""
    return np.unpackbits(packed, axis=1, bitorder="little")


def _q4_0(raw):
    blocks = raw.reshape(-1, 18)
    return _half(blocks[:, :2].copy()) * (_nibbles(blocks[:, 2:]).astype(np.float32) - 8)


def _q4_1(raw):
    blocks = raw.reshape(-1, 20)
    d, m = _half(blocks[:, 0:2].copy()), _half(blocks[:, 2:4].copy())
    return d * _nibbles(blocks[:, 4:]).astype(np.float32) + m


def _q5_0(raw):
    blocks = raw.reshape(-1, 22)
    quants = _nibbles(blocks[:, 6:]) + 16 * _fifth_bits(blocks[:, 2:6])
    return _half(blocks[:, :2].copy()) * (quants.astype(np.float32) - 16)


def _q5_1(raw):
    blocks = raw.reshape(-1, 24)
    d, m = _half(blocks[:, 0:2].copy()), _half(blocks[:, 2:4].copy())
    quants = _nibbles(blocks[:, 8:]) + 16 * _fifth_bits(blocks[:, 4:8])
    return d * quants.astype(np.float32) + m


_IQ4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
                np.float32)


def _iq4_nl(raw):
    blocks = raw.reshape(-1, 18)
    return _half(blocks[:, :2].copy()) * _IQ4[_nibbles(blocks[:, 2:])]


def _iq4_xs(raw):
    blocks = raw.reshape(-1, 136)
    groups = np.arange(8)
    high = blocks[:, 2:4].copy().view(np.uint16) >> (2 * groups) & 3
    low = np.repeat(blocks[:, 4:8], 2, axis=1) >> (4 * (groups % 2)) & 15
    scales = _half(blocks[:, :2].copy()) * ((low | high << 4).astype(np.float32) - 32)
    values = _IQ4[_nibbles(blocks[:, 8:].reshape(-1, 16))].reshape(-1, 8, 32)
    return (scales[:, :, None] * values).reshape(-1, 256)


def _two_bits(packed):
    """64 bytes a block: (blocks, half, part, 32), part j from bits 2 j of the half's 32 bytes."""
    halves = packed.reshape(-1, 2, 1, 32)
    return halves >> np.array([0, 2, 4, 6], np.uint8)[:, None] & 3


def _q2_k(raw):
    blocks = raw.reshape(-1, 84)
    d, dmin = _half(blocks[:, 80:82].copy()), _half(blocks[:, 82:84].copy())
    scales = d * (blocks[:, :16] & 15).astype(np.float32)
    minima = dmin * (blocks[:, :16] >> 4).astype(np.float32)
    groups = _two_bits(blocks[:, 16:80]).reshape(-1, 16, 16).astype(np.float32)
    return (scales[:, :, None] * groups - minima[:, :, None]).reshape(-1, 256)


def _q3_k(raw):
    blocks = raw.reshape(-1, 110)
    third = blocks[:, None, :32] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    quants = _two_bits(blocks[:, 32:96]).reshape(-1, 8, 32) + 4 * third
    low, high = _nibbles(blocks[:, 96:104]), np.tile(blocks[:, 104:108], 4)
    high = high >> np.repeat(np.array([0, 2, 4, 6], np.uint8), 4) & 3
    scales = _half(blocks[:, 108:110].copy()) * ((low | high << 4).astype(np.float32) - 32)
    groups = quants.reshape(-1, 16, 16).astype(np.float32) - 4
    return (scales[:, :, None] * groups).reshape(-1, 256)


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
          2: (32, 18, _q4_0), 3: (32, 20, _q4_1), 6: (32, 22, _q5_0), 7: (32, 24, _q5_1),
          8: (32, 34, _q8_0), 10: (256, 84, _q2_k), 11: (256, 110, _q3_k), 12: (256, 144, _q4_k),
          13: (256, 176, _q5_k), 14: (256, 210, _q6_k), 20: (32, 18, _iq4_nl),
          23: (256, 136, _iq4_xs)}


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
