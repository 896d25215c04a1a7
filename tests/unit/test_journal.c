/* Journals: what is written is read, whole records only, at whatever byte they were torn; damage is
   found; and what they mean for questions (ask/keep.h). */
#include "ask/keep.h"
#include "base/checksum.h"
#include "base/mem.h"
#include "io_sample.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { QUESTIONS = 5, MANY = 600, VOCAB = 10 };

static char folder[] = "/tmp/jupiter-journal-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(const char *const *names)
{
    for (; *names; names++)
        ck_assert_msg(unlink(*names) == 0, "no %s", *names);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_msg(rmdir(folder) == 0, "something else is left in %s", folder);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

/* ---- the file ---------------------------------------------------------------------------------
 */

/* All records as one text. */
typedef struct told {
    char text[1 << 16];
    size_t n;
    int records;
} told_t;

static jup_status_t tell(void *self, const jup_journal_record_t *r, jup_error_t *err)
{
    told_t *t = self;
    char *at = t->text + t->n;
    size_t room = sizeof t->text - t->n;
    (void)err;
    t->records++;
    if (r->kind == JUP_JOURNAL_IS_FIELD)
        t->n += (size_t)snprintf(at, room, "%s=%s;", r->name, r->text);
    else if (r->kind == JUP_JOURNAL_IS_EVENT)
        t->n += (size_t)snprintf(at, room, "%s;", r->text);
    else if (r->kind == JUP_JOURNAL_IS_RESULT)
        t->n += (size_t)snprintf(at, room, "r%d %lld %lld %llx;", r->question, (long long)r->offset,
                                 (long long)r->bytes, (unsigned long long)r->sum);
    for (int32_t i = 0; i < r->n; i++)
        t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%d.%d[%d]=%d;",
                                 r->question, r->branch, r->at + i, r->ids[i]);
    return JUP_OK;
}

static jup_status_t read_back(const char *path, told_t *told, jup_journal_extent_t *extent,
                              jup_error_t *err)
{
    memset(told, 0, sizeof *told);
    return jup_journal_read(path, tell, told, extent, err);
}

static void write_sample(const char *path)
{
    static const int32_t ids[] = {7, 0, 151935};
    jup_journal_t j;
    ck_assert_int_eq(jup_journal_begin(&j, path, NULL), JUP_OK);
    jup_journal_field(&j, "--seed", "1");
    jup_journal_field(&j, "--stop", "a b");
    jup_journal_event(&j, "two\nlines \\ \x7f");
    jup_journal_tokens(&j, 3, JUP_JOURNAL_OUTLINE, 0, ids, 3);
    ck_assert_int_eq(jup_journal_write(&j, true, NULL), JUP_OK);
    jup_journal_tokens(&j, 3, 64, 12, ids, 1);
    jup_journal_result(&j, 2, -1, 77, 0xfedcba9876543210u);
    ck_assert_int_eq(jup_journal_close(&j, NULL), JUP_OK);
}

static const char sample[] = "--seed=1;--stop=a b;two\\x0alines \\x5c \\x7f;3.-1[0]=7;3.-1[1]=0;"
                             "3.-1[2]=151935;3.64[12]=7;r2 -1 77 fedcba9876543210;";

START_TEST(what_is_written_is_read)
{
    told_t told;
    jup_error_t err;
    jup_journal_extent_t extent;
    enter_folder();
    write_sample("j");
    ck_assert_int_eq(read_back("j", &told, &extent, &err), JUP_OK);
    ck_assert_str_eq(told.text, sample);
    ck_assert_int_eq(extent.torn_bytes, 0);
    jup_journal_t j;
    ck_assert_int_eq(jup_journal_begin(&j, "j", &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "--resume"));
    leave_folder((const char *const[]){"j", NULL});
}
END_TEST

/* Long answers take several records. */
START_TEST(many_tokens)
{
    told_t told;
    jup_journal_t j;
    jup_journal_extent_t extent;
    int32_t ids[MANY];
    char expected[32];
    enter_folder();
    for (int32_t i = 0; i < MANY; i++)
        ids[i] = INT32_MAX - i;
    ck_assert_int_eq(jup_journal_begin(&j, "j", NULL), JUP_OK);
    jup_journal_tokens(&j, INT32_MAX, 1, 5, ids, MANY);
    ck_assert_int_eq(jup_journal_close(&j, NULL), JUP_OK);
    ck_assert_int_eq(read_back("j", &told, &extent, NULL), JUP_OK);
    ck_assert_int_eq(told.records, 3);
    snprintf(expected, sizeof expected, ".1[%d]=%d;", 5 + MANY - 1, INT32_MAX - MANY + 1);
    ck_assert_ptr_nonnull(strstr(told.text, expected));
    leave_folder((const char *const[]){"j", NULL});
}
END_TEST

/* The file's first n bytes, below 100, and a line end. */
static const char *line_end(const char *file, size_t n)
{
    static char line[100];
    memcpy(line, file, n);
    line[n] = '\n';
    return line;
}

/* Cut at every byte, also of the first record: those before it, and a file to go on with. */
START_TEST(torn_at_every_byte)
{
    size_t bytes;
    told_t told;
    jup_error_t err;
    jup_journal_extent_t extent;
    enter_folder();
    write_sample("j");
    char *file = (char *)io_sample_read("j", &bytes);
    size_t first = (size_t)(strchr(file, '\n') - file) + 1;
    for (size_t n = 0; n < bytes; n++) {
        io_sample_write("torn", file, n);
        if (n < first && n % 2) /* who opened it since has ended the line */
            io_sample_write("torn", line_end(file, n), n + 1);
        ck_assert_int_eq(read_back("torn", &told, &extent, &err), JUP_OK);
        ck_assert(n >= first || (extent.good_bytes == 0 && told.records == 0));
        ck_assert_int_eq(strncmp(told.text, sample, told.n), 0);
        ck_assert_int_eq(extent.good_bytes + extent.torn_bytes,
                         (int64_t)n + (n < first ? (int64_t)n % 2 : 0));
        jup_journal_t j;
        ck_assert_int_eq(jup_journal_go_on(&j, "torn", extent.good_bytes, extent.torn_bytes, &err),
                         JUP_OK);
        jup_journal_event(&j, "goes on");
        ck_assert_int_eq(jup_journal_close(&j, NULL), JUP_OK);
        int before = told.records;
        ck_assert_int_eq(read_back("torn", &told, &extent, &err), JUP_OK);
        ck_assert_int_eq(told.records, before + 1);
        ck_assert_int_eq(extent.torn_bytes, 0);
        ck_assert_ptr_nonnull(strstr(told.text, "goes on;"));
    }
    /* half a line of something else is no journal's beginning */
    io_sample_write("torn", "jupiter-journey", 15);
    ck_assert_int_eq(read_back("torn", &told, &extent, &err), JUP_EINPUT);
    jup_free(file);
    leave_folder((const char *const[]){"j", "torn", NULL});
}
END_TEST

/* A bit anywhere: found, with its line, unless it is in the last record, which is torn then. */
START_TEST(every_damaged_byte_is_found)
{
    size_t bytes;
    told_t told;
    jup_error_t err;
    jup_journal_extent_t extent;
    enter_folder();
    write_sample("j");
    char *file = (char *)io_sample_read("j", &bytes);
    size_t last = bytes - 1;
    while (file[last - 1] != '\n')
        last--;
    int line = 1;
    for (size_t i = 0; i < bytes; i++) {
        char number[32];
        file[i] ^= 4;
        io_sample_write("bad", file, bytes);
        file[i] ^= 4;
        jup_status_t status = read_back("bad", &told, &extent, &err);
        if (i >= last - 1) {
            ck_assert_int_eq(status, JUP_OK);
            ck_assert_int_gt(extent.torn_bytes, 0);
            continue;
        }
        ck_assert_int_eq(status, JUP_EINPUT);
        snprintf(number, sizeof number, "line %d ", line);
        ck_assert(line == 1 || strstr(err.text, number));
        line += file[i] == '\n';
    }
    jup_free(file);
    leave_folder((const char *const[]){"j", "bad", NULL});
}
END_TEST

/* With a right checksum, but nothing that makes sense. */
START_TEST(records_that_make_no_sense)
{
    static const char *const wrong[] = {"tokens 1 0 0",
                                        "tokens 1 0 0 x",
                                        "tokens 1 -2 0 5",
                                        "tokens 1 0 -1 5",
                                        "tokens -1 0 0 5",
                                        "tokens 1 0 0 -5",
                                        "tokens 1 0 0 4294967296",
                                        "tokens 1 5000 0 1",
                                        "result 1 0 3",
                                        "result 1 -2 3 0000000000000000",
                                        "result 1 0 3 00",
                                        "rumour 1",
                                        "result 1 0 -1 0000000000000000",
                                        "field ",
                                        "event",
                                        ""};
    told_t told;
    jup_error_t err;
    jup_journal_extent_t extent;
    enter_folder();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_sample("j");
        FILE *file = fopen("j", "a");
        ck_assert_ptr_nonnull(file);
        fprintf(file, "%s %016llx\n", wrong[i],
                (unsigned long long)jup_checksum(JUP_CHECKSUM_EMPTY, wrong[i], strlen(wrong[i])));
        fclose(file);
        ck_assert_msg(read_back("j", &told, &extent, &err) == JUP_EINPUT, "'%s'", wrong[i]);
        ck_assert_ptr_nonnull(strstr(err.text, "line 8 "));
        unlink("j");
    }
    ck_assert_int_eq(read_back("/dev/zero", &told, &extent, &err), JUP_EINPUT);
    ck_assert_int_eq(read_back("nosuch", &told, &extent, &err), JUP_EINPUT);
    leave_folder((const char *const[]){NULL});
}
END_TEST

START_TEST(a_full_disk_is_said)
{
    jup_journal_t j;
    jup_error_t err;
    struct rlimit limit = {4096, 4096};
    enter_folder();
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(jup_journal_begin(&j, "j", NULL), JUP_OK);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 100; i++)
        jup_journal_event(&j, "something happened");
    ck_assert_int_eq(jup_journal_close(&j, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot write 'j'"));
    leave_folder((const char *const[]){"j", NULL});
}
END_TEST

/* ---- what it means ----------------------------------------------------------------------------
 */

static jup_status_t prepare(jup_keep_t *keep, int seed, bool greedy, bool resumes,
                            const char *results, jup_error_t *err)
{
    memset(keep, 0, sizeof *keep);
    jup_keep_field(keep, "--temperature", "%g", greedy ? 0.0 : 0.5);
    if (!greedy)
        jup_keep_field(keep, "--seed", "%d", seed);
    return jup_keep_prepare(keep, "j", resumes, QUESTIONS, VOCAB, results, err);
}

static void open_and_close(jup_keep_t *keep, bool resumes)
{
    jup_error_t err;
    ck_assert_int_eq(prepare(keep, 1, false, resumes, NULL, &err), JUP_OK);
    ck_assert_int_eq(jup_keep_open(keep, &err), JUP_OK);
    ck_assert_int_eq(jup_keep_close(keep, &err), JUP_OK);
}

/* Refused with the field and both values, also where one of the two has none. */
START_TEST(another_run_is_refused)
{
    static const struct {
        int seed;
        bool greedy;
        const char *says;
    } others[] = {{2, false, "--seed 1, this one has 2"},
                  {1, true, "--temperature 0.5, this one has 0"}};
    jup_keep_t keep;
    jup_error_t err;
    enter_folder();
    open_and_close(&keep, false);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(prepare(&keep, others[i].seed, others[i].greedy, true, NULL, &err),
                         JUP_EINPUT);
        ck_assert_msg(strstr(err.text, others[i].says) != NULL, "%s", err.text);
        jup_keep_close(&keep, NULL);
    }
    memset(&keep, 0, sizeof keep);
    jup_keep_field(&keep, "--temperature", "0.5");
    ck_assert_int_eq(jup_keep_prepare(&keep, "j", true, QUESTIONS, VOCAB, NULL, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "--seed 1, this one has none") != NULL, "%s", err.text);
    jup_keep_close(&keep, NULL);
    ck_assert_int_eq(prepare(&keep, 1, false, true, NULL, &err), JUP_OK);
    jup_keep_field(&keep, "--typical", "0.1");
    jup_keep_close(&keep, NULL);
    leave_folder((const char *const[]){"j", NULL});
}
END_TEST

/* A job that was ended as it began its journal, at whatever byte: the next one begins it anew. */
START_TEST(a_torn_beginning_is_begun_anew)
{
    size_t bytes, again;
    jup_keep_t keep;
    jup_error_t err;
    enter_folder();
    open_and_close(&keep, false);
    char *whole = (char *)io_sample_read("j", &bytes);
    for (size_t n = 0; n < bytes; n++) {
        io_sample_write("j", whole, n);
        open_and_close(&keep, true);
        char *file = (char *)io_sample_read("j", &again);
        ck_assert_uint_eq(again, bytes);
        ck_assert_mem_eq(file, whole, bytes);
        jup_free(file);
    }
    /* another run's is another run's, also where nothing is known */
    ck_assert_int_eq(prepare(&keep, 2, false, true, NULL, &err), JUP_EINPUT);
    jup_keep_close(&keep, NULL);
    jup_free(whole);
    leave_folder((const char *const[]){"j", NULL});
}
END_TEST

/* A line that the journal has no room to tell of must not be handed out: it would come again. */
START_TEST(what_a_full_disk_keeps_out_is_told)
{
    jup_keep_t keep;
    jup_error_t err;
    struct rlimit limit = {2048, 2048};
    int32_t told = 0;
    enter_folder();
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(prepare(&keep, 1, true, false, NULL, &err), JUP_OK);
    ck_assert_int_eq(jup_keep_open(&keep, &err), JUP_OK);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (told < 1000 && jup_keep_result(&keep, told % QUESTIONS, -1, "a line"))
        told++;
    ck_assert_int_lt(told, 1000);
    ck_assert(!jup_keep_result(&keep, 0, -1, "a line"));
    ck_assert_int_eq(jup_keep_close(&keep, &err), JUP_EENV);
    told_t read;
    jup_journal_extent_t extent;
    ck_assert_int_eq(read_back("j", &read, &extent, &err), JUP_OK);
    ck_assert_int_eq(read.records, told + 1); /* and a field */
    leave_folder((const char *const[]){"j", NULL});
}
END_TEST

/* Adds a line to the results as a run does, told to the journal before. */
static void hand_out(jup_keep_t *keep, int32_t question, const char *line, size_t keep_bytes)
{
    jup_lines_t lines;
    ck_assert_int_eq(jup_lines_open(&lines, "r", NULL), JUP_OK);
    int64_t at = jup_lines_length(&lines);
    jup_keep_result(keep, question, at, line);
    ck_assert_int_eq(jup_lines_add(&lines, line, NULL), JUP_OK);
    ck_assert_int_eq(jup_lines_close(&lines, NULL), JUP_OK);
    if (keep_bytes < strlen(line))
        ck_assert_int_eq(truncate("r", at + (int64_t)keep_bytes), 0);
}

/* A question is finished when its line is where the journal says; half a line is cut off. */
START_TEST(only_lines_that_are_there_count)
{
    static const char line[] = "{\"id\": \"1\"}";
    enter_folder();
    for (size_t there = 0; there < sizeof line; there++) {
        static const int32_t ids[] = {4, 5};
        jup_keep_t keep;
        jup_error_t err;
        int32_t n;
        io_sample_write("r", "{\"of an earlier job\": 1}\n", 25);
        ck_assert_int_eq(prepare(&keep, 1, true, false, "r", &err), JUP_OK);
        ck_assert_int_eq(jup_keep_open(&keep, &err), JUP_OK);
        jup_journal_tokens(&keep.journal, 0, JUP_JOURNAL_PLAIN, 0, ids, 2);
        hand_out(&keep, 0, line, sizeof line);
        jup_journal_tokens(&keep.journal, 4, 2, 0, ids, 1);
        jup_journal_tokens(&keep.journal, 4, 2, 1, ids + 1, 1);
        hand_out(&keep, 4, line, there);
        ck_assert_int_eq(jup_keep_close(&keep, &err), JUP_OK);

        ck_assert_int_eq(prepare(&keep, 1, true, true, "r", &err), JUP_OK);
        bool whole = there == sizeof line - 1;
        ck_assert(jup_keep_is_finished(&keep, 0));
        ck_assert_int_eq(jup_keep_is_finished(&keep, 4), whole);
        ck_assert_int_eq(keep.n_finished, 1 + whole);
        ck_assert_ptr_null(jup_keep_known(&keep, 0, JUP_JOURNAL_PLAIN, &n));
        const int32_t *known = jup_keep_known(&keep, 4, 2, &n);
        ck_assert_int_eq(n, whole ? 0 : 2);
        ck_assert(whole || (known[0] == 4 && known[1] == 5));
        ck_assert_int_eq(keep.results_end, there == 0 || whole ? -1 : 25 + (int64_t)sizeof line);
        jup_keep_close(&keep, NULL);

        /* into another file all are written, to a stream those that a file got */
        ck_assert_int_eq(prepare(&keep, 1, true, true, "other", &err), JUP_OK);
        ck_assert_int_eq(keep.n_finished, 0);
        jup_keep_close(&keep, NULL);
        ck_assert_int_eq(prepare(&keep, 1, true, true, NULL, &err), JUP_OK);
        ck_assert_int_eq(keep.n_finished, 0);
        jup_keep_close(&keep, NULL);
        unlink("j");
    }
    leave_folder((const char *const[]){"r", NULL});
}
END_TEST

/* Right checksums, but tokens that are missing, or of questions or a vocabulary that do not exist.
 */
START_TEST(journals_that_do_not_fit_together)
{
    enter_folder();
    for (int what = 0; what < 4; what++) {
        const int32_t id = what == 3 ? VOCAB : VOCAB - 1;
        jup_keep_t keep;
        jup_error_t err;
        ck_assert_int_eq(prepare(&keep, 1, true, false, NULL, &err), JUP_OK);
        ck_assert_int_eq(jup_keep_open(&keep, &err), JUP_OK);
        if (what == 2)
            jup_journal_result(&keep.journal, QUESTIONS, -1, 0, 0);
        else
            jup_journal_tokens(&keep.journal, what == 1 ? QUESTIONS : 1, 0, what == 0, &id, 1);
        ck_assert_int_eq(jup_keep_close(&keep, &err), JUP_OK);
        ck_assert_int_eq(prepare(&keep, 1, true, true, NULL, &err), JUP_EINPUT);
        ck_assert_ptr_nonnull(strstr(err.text, "line 3 does not fit"));
        jup_keep_close(&keep, NULL);
        unlink("j");
    }
    leave_folder((const char *const[]){NULL});
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("journal");
    unit_add(s, what_is_written_is_read, 10);
    unit_add(s, many_tokens, 10);
    unit_add(s, torn_at_every_byte, 60);
    unit_add(s, every_damaged_byte_is_found, 60);
    unit_add(s, records_that_make_no_sense, 10);
    unit_add(s, a_full_disk_is_said, 10);
    unit_add(s, a_torn_beginning_is_begun_anew, 60);
    unit_add(s, what_a_full_disk_keeps_out_is_told, 20);
    unit_add(s, another_run_is_refused, 10);
    unit_add(s, only_lines_that_are_there_count, 10);
    unit_add(s, journals_that_do_not_fit_together, 10);
    return s;
}

UNIT_MAIN(suite)
