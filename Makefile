# Every command of the workshop. `make` alone lists them.

# Pinned with checksums apart from go.mod, so that a linter never decides a version of ours.
STATICCHECK = go tool -modfile=.ci/tools.mod staticcheck
GOFILES     = git ls-files -z --cached --others --exclude-standard '*.go'

.DEFAULT_GOAL := help
.PHONY: help run build test test/race lint bench soak golden sim migrate clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## run everything on this machine: PostgreSQL, broker, API and a seeded marketplace
	@go run ./cmd/sluice dev

build: ## build bin/sluice
	go build -trimpath -o bin/sluice ./cmd/sluice

test: ## run the whole suite; it brings its own PostgreSQL and broker
	go test -timeout 20m ./...

test/race: ## run the whole suite under the race detector
	go test -race -timeout 30m ./...

lint: ## check formatting, go vet and staticcheck
	@unformatted=$$($(GOFILES) | xargs -0 gofmt -l) && test -z "$$unformatted" || \
		{ echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

bench: ## measure charges per second on a private PostgreSQL and broker, against the floor
	go run ./cmd/sluice bench charges --floor

soak: ## the fault runs whole, on the embedded broker and on Apache Kafka: about half an hour; SLUICE_SOAK_OUTAGE=1m shortens it
	@.ci/soak

golden: ## rewrite the golden files from what the code says now; read the diff before committing
	SLUICE_GOLDEN=write go test -count=1 ./...

sim: ## replay one simulated world: make sim SEED=42
	SLUICE_SIM_SEED=$(SEED) go test -count=1 -v -timeout 30m -run '^TestSimulation' ./cmd/sluice/...

migrate: ## bring the configured database's schema up to date
	go run ./cmd/sluice migrate

clean: ## remove what build and run left here, sandbox data included
	rm -rf bin .sluice
