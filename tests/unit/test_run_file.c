#include "base/mem.h"
#include "base/rng.h"
#include "io/hdf5_file.h"
#include "trace/chrome.h"
#include "trace/run_file.h"
#include "trace_sample.h"
#include "unit.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "run-file-test-XXXXXX";
static char path[64];

static void enter(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run.h5", folder);
}

static int count_entries(bool remove_them)
{
    char name[600];
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        n++;
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        if (remove_them)
            remove(name);
    }
    closedir(dir);
    return n;
}

static void leave(void)
{
    count_entries(true);
    rmdir(folder);
}

static char *read_bytes(size_t *n)
{
    FILE *in = fopen(path, "rb");
    ck_assert_ptr_nonnull(in);
    fseek(in, 0, SEEK_END);
    *n = (size_t)ftell(in);
    rewind(in);
    char *bytes = jup_new(*n, 1);
    ck_assert_uint_eq(fread(bytes, 1, *n, in), *n);
    fclose(in);
    return bytes;
}

static void write_bytes(const char *bytes, size_t n)
{
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
    fclose(out);
}

static void write_sample(void)
{
    jup_run_t run;
    jup_error_t err;
    jup_run_init(&run);
    sample_run(&run);
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "%s", err.text);
    jup_run_reset(&run);
}

/* Reading fails with one line that says what is wanted. */
static void ck_unreadable(const char *name, const char *says)
{
    size_t blocks = jup_mem_live_blocks();
    jup_run_t run;
    jup_error_t err = {.text = ""};
    jup_run_init(&run);
    ck_assert_int_eq(jup_run_file_read(name, &run, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, says) != NULL, "'%s' says nothing of '%s'", err.text, says);
    ck_assert_ptr_null(strchr(err.text, '\n'));
    ck_assert(run.n_spans == 0 && run.spans == NULL);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void ck_same_messages(const jup_run_t *a, const jup_run_t *b)
{
    ck_assert_uint_eq(a->n_messages, b->n_messages);
    for (size_t i = 0; i < a->n_messages; i++) {
        const jup_message_t *x = &a->messages[i], *y = &b->messages[i];
        ck_assert(same(x->post_s, y->post_s) && same(x->recv_post_s, y->recv_post_s));
        ck_assert(same(x->start_s, y->start_s) && same(x->sent_s, y->sent_s));
        ck_assert(same(x->done_s, y->done_s) && x->bytes == y->bytes && x->src == y->src);
        ck_assert(x->dst == y->dst && x->kind == y->kind && x->label == y->label);
    }
}

static void ck_same_run(const jup_run_t *a, const jup_run_t *b)
{
    ck_assert_uint_eq(a->n_spans, b->n_spans);
    ck_assert_int_eq(memcmp(a->spans, b->spans, a->n_spans * sizeof *a->spans), 0);
    ck_assert_uint_eq(a->n_tokens, b->n_tokens);
    ck_assert_int_eq(memcmp(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens), 0);
    ck_assert_uint_eq(a->n_ranks, b->n_ranks);
    ck_assert_int_eq(memcmp(a->ranks, b->ranks, a->n_ranks * sizeof *a->ranks), 0);
    ck_same_messages(a, b);
    ck_assert_uint_eq(a->n_meta, b->n_meta);
    for (size_t i = 0; i < a->n_meta; i++)
        ck_assert_str_eq(a->meta[i].value, jup_run_get_meta(b, a->meta[i].key));
    ck_assert_uint_eq(a->n_summary, b->n_summary);
    ck_assert(jup_run_get_number(b, "temperature", 0) == 0.75);
    ck_assert_str_eq(a->plan, b->plan);
    ck_assert(b->cluster == NULL);
}

/* HDF5 itself loses memory when it gives up on some damaged files; that is not ours to mend. */
#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}
#endif

START_TEST(what_is_written_is_read)
{
    size_t blocks = jup_mem_live_blocks();
    jup_run_t run, back;
    jup_error_t err;
    jup_run_init(&run);
    jup_run_init(&back);
    sample_run(&run);
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "%s", err.text);
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "over itself: %s", err.text);
    ck_assert_int_eq(count_entries(false), 1);
    ck_assert_msg(jup_run_file_read(path, &back, &err) == JUP_OK, "%s", err.text);
    ck_same_run(&run, &back);
    jup_run_reset(&run);
    jup_run_reset(&back);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

/* The byte after the signature: 2 is what HDF5 1.8 and MATLAB read, 3 needs HDF5 1.10. */
START_TEST(old_tools_read_it)
{
    unsigned char head[9];
    write_sample();
    FILE *file = fopen(path, "rb");
    ck_assert_uint_eq(fread(head, 1, sizeof head, file), sizeof head);
    fclose(file);
    ck_assert_int_eq(memcmp(head, "\x89HDF\r\n\x1a\n", 8), 0);
    ck_assert_uint_eq(head[8], 2);
}
END_TEST

START_TEST(an_empty_run_is_a_run)
{
    jup_run_t run, back;
    jup_error_t err;
    jup_run_init(&run);
    jup_run_init(&back);
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "%s", err.text);
    ck_assert_msg(jup_run_file_read(path, &back, &err) == JUP_OK, "%s", err.text);
    ck_assert(back.n_spans == 0 && back.n_ranks == 0 && back.n_meta == 0);
    jup_run_reset(&back);
}
END_TEST

START_TEST(many_spans_are_read_back)
{
    enum { N = 50000 };
    jup_run_t run, back;
    jup_error_t err;
    jup_run_init(&run);
    jup_run_init(&back);
    run.ranks = jup_new(1, sizeof *run.ranks);
    run.n_ranks = 1;
    run.spans = jup_new(N, sizeof *run.spans);
    run.n_spans = N;
    for (int i = 0; i < N; i++)
        run.spans[i] = (jup_span_t){.start_s = i, .end_s = i + 0.25, .step = i, .rows = 3 * i};
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "%s", err.text);
    ck_assert_msg(jup_run_file_read(path, &back, &err) == JUP_OK, "%s", err.text);
    ck_assert_uint_eq(back.n_spans, N);
    ck_assert_int_eq(memcmp(run.spans, back.spans, N * sizeof *run.spans), 0);
    jup_run_reset(&run);
    jup_run_reset(&back);
}
END_TEST

START_TEST(long_and_empty_texts_are_read_back)
{
    enum { LENGTH = 300000 };
    jup_run_t run, back;
    jup_error_t err;
    char *text = jup_new(LENGTH + 1, 1);
    memset(text, 'x', LENGTH);
    jup_run_init(&run);
    jup_run_init(&back);
    jup_run_set_meta(&run, "long", text);
    jup_run_set_meta(&run, "empty", "");
    jup_run_set_plan(&run, text);
    jup_run_set_cluster(&run, "");
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "%s", err.text);
    ck_assert_msg(jup_run_file_read(path, &back, &err) == JUP_OK, "%s", err.text);
    ck_assert_str_eq(jup_run_get_meta(&back, "long"), text);
    ck_assert_str_eq(jup_run_get_meta(&back, "empty"), "");
    ck_assert_str_eq(back.plan, text);
    ck_assert_str_eq(back.cluster, "");
    jup_run_reset(&run);
    jup_run_reset(&back);
    jup_free(text);
}
END_TEST

START_TEST(places_that_cannot_be_written_are_named)
{
    jup_error_t err;
    char name[128];
    const char *const bad[] = {"", ".", "no/such/folder/run.h5", "/proc/run.h5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jup_run_t run;
        jup_run_init(&run);
        ck_assert_int_eq(jup_run_file_write(bad[i], &run, &err), JUP_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.text, bad[i]));
    }
    jup_run_t run;
    struct stat info;
    jup_run_init(&run);
    ck_assert_int_eq(jup_run_file_write("/dev/null", &run, &err), JUP_OK);
    ck_assert(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode)); /* still there */
    snprintf(name, sizeof name, "%s/run.h5/below", folder);
    write_sample();
    ck_assert_int_eq(jup_run_file_write(name, &run, &err), JUP_EINPUT);
}
END_TEST

START_TEST(files_of_others_are_refused)
{
    jup_error_t err;
    jup_hdf5_t *file;
    ck_unreadable("no/such/file.h5", "No such file");
    ck_unreadable(folder, "not a plain file");
    ck_unreadable("/dev/zero", "not a plain file");
    write_bytes("", 0);
    ck_unreadable(path, "not an HDF5 file");
    write_bytes("GGUF\3\0\0\0 and so on and so forth", 30);
    ck_unreadable(path, "not an HDF5 file");
    ck_assert_int_eq(jup_hdf5_create(&file, path, &err), JUP_OK);
    ck_assert_int_eq(jup_hdf5_set_text(file, "/", "format", "something else", &err), JUP_OK);
    ck_assert_int_eq(jup_hdf5_finish(file, &err), JUP_OK);
    ck_unreadable(path, "not a run file");
}
END_TEST

static jup_hdf5_t *begin_file(int major)
{
    jup_error_t err;
    jup_hdf5_t *file;
    ck_assert_int_eq(jup_hdf5_create(&file, path, &err), JUP_OK);
    ck_assert_int_eq(jup_hdf5_set_text(file, "/", "format", "jupiter run", &err), JUP_OK);
    ck_assert_int_eq(jup_hdf5_set_integer(file, "/", "schema_major", major, &err), JUP_OK);
    return file;
}

START_TEST(newer_and_incomplete_files_are_refused)
{
    jup_error_t err;
    ck_assert_int_eq(jup_hdf5_finish(begin_file(99), &err), JUP_OK);
    ck_unreadable(path, "newer version");
    ck_assert_int_eq(jup_hdf5_finish(begin_file(1), &err), JUP_OK);
    ck_unreadable(path, "/meta");
}
END_TEST

typedef struct old_span {
    double start_s, end_s;
    int32_t rank, kind;
} old_span_t;

/* A file of fewer columns, whose kinds had other numbers, and with one that we do not know. */
START_TEST(old_files_are_read)
{
    static const jup_column_t span_columns[] = {
        {"kind", JUP_COLUMN_I32, offsetof(old_span_t, kind), 0, NULL, 0},
        {"rank", JUP_COLUMN_I32, offsetof(old_span_t, rank), 0, NULL, 0},
        {"start_s", JUP_COLUMN_F64, offsetof(old_span_t, start_s), 0, "s", 0},
        {"end_s", JUP_COLUMN_F64, offsetof(old_span_t, end_s), 0, "s", 0},
    };
    const old_span_t spans[] = {{1, 2, 0, 7}, {2, 3, 1, 8}};
    const int32_t ranks[] = {0, 1};
    const jup_column_t rank_column = {"rank", JUP_COLUMN_I32, 0, 0, NULL, 0};
    jup_error_t err;
    jup_run_t run;
    jup_hdf5_t *file = begin_file(1);
    jup_hdf5_write_group(file, "/meta", &err);
    jup_hdf5_write_group(file, "/summary", &err);
    jup_hdf5_write_table(file, "/ranks", ranks, 2, sizeof *ranks, &rank_column, 1, &err);
    jup_hdf5_write_table(file, "/memory", ranks, 2, sizeof *ranks, &rank_column, 1, &err);
    jup_hdf5_write_table(file, "/spans", spans, 2, sizeof *spans, span_columns, 4, &err);
    jup_hdf5_write_table(file, "/messages", ranks, 0, sizeof *ranks, &rank_column, 1, &err);
    jup_hdf5_write_table(file, "/tokens", ranks, 0, sizeof *ranks, &rank_column, 1, &err);
    jup_hdf5_set_text(file, "/spans", "kind.7", "head", &err);
    jup_hdf5_set_text(file, "/spans", "kind.8", "long forgotten", &err);
    ck_assert_int_eq(jup_hdf5_finish(file, &err), JUP_OK);

    jup_run_init(&run);
    ck_assert_msg(jup_run_file_read(path, &run, &err) == JUP_OK, "%s", err.text);
    ck_assert(run.n_spans == 2 && run.n_ranks == 2);
    ck_assert(run.spans[0].kind == JUP_SPAN_HEAD && run.spans[1].kind == -1);
    ck_assert(run.spans[0].start_s == 1 && run.spans[1].end_s == 3 && run.spans[1].rank == 1);
    ck_assert(run.spans[0].chunk == -1 && run.spans[0].flops == 0);
    ck_assert(run.ranks[1].stage == -1 && run.ranks[1].member == -1);
    ck_assert(run.ranks[1].heads == 0 && run.ranks[1].ffn == 0 && run.ranks[1].way[0] == '\0');
    jup_run_reset(&run);
}
END_TEST

/* Columns are looked up by name, as other programs do. */
typedef struct place_row {
    int32_t ffn, heads, member, stage;
    char way[16];
} place_row_t;

START_TEST(places_in_groups_are_columns)
{
    static const jup_column_t columns[] = {
        {"ffn", JUP_COLUMN_I32, offsetof(place_row_t, ffn), 0, NULL, -7},
        {"heads", JUP_COLUMN_I32, offsetof(place_row_t, heads), 0, NULL, -7},
        {"member", JUP_COLUMN_I32, offsetof(place_row_t, member), 0, NULL, -7},
        {"stage", JUP_COLUMN_I32, offsetof(place_row_t, stage), 0, NULL, -7},
        {"way", JUP_COLUMN_TEXT, offsetof(place_row_t, way), 16, NULL, 0},
    };
    jup_run_t run;
    jup_error_t err;
    jup_hdf5_t *file;
    void *rows;
    size_t n;
    jup_run_init(&run);
    sample_run(&run);
    jup_rank_record_t *second = &run.ranks[1];
    second->stage = 3, second->member = 1, second->heads = 5, second->ffn = 40;
    snprintf(second->way, sizeof second->way, "detransformer");
    ck_assert_msg(jup_run_file_write(path, &run, &err) == JUP_OK, "%s", err.text);
    ck_assert_int_eq(jup_hdf5_open(&file, path, &err), JUP_OK);
    ck_assert_int_eq(
        jup_hdf5_read_table(file, "/ranks", sizeof(place_row_t), columns, 5, &rows, &n, &err),
        JUP_OK);
    jup_hdf5_close(file);
    ck_assert_uint_eq(n, 2);
    const place_row_t *row = (place_row_t *)rows + 1;
    ck_assert(row->stage == 3 && row->member == 1 && row->heads == 5 && row->ffn == 40);
    ck_assert_str_eq(row->way, "detransformer");
    jup_free(rows);
    second->heads = -1;
    ck_assert_int_eq(jup_run_file_write(path, &run, &err), JUP_OK);
    ck_unreadable(path, "row 1 of /ranks");
    jup_run_reset(&run);
}
END_TEST

START_TEST(files_that_make_no_sense_are_refused)
{
    jup_run_t run;
    jup_error_t err;
    jup_run_init(&run);
    sample_run(&run);
    run.spans[3].rank = 7;
    ck_assert_int_eq(jup_run_file_write(path, &run, &err), JUP_OK);
    ck_unreadable(path, "span 3");
    run.spans[3].rank = 0;
    run.spans[4].end_s = NAN;
    ck_assert_int_eq(jup_run_file_write(path, &run, &err), JUP_OK);
    ck_unreadable(path, "span 4");
    run.spans[4].end_s = run.spans[4].start_s;
    run.messages[2].dst = -1;
    ck_assert_int_eq(jup_run_file_write(path, &run, &err), JUP_OK);
    ck_unreadable(path, "message 2");
    jup_run_reset(&run);
}
END_TEST

START_TEST(truncated_files_are_refused)
{
    size_t n;
    write_sample();
    char *bytes = read_bytes(&n);
    for (size_t length = 0; length < n; length += 1 + length / 50) {
        write_bytes(bytes, length);
        ck_unreadable(path, path);
    }
    write_bytes(bytes, n - 1);
    ck_unreadable(path, path);
    jup_free(bytes);
}
END_TEST

/* Either the damage hits nothing that is read, or it is reported; it never crashes. */
START_TEST(flipped_bits_never_crash)
{
    enum { TRIES = 1500 };
    jup_rng_t rng;
    size_t n;
    int refused = 0;
    write_sample();
    char *bytes = read_bytes(&n);
    jup_rng_init(&rng, 1);
    for (int i = 0; i < TRIES; i++) {
        jup_run_t run;
        jup_error_t err;
        size_t at = jup_rng_below(&rng, n);
        char kept = bytes[at];
        bytes[at] = (char)(bytes[at] ^ (1 << jup_rng_below(&rng, 8)));
        write_bytes(bytes, n);
        bytes[at] = kept;
        jup_run_init(&run);
        jup_status_t status = jup_run_file_read(path, &run, &err);
        ck_assert(status == JUP_OK || status == JUP_EINPUT);
        refused += status == JUP_EINPUT;
        jup_run_reset(&run);
    }
    ck_assert_int_gt(refused, TRIES / 20);
    jup_free(bytes);
}
END_TEST

START_TEST(chrome_events_are_json)
{
    jup_run_t run;
    json_error_t json_err;
    int arrows[2] = {0}, slices = 0;
    jup_run_init(&run);
    sample_run(&run);
    jup_run_set_meta(&run, "odd", "not UTF-8: \xff\xfe");
    FILE *out = fopen(path, "w+");
    jup_chrome_write(out, &run);
    ck_assert_int_eq(fflush(out), 0);
    rewind(out);
    json_t *all = json_loadf(out, 0, &json_err);
    ck_assert_msg(all != NULL, "%s", json_err.text);
    fclose(out);
    size_t i;
    json_t *event, *events = json_object_get(all, "traceEvents");
    json_array_foreach(events, i, event)
    {
        const char *phase = json_string_value(json_object_get(event, "ph"));
        slices += strcmp(phase, "X") == 0;
        arrows[0] += strcmp(phase, "s") == 0;
        arrows[1] += strcmp(phase, "f") == 0;
    }
    ck_assert_int_eq(slices, 13 + 6 + 7); /* spans, messages received and sent */
    ck_assert(arrows[0] == 6 && arrows[1] == 6);
    json_decref(all);
    jup_run_reset(&run);
}
END_TEST

static void add(Suite *suite_, const TTest *test, double limit_s)
{
    TCase *test_case = tcase_create(test->name);
    tcase_set_timeout(test_case, limit_s);
    tcase_add_checked_fixture(test_case, enter, leave);
    tcase_add_test(test_case, test);
    suite_add_tcase(suite_, test_case);
}

static Suite *suite(void)
{
    Suite *s = suite_create("run file");
    add(s, what_is_written_is_read, 20);
    add(s, old_tools_read_it, 20);
    add(s, an_empty_run_is_a_run, 20);
    add(s, many_spans_are_read_back, 60);
    add(s, long_and_empty_texts_are_read_back, 20);
    add(s, places_that_cannot_be_written_are_named, 20);
    add(s, files_of_others_are_refused, 20);
    add(s, newer_and_incomplete_files_are_refused, 20);
    add(s, old_files_are_read, 20);
    add(s, places_in_groups_are_columns, 20);
    add(s, files_that_make_no_sense_are_refused, 20);
    add(s, truncated_files_are_refused, 120);
    add(s, flipped_bits_never_crash, 300);
    add(s, chrome_events_are_json, 20);
    return s;
}

UNIT_MAIN(suite)
