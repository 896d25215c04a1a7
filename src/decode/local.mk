libjupiter_a_SOURCES += \
	%D%/accuracy.c %D%/accuracy.h \
	%D%/draft.c %D%/draft.h \
	%D%/draft_lookup.c \
	%D%/draft_model.c \
	%D%/form.c %D%/form.h \
	%D%/guesses.h \
	%D%/heads.c %D%/heads.h %D%/heads_read.c \
	%D%/history.c %D%/history.h \
	%D%/likely.c %D%/likely.h \
	%D%/scripted.c %D%/scripted.h \
	%D%/speculation.c %D%/speculation.h \
	%D%/tree.c %D%/tree.h \
	%D%/verdict.c \
	%D%/verify.c %D%/verify.h
