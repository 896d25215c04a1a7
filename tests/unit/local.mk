# A test program is %D%/test_<module>.c, one Check suite, linked by the default LDADD.
if HAVE_CHECK
UNIT_TESTS = \
	%D%/test_base
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
EXTRA_DIST += %D%/unit.h
