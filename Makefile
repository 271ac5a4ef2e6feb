# Verbs; "make" alone lists them.

SHELL   := bash
GO      ?= go
VERSION ?= $(or $(patsubst v%,%,$(shell git describe --tags --match 'v[0-9]*' 2>/dev/null)),0.2.0)

# ARCH=arm64 builds with Debian's cross compiler, into build/arm64.
ifeq ($(ARCH),arm64)
  OUT   := build/arm64
  CROSS := GOARCH=arm64 CC=aarch64-linux-gnu-gcc
  CC    := aarch64-linux-gnu-gcc
else
  OUT   := build
endif

NATIVE  := $(shell $(GO) env GOHOSTARCH)
CGO_C   := -O2 -g -DNSGFLOW_VERSION=$(VERSION)
LDFLAGS := -s -w

# PORTABLE=1 is for packages: the object asks for an old glibc wherever it is
# built, and is the same bytes. Newer glibcs have these libraries, too, empty. The
# sum is for Go's cache, which knows the flags, not what they include.
ifdef PORTABLE
  OUT      := build/portable/$(or $(ARCH),$(NATIVE))
  CGO_C    += -include $(CURDIR)/plugin/package/glibc.h -DNSGFLOW_SUM=$(firstword $(shell cksum plugin/package/glibc.h))
  LDFLAGS  += -buildid=
  OLD_LIBS := CGO_LDFLAGS='-Wl,--no-as-needed,-l:libpthread.so.0,-l:libdl.so.2,-l:libresolv.so.2,--as-needed'
  NO_VCS   := -buildvcs=false
endif

OBJECT  := $(OUT)/flb-filter_nsgflow.so
PROGRAM := $(OUT)/nsgflow
# The inputs are the same file by other names: a copy would be a second Go
# runtime. in_nsgflow.so is for hosts that the native input does not know.
INPUTS  := $(OUT)/flb-in_nsgflow.so $(OUT)/in_nsgflow.so
HOSTS   := $(OUT)/host-96 $(OUT)/host-104 $(OUT)/input-host
SOURCES := go.mod go.sum Makefile plugin/default.pgo $(wildcard plugin/*.[ch]) plugin/package/glibc.h \
           $(shell find nsgflow plugin -name '*.go' ! -name '*_test.go' -o -name '*.s')

# Packages are for this machine's architecture, and for arm64 where its compiler is.
ARCHES   ?= $(NATIVE) $(if $(filter-out arm64,$(NATIVE)),$(if $(shell command -v aarch64-linux-gnu-gcc),arm64))
PACKAGES ?= build/package

# Of a host with the package.
PREFIX  ?= /etc/fluent-bit/nsgflow
PLUGINS ?= /usr/lib/fluent-bit
STORAGE ?= /var/lib/fluent-bit
LOGS    ?= /var/log/flow-logs

FUZZTIME ?= 30s
CUTS     ?= 50
TIME     ?= 100m

.PHONY: always help build hosts run demo picture check test bench profile fuzz soak powercut trouble package install-conf release generate lint clean
.DELETE_ON_ERROR:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

build: $(OBJECT) $(INPUTS) $(PROGRAM) ## the shared object and the program nsgflow, in build/ (ARCH=arm64: cross-built, in build/arm64/)

# Written aside and renamed: an agent or a test may have the old one open.
$(OBJECT): $(SOURCES) $(OUT)/version
	@mkdir -p $(OUT)/new
	@echo "building $@" >&2
	@$(CROSS) $(OLD_LIBS) CGO_ENABLED=1 CGO_CFLAGS='$(CGO_C)' $(GO) build -buildmode=c-shared -trimpath $(NO_VCS) \
		-ldflags "$(LDFLAGS)" -o $(OUT)/new/flb-filter_nsgflow.so ./plugin
	@mv $(OUT)/new/flb-filter_nsgflow.so $@ && rm -r $(OUT)/new

$(INPUTS): | $(OBJECT)
	@ln -sf $(notdir $(OBJECT)) $@

# Static: it needs no libc.
$(PROGRAM): $(SOURCES) $(OUT)/version
	@mkdir -p $(OUT)
	@$(CROSS) CGO_ENABLED=0 $(GO) build -trimpath $(NO_VCS) -pgo $(CURDIR)/plugin/default.pgo \
		-ldflags '-s -w -X main.version=$(VERSION)$(if $(PORTABLE), -buildid=)' -o $@.new ./nsgflow/cmd/nsgflow
	@mv $@.new $@

# What is left of -v: which Fluent Bits, what is skipped and why, what fails.
QUIET := ^ *(=== (RUN|PAUSE|CONT|NAME)|--- PASS)|^PASS$$|no test files

# Newer than the object only where the version has changed.
$(OUT)/version: always
	@mkdir -p $(OUT)
	@echo $(VERSION) | cmp -s - $@ || echo $(VERSION) > $@

hosts: $(HOSTS)

$(OUT)/host-%: $(wildcard test/host/*.[ch])
	@mkdir -p $(OUT)
	@$(CC) -O2 -g -Wall -Wextra -rdynamic -DSTRIDE=$* -o $@.new $(filter %.c,$^) -ldl -lpthread
	@mv $@.new $@

$(OUT)/input-host: $(wildcard test/host/input/*.[ch])
	@mkdir -p $(OUT)
	@$(CC) -O2 -g -Wall -Wextra -rdynamic -o $@.new $(filter %.c,$^) -ldl -lpthread
	@mv $@.new $@

# What users name goes through the environment: no shell reads it.
run: export FILE := $(FILE)
run: export SCHEMA := $(SCHEMA)
run: export AGGREGATE := $(AGGREGATE)
run: build ## the sample flow logs as events, one JSON object a line (FILE=… others, SCHEMA=ecs, AGGREGATE=service)
	@$(GO) run ./test/run

demo: ## an hour of flow logs in VictoriaLogs, with answers and a page to look at (PORT=9428)
	@mkdir -p build/demo
	@$(GO) build -o build/demo/demo ./test/demo # not "go run", which fails after Ctrl-C
	@exec build/demo/demo $(if $(PORT),-port $(PORT))

# The store of the demo, by the version in its own go.mod.
build/demo/victoria-logs: test/demo/victorialogs/go.mod test/demo/victorialogs/go.sum
	@mkdir -p $(@D)
	@cd $(<D) && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs

# What outputs are tested with, by the versions in its own go.mod.
build/test/collector: test/outputs/collector/main.go test/outputs/collector/go.mod test/outputs/collector/go.sum
	@mkdir -p $(@D)
	@cd $(<D) && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ .

picture: ## docs/demo.png anew: the demo's page in Chromium
	NSGFLOW_PICTURE=$(CURDIR)/docs/demo.png $(GO) test -count 1 -v -run '^TestPage$$' ./test/demo

check: lint ## what to run after each change: lint, and the tests of the flow logs and of the plugin's Go, but for files that are replaced under load
	@GOGC=400 CGO_ENABLED=0 $(GO) test -vet off -count 1 -short -skip Replaced $$($(GO) list ./nsgflow/... ./plugin/... | grep -v '/storage')

# The race detector is for Go of ours that runs in the tests' own process. What
# starts agents and hosts waits for them: more packages at a time than cores.
# The longest begin first: nothing is left to run alone at the end.
RACED := ./nsgflow/storage ./nsgflow/... ./plugin ./test/azure
ROOMS  = ./test/input ./test/pipeline ./test/outputs $$($(GO) list ./test/... | grep -v '/test/azure$$')
TEST   = $(GO) test -count 1 -short -v -timeout 20m
SHOWN  = 2>&1 | grep --line-buffered -vE '$(QUIET)'

test: lint build hosts ## everything: race detector, pipelines in the Fluent Bits found, leaks, arm64
	@$(foreach arch,$(filter-out $(NATIVE),$(ARCHES)),$(MAKE) --no-print-directory ARCH=$(arch) build hosts &&) true
	CGO_ENABLED=0 $(GO) test -count 1 -timeout 5m -pgo $(CURDIR)/plugin/default.pgo ./nsgflow ./plugin/...
	@set -o pipefail; $(TEST) -race -parallel 4 $(RACED) $(SHOWN)
	@set -o pipefail; CGO_ENABLED=0 $(TEST) -p 3 $(ROOMS) $(SHOWN)

bench: build hosts ## what a flow costs, beside a floor, a Lua filter and a copy (BENCHFLAGS=-update: into docs/performance.md)
	$(GO) run ./test/bench $(BENCHFLAGS)
	@$(if $(findstring -update,$(BENCHFLAGS)),$(GO) run ./plugin/gen)

profile: ## plugin/default.pgo anew, from the benchmarks: the compiler builds the object by it
	$(GO) test -run '^$$' -bench 'Chunk/v2-dense|Chunk/vnet-dense|Context' -benchtime 500ms -trimpath -cpuprofile plugin/default.pgo -o /dev/null ./test/bench

fuzz: ## every fuzzer for FUZZTIME (30s)
	@for package in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		for fuzzer in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$fuzzer\$$" -fuzzminimizetime 1x -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

soak: build hosts ## the long forms of tests, by the table in test/soak, until one fails: some hours (LONG="kills=100 stops": these)
	@$(GO) run ./test/soak/cmd $(LONG)

powercut: build ## a virtual machine with the agent whose power is cut CUTS (50) times
	@$(GO) run ./test/soak/cmd cuts=$(CUTS)

trouble: build ## the input for TIME (100m) with a fault of another kind every 20 s (SEED=…: those of another run)
	@NSGFLOW_SEED=$(SEED) $(GO) run ./test/soak/cmd trouble=$(TIME)

package: export SIGN := $(SIGN)
package: export MAINTAINER := $(MAINTAINER)
package: ## deb, rpm and tar.gz for amd64 and arm64, checksums and SBOM, in build/package/ (SIGN=key, MAINTAINER='Name <mail>')
	@plugin/package/can-sign
	@$(foreach arch,$(ARCHES),$(MAKE) --no-print-directory build PORTABLE=1 ARCH=$(arch) &&) true
	@$(if $(filter arm64,$(ARCHES)),,echo "skipped arm64: there is no aarch64-linux-gnu-gcc" >&2)
	@plugin/package/pack $(PACKAGES) $(VERSION) $(ARCHES:%=build/portable/%)

install-conf: export PREFIX := $(PREFIX)
install-conf: export PLUGINS := $(PLUGINS)
install-conf: export STORAGE := $(STORAGE)
install-conf: export LOGS := $(LOGS)
install-conf: ## the configurations with a host's paths, into PREFIX (PLUGINS=… STORAGE=… LOGS=…)
	@plugin/package/install-conf "$$PREFIX" "$$PREFIX" "$$PLUGINS" "$$STORAGE" "$$LOGS"
	@echo "the configurations are in $$PREFIX" >&2

release: ## VERSION=x.y.z: checks everything, packs, says what to tag
	@GO='$(GO)' plugin/package/release '$(if $(findstring command,$(origin VERSION)),$(VERSION))'

generate: ## what follows from the code's tables: C headers, index templates, parts of README and docs
	@$(GO) run ./plugin/gen
	@$(GO) run ./test/savings
	@$(GO) run ./test/bill

lint: ## go vet, gofmt
	$(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }

clean: ## remove build/
	rm -rf build
