libjupiter_a_SOURCES += \
	%D%/config.c %D%/config.h \
	%D%/experts.c %D%/experts.h \
	%D%/family.c %D%/family.h \
	%D%/forward.c %D%/forward.h %D%/forward_layer.c \
	%D%/forward_narrow.c %D%/forward_narrow.h \
	%D%/half_row.c %D%/half_row.h \
	%D%/kv.c %D%/kv.h \
	%D%/part.c %D%/part.h \
	%D%/rope.c %D%/rope.h \
	%D%/sampler.c %D%/sampler.h \
	%D%/shapes.c %D%/shapes.h \
	%D%/share.c %D%/share.h \
	%D%/step.c %D%/step.h \
	%D%/weights.c %D%/weights.h \
	%D%/weights_phantom.c %D%/weights_phantom.h
