# files of this folder
# shipped device profiles and clusters; found at run time by src/cluster/data_path.c
AM_CPPFLAGS += -DJUP_PKGDATADIR='"$(pkgdatadir)"'
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
promptsdir = $(pkgdatadir)/prompts
dist_prompts_DATA = \
	%D%/prompts/chatml.json \
	%D%/prompts/llama-2.json \
	%D%/prompts/llama-3.json \
	%D%/prompts/mistral.json \
	%D%/prompts/question-outline-1.json \
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
