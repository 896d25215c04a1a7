libjupiter_a_SOURCES += \
	%D%/accuracy.c %D%/accuracy.h \
	%D%/draft.c %D%/draft.h \
	%D%/draft_lookup.c \
	%D%/guesses.h \
	%D%/heads.c %D%/heads.h \
	%D%/history.c %D%/history.h \
	%D%/tree.c %D%/tree.h \
	%D%/speculation.c %D%/speculation.h \
	%D%/verdict.c \
	%D%/verify.c %D%/verify.h
