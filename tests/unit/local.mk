# A test program is %D%/test_<module>.c, one Check suite, linked by the default LDADD.
if HAVE_CHECK
UNIT_TESTS = \
	%D%/test_answer \
	%D%/test_asking \
	%D%/test_base \
	%D%/test_chunks \
	%D%/test_cluster \
	%D%/test_collect \
	%D%/test_plan \
	%D%/test_plan_brute \
	%D%/test_baselines \
	%D%/test_hybrid_brute \
	%D%/test_ways \
	%D%/test_watch \
	%D%/test_dtype \
	%D%/test_gguf \
	%D%/test_output \
	%D%/test_ops \
	%D%/test_ops_attention \
	%D%/test_phantom \
	%D%/test_piece \
	%D%/test_decode \
	%D%/test_division \
	%D%/test_engine \
	%D%/test_form \
	%D%/test_forward \
	%D%/test_group \
	%D%/test_head \
	%D%/test_heads \
	%D%/test_input \
	%D%/test_job \
	%D%/test_journal \
	%D%/test_kv \
	%D%/test_life \
	%D%/test_part \
	%D%/test_parts \
	%D%/test_ring \
	%D%/test_prompts \
	%D%/test_questions \
	%D%/test_results \
	%D%/test_run_file \
	%D%/test_safetensors \
	%D%/test_sampler \
	%D%/test_script \
	%D%/test_show \
	%D%/test_sleeper \
	%D%/test_sources \
	%D%/test_spare \
	%D%/test_step \
	%D%/test_steps \
	%D%/test_tokenizer \
	%D%/test_trace \
	%D%/test_wrap
TRACE_SAMPLE = %D%/trace_sample.c %D%/trace_sample.h
%C%_test_run_file_SOURCES = %D%/test_run_file.c $(TRACE_SAMPLE)
%C%_test_trace_SOURCES = %D%/test_trace.c $(TRACE_SAMPLE) %D%/thread_comm.c %D%/thread_comm.h
EXTRA_DIST += %D%/prompts.json
BRUTE = %D%/brute.c %D%/brute.h
%C%_test_plan_brute_SOURCES = %D%/test_plan_brute.c $(BRUTE)
%C%_test_hybrid_brute_SOURCES = %D%/test_hybrid_brute.c $(BRUTE)
IO_SAMPLE = %D%/io_sample.c %D%/io_sample.h
%C%_test_journal_SOURCES = %D%/test_journal.c $(IO_SAMPLE)
%C%_test_answer_SOURCES = %D%/test_answer.c $(IO_SAMPLE)
%C%_test_division_SOURCES = %D%/test_division.c $(IO_SAMPLE)
%C%_test_questions_SOURCES = %D%/test_questions.c $(IO_SAMPLE)
%C%_test_sources_SOURCES = %D%/test_sources.c $(IO_SAMPLE)
%C%_test_gguf_SOURCES = %D%/test_gguf.c $(IO_SAMPLE)
%C%_test_safetensors_SOURCES = %D%/test_safetensors.c $(IO_SAMPLE)
%C%_test_tokenizer_SOURCES = %D%/test_tokenizer.c $(IO_SAMPLE)
%C%_test_prompts_SOURCES = %D%/test_prompts.c $(IO_SAMPLE)
%C%_test_ring_SOURCES = %D%/test_ring.c %D%/thread_comm.c %D%/thread_comm.h
PART_MODEL = %D%/part_model.c %D%/part_model.h $(IO_SAMPLE)
%C%_test_parts_SOURCES = %D%/test_parts.c $(PART_MODEL)
%C%_test_life_SOURCES = %D%/test_life.c $(PART_MODEL) %D%/thread_comm.c %D%/thread_comm.h
%C%_test_piece_SOURCES = %D%/test_piece.c $(PART_MODEL)
TINY_MODEL = %D%/tiny_model.c %D%/tiny_model.h
%C%_test_group_SOURCES = %D%/test_group.c %D%/thread_comm.c %D%/thread_comm.h $(TINY_MODEL) \
	%D%/tiny_part.c %D%/tiny_part.h
TINY_ENGINE = %D%/tiny_engine.c %D%/tiny_engine.h $(TINY_MODEL)
%C%_test_spare_SOURCES = %D%/test_spare.c $(TINY_ENGINE)
%C%_test_steps_SOURCES = %D%/test_steps.c $(TINY_ENGINE)
%C%_test_asking_SOURCES = %D%/test_asking.c $(TINY_ENGINE)
%C%_test_head_SOURCES = %D%/test_head.c $(TINY_MODEL)
%C%_test_engine_SOURCES = %D%/test_engine.c $(TINY_MODEL) %D%/tiny_part.c %D%/tiny_part.h
%C%_test_forward_SOURCES = %D%/test_forward.c $(TINY_MODEL)
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
EXTRA_DIST += %D%/unit.h

# the unit tests alone, e.g. under sanitizers
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(UNIT_TESTS)"
