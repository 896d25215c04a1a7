# Tests that start the program through mpirun; each sources lib.sh.
MPI_TESTS = \
	%D%/test-bench.sh \
	%D%/test-chat.sh \
	%D%/test-cli.sh \
	%D%/test-decode.sh \
	%D%/test-demo.sh \
	%D%/test-digest.sh \
	%D%/test-division.sh \
	%D%/test-errors.sh \
	%D%/test-exact.sh \
	%D%/test-exchange.sh \
	%D%/test-logprobs.sh \
	%D%/test-manual.sh \
	%D%/test-journal.sh \
	%D%/test-oracle.sh \
	%D%/test-outputs.sh \
	%D%/test-folder.sh \
	%D%/test-perplexity.sh \
	%D%/test-plan.sh \
	%D%/test-same.sh \
	%D%/test-split.sh \
	%D%/test-stop.sh \
	%D%/test-strategies.sh \
	%D%/test-text.sh
TESTS += $(MPI_TESTS)
check_PROGRAMS += tests/tools/make_model
EXTRA_DIST += $(MPI_TESTS) %D%/lib.sh %D%/chat_terminal.py tests/oracle/division.py tests/oracle/exchanged.py tests/oracle/forward.py tests/oracle/gguf_numpy.py tests/oracle/perplexity.py tests/oracle/to_folder.py
check-mpi: $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(MPI_TESTS)"

# Those that reach most, in a build of its own with AddressSanitizer and UBSan; and under valgrind, which
# looks for leaks, too (LeakSanitizer cannot name what MPI's plugins keep: they are unloaded by then).
SANITIZED_TESTS = %D%/test-same.sh %D%/test-strategies.sh %D%/test-decode.sh %D%/test-journal.sh \
	%D%/test-stop.sh %D%/test-errors.sh tests/serve/test-serve.sh
check-sanitized:
	$(MKDIR_P) sanitized
	cd sanitized && { test -f Makefile || $(abs_top_srcdir)/configure -q --enable-sanitizers; }
	cd sanitized && $(MAKE) $(AM_MAKEFLAGS) && \
		ASAN_OPTIONS=detect_leaks=0 $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(SANITIZED_TESTS)'
check-valgrind: $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=%D%/valgrind.sh
.PHONY: check-mpi check-sanitized check-valgrind
EXTRA_DIST += %D%/valgrind.sh %D%/valgrind.supp
AM_TESTS_ENVIRONMENT = PYTHON='$(PYTHON)'; export PYTHON;
