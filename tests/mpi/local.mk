# Tests that start the program through mpirun; each sources lib.sh.
VALGRIND_TESTS = \
	%D%/test-bench.sh \
	%D%/test-chat.sh \
	%D%/test-cli.sh \
	%D%/test-decode.sh \
	%D%/test-demo.sh \
	%D%/test-digest.sh \
	%D%/test-division.sh \
	%D%/test-errors.sh \
	%D%/test-exact.sh \
	%D%/test-logprobs.sh \
	%D%/test-manual.sh \
	%D%/test-journal.sh \
	%D%/test-oracle.sh \
	%D%/test-outputs.sh \
	%D%/test-folder.sh \
	%D%/test-hosts.sh \
	%D%/test-perplexity.sh \
	%D%/test-plan.sh \
	%D%/test-same.sh \
	%D%/test-split.sh \
	%D%/test-strategies.sh \
	%D%/test-text.sh
# not under valgrind: exchange starts another program; stop kills and counts by the clock, and finds ranks
# by their name
MPI_TESTS = $(VALGRIND_TESTS) %D%/test-exchange.sh %D%/test-stop.sh
TESTS += $(MPI_TESTS)
check_PROGRAMS += tests/tools/make_model
EXTRA_DIST += $(MPI_TESTS) %D%/lib.sh %D%/chat_terminal.py tests/oracle/division.py tests/oracle/exchanged.py tests/oracle/forward.py tests/oracle/gguf_numpy.py tests/oracle/perplexity.py tests/oracle/to_folder.py
check-mpi: $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(MPI_TESTS)"

# All of them, and the server's, in a build of its own with AddressSanitizer and UBSan, and all under
# valgrind, which looks for leaks, too (LeakSanitizer cannot name what MPI's plugins keep: they are
# unloaded by then). What the program would start itself again for is set there: valgrind would lose it.
# What has threads, in a build with ThreadSanitizer. Reports go to files: a rank that
# ends may not be heard any more.
THREADED_TESTS = tests/unit/test_life tests/unit/test_ring tests/unit/test_sleeper \
	tests/unit/test_watch tests/serve/test-serve.sh
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	--show-leak-kinds=definite --num-callers=30 --fair-sched=try
check_with = $(MKDIR_P) $(1) && cd $(1) && { test -f Makefile || $(abs_top_srcdir)/configure -q $(2); } && \
	$(MAKE) $(AM_MAKEFLAGS) && rm -f report.*; \
	JUP_TEST_PATIENCE_S=6000 JUP_TEST_THIN=yes CK_TIMEOUT_MULTIPLIER=10 $(3) $(MAKE) $(AM_MAKEFLAGS) -k check TESTS='$(4)'; code=$$?; \
	for report in report.*; do test ! -s $$report || { cat $$report; code=1; }; done; exit $$code
check-sanitized:
	+$(call check_with,sanitized,--enable-sanitizers,ASAN_OPTIONS=detect_leaks=0:log_path=$$PWD/report \
		UBSAN_OPTIONS=print_stacktrace=1:log_path=$$PWD/report,$(MPI_TESTS) tests/serve/test-serve.sh)
check-threads:
	+$(call check_with,threads,--enable-sanitizers=thread,OMP_NUM_THREADS=1 \
		TSAN_OPTIONS=log_path=$$PWD/report:suppressions=$(abs_srcdir)/%D%/threads.supp,$(THREADED_TESTS))
check-valgrind:
	+theirs=/usr/share/openmpi/openmpi-valgrind.supp; test -r $$theirs || theirs=/dev/null; \
	$(call check_with,valgrind,,JUPITER=$(abs_srcdir)/%D%/under-valgrind OMP_WAIT_POLICY=passive \
		OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=$${OPENBLAS_CORETYPE:-Haswell} \
		JUP_VALGRIND="$(VALGRIND) --suppressions=$$theirs --suppressions=$(abs_srcdir)/%D%/valgrind.supp \
		--log-file=$$PWD/report.%p $$PWD/jupiter",$(VALGRIND_TESTS))
.PHONY: check-mpi check-sanitized check-threads check-valgrind
EXTRA_DIST += %D%/threads.supp %D%/under-valgrind %D%/valgrind.supp
AM_TESTS_ENVIRONMENT = PYTHON='$(PYTHON)'; export PYTHON;
