# Four commands, the same on a fresh machine and on any other. Each installs what it misses (apt, once).
# ARGS goes on to the program: make run ARGS="--http 127.0.0.1:9090", make bench ARGS="--only register".

.PHONY: run test bench build
.SILENT:

run:
	scripts/run.sh $(ARGS)

test:
	scripts/test.sh $(ARGS)

bench:
	scripts/bench.sh $(ARGS)

build:
	scripts/build.sh
