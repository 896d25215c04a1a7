#include "base/mem.h"
#include "base/output.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each test runs in a process and a folder of its own. */
static char folder[] = "/tmp/jupiter-output-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

/* Also says whether the tests left anything but what they name. */
static void leave_folder(const char *const *names)
{
    for (; *names; names++)
        ck_assert_msg(unlink(*names) == 0, "no %s", *names);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_msg(rmdir(folder) == 0, "something else is left in %s", folder);
}

static void make(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static const char *content(const char *name)
{
    static char text[4096];
    FILE *file = fopen(name, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* From now on files cannot grow beyond this, as on a disk that is full. */
static void fill_disk(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_file_appears_complete_or_not_at_all)
{
    jup_output_t out;
    jup_error_t err;
    enter_folder();
    make("a", "before");
    ck_assert_int_eq(chmod("a", 0640), 0);
    ck_assert_int_eq(symlink("a", "link"), 0);
    ck_assert_int_eq(jup_output_open(&out, "link", &err), JUP_OK);
    fputs("after", out.file);
    fflush(out.file);
    ck_assert_str_eq(content("a"), "before");
    jup_output_abandon(&out);
    ck_assert_str_eq(content("a"), "before");
    ck_assert_int_eq(jup_output_write("link", "after", 5, &err), JUP_OK);
    ck_assert_str_eq(content("a"), "after");
    struct stat info;
    ck_assert(lstat("link", &info) == 0 && S_ISLNK(info.st_mode));
    ck_assert(stat("a", &info) == 0 && (info.st_mode & 0777) == 0640);
    leave_folder((const char *const[]){"a", "link", NULL});
}
END_TEST

START_TEST(a_link_to_nothing_makes_what_it_names)
{
    jup_error_t err;
    enter_folder();
    ck_assert_int_eq(symlink("new", "link"), 0);
    ck_assert_int_eq(jup_output_write("./link", "x", 1, &err), JUP_OK);
    ck_assert_str_eq(content("new"), "x");
    leave_folder((const char *const[]){"link", "new", NULL});
}
END_TEST

START_TEST(a_full_disk_loses_nothing_that_was_there)
{
    jup_output_t out;
    jup_error_t err;
    static char block[10000];
    enter_folder();
    make("a", "before");
    fill_disk(4096);
    ck_assert_int_eq(jup_output_write("a", block, sizeof block, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot write 'a': File too large"));
    ck_assert_int_eq(jup_output_open(&out, "a", &err), JUP_OK);
    for (int i = 0; i < 1000; i++)
        fwrite(block, 1, 100, out.file);
    ck_assert_int_eq(jup_output_close(&out, &err), JUP_EENV);
    ck_assert_str_eq(content("a"), "before");
    ck_assert_int_eq(jup_output_write("/dev/full", block, 100, &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    ck_assert_int_eq(jup_output_write("/dev/null", block, 100, &err), JUP_OK);
    leave_folder((const char *const[]){"a", NULL});
}
END_TEST

START_TEST(names_that_cannot_be_used_are_refused)
{
    jup_error_t err;
    enter_folder();
    ck_assert_int_eq(jup_output_write("", "", 0, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_output_write(".", "", 0, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "folder"));
    ck_assert_int_eq(jup_output_write("none/x", "", 0, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "none/x"));
    leave_folder((const char *const[]){NULL});
}
END_TEST

static jup_status_t check_two(const char *a, bool a_writes, const char *b, bool b_writes)
{
    jup_error_t err = {0};
    const jup_output_claim_t claims[] = {
        {"--one", a, a_writes}, {"--none", NULL, true}, {"--other", b, b_writes}};
    jup_status_t status = jup_output_check(claims, 3, &err);
    if (status != JUP_OK)
        ck_assert_ptr_nonnull(strstr(err.text, a));
    return status;
}

START_TEST(an_output_is_no_input_and_no_other_output)
{
    enter_folder();
    make("a", "x");
    ck_assert_int_eq(link("a", "hard"), 0);
    ck_assert_int_eq(symlink("a", "soft"), 0);
    ck_assert_int_eq(symlink("new", "to-new"), 0);
    ck_assert_int_eq(check_two("a", false, "a", false), JUP_OK);
    const char *const names[] = {"a", "./a", "hard", "soft"};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            ck_assert_int_eq(check_two(names[i], true, names[j], false), JUP_EINPUT);
            ck_assert_int_eq(check_two(names[i], false, names[j], true), JUP_EINPUT);
            ck_assert_int_eq(check_two(names[i], true, names[j], true), JUP_EINPUT);
        }
    ck_assert_int_eq(check_two("new", true, "./new", true), JUP_EINPUT);
    ck_assert_int_eq(check_two("new", true, "to-new", true), JUP_EINPUT);
    ck_assert_int_eq(check_two("new", true, "newer", true), JUP_OK);
    ck_assert_int_eq(check_two("a", false, "newer", true), JUP_OK);
    ck_assert_int_eq(check_two("/dev/null", true, "/dev/null", true), JUP_OK);
    ck_assert_int_eq(check_two("none/x", true, "a", false), JUP_EINPUT);
    leave_folder((const char *const[]){"a", "hard", "soft", "to-new", NULL});
}
END_TEST

START_TEST(lines_are_added_whole_and_by_one_job)
{
    jup_lines_t one, other;
    jup_error_t err;
    enter_folder();
    make("r", "first\nhalf");
    ck_assert_int_eq(jup_lines_open(&one, "r", &err), JUP_OK);
    ck_assert_int_eq(jup_lines_open(&other, "r", &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "another job"));
    ck_assert_int_eq(jup_lines_add(&one, "second", &err), JUP_OK);
    ck_assert_str_eq(content("r"), "first\nhalf\nsecond\n");
    fill_disk(24);
    ck_assert_int_eq(jup_lines_add(&one, "a line too long for it", &err), JUP_EENV);
    ck_assert_str_eq(content("r"), "first\nhalf\nsecond\n");
    ck_assert_int_eq(jup_lines_close(&one, &err), JUP_OK);
    ck_assert_int_eq(jup_lines_open(&other, "r", &err), JUP_OK);
    ck_assert_int_eq(jup_lines_close(&other, &err), JUP_OK);
    ck_assert_int_eq(jup_lines_open(&other, "/dev/full", &err), JUP_OK);
    ck_assert_int_eq(jup_lines_add(&other, "x", &err), JUP_EENV);
    ck_assert_ptr_nonnull(strstr(err.text, "'/dev/full': No space left"));
    ck_assert_int_eq(jup_lines_close(&other, &err), JUP_OK);
    ck_assert_int_eq(jup_lines_open(&other, "none/r", &err), JUP_EINPUT);
    leave_folder((const char *const[]){"r", NULL});
}
END_TEST

/* What a program that prints says at its end, with standard output as it finds it. */
static jup_status_t status_of_printing(const char *to)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        jup_error_t err;
        if (to)
            (void)!freopen(to, "w", stdout);
        else
            close(STDOUT_FILENO);
        jup_streams_hold();
        printf("hello\n");
        _exit((int)jup_streams_check(&err));
    }
    int status;
    ck_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return (jup_status_t)WEXITSTATUS(status);
}

START_TEST(standard_output_is_checked)
{
    ck_assert_int_eq(status_of_printing("/dev/null"), JUP_OK);
    ck_assert_int_eq(status_of_printing("/dev/full"), JUP_EENV);
    ck_assert_int_eq(status_of_printing(NULL), JUP_EENV);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("output");
    unit_add(s, a_file_appears_complete_or_not_at_all, 10);
    unit_add(s, a_link_to_nothing_makes_what_it_names, 10);
    unit_add(s, a_full_disk_loses_nothing_that_was_there, 10);
    unit_add(s, names_that_cannot_be_used_are_refused, 10);
    unit_add(s, an_output_is_no_input_and_no_other_output, 10);
    unit_add(s, lines_are_added_whole_and_by_one_job, 10);
    unit_add(s, standard_output_is_checked, 10);
    return s;
}

UNIT_MAIN(suite)
