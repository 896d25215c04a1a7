bin_PROGRAMS += jupiter
jupiter_SOURCES = \
	%D%/cmd_info.c \
	%D%/cmd_run.c \
	%D%/cmd_tokenize.c \
	%D%/commands.h \
	%D%/interrupt.c %D%/interrupt.h \
	%D%/job.c %D%/job.h \
	%D%/main.c \
	%D%/options.c %D%/options.h \
	%D%/progress.c %D%/progress.h \
	%D%/run_options.c %D%/run_options.h \
	%D%/session.c %D%/session.h \
	%D%/split.c %D%/split.h \
	%D%/text_file.c %D%/text_file.h
jupiter_LDADD = $(JUP_LIBS)
