libjupiter_a_SOURCES += \
	%D%/answer.c %D%/answer.h \
	%D%/asking.c %D%/asking.h \
	%D%/chat.c %D%/chat.h \
	%D%/chat_orders.c %D%/chat_orders.h \
	%D%/input.c %D%/input.h \
	%D%/logprobs.c %D%/logprobs.h \
	%D%/fill.c %D%/fill.h \
	%D%/keep.c %D%/keep.h %D%/keep_read.c \
	%D%/lengths.c %D%/lengths.h \
	%D%/outline.c %D%/outline.h \
	%D%/prompts.c %D%/prompts.h %D%/prompts_choose.c \
	%D%/prompts_read.c %D%/prompts_read.h \
	%D%/prompts_render.c %D%/prompts_render.h \
	%D%/questions.c %D%/questions.h \
	%D%/reply.c %D%/reply.h \
	%D%/results.c %D%/results.h \
	%D%/router.c %D%/router.h \
	%D%/script.c %D%/script.h \
	%D%/show.c %D%/show.h \
	%D%/source.h \
	%D%/surprise.c %D%/surprise.h \
	%D%/texts.c %D%/texts.h \
	%D%/transcript.c %D%/transcript.h \
	%D%/windows.c %D%/windows.h \
	%D%/wrap.c %D%/wrap.h
