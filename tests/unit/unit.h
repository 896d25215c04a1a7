/** The frame of a unit test program: define `static Suite *suite(void)`, then UNIT_MAIN. */
#ifndef JUP_TESTS_UNIT_H
#define JUP_TESTS_UNIT_H

#include <check.h>
#include <signal.h>
#include <stdlib.h>

/* Sanitizers look for what goes wrong in the code, for which a part of the repetitions will do. */
#ifdef __SANITIZE_ADDRESS__
enum { UNIT_FEWER = 4 };
#else
enum { UNIT_FEWER = 1 };
#endif

/* Adds a test function to a case made on the spot, with a time limit in seconds. */
static inline void unit_add(Suite *suite, const TTest *test, double limit_s)
{
    TCase *test_case = tcase_create(test->name);
    tcase_set_timeout(test_case, limit_s);
    tcase_add_test(test_case, test);
    suite_add_tcase(suite, test_case);
}

/* The same for one that has to end in an assertion. */
static inline void unit_add_abort(Suite *suite, const TTest *test)
{
    TCase *test_case = tcase_create(test->name);
    tcase_add_test_raise_signal(test_case, test, SIGABRT);
    suite_add_tcase(suite, test_case);
}

#define UNIT_MAIN(make_suite)                                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        SRunner *runner = srunner_create(make_suite());                                            \
        srunner_run_all(runner, CK_NORMAL);                                                        \
        int failed = srunner_ntests_failed(runner);                                                \
        srunner_free(runner);                                                                      \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                               \
    }

#endif
