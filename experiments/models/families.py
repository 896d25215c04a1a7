#!/usr/bin/env python3
"""Checks families of models against `transformers`: makes a small random checkpoint of each, writes
it as GGUF and as the folder that transformers itself saves, and compares the logits of a prompt on
1 and 3 ranks and 24 greedy tokens.

usage: families.py PATH/TO/jupiter [FAMILY ...]

Needs torch, transformers and gguf (pip); says how far the worst logit is off, in spreads (standard
deviations) of its row. f32 on the wire and in the cache, weights in F32."""

import json
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers as t

VOCAB, RANKS, TOKENS = 300, (1, 3), 24
PROMPT = "A pipeline is as fast as its slowest stage. And a long one is longer than a short one."
SHAPE = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=4,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
             attn_implementation="eager", bos_token_id=1, eos_token_id=2, pad_token_id=0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64, rope_theta=1e4)
LONG = dict(rope_type="longrope", factor=8.0, original_max_position_embeddings=64, rope_theta=1e4,
            short_factor=[1 + 0.1 * i for i in range(8)],
            long_factor=[2 + 0.5 * i for i in range(8)])

# name: (architecture in GGUF, config, model, what differs from SHAPE)
FAMILIES = {
    "llama": ("llama", t.LlamaConfig, t.LlamaForCausalLM, {}),
    "falcon3": ("llama", t.LlamaConfig, t.LlamaForCausalLM, dict(head_dim=32)),
    "smollm2": ("llama", t.LlamaConfig, t.LlamaForCausalLM, dict(tie_word_embeddings=True)),
    "mistral": ("llama", t.MistralConfig, t.MistralForCausalLM, dict(sliding_window=11,
                                                                     head_dim=16)),
    "qwen2": ("qwen2", t.Qwen2Config, t.Qwen2ForCausalLM, {}),
    "qwen2-yarn": ("qwen2", t.Qwen2Config, t.Qwen2ForCausalLM, dict(rope_parameters=YARN)),
    "qwen3": ("qwen3", t.Qwen3Config, t.Qwen3ForCausalLM, dict(head_dim=24)),
    "qwen3moe": ("qwen3moe", t.Qwen3MoeConfig, t.Qwen3MoeForCausalLM,
                 dict(head_dim=16, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=32,
                      norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[])),
    "phi3": ("phi3", t.Phi3Config, t.Phi3ForCausalLM, dict(partial_rotary_factor=0.75,
                                                           sliding_window=13)),
    "phi3-long": ("phi3", t.Phi3Config, t.Phi3ForCausalLM,
                  dict(original_max_position_embeddings=64, sliding_window=None,
                       rope_parameters=LONG)),
    "gemma2": ("gemma2", t.Gemma2Config, t.Gemma2ForCausalLM,
               dict(head_dim=24, query_pre_attn_scalar=24, sliding_window=9)),
    "gemma3": ("gemma3", t.Gemma3TextConfig, t.Gemma3ForCausalLM,
               dict(head_dim=24, query_pre_attn_scalar=24, sliding_window=9, num_hidden_layers=7)),
    "granite": ("granite", t.GraniteConfig, t.GraniteForCausalLM,
                dict(embedding_multiplier=12.0, residual_multiplier=0.22,
                     attention_multiplier=0.0156, logits_scaling=8.0)),
    "olmo2": ("olmo2", t.Olmo2Config, t.Olmo2ForCausalLM, {}),
}
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "self_attn.qkv_proj": "attn_qkv",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "mlp.gate_up_proj": "ffn_up", "mlp.gate": "ffn_gate_inp", "input_layernorm": "attn_norm",
         "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}


def make(name):
    arch, config, model, more = FAMILIES[name]
    torch.manual_seed(1)
    made = model(config(**{**SHAPE, **more})).eval()
    with torch.no_grad():
        for key, value in made.named_parameters():
            if value.dim() >= 2:
                value.normal_(0, 1.5 / np.sqrt(value.shape[-1]))
            elif "norm" in key:
                value.copy_(float("gemma" not in arch) + 0.2 * torch.randn_like(value))
            else:
                value.normal_(0, 0.3)
    return arch, made


def put_metadata(w, c, arch):
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    rope = c.rope_parameters.get("full_attention", c.rope_parameters)
    rotated = rope.get("partial_rotary_factor") or 1.0
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    w.add_rope_freq_base(float(rope["rope_theta"]))
    w.add_rope_dimension_count(int(head_dim * rotated))
    original = rope.get("original_max_position_embeddings")
    if rope["rope_type"] == "yarn":
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(rope["factor"])
        w.add_rope_scaling_orig_ctx_len(original)
    if rope["rope_type"] == "longrope":
        factor = c.max_position_embeddings / original
        w.add_rope_scaling_orig_ctx_len(original)
        w.add_rope_scaling_attn_factors(float(np.sqrt(1 + np.log(factor) / np.log(original))))
        for length in ("short", "long"):
            w.add_tensor(f"rope_factors_{length}.weight",
                         np.array(rope[f"{length}_factor"], np.float32))
    if getattr(c, "sliding_window", None) and not arch.startswith("qwen"):
        w.add_sliding_window(c.sliding_window)
    if arch == "gemma2":
        w.add_attn_logit_softcapping(c.attn_logit_softcapping)
        w.add_final_logit_softcapping(c.final_logit_softcapping)
    if arch == "granite":
        w.add_embedding_scale(c.embedding_multiplier)
        w.add_residual_scale(c.residual_multiplier)
        w.add_attention_scale(c.attention_multiplier)
        w.add_logit_scale(c.logits_scaling)
    if arch == "qwen3moe":
        w.add_expert_count(c.num_experts)
        w.add_expert_used_count(c.num_experts_per_tok)
        w.add_expert_feed_forward_length(c.moe_intermediate_size)


def vocabulary():
    """Special tokens, the 256 bytes, and words to fill up."""
    words = [f"w{i}" for i in range(VOCAB - 259)]
    return ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + words


def put_vocabulary(w):
    w.add_tokenizer_model("llama")
    w.add_token_list(vocabulary())
    w.add_token_scores([-float(i) for i in range(VOCAB)])
    w.add_token_types([2, 3, 3] + [6] * 256 + [1] * (VOCAB - 259))
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_space_prefix(False)


def neighbours(x, heads):
    """Rows of a head from halves to neighbouring pairs, which is how GGUF rotates Llama's."""
    return x.reshape(heads, 2, -1, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def put_layer_tensor(w, c, arch, layer, rest, x):
    name = lambda stem: f"blk.{layer}.{stem}.weight"
    if rest == "mlp.experts.gate_up_proj":
        for stem, part in zip(("ffn_gate_exps", "ffn_up_exps"), np.split(x, 2, axis=1)):
            w.add_tensor(name(stem), np.ascontiguousarray(part))
        return
    if rest == "mlp.experts.down_proj":
        w.add_tensor(name("ffn_down_exps"), x)
        return
    stem, kind = rest.rsplit(".", 1)
    after = arch.startswith("gemma") or arch == "olmo2"
    ours = NAMES.get(stem) or ("post_attention_norm" if after else "ffn_norm")
    if arch in ("llama", "granite") and ours in ("attn_q", "attn_k"):
        x = neighbours(x, c.num_attention_heads if ours == "attn_q" else c.num_key_value_heads)
    if arch.startswith("gemma") and ours.endswith("norm"):
        x = x + 1
    w.add_tensor(f"blk.{layer}.{ours}.{kind}", np.ascontiguousarray(x))


def convert(arch, model, path):
    c, w = model.config, gguf.GGUFWriter(path, arch)
    put_metadata(w, c, arch)
    put_vocabulary(w)
    for key, value in model.state_dict().items():
        x = value.detach().float().numpy()
        if key.startswith("model.layers."):
            _, _, layer, rest = key.split(".", 3)
            put_layer_tensor(w, c, arch, layer, rest, x)
        elif key == "model.norm.weight":
            w.add_tensor("output_norm.weight", x + float(arch.startswith("gemma")))
        elif key == "model.embed_tokens.weight":
            w.add_tensor("token_embd.weight", x)
        elif not c.tie_word_embeddings:
            w.add_tensor("output.weight", x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def save_folder(model, folder):
    """What transformers saves, and the same vocabulary as a tokenizer.json."""
    model.save_pretrained(folder)
    special = [{"id": i, "content": text, "special": True}
               for i, text in enumerate(vocabulary()[:3])]
    tokenizer = {"added_tokens": special, "normalizer": None, "pre_tokenizer": None,
                 "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": True, "merges": [],
                           "vocab": {text: i for i, text in enumerate(vocabulary())}}}
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>"}, file)


def greedy(model, ids):
    ids, answer = list(ids), []
    while len(answer) < TOKENS and 2 not in answer:
        answer.append(int(model(torch.tensor([ids + answer]), use_cache=False)
                          .logits[0, -1].argmax()))
    return answer


def run(jupiter, ranks, path, *more):
    launch = [] if ranks == 1 else ["mpirun", "--oversubscribe", "-n", str(ranks)]
    command = [jupiter, "run", "-m", path, "-p", PROMPT, "-q", "--wire", "f32", "--kv", "f32"]
    return subprocess.run(launch + command + list(more), capture_output=True, text=True,
                          check=True).stdout


def worst_logit(jupiter, ranks, path, folder, theirs):
    npy = os.path.join(folder, "logits.npy")
    run(jupiter, ranks, path, "-n", "0", "--logits", npy)
    ours = np.load(npy)[:len(theirs)]
    return (np.abs(ours - theirs) / theirs.std(axis=1, keepdims=True)).max()


def check(jupiter, name, folder):
    path, saved = os.path.join(folder, name + ".gguf"), os.path.join(folder, name)
    arch, model = make(name)
    convert(arch, model, path)
    save_folder(model, saved)
    ids = [int(word) for word in subprocess.run([jupiter, "tokenize", "-m", path, "-p", PROMPT],
                                                capture_output=True, text=True,
                                                check=True).stdout.split()]
    theirs = model(torch.tensor([ids])).logits[0].double().numpy()
    errors = [worst_logit(jupiter, ranks, path, folder, theirs) for ranks in RANKS]
    of_folder = worst_logit(jupiter, 2, saved, folder, theirs)
    expected = greedy(model, ids)
    got = [int(word) for word in run(jupiter, 1, path, "-n", str(TOKENS), "--tokens").split()]
    same = sum(a == b for a, b in zip(expected, got))
    text = ", ".join(f"{error:.1e} on {n}" for n, error in zip(RANKS, errors))
    print(f"{name:11} {text} ranks; folder {of_folder:.1e}; greedy {same}/{len(expected)}",
          flush=True)
    return max(*errors, of_folder) <= 2e-5 and same == len(expected)


def tried(jupiter, name, folder):
    try:
        return check(jupiter, name, folder)
    except subprocess.CalledProcessError as problem:
        print(f"{name:11} {problem.stderr.strip()}", flush=True)
        return False


def main():
    jupiter, names = sys.argv[1], sys.argv[2:] or list(FAMILIES)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        good = [tried(jupiter, name, folder) for name in names]
    print(f"{sum(good)} of {len(good)} families agree")
    sys.exit(sum(good) != len(good))


if __name__ == "__main__":
    main()
