libjupiter_a_SOURCES += \
	%D%/analyse.c %D%/analyse.h \
	%D%/chrome.c %D%/chrome.h \
	%D%/clocks.c \
	%D%/gather.c %D%/gather.h \
	%D%/intervals.c %D%/intervals.h \
	%D%/match.c \
	%D%/recorder.c %D%/recorder.h \
	%D%/report.c %D%/report.h \
	%D%/requests.c \
	%D%/run.c %D%/run.h \
	%D%/run_columns.c %D%/run_columns.h \
	%D%/run_file.h %D%/run_read.c %D%/run_write.c \
	%D%/sort.c \
	%D%/store.c %D%/store.h \
	%D%/timeline.c \
	%D%/totals.c %D%/totals.h
EXTRA_DIST += %D%/SCHEMA.md
