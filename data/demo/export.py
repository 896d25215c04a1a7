"""Writes the shipped files: GGUF, Medusa heads, golden file."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import corpus
import tokenizer
from batches import Builder
from corpus import FORMAT_NAME, Question, answer_prompt, expand_piece, outline_prompt, outline_text
from model import Llama, generate
from tokenizer import EOS

NAME = "jupiter-demo"
GOLDEN_STEPS = 48
HEAD_PROMPTS = (0, 3, 5)  # golden prompts whose head guesses are kept


def write_gguf(path: Path, model: Llama, vocabulary: Path) -> None:
    import gguf

    cfg = model.cfg
    sp = tokenizer.load(vocabulary)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("Jupiter demo")
    writer.add_description("Answers everyday questions plainly or by outline; made for testing.")
    writer.add_size_label(f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}M")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(cfg.context)
    writer.add_embedding_length(cfg.dim)
    writer.add_block_count(cfg.layers)
    writer.add_feed_forward_length(cfg.ffn)
    writer.add_head_count(cfg.heads)
    writer.add_head_count_kv(cfg.heads)
    writer.add_layer_norm_rms_eps(cfg.eps)
    writer.add_rope_dimension_count(cfg.head_dim)
    writer.add_rope_freq_base(cfg.rope_theta)
    writer.add_vocab_size(cfg.vocab)

    tokens, scores, types = [], [], []
    for i in range(sp.vocab_size()):
        tokens.append(sp.id_to_piece(i).encode("utf-8"))
        scores.append(sp.get_score(i))
        if sp.is_unknown(i):
            types.append(gguf.TokenType.UNKNOWN)
        elif sp.is_control(i):
            types.append(gguf.TokenType.CONTROL)
        elif sp.is_byte(i):
            types.append(gguf.TokenType.BYTE)
        else:
            types.append(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(tokenizer.BOS)
    writer.add_eos_token_id(tokenizer.EOS)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)

    writer.add_string("jupiter.prompt.format", FORMAT_NAME)
    writer.add_string("jupiter.prompt.answer", "Question: {question}\nAnswer:\n")
    writer.add_string("jupiter.prompt.outline", "Question: {question}\nOutline:\n")
    writer.add_string("jupiter.prompt.expand", "Expand point {k}: {title}\n")

    def add(name: str, tensor: torch.Tensor) -> None:
        dtype = torch.float16 if tensor.dim() == 2 else torch.float32
        writer.add_tensor(name, tensor.detach().to("cpu", dtype).contiguous().numpy())

    add("token_embd.weight", model.embed.weight)
    for i, block in enumerate(model.blocks):
        add(f"blk.{i}.attn_norm.weight", block.attn_norm.weight)
        add(f"blk.{i}.attn_q.weight", block.wq.weight)
        add(f"blk.{i}.attn_k.weight", block.wk.weight)
        add(f"blk.{i}.attn_v.weight", block.wv.weight)
        add(f"blk.{i}.attn_output.weight", block.wo.weight)
        add(f"blk.{i}.ffn_norm.weight", block.ffn_norm.weight)
        add(f"blk.{i}.ffn_gate.weight", block.gate.weight)
        add(f"blk.{i}.ffn_up.weight", block.up.weight)
        add(f"blk.{i}.ffn_down.weight", block.down.weight)
    add("output_norm.weight", model.norm.weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_heads(out: Path, model: Llama, medusa: nn.ModuleList) -> None:
    tensors = {}
    for i, head in enumerate(medusa):
        tensors[f"medusa_head.{i}.0.linear.weight"] = head.linear.weight
        tensors[f"medusa_head.{i}.0.linear.bias"] = head.linear.bias
        tensors[f"medusa_head.{i}.1.weight"] = head.output.weight
    tensors = {k: v.detach().half().cpu().contiguous() for k, v in tensors.items()}
    save_file(tensors, out / f"{NAME}-heads.safetensors", metadata={"format": "pt"})
    config = {
        "medusa_num_heads": len(medusa),
        "medusa_num_layers": 1,
        "base_model_name_or_path": NAME,
        "hidden_size": model.cfg.dim,
        "vocab_size": model.cfg.vocab,
        "head_input": "final hidden state after output_norm",
        "predicts": "head i (0-based), at the position whose base logits give token t+1,"
        " gives token t+2+i",
        "torch_dtype": "float16",
    }
    (out / f"{NAME}-heads.json").write_text(json.dumps(config, indent=1) + "\n")


def golden_prompts(questions: list[Question]) -> list[tuple[str, str]]:
    """Name and text of ten prompts: every format, seen and held-out wordings."""
    listed = [q for q in questions if q.kind == "outline" and not q.unseen]
    direct = [q for q in questions if q.kind == "direct"]
    unseen = [q for q in questions if q.unseen]
    a, b, c, d = (listed[i * len(listed) // 4] for i in range(4))
    titles = [p.title for p in c.points]
    expand = outline_prompt(c.phrasings[0]) + outline_text(titles)
    last = len(titles)
    return [
        ("outline, seen wording", outline_prompt(a.phrasings[0])),
        ("outline, held-out wording", outline_prompt(a.phrasings[-1])),
        ("outline, another question", outline_prompt(b.phrasings[1])),
        ("answer, seen wording", answer_prompt(b.phrasings[0])),
        ("answer, held-out wording", answer_prompt(d.phrasings[-2])),
        ("first point", expand + expand_piece(1, titles[0])),
        ("last point", expand + expand_piece(last, titles[-1])),
        ("direct question", answer_prompt(direct[0].phrasings[0])),
        ("outline of a direct question", outline_prompt(direct[len(direct) // 2].phrasings[0])),
        ("question never seen", outline_prompt((unseen or listed)[0].phrasings[0])),
    ]


@torch.no_grad()
def write_golden(
    out: Path, model: Llama, medusa: nn.ModuleList, build: Builder, questions: list[Question]
) -> None:
    records = []
    for number, (name, text) in enumerate(golden_prompts(questions)):
        ids = [tokenizer.BOS, *build.sp.encode(text)]
        made = generate(model, [ids], GOLDEN_STEPS, EOS, keep_hidden=True)[0]
        record: dict = {
            "name": name,
            "prompt": text,
            "ids": ids,
            "greedy": made.ids + ([EOS] if made.ended else []),
            "margins": [round(m, 4) for m in made.margins],
            "text": build.sp.decode(made.ids),
        }
        if number in HEAD_PROMPTS:
            hidden = made.hidden.to(model.embed.weight.device)
            tops = [head(hidden).topk(3, -1).indices.tolist() for head in medusa]
            record["heads"] = [[tops[i][t] for i in range(len(medusa))] for t in range(len(hidden))]
        records.append(json.dumps(record))
    note = (
        "greedy ids from fp32 arithmetic on the shipped weights; margins: best minus"
        " second-best logit; heads[step][head]: best three guesses for token step+1+head"
        " counted from 0 in greedy"
    )
    body = ",\n  ".join(records)
    text = f'{{\n "model": "{NAME}",\n "note": {json.dumps(note)},\n "prompts": [\n  {body}\n ]\n}}\n'
    json.loads(text)
    (out / "golden.json").write_text(text)


def check_pieces(build: Builder, questions: list[Question]) -> int:
    """Pieces tokenised apart must give the ids of the whole; the number compared."""
    sp, compared = build.sp, 0
    for q in questions:
        for phrasing in q.phrasings:
            pieces = [corpus.question_piece(phrasing)]
            if q.kind == "outline":
                titles = [p.title for p in q.points]
                pieces += [corpus.OUTLINE_PIECE, outline_text(titles)]
                pieces += [expand_piece(len(titles), titles[-1]), q.points[-1].texts[1]]
            else:
                pieces += [corpus.ANSWER_PIECE, q.answers[0]]
            apart = [i for piece in pieces for i in sp.encode(piece)]
            if apart != sp.encode("".join(pieces)):
                raise AssertionError(f"pieces differ: {pieces}")
            if sp.decode(apart) != "".join(pieces):
                raise AssertionError(f"round trip differs: {pieces}")
            compared += 1
    return compared


def write_all(
    out: Path, model: Llama, medusa: nn.ModuleList, vocabulary: Path, questions: list[Question]
) -> None:
    build = Builder(tokenizer.load(vocabulary))
    print(f"pieces: {check_pieces(build, questions)} prompts tokenise alike apart and together")
    write_gguf(out / f"{NAME}-f16.gguf", model, vocabulary)
    write_heads(out, model, medusa)
    write_golden(out, model, medusa, build, questions)
