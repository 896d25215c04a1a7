# A test program is %D%/test_<module>.c, one Check suite, linked by the default LDADD.
if HAVE_CHECK
UNIT_TESTS = \
	%D%/test_base \
	%D%/test_cluster \
	%D%/test_dtype \
	%D%/test_ops \
	%D%/test_ops_attention \
	%D%/test_kv \
	%D%/test_sampler \
	%D%/test_step
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
EXTRA_DIST += %D%/unit.h

# the unit tests alone, e.g. under sanitizers
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(UNIT_TESTS)"
