libjupiter_a_SOURCES += \
	%D%/compose.c %D%/compose.h \
	%D%/detokenize.c \
	%D%/digest.c %D%/digest.h \
	%D%/json_reason.h %D%/gguf.c %D%/gguf.h %D%/gguf_internal.h \
	%D%/gguf_get.c %D%/gguf_keep.c %D%/gguf_map.c %D%/gguf_parse.c %D%/gguf_parts.c \
	%D%/gguf_write.c %D%/gguf_write.h \
	%D%/hf.c %D%/hf.h %D%/hf_config.c %D%/hf_sentencepiece.c %D%/hf_tokenizer.c \
	%D%/journal.c %D%/journal.h %D%/journal_read.c \
	%D%/merge.c %D%/merge.h \
	%D%/npy.c %D%/npy.h \
	%D%/piece.c %D%/piece.h \
	%D%/pretokenize.c %D%/pretokenize.h %D%/pretokenize_rules.c \
	%D%/safetensors.c %D%/safetensors.h \
	%D%/slice.c %D%/slice.h \
	%D%/text.c %D%/text.h \
	%D%/text_index.c %D%/text_index.h \
	%D%/text_file.c %D%/text_file.h \
	%D%/tokenizer.c %D%/tokenizer.h %D%/tokenizer_internal.h \
	%D%/tokenizer_bpe.c %D%/tokenizer_encode.c %D%/tokenizer_load.c \
	%D%/tokenizer_pieces.c %D%/tokenizer_specials.c %D%/tokenizer_specials.h %D%/tokenizer_spm.c
libjupiter_a_SOURCES += \
	%D%/hdf5_attribute.c %D%/hdf5_file.c %D%/hdf5_file.h \
	%D%/hdf5_image.c %D%/hdf5_inner.h %D%/hdf5_table.c \
	%D%/model_config.c %D%/model_file.c %D%/model_file.h
