# The server, asked over HTTP; its page, in a browser.
SERVE_TESTS = \
	%D%/test-openai.sh \
	%D%/test-page.sh \
	%D%/test-serve.sh
TESTS += $(SERVE_TESTS)
EXTRA_DIST += $(SERVE_TESTS) %D%/lib.sh %D%/browser.py %D%/client.py %D%/openai_test.py \
	%D%/page_test.py %D%/serve_test.py
check-serve: $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(SERVE_TESTS)"
