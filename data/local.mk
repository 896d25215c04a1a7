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
