# files of this folder
# shipped device profiles, clusters and prompts; compiled in (src/cluster/shipped.h), and installed
# to be read and changed
profilesdir = $(pkgdatadir)/profiles
dist_profiles_DATA = \
	%D%/profiles/agx-orin.yaml \
	%D%/profiles/nano.yaml \
	%D%/profiles/nx.yaml \
	%D%/profiles/pi4.yaml \
	%D%/profiles/pi5.yaml \
	%D%/profiles/tx2.yaml
clustersdir = $(pkgdatadir)/clusters
dist_clusters_DATA = \
	%D%/clusters/env-a-100.yaml \
	%D%/clusters/env-a-500.yaml \
	%D%/clusters/env-a-1000.yaml \
	%D%/clusters/env-b-100.yaml \
	%D%/clusters/env-b-500.yaml \
	%D%/clusters/env-b-1000.yaml
# tried on a model's chat template in this order
promptsdir = $(pkgdatadir)/prompts
dist_prompts_DATA = \
	%D%/prompts/question-outline-1.json \
	%D%/prompts/llama-3.2.json \
	%D%/prompts/llama-3.1.json \
	%D%/prompts/llama-3.json \
	%D%/prompts/granite.json \
	%D%/prompts/command-r.json \
	%D%/prompts/deepseek-r1.json \
	%D%/prompts/deepseek.json \
	%D%/prompts/deepseek-coder.json \
	%D%/prompts/deepseek-llm.json \
	%D%/prompts/gemma.json \
	%D%/prompts/phi-4.json \
	%D%/prompts/chatml.json \
	%D%/prompts/phi-3.json \
	%D%/prompts/phi-4-mini.json \
	%D%/prompts/falcon3.json \
	%D%/prompts/olmo-2.json \
	%D%/prompts/zephyr.json \
	%D%/prompts/mistral-v7.json \
	%D%/prompts/llama-2.json \
	%D%/prompts/mistral-nemo.json \
	%D%/prompts/mistral-v3.json \
	%D%/prompts/mistral-v1.json \
	%D%/prompts/mistral.json \
	%D%/prompts/vicuna.json
# the embedded model, and what it was made from
demodir = $(pkgdatadir)/demo
dist_demo_DATA = \
	%D%/demo/jupiter-demo-f16.gguf \
	%D%/demo/jupiter-demo-heads.safetensors \
	%D%/demo/jupiter-demo-heads.json \
	%D%/demo/README.md
EXTRA_DIST += \
	%D%/demo/corpus \
	%D%/demo/golden.json %D%/demo/heldout.jsonl %D%/demo/results.json \
	%D%/demo/cues.txt %D%/demo/paraphrases.txt %D%/demo/synonyms.txt \
	%D%/demo/requirements.txt %D%/demo/train-log.csv %D%/demo/loss.svg \
	%D%/demo/augment.py %D%/demo/batches.py %D%/demo/corpus.py %D%/demo/evaluate.py \
	%D%/demo/export.py %D%/demo/heads.py %D%/demo/model.py %D%/demo/tokenizer.py \
	%D%/demo/train.py

# the page of `jupiter serve`
pagedir = $(pkgdatadir)/page
dist_page_DATA = %D%/page/index.html

SHIPPED_FILES = $(dist_page_DATA) $(dist_profiles_DATA) $(dist_clusters_DATA) $(dist_prompts_DATA)
nodist_libjupiter_a_SOURCES = src/cluster/shipped_files.c
src/cluster/shipped_files.c: tools/embed $(SHIPPED_FILES) Makefile
	@$(MKDIR_P) src/cluster
	$(AM_V_GEN)cd $(top_srcdir) && tools/embed $(SHIPPED_FILES) >$(abs_builddir)/$@.new
	@mv $@.new $@
CLEANFILES += src/cluster/shipped_files.c
