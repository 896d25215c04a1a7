"""llama.cpp as a peer: the same GGUF file's logits and greedy tokens, and its own quantisations.

Through the low-level interface of the package llama-cpp-python (pip builds llama.cpp with it)."""

import contextlib
import ctypes
import os

import llama_cpp as l
import numpy as np

# name: what the peer calls a file that is mostly of this type
FILE_TYPES = {
    "Q2_K": l.LLAMA_FTYPE_MOSTLY_Q2_K, "Q3_K_M": l.LLAMA_FTYPE_MOSTLY_Q3_K_M,
    "IQ4_XS": l.LLAMA_FTYPE_MOSTLY_IQ4_XS, "Q4_0": l.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_K_M": l.LLAMA_FTYPE_MOSTLY_Q4_K_M, "Q5_K_M": l.LLAMA_FTYPE_MOSTLY_Q5_K_M,
    "Q6_K": l.LLAMA_FTYPE_MOSTLY_Q6_K, "Q8_0": l.LLAMA_FTYPE_MOSTLY_Q8_0,
}


@l.llama_log_callback
def _say_nothing(_level, _text, _data):
    pass


l.llama_log_set(_say_nothing, ctypes.c_void_p(0))
l.llama_backend_init()


@contextlib.contextmanager
def silence():
    """Quantising prints its progress whatever the log does."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    yield
    os.dup2(kept, 1)
    os.close(kept)
    os.close(nowhere)


def quantise(source, path, name):
    """The file `source` with its weights in the mix `name`."""
    params = l.llama_model_quantize_default_params()
    params.ftype = FILE_TYPES[name]
    params.nthread = 2
    with silence():
        failed = l.llama_model_quantize(source.encode(), path.encode(), ctypes.byref(params))
    if failed:
        raise RuntimeError(f"llama.cpp cannot make {name} of {source}")


class Peer:
    """One file, opened; cache in F32, no flash attention; by_default: as llama.cpp has them."""

    def __init__(self, path, context=512, threads=2, by_default=False):
        model, made = l.llama_model_default_params(), l.llama_context_default_params()
        model.n_gpu_layers = 0
        made.n_ctx = made.n_batch = made.n_ubatch = context
        made.n_threads = made.n_threads_batch = threads
        made.swa_full = True
        if not by_default:
            made.type_k = made.type_v = l.GGML_TYPE_F32
            made.flash_attn_type = l.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.model = l.llama_model_load_from_file(path.encode(), model)
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {path}")
        self.vocab = l.llama_vocab_n_tokens(l.llama_model_get_vocab(self.model))
        self.context = l.llama_init_from_model(self.model, made)
        self.batch = l.llama_batch_init(context, 0, 1)
        self.at = 0

    def close(self):
        l.llama_batch_free(self.batch)
        l.llama_free(self.context)
        l.llama_model_free(self.model)

    def forget(self):
        l.llama_memory_clear(l.llama_get_memory(self.context), True)
        self.at = 0

    def more(self, ids):
        """Logits (len(ids), vocab) of these ids behind those that came before."""
        self.batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            self.batch.token[i], self.batch.pos[i] = token, self.at + i
            self.batch.n_seq_id[i], self.batch.seq_id[i][0] = 1, 0
            self.batch.logits[i] = 1
        if l.llama_decode(self.context, self.batch) != 0:
            raise RuntimeError("llama.cpp cannot decode")
        self.at += len(ids)
        rows = [np.ctypeslib.as_array(l.llama_get_logits_ith(self.context, i), (self.vocab,)).copy()
                for i in range(len(ids))]
        return np.array(rows, np.float64)

    def logits(self, ids):
        self.forget()
        return self.more(ids)

    def greedy(self, ids, n, ends=()):
        """n tokens (fewer where one of `ends` comes), and by how much each was ahead."""
        self.forget()
        row, tokens, margins = self.more(ids)[-1], [], []
        while len(tokens) < n:
            second, first = np.sort(row)[-2:]
            tokens.append(int(row.argmax()))
            margins.append(float(first - second))
            if tokens[-1] in ends:
                break
            row = self.more(tokens[-1:])[-1]
        return tokens, margins

    def tokenize(self, text, special=False):
        vocab, out = l.llama_model_get_vocab(self.model), (l.llama_token * (len(text) + 16))()
        data = text.encode()
        n = l.llama_tokenize(vocab, data, len(data), out, len(out), True, special)
        return list(out[:n])

    def ends(self):
        vocab = l.llama_model_get_vocab(self.model)
        return [i for i in range(self.vocab) if l.llama_vocab_is_eog(vocab, i)]
