libjupiter_a_SOURCES += \
	%D%/answer.c %D%/answer.h \
	%D%/asking.c %D%/asking.h \
	%D%/chat.c %D%/chat.h \
	%D%/outline.c %D%/outline.h \
	%D%/prompts.c %D%/prompts.h \
	%D%/questions.c %D%/questions.h \
	%D%/router.c %D%/router.h
