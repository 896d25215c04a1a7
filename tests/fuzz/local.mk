# Fuzz targets of everything that reads foreign files. run-fuzz builds them itself, with clang and
# without MPI; make_seeds, built like any program, writes their first inputs.
check_PROGRAMS += %D%/make_seeds
%C%_make_seeds_SOURCES = %D%/make_seeds.c tests/unit/io_sample.c tests/unit/io_sample.h
%C%_make_seeds_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
dist_check_SCRIPTS += %D%/run-fuzz
TESTS += %D%/run-fuzz
EXTRA_DIST += %D%/fuzz_prompts.c %D%/fuzz_requests.c %D%/fuzz_gguf.c %D%/fuzz_hf.c %D%/fuzz_journal.c %D%/fuzz_safetensors.c \
	%D%/fuzz_texts.c %D%/fuzz_tokenizer.c

fuzz: %D%/make_seeds
	srcdir=$(srcdir) $(srcdir)/%D%/run-fuzz $(TIME)

clean-local: clean-fuzz
clean-fuzz:
	rm -rf tests/fuzz/work
.PHONY: clean-fuzz fuzz
