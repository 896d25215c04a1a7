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
	%D%/plan-env-b-500-llama2-7b-total.yaml
