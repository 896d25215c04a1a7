#include "model/step.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

typedef struct step_header {
    int32_t kind, id, n_segments, n_edits, n_keep, rows, any_tree, reserved;
} step_header_t;

/* Words of the list at most: a word a row, and how one sequence is picked. */
static int32_t most_words(int32_t max_rows)
{
    return max_rows + JUP_PICK_WORDS;
}

void jup_step_init(jup_step_t *step, int32_t max_rows)
{
    memset(step, 0, sizeof *step);
    step->max_rows = max_rows;
    step->tokens = jup_new((size_t)max_rows, sizeof(int32_t));
    step->parents = jup_new((size_t)max_rows, sizeof(int32_t));
    step->keep = jup_new((size_t)most_words(max_rows), sizeof(int32_t));
}

void jup_step_reset(jup_step_t *step)
{
    jup_free(step->tokens);
    jup_free(step->parents);
    jup_free(step->keep);
    memset(step, 0, sizeof *step);
}

void jup_step_begin(jup_step_t *step, jup_step_kind_t kind, int32_t id)
{
    step->kind = kind;
    step->id = id;
    step->n_segments = step->n_edits = step->n_keep = step->rows = 0;
}

void jup_step_add(jup_step_t *step, int32_t seq, int32_t pos, const int32_t *tokens,
                  const int32_t *parents, int32_t rows, int32_t outputs)
{
    assert(step->n_segments < JUP_STEP_MAX_SEGMENTS && step->rows + rows <= step->max_rows);
    assert(rows > 0 && outputs >= 0 && outputs <= rows);
    step->segments[step->n_segments++] = (jup_segment_t){.seq = seq,
                                                         .rows = rows,
                                                         .pos = pos,
                                                         .outputs = outputs,
                                                         .judged = outputs,
                                                         .tree = parents != NULL};
    for (int32_t i = 0; i < rows; i++) {
        step->tokens[step->rows + i] = tokens[i];
        step->parents[step->rows + i] = parents ? parents[i] : i - 1;
    }
    step->rows += rows;
}

int32_t jup_step_words_left(const jup_step_t *step)
{
    return most_words(step->max_rows) - step->n_keep;
}

bool jup_step_edit_fits(const jup_step_t *step, const jup_edit_t *edit)
{
    return step->n_edits < JUP_STEP_MAX_EDITS && jup_edit_words(edit) <= jup_step_words_left(step);
}

void jup_step_edit(jup_step_t *step, jup_edit_t edit, const int32_t *keep)
{
    assert(jup_step_edit_fits(step, &edit));
    step->edits[step->n_edits++] = edit;
    for (int32_t i = 0; i < jup_edit_words(&edit); i++)
        step->keep[step->n_keep++] = keep[i];
}

void jup_step_edit_pick(jup_step_t *step, int32_t seq, const jup_picking_t *picking)
{
    int32_t words[JUP_PICK_WORDS];
    memcpy(words, picking, sizeof words);
    jup_step_edit(step, (jup_edit_t){.op = JUP_EDIT_PICK, .seq = seq, .b = JUP_PICK_WORDS}, words);
}

bool jup_step_read_pick(const jup_edit_t *edit, const int32_t *words, jup_picking_t *picking)
{
    if (edit->b != JUP_PICK_WORDS)
        return false;
    memcpy(picking, words, sizeof *picking);
    return picking->likely >= 0 && picking->likely <= JUP_LIKELY;
}

int32_t jup_step_outputs(const jup_step_t *step)
{
    int32_t outputs = 0;
    for (int32_t s = 0; s < step->n_segments; s++)
        outputs += step->segments[s].outputs;
    return outputs;
}

int32_t jup_step_verdicts(const jup_step_t *step)
{
    int32_t verdicts = 0;
    for (int32_t s = 0; s < step->n_segments; s++)
        verdicts += step->segments[s].judged > 0;
    return verdicts;
}

void jup_step_positions(const jup_step_t *step, int32_t *pos)
{
    int32_t row = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        for (int32_t i = 0; i < segment->rows; i++) {
            int32_t parent = step->parents[row + i];
            pos[row + i] = parent < 0 ? segment->pos : pos[row + parent] + 1;
        }
        row += segment->rows;
    }
}

static bool any_tree(const jup_step_t *step)
{
    for (int32_t s = 0; s < step->n_segments; s++)
        if (step->segments[s].tree)
            return true;
    return false;
}

static size_t packed_bytes(int32_t segments, int32_t edits, int32_t keep, int32_t rows, bool tree)
{
    return sizeof(step_header_t) + (size_t)segments * sizeof(jup_segment_t) +
           (size_t)edits * sizeof(jup_edit_t) +
           (size_t)(keep + rows + (tree ? rows : 0)) * sizeof(int32_t);
}

size_t jup_step_plain_bytes(int32_t rows)
{
    return packed_bytes(1, 0, 0, rows, false);
}

size_t jup_step_bytes(const jup_step_t *step)
{
    return packed_bytes(step->n_segments, step->n_edits, step->n_keep, step->rows, any_tree(step));
}

size_t jup_step_max_bytes(int32_t max_rows)
{
    return packed_bytes(JUP_STEP_MAX_SEGMENTS, JUP_STEP_MAX_EDITS, most_words(max_rows), max_rows,
                        true);
}

static char *put(char *out, const void *data, size_t bytes)
{
    memcpy(out, data, bytes);
    return out + bytes;
}

char *jup_step_pack(const jup_step_t *step, char *out)
{
    step_header_t header = {.kind = step->kind,
                            .id = step->id,
                            .n_segments = step->n_segments,
                            .n_edits = step->n_edits,
                            .n_keep = step->n_keep,
                            .rows = step->rows,
                            .any_tree = any_tree(step)};
    out = put(out, &header, sizeof header);
    out = put(out, step->segments, (size_t)step->n_segments * sizeof *step->segments);
    out = put(out, step->edits, (size_t)step->n_edits * sizeof *step->edits);
    out = put(out, step->keep, (size_t)step->n_keep * sizeof(int32_t));
    out = put(out, step->tokens, (size_t)step->rows * sizeof(int32_t));
    if (header.any_tree)
        out = put(out, step->parents, (size_t)step->rows * sizeof(int32_t));
    return out;
}

static const char *get(const char *in, void *data, size_t bytes)
{
    memcpy(data, in, bytes);
    return in + bytes;
}

static bool header_makes_sense(const step_header_t *h, int32_t max_rows, size_t bytes)
{
    return h->kind >= JUP_STEP_WORK && h->kind <= JUP_STEP_CANCELLED && h->n_segments >= 0 &&
           h->n_segments <= JUP_STEP_MAX_SEGMENTS && h->n_edits >= 0 &&
           h->n_edits <= JUP_STEP_MAX_EDITS && h->n_keep >= 0 &&
           h->n_keep <= most_words(max_rows) && h->rows >= 0 && h->rows <= max_rows &&
           packed_bytes(h->n_segments, h->n_edits, h->n_keep, h->rows, h->any_tree) <= bytes;
}

static void chain_parents(jup_step_t *step)
{
    int32_t row = 0;
    for (int32_t s = 0; s < step->n_segments; s++)
        for (int32_t i = 0; i < step->segments[s].rows && row < step->rows; i++)
            step->parents[row++] = i - 1;
}

static bool segments_fit(const jup_step_t *step)
{
    int64_t rows = 0;
    for (int32_t s = 0; s < step->n_segments; s++) {
        const jup_segment_t *segment = &step->segments[s];
        if (segment->rows < 1 || segment->outputs < 0 || segment->outputs > segment->rows ||
            segment->judged < 0 || segment->judged > segment->outputs)
            return false;
        for (int32_t i = 0; i < segment->rows && rows + i < step->rows; i++)
            if (step->parents[rows + i] >= i || step->parents[rows + i] < -1)
                return false;
        rows += segment->rows;
    }
    return rows == step->rows;
}

const char *jup_step_unpack(jup_step_t *step, const char *in, size_t bytes)
{
    step_header_t header;
    if (bytes < sizeof header)
        return NULL;
    in = get(in, &header, sizeof header);
    if (!header_makes_sense(&header, step->max_rows, bytes))
        return NULL;
    step->kind = header.kind;
    step->id = header.id;
    step->n_segments = header.n_segments;
    step->n_edits = header.n_edits;
    step->n_keep = header.n_keep;
    step->rows = header.rows;
    in = get(in, step->segments, (size_t)step->n_segments * sizeof *step->segments);
    in = get(in, step->edits, (size_t)step->n_edits * sizeof *step->edits);
    in = get(in, step->keep, (size_t)step->n_keep * sizeof(int32_t));
    in = get(in, step->tokens, (size_t)step->rows * sizeof(int32_t));
    if (header.any_tree)
        in = get(in, step->parents, (size_t)step->rows * sizeof(int32_t));
    else
        chain_parents(step);
    return segments_fit(step) ? in : NULL;
}
