.DEFAULT_GOAL := help
.PHONY: help demo check test test-under-load core modules allocations quick vet compat consumer docs lint vulnerabilities fmt fmt-check bench bench-peers fuzz soak chaos blips floods sim mutants build tidy tidy-check

FUZZTIME ?= 30s
SEEDS    ?= 10000
CHAOS    ?= 10m
SESSIONS ?= 20000
FLOODS   ?= 30s
PACKAGES ?= 8
LOOPS    ?= 16
RUNS     ?= 10
MODULES  := $(shell sed -n 's|^	\./||p' go.work)
RELEASED := transcoder core $(filter-out transcoder core examples,$(MODULES)) # each after those that it needs
ADDR     ?= 127.0.0.1:8080
LINTER   := bin/golangci-lint
SLOW     := /msm/(core|core/internal/sim/.*|examples)$$

help:        ## this list
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile | expand -t 18

demo:        ## start the chi example on http://ADDR, without memcached unless MSM_NODES names one
	go run ./examples/chi -addr $(ADDR)

check:       ## while editing: format, vet, tests with the race detector. Left out: core's own tests, simulations, programs
	@./scripts/need memcached cc
	@./scripts/verdict $(MAKE) -s fmt-check vet quick

test:        ## all tests with the race detector, against real memcached processes, and all releases; installs what is missing
	@./scripts/need memcached cc
	@./scripts/verdict $(MAKE) -s -k -j 5 core modules allocations compat consumer

test-under-load: ## make test RUNS=10 times beside LOOPS=16 busy loops; ends at the first failure
	@./scripts/need memcached cc
	@./scripts/under-load $(LOOPS) $(RUNS) $(MAKE) -s test TESTFLAGS=-count=1

# The longest begin first, so that none of them is left over at the end. Most of them wait most of the time. Without what only
# debuggers need, linking takes half as long. The time-out only ends a hang: beside many busy programs all of it takes long.
TESTS = go test -race -ldflags='-s -w' -parallel 8 -timeout 1h $(TESTFLAGS)

core:        ## core's own tests, in six threads: beside busy programs a process gets as much as its threads do; part of make test
	$(TESTS) -cpu 6 ./core

modules:     ## all other tests of the modules, PACKAGES=8 at a time; part of make test
	$(TESTS) -p $(PACKAGES) ./examples ./core/internal/sim/... $$(go list work | grep -v '/msm/core$$')

allocations: ## the budgets of allocations, without the race detector, which allocates too; part of make test
	go test -timeout 1h $(TESTFLAGS) -run '^Test(Sticky)?Allocations$$' ./core ./core/internal/sid

quick:
	go test -race $(TESTFLAGS) $$(go list work | grep -Ev '$(SLOW)')

vet:
	go vet work

compat:      ## other session libraries on msm's nodes: their own tests, and ours; part of make test
	./scripts/need memcached
	cd bench && GOWORK=off go test -timeout 1h $(TESTFLAGS) .

consumer:    ## release every module to throw-away tags, and do what the pages say about each; part of make test
	./scripts/consumer $(RELEASED)

docs:        ## write docs/adapters.md from what the adapters' tests do
	go test ./examples -run '^TestAdapters$$' -update

build:       ## build every module
	go build work

lint: fmt-check $(LINTER) vet bin/actionlint ## go vet, golangci-lint over every module, circles of files, actionlint
	for m in $(MODULES); do (cd $$m && ../$(LINTER) run ./...) || exit 1; done
	cd bench && GOWORK=off ../$(LINTER) run ./...
	go run scripts/circles.go -most 6 $$(go list -f '{{.Dir}}' ./core ./core/internal/...)
	bin/actionlint -shellcheck= -pyflakes= # not every machine has these two

vulnerabilities: bin/govulncheck ## known vulnerabilities that our code reaches, from https://vuln.go.dev
	for m in $(MODULES); do (cd $$m && ../$< ./...) || exit 1; done

bin/golangci-lint:   TOOL = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/actionlint:      TOOL = github.com/rhysd/actionlint/cmd/actionlint
bin/govulncheck:     TOOL = golang.org/x/vuln/cmd/govulncheck
bin/%: tools/go.mod # they need a newer Go than the modules do; auto fetches it, checked like any module
	GOWORK=off GOTOOLCHAIN=auto go build -C tools -o ../$@ $(TOOL)

fmt:         ## format
	gofmt -w $(MODULES) bench scripts

fmt-check:   ## fail if something is not formatted
	@test -z "$$(gofmt -l $(MODULES) bench scripts)" || { gofmt -d $(MODULES) bench scripts; exit 1; }

bench:       ## benchmarks, with allocations
	./scripts/need memcached
	go test -run '^$$' -bench . -benchmem work

bench-peers: ## one request with msm and with its peers, side by side
	./scripts/need memcached
	cd bench && GOWORK=off go test -run '^$$' -bench . .

fuzz:        ## every fuzz target for FUZZTIME
	./scripts/fuzz $(FUZZTIME) $(MODULES)

soak:        ## a sticky instance under full load with every node down for a minute, and ten thousand logouts among writers
	./scripts/need memcached
	go test ./core -run TestNoNodeAtFullLoad -down 1m -v
	go test -race ./core -run TestALogoutAmongSlowWriters -races 10000 -timeout 1h -v

chaos:       ## real memcached and real apps under faults for CHAOS, held to their times, and under each change once; on an idle machine
	./scripts/need memcached
	go test ./examples -run '^(TestChaos|TestChaosChanges|TestInstanceKilled)$$' -chaos $(CHAOS) -strict -v -timeout 2h

blips:       ## what short faults cost on real processes that hold SESSIONS; on a machine that does nothing else
	./scripts/need memcached
	go test ./examples -run '^TestBlips$$' -blips $(SESSIONS) -strict -v -timeout 2h

floods:      ## what strangers who send as much as they can cost the visitors, FLOODS=30s of each kind; on an idle machine
	./scripts/need memcached
	go test ./examples -run '^TestFloods$$' -floods $(FLOODS) -strict -v -timeout 2h

mutants:     ## take rules out of the code, one at a time, and see the simulations or tests notice; a few minutes
	go test ./core/internal/mutants -run '^TestMutants$$' -mutants -v -timeout 2h

sim:         ## the deterministic simulations: SEEDS seeds of copies, a fifth of that of whole requests, a tenth in sticky memory
	go test ./core/internal/sim/copies -run 'Seed$$' -seeds $(SEEDS) -timeout 1h -v
	go test ./core/internal/sim/requests -run 'Seed$$' -seeds $$(($(SEEDS) / 5)) -timeout 1h -v
	go test ./core/internal/sim/requests -run SeedsReplay -replays $$(($(SEEDS) / 50)) -timeout 1h -v
	go test ./core/internal/local -run 'Random$$' -seeds $$(($(SEEDS) / 10)) -timeout 1h -v
	go test ./core/internal/local -run RandomReplays -seeds $$(($(SEEDS) / 50)) -timeout 1h -v

tidy:        ## go mod tidy in every module, with the siblings of this tree
	./scripts/tidy $(MODULES)
	cd bench && GOWORK=off go mod tidy

tidy-check:  ## fail if make tidy would change something
	./scripts/tidy -check $(MODULES)
	cd bench && GOWORK=off go mod tidy -diff
