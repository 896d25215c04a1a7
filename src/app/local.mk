bin_PROGRAMS += jupiter
jupiter_SOURCES = \
	%D%/ask_options.c %D%/ask_options.h \
	%D%/ask_report.c %D%/ask_report.h \
	%D%/ask_run.c %D%/ask_run.h \
	%D%/ask_setup.c %D%/ask_setup.h \
	%D%/cmd_chat.c \
	%D%/cmd_info.c \
	%D%/cmd_plan.c \
	%D%/cmd_platform.c \
	%D%/cmd_profile.c \
	%D%/cmd_run.c \
	%D%/cmd_split.c \
	%D%/cmd_tokenize.c \
	%D%/cmd_trace.c \
	%D%/commands.h \
	%D%/main.c \
	%D%/options.c %D%/options.h \
	%D%/run_options.c %D%/run_options.h \
	%D%/run_plan.c %D%/run_plan.h \
	%D%/run_report.c %D%/run_report.h \
	%D%/run_setup.c %D%/run_setup.h \
	%D%/scripted.c %D%/scripted.h
jupiter_LDADD = $(JUP_LIBS)
