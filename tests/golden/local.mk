# Plans that are to stay as they are; JUPITER_GOLDEN=write makes them anew.
TESTS += %D%/plan.sh
EXTRA_DIST += %D%/plan.sh \
	%D%/plan-env-a-100-llama2-13b-slowest.yaml \
	%D%/plan-env-a-100-llama2-13b-total.yaml \
	%D%/plan-env-a-100-llama2-7b-slowest.yaml \
	%D%/plan-env-a-100-llama2-7b-total.yaml \
	%D%/plan-env-a-1000-llama2-13b-slowest.yaml \
	%D%/plan-env-a-1000-llama2-13b-total.yaml \
	%D%/plan-env-a-1000-llama2-7b-slowest.yaml \
	%D%/plan-env-a-1000-llama2-7b-total.yaml \
	%D%/plan-env-a-500-llama2-13b-slowest.yaml \
	%D%/plan-env-a-500-llama2-13b-total.yaml \
	%D%/plan-env-a-500-llama2-7b-slowest.yaml \
	%D%/plan-env-a-500-llama2-7b-total.yaml \
	%D%/plan-env-b-100-llama2-13b-slowest.yaml \
	%D%/plan-env-b-100-llama2-13b-total.yaml \
	%D%/plan-env-b-100-llama2-7b-slowest.yaml \
	%D%/plan-env-b-100-llama2-7b-total.yaml \
	%D%/plan-env-b-1000-llama2-13b-slowest.yaml \
	%D%/plan-env-b-1000-llama2-13b-total.yaml \
	%D%/plan-env-b-1000-llama2-7b-slowest.yaml \
	%D%/plan-env-b-1000-llama2-7b-total.yaml \
	%D%/plan-env-b-500-llama2-13b-slowest.yaml \
	%D%/plan-env-b-500-llama2-13b-total.yaml \
	%D%/plan-env-b-500-llama2-7b-slowest.yaml \
	%D%/plan-env-b-500-llama2-7b-total.yaml \
	%D%/plan-4xpi5-2xnx-llama2-13b-hybrid.yaml \
	%D%/plan-4xpi5-llama3-8b-hybrid.yaml \
	%D%/plan-env-b-1000-llama2-7b-detransformer.yaml \
	%D%/plan-env-b-1000-llama2-7b-edgeshard.yaml \
	%D%/plan-env-b-1000-llama2-7b-galaxy.yaml \
	%D%/plan-env-b-1000-llama2-7b-hybrid.yaml \
	%D%/plan-env-b-1000-llama2-7b-local.yaml \
	%D%/plan-env-b-1000-llama2-7b-megatron.yaml \
	%D%/plan-env-b-1000-llama2-7b-sequence.yaml
