# Thin over scripts/: read those for what each target does.
.DEFAULT_GOAL := help
.PHONY: help run test bench lint fuzz openapi

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start `austin demo`; ARGS="--listen 127.0.0.1:8080" adds flags
	@scripts/run.sh $(ARGS)

test: ## everything that must be green: format, lints, doctests, generated files, tests
	@scripts/test.sh $(ARGS)

bench: ## the benchmarks, beside their floors (release build)
	@scripts/bench.sh $(ARGS)

lint: ## format, lints, architecture, documentation
	@scripts/lint.sh

fuzz: ## each fuzz target for SECONDS_EACH (30) seconds; needs nightly and cargo-fuzz
	@scripts/fuzz.sh

openapi: ## write the generated files anew (API document, configuration reference)
	@scripts/generate.sh
