#!/usr/bin/env python3
"""Writes a GGUF model of make_model (SentencePiece bytes; matrices in F16) as a folder in Hugging
Face's layout, by that layout's own rules: rows of q and k un-permuted for Llama, Gemma's norms less
one, shards with an index, tokenizer.model in protocol buffers or tokenizer.json; "qwen": a byte-level
tokenizer.json in place of the model's own, with the pre-tokenizer of Qwen.

usage: to_folder.py MODEL.gguf FOLDER pieces|json|qwen
"""
import json
import os
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gguf_numpy import read  # noqa: E402

TYPES = {"llama": "llama", "granite": "granite", "qwen2": "qwen2", "qwen3": "qwen3",
         "qwen3moe": "qwen3_moe", "phi3": "phi3", "gemma2": "gemma2", "gemma3": "gemma3_text", "olmo2": "olmo2"}
STEMS = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_qkv": "self_attn.qkv_proj", "ffn_gate_inp": "mlp.gate",
         "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
         "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
         "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm"}


def folder_name(name, arch):
    post = arch in ("gemma2", "gemma3", "olmo2")
    whole = {"token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight",
             "output_norm.weight": "model.norm.weight"}
    if name in whole:
        return whole[name]
    _, layer, stem, kind = name.split(".")
    stems = dict(STEMS, ffn_norm="pre_feedforward_layernorm" if post else "post_attention_layernorm",
                 post_attention_norm="post_attention_layernorm",
                 **({"ffn_up": "mlp.gate_up_proj"} if arch == "phi3" else {}),
                 post_ffw_norm="post_feedforward_layernorm")
    return "model.layers.%s.%s.%s" % (layer, stems[stem], kind)


def unpermuted(rows, heads):
    """Neighbouring pairs of a head's rows (as converters order them) back into halves."""
    shape = rows.shape
    per = shape[0] // heads
    return rows.reshape(heads, per // 2, 2, -1).swapaxes(1, 2).reshape(shape)


def experts_of(name, data, experts):
    """A stack of experts, one by one; anything else as it is."""
    if "_exps." not in name:
        return [(None, data)]
    return list(enumerate(np.split(data.reshape(-1, data.shape[-1]), experts)))


def folder_names(name, arch, expert):
    if expert is None:
        return folder_name(name, arch)
    _, layer, stem, kind = name.split(".")
    return "model.layers.%s.mlp.experts.%d.%s_proj.%s" % (layer, expert, stem.split("_")[1], kind)


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, data in tensors:
        header[name] = {"dtype": {"float32": "F32", "float16": "F16"}[str(data.dtype)],
                        "shape": list(data.shape), "data_offsets": [at, at + data.nbytes]}
        at += data.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, data in tensors:
            file.write(data.tobytes())


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def write_pieces(path, texts, scores, kinds, prefix):
    out = b""
    for text, score, kind in zip(texts, scores, kinds):
        out += field(1, field(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) +
                     varint(3 << 3) + varint(int(kind)))
    out += field(2, varint(3 << 3) + varint(2))
    out += field(3, varint(3 << 3) + varint(int(prefix)))
    with open(path, "wb") as file:
        file.write(out)


def write_json(path, texts, kinds, prefix):
    special = [{"id": i, "content": texts[i], "special": True} for i, k in enumerate(kinds) if k == 3]
    tokenizer = {"added_tokens": special, "normalizer": {"type": "Prepend"} if prefix else None,
                 "pre_tokenizer": None, "model": {
                     "type": "BPE", "unk_token": "<unk>", "byte_fallback": True, "merges": [],
                     "vocab": {text: i for i, text in enumerate(texts)}}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)


QWEN = ("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
        "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")


def byte_alphabet():
    """A character for every byte: printable ones are themselves, the others follow from 256 on."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in own else next(others)) for byte in range(256)]


def write_qwen(path):
    """Token b is byte b; 256 "he", 257 "ll", 258 "hell"; 259 ends a turn, 260 is the user's."""
    vocab = {text: i for i, text in enumerate(byte_alphabet() + ["he", "ll", "hell"])}
    tokenizer = {"added_tokens": [{"id": 259, "content": "<|im_end|>", "special": True},
                                  {"id": 260, "content": "<think>", "special": False}],
                 "normalizer": {"type": "NFC"},
                 "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                     {"type": "Split", "pattern": {"Regex": QWEN}, "behavior": "Isolated"},
                     {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]},
                 "model": {"type": "BPE", "vocab": vocab,
                           "merges": [["h", "e"], ["l", "l"], "he ll"]}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)


def config_of(meta, arch):
    def get(key):
        return meta.get(arch + "." + key)
    config = {"model_type": TYPES[arch], "num_hidden_layers": get("block_count"),
              "hidden_size": get("embedding_length"),
              "intermediate_size": get("feed_forward_length"),
              "num_attention_heads": get("attention.head_count"),
              "num_key_value_heads": get("attention.head_count_kv"),
              "head_dim": get("attention.key_length"),
              "max_position_embeddings": get("context_length"),
              "rms_norm_eps": get("attention.layer_norm_rms_epsilon"),
              "rope_theta": get("rope.freq_base"), "num_experts": get("expert_count"),
              "num_experts_per_tok": get("expert_used_count"),
              "moe_intermediate_size": get("expert_feed_forward_length"),
              "embedding_multiplier": get("embedding_scale"),
              "residual_multiplier": get("residual_scale"), "logits_scaling": get("logit_scale"),
              "attention_multiplier": get("attention.scale"), "bos_token_id": 1, "eos_token_id": 2}
    if get("attention.sliding_window"):
        config["sliding_window"] = get("attention.sliding_window")
    floats = ("rms_norm_eps", "rope_theta", "embedding_multiplier", "residual_multiplier",
              "logits_scaling", "attention_multiplier")
    config = {key: value if isinstance(value, str) else float(value) if key in floats
              else int(value) for key, value in config.items() if value is not None}
    if arch == "qwen3moe":
        config["norm_topk_prob"] = True
    if arch == "gemma3":  # as younger versions write it: one RoPE for each kind of layer
        config["rope_parameters"] = {"full_attention": {"rope_theta": config.pop("rope_theta")},
                                     "sliding_attention": {
                                         "rope_theta": float(get("rope.freq_base_swa") or 1e4)}}
    return config


def main():
    path, folder, kind = sys.argv[1], sys.argv[2], sys.argv[3]
    meta, tensors = read(path)
    arch = meta["general.architecture"]
    os.makedirs(folder, exist_ok=True)
    heads = {"attn_q": int(meta[arch + ".attention.head_count"]),
             "attn_k": int(meta[arch + ".attention.head_count_kv"])}
    shards = [[], []]
    for name, data in tensors.items():
        stem = name.split(".")[2] if name.startswith("blk.") else name
        data = np.asarray(data, dtype=np.float32)
        if arch in ("llama", "granite") and stem in heads:
            data = unpermuted(data, heads[stem])
        if arch.startswith("gemma") and name.endswith("norm.weight"):
            data = data - np.float32(1)
        wide = data.ndim == 1 or data.shape[0] == 1 or "norm" in name
        if wide:
            data = data.reshape(-1)
        elif stem != "ffn_gate_inp":  # which is in F32 there
            data = data.astype(np.float16)
        for expert, part in experts_of(name, data, int(meta.get(arch + ".expert_count", 1))):
            shards[(len(name) + (expert or 0)) % 2].append(
                (folder_names(name, arch, expert), np.ascontiguousarray(part)))
    names = ["model-0000%d-of-00002.safetensors" % (i + 1) for i in range(2)]
    for name, shard in zip(names, shards):
        write_safetensors(os.path.join(folder, name), shard)
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"weight_map": {t: n for n, shard in zip(names, shards) for t, _ in shard}}, file)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config_of(meta, arch), file)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": True,
                   "chat_template": "[INST]"}, file)
    texts, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    prefix = bool(meta["tokenizer.ggml.add_space_prefix"])
    if kind == "pieces":
        write_pieces(os.path.join(folder, "tokenizer.model"), texts,
                     meta["tokenizer.ggml.scores"], kinds, prefix)
    elif kind == "qwen":
        write_qwen(os.path.join(folder, "tokenizer.json"))
    else:
        write_json(os.path.join(folder, "tokenizer.json"), texts, kinds, prefix)


main()
