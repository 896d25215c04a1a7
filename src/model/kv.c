#include "model/kv.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

jup_status_t jup_kv_init(jup_kv_t *kv, const jup_config_t *config, int layers, jup_dtype_t dtype,
                         int64_t max_tokens, jup_error_t *err)
{
    memset(kv, 0, sizeof *kv);
    kv->dtype = dtype;
    kv->layers = layers;
    kv->kv_heads = config->kv_heads;
    kv->head_dim = config->head_dim;
    kv->plane_bytes =
        jup_dtype_bytes(dtype, (int64_t)config->kv_heads * JUP_KV_PAGE_SLOTS * config->head_dim);
    kv->max_pages = (int)((max_tokens + JUP_KV_PAGE_SLOTS - 1) / JUP_KV_PAGE_SLOTS);

    double asked = (double)jup_kv_page_bytes(kv) * kv->max_pages;
    if (asked > (double)jup_mem_available_bytes())
        return jup_fail(err, JUP_EENV,
                        "not enough memory for the KV cache: %.1f MiB for a context of %lld "
                        "tokens, %.1f MiB available; use a smaller --context",
                        asked / 1048576.0, (long long)max_tokens,
                        (double)jup_mem_available_bytes() / 1048576.0);
    return JUP_OK;
}

void jup_kv_reset(jup_kv_t *kv)
{
    for (int i = 0; i < kv->n_pages; i++)
        jup_free(kv->pages[i].data);
    for (int i = 0; i < kv->n_seqs; i++)
        jup_free(kv->seqs[i].spans);
    jup_free(kv->pages);
    jup_free(kv->free_pages);
    jup_free(kv->seqs);
    memset(kv, 0, sizeof *kv);
}

size_t jup_kv_page_bytes(const jup_kv_t *kv)
{
    return 2 * kv->plane_bytes * (size_t)kv->layers;
}

size_t jup_kv_bytes(const jup_kv_t *kv)
{
    return jup_kv_page_bytes(kv) * (size_t)kv->n_pages;
}

jup_kv_seq_t *jup_kv_seq(jup_kv_t *kv, int id)
{
    assert(id >= 0);
    if (id >= kv->n_seqs) {
        kv->seqs = jup_resize(kv->seqs, (size_t)id + 1, sizeof *kv->seqs);
        memset(kv->seqs + kv->n_seqs, 0, (size_t)(id + 1 - kv->n_seqs) * sizeof *kv->seqs);
        kv->n_seqs = id + 1;
    }
    return &kv->seqs[id];
}

/* ---- pages --------------------------------------------------------------------------------- */

static jup_status_t add_page(jup_kv_t *kv, int *page, jup_error_t *err)
{
    if (kv->n_pages == kv->max_pages)
        return jup_fail(err, JUP_EINPUT, "the KV cache is full (%d tokens); use a larger --context",
                        kv->max_pages * JUP_KV_PAGE_SLOTS);
    if (kv->n_pages == kv->cap_pages) {
        kv->cap_pages = kv->cap_pages ? 2 * kv->cap_pages : 16;
        kv->pages = jup_resize(kv->pages, (size_t)kv->cap_pages, sizeof *kv->pages);
        kv->free_pages = jup_resize(kv->free_pages, (size_t)kv->cap_pages, sizeof(int));
    }
    void *data;
    JUP_TRY(jup_alloc(&data, jup_kv_page_bytes(kv), 1, "a page of the KV cache", err));
    kv->pages[kv->n_pages] = (jup_kv_page_t){.data = data};
    *page = kv->n_pages++;
    return JUP_OK;
}

static jup_status_t take_page(jup_kv_t *kv, int *page, jup_error_t *err)
{
    if (kv->n_free)
        *page = kv->free_pages[--kv->n_free];
    else
        JUP_TRY(add_page(kv, page, err));
    kv->pages[*page].refs = 1;
    kv->pages[*page].taken = 0;
    if (++kv->pages_in_use > kv->peak_pages)
        kv->peak_pages = kv->pages_in_use;
    return JUP_OK;
}

static void release_page(jup_kv_t *kv, int page)
{
    assert(kv->pages[page].refs > 0);
    if (--kv->pages[page].refs > 0)
        return;
    kv->free_pages[kv->n_free++] = page;
    kv->pages_in_use--;
}

static bool names_page(const jup_kv_seq_t *seq, int n_spans, int page)
{
    for (int i = n_spans - 1; i >= 0; i--)
        if (seq->spans[i].page == page)
            return true;
    return false;
}

/* ---- spans --------------------------------------------------------------------------------- */

static void push_span(jup_kv_seq_t *seq, jup_kv_span_t span)
{
    if (seq->n_spans == seq->cap_spans) {
        seq->cap_spans = seq->cap_spans ? 2 * seq->cap_spans : 8;
        seq->spans = jup_resize(seq->spans, (size_t)seq->cap_spans, sizeof *seq->spans);
    }
    seq->spans[seq->n_spans++] = span;
}

/* Adds one slot to the sequence: to its last span where that continues it, else as a new span. */
static void push_slot(jup_kv_seq_t *seq, int page, int32_t slot, int32_t pos)
{
    jup_kv_span_t *last = seq->n_spans ? &seq->spans[seq->n_spans - 1] : NULL;
    if (last && last->page == page && last->slot + last->n == slot && last->pos + last->n == pos)
        last->n++;
    else
        push_span(seq, (jup_kv_span_t){.page = page, .slot = slot, .n = 1, .pos = pos});
    seq->length++;
}

/* The page the sequence may write into next: its last one when nobody else uses it. */
static jup_status_t writable_page(jup_kv_t *kv, jup_kv_seq_t *seq, int *page, jup_error_t *err)
{
    if (seq->n_spans) {
        *page = seq->spans[seq->n_spans - 1].page;
        const jup_kv_page_t *last = &kv->pages[*page];
        if (last->refs == 1 && last->taken != UINT64_MAX)
            return JUP_OK;
    }
    return take_page(kv, page, err);
}

static int32_t take_slot(jup_kv_page_t *page)
{
    _Static_assert(JUP_KV_PAGE_SLOTS == 64, "a bit for every slot");
    int32_t slot = __builtin_ctzll(~page->taken);
    page->taken |= (uint64_t)1 << slot;
    return slot;
}

jup_status_t jup_kv_append(jup_kv_t *kv, int id, const int32_t *pos, int32_t n, jup_error_t *err)
{
    jup_kv_seq_t *seq = jup_kv_seq(kv, id);
    int32_t before = seq->length;
    for (int32_t i = 0; i < n; i++) {
        int page = -1;
        jup_status_t status = writable_page(kv, seq, &page, err);
        if (status != JUP_OK) {
            jup_kv_truncate(kv, id, before);
            return status;
        }
        push_slot(seq, page, take_slot(&kv->pages[page]), pos[i]);
    }
    return JUP_OK;
}

void jup_kv_fork(jup_kv_t *kv, int dst, int src, int32_t length)
{
    jup_kv_seq(kv, dst > src ? dst : src);
    jup_kv_seq_t *to = &kv->seqs[dst];
    const jup_kv_seq_t *from = &kv->seqs[src];
    assert(to->length == 0 && length <= from->length);
    for (int i = 0; i < from->n_spans && to->length < length; i++) {
        jup_kv_span_t span = from->spans[i];
        span.n = (int32_t)jup_min_i64(span.n, length - to->length);
        if (!names_page(to, to->n_spans, span.page))
            kv->pages[span.page].refs++;
        push_span(to, span);
        to->length += span.n;
    }
}

/* Gives back the pages that only spans from `first` on name, after the list was cut there. */
static void release_spans(jup_kv_t *kv, jup_kv_seq_t *seq, const jup_kv_span_t *gone, int n_gone)
{
    for (int i = 0; i < n_gone; i++) {
        int page = gone[i].page;
        bool again = names_page(seq, seq->n_spans, page);
        for (int j = 0; j < i && !again; j++)
            again = gone[j].page == page;
        if (!again)
            release_page(kv, page);
    }
}

static uint64_t slots_of(const jup_kv_span_t *span)
{
    uint64_t bits = span->n == 64 ? UINT64_MAX : ((uint64_t)1 << span->n) - 1;
    return bits << span->slot;
}

/* After a cut: slots of the last page that nobody names can be used again. */
static void give_back_slots(jup_kv_t *kv, const jup_kv_seq_t *seq)
{
    if (!seq->n_spans)
        return;
    const jup_kv_span_t *last = &seq->spans[seq->n_spans - 1];
    jup_kv_page_t *page = &kv->pages[last->page];
    if (page->refs != 1)
        return;
    page->taken = 0;
    for (int i = seq->n_spans - 1; i >= 0 && seq->spans[i].page == last->page; i--)
        page->taken |= slots_of(&seq->spans[i]);
}

int jup_kv_own_pages(const jup_kv_t *kv, int id)
{
    if (id >= kv->n_seqs)
        return 0;
    int own = 0, before = -1;
    const jup_kv_seq_t *seq = &kv->seqs[id];
    for (int i = 0; i < seq->n_spans; before = seq->spans[i++].page)
        own += seq->spans[i].page != before && kv->pages[seq->spans[i].page].refs == 1;
    return own;
}

void jup_kv_truncate(jup_kv_t *kv, int id, int32_t length)
{
    jup_kv_keep(kv, id, length, NULL, 0);
}

void jup_kv_keep(jup_kv_t *kv, int id, int32_t from, const int32_t *keep, int32_t n)
{
    jup_kv_seq_t *seq = jup_kv_seq(kv, id);
    if (from >= seq->length && n == 0)
        return;
    /* Cut the list where `from` lies; the spans behind stand aside while kept slots come back. */
    int first = 0;
    int32_t at = 0;
    while (first < seq->n_spans && at + seq->spans[first].n <= from)
        at += seq->spans[first++].n;
    int n_tail = seq->n_spans - first;
    jup_kv_span_t *tail = jup_new((size_t)n_tail + 1, sizeof *tail);
    memcpy(tail, seq->spans + first, (size_t)n_tail * sizeof *tail);
    seq->n_spans = first;
    seq->length = at;
    for (int32_t i = 0; at + i < from; i++)
        push_slot(seq, tail[0].page, tail[0].slot + i, tail[0].pos + i);

    for (int32_t k = 0; k < n; k++) {
        int32_t index = from - at + keep[k];
        int t = 0;
        while (index >= tail[t].n)
            index -= tail[t++].n;
        push_slot(seq, tail[t].page, tail[t].slot + index, tail[t].pos + index);
    }
    release_spans(kv, seq, tail, n_tail);
    give_back_slots(kv, seq);
    jup_free(tail);
}

void jup_kv_drop(jup_kv_t *kv, int id)
{
    jup_kv_truncate(kv, id, 0);
}

int jup_kv_runs(const jup_kv_t *kv, int id, int layer, int32_t from, int32_t to, jup_kv_run_t *runs)
{
    const jup_kv_seq_t *seq = &kv->seqs[id];
    int n_runs = 0;
    int32_t at = 0;
    for (int i = 0; i < seq->n_spans; at += seq->spans[i].n, i++) {
        const jup_kv_span_t *span = &seq->spans[i];
        int32_t skip = (int32_t)jup_max_i64(0, from - at);
        int32_t end = (int32_t)jup_min_i64(span->n, to - at);
        if (skip >= end)
            continue;
        const char *k = kv->pages[span->page].data + 2 * kv->plane_bytes * (size_t)layer;
        runs[n_runs++] = (jup_kv_run_t){.k = k,
                                        .v = k + kv->plane_bytes,
                                        .slot = span->slot + skip,
                                        .n = end - skip,
                                        .pos = span->pos + skip};
    }
    return n_runs;
}
