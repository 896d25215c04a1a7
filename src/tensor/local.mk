libjupiter_a_SOURCES += \
	%D%/blas.c %D%/blas.h \
	%D%/blas_attention.c \
	%D%/blas_core.c \
	%D%/blocks.h \
	%D%/compute.c \
	%D%/dequantize.c \
	%D%/dtype.c %D%/dtype.h \
	%D%/half.c \
	%D%/naive.c \
	%D%/ops.h \
	%D%/quantize.c
