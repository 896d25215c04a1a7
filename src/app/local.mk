bin_PROGRAMS += jupiter
jupiter_SOURCES = \
	%D%/ask_options.c %D%/ask_options.h \
	%D%/bench.c %D%/bench.h %D%/bench_report.c %D%/bench_report.h \
	%D%/claims.c %D%/claims.h \
	%D%/cmd_bench.c \
	%D%/cmd_chat.c \
	%D%/cmd_info.c \
	%D%/cmd_journal.c \
	%D%/cmd_perplexity.c \
	%D%/cmd_plan.c \
	%D%/cmd_platform.c \
	%D%/cmd_profile.c \
	%D%/cmd_run.c \
	%D%/cmd_serve.c \
	%D%/cmd_split.c \
	%D%/cmd_strategies.c \
	%D%/cmd_tokenize.c \
	%D%/cmd_trace.c \
	%D%/commands.c %D%/commands.h \
	%D%/main.c \
	%D%/manual.c %D%/manual.h \
	%D%/numbers.c %D%/numbers.h \
	%D%/options_given.c %D%/options_given.h \
	%D%/options.c %D%/options.h \
	%D%/peer.c %D%/peer.h \
	%D%/run.c %D%/run.h \
	%D%/run_journal.c %D%/run_journal.h \
	%D%/run_lacks.c %D%/run_lacks.h \
	%D%/run_options.c %D%/run_options.h \
	%D%/run_report.c %D%/run_report.h \
	%D%/serve_options.c %D%/serve_options.h \
	%D%/setup.c %D%/setup.h
jupiter_LDADD = $(JUP_LIBS)
