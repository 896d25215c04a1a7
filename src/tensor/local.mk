libjupiter_a_SOURCES += \
	%D%/blas.c %D%/blas.h \
	%D%/blas_attention.c \
	%D%/blas_core.c \
	%D%/blas_linear.c \
	%D%/blocks.h \
	%D%/compute.c \
	%D%/cpu.h \
	%D%/dequantize.c \
	%D%/dtype.c %D%/dtype.h \
	%D%/half.c \
	%D%/kernels.c %D%/kernels.h %D%/kernels_blocks.h %D%/kernels_body.h %D%/kernels_few.h %D%/kernels_few_128.h %D%/kernels_few_x86.h \
	%D%/kernels_lines_x86.h %D%/kernels_pack.h %D%/kernels_plain.h %D%/kernels_scaled.h \
	%D%/kernels_avx2.c \
	%D%/kernels_avx512.c \
	%D%/kernels_avx512vl.c \
	%D%/kernels_avxvnni.c \
	%D%/kernels_dotprod.c \
	%D%/kernels_i8mm.c \
	%D%/kernels_neon.c \
	%D%/kernels_portable.c \
	%D%/naive.c \
	%D%/ops.h \
	%D%/phantom.c %D%/phantom.h \
	%D%/products_avx2.h %D%/products_dotprod.h %D%/products_neon.h %D%/products_start.h \
	%D%/quantize.c %D%/route.c %D%/route.h \
	%D%/target.h \
	%D%/vectors_avx2.h \
	%D%/vectors_neon.h
