# The server, asked over HTTP.
SERVE_TESTS = %D%/test-serve.sh
TESTS += $(SERVE_TESTS)
EXTRA_DIST += $(SERVE_TESTS) %D%/client.py %D%/serve_test.py
check-serve: $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(SERVE_TESTS)"
