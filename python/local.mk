# The Python package: pip installs it from here; the plots find it beside them when installed.
JUPITER_TRACE = %D%/jupiter_trace/__init__.py %D%/jupiter_trace/arrays.py \
	%D%/jupiter_trace/breakdown.py %D%/jupiter_trace/drawing.py %D%/jupiter_trace/gantt.py \
	%D%/jupiter_trace/intervals.py %D%/jupiter_trace/py.typed %D%/jupiter_trace/run.py \
	%D%/jupiter_trace/schema.py
tracedir = $(pkgdatadir)/python/jupiter_trace
dist_trace_DATA = $(JUPITER_TRACE)
EXTRA_DIST += %D%/README.md %D%/pyproject.toml %D%/setup.py
TESTS += tests/python/python-test
EXTRA_DIST += tests/python/python-test tests/python/trace_test.py
