# Reeve's build. `make help` says what there is.
#
#   BUILD     where everything made goes (build); the only folder a build writes to
#   CC CFLAGS LDFLAGS  as usual;  SANITIZE=address,undefined builds with sanitizers
#   CJSON     lua-cjson's module (a .so of LuaRocks, say) in place of the system's library
#   T         for test and asan: only the tests whose path matches;  FUZZ_S  seconds a fuzz target
#   JOBS      compilers, and tests, at once (2)

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
JOBS    ?= 2
FUZZ_S  ?= 10

PACKAGES := make gcc pkg-config liblua5.4-dev lua-cjson-dev libcurl4-openssl-dev liblmdb-dev \
            libsodium-dev libssl-dev libmicrohttpd-dev libsqlite3-dev libzstd-dev lua5.4
TEST_PACKAGES := lua-busted lua-check libcmocka-dev curl jq openssl nghttp2-proxy tinyproxy sqlite3 zstd
# A SCIM server to test against and a stand-in of ConductorOne are run by Node.js, which many have from elsewhere.
TEST_PACKAGES += $(if $(shell command -v node 2>/dev/null),,nodejs) $(if $(shell command -v npm 2>/dev/null),,npm)
LIBRARIES := lua5.4 $(if $(CJSON),,lua5.4-cjson) libcurl lmdb libsodium libcrypto libmicrohttpd sqlite3 libzstd

CFLAGS  ?= -O2 -g
WARN    := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -fno-strict-aliasing -fstack-protector-strong
ifdef SANITIZE
CFLAGS  := -O1 -g -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
endif
# Silent here: where a library is missing, deps installs it, and the make below looks again.
LIBCFLAGS := $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LIBS      := $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null) $(CJSON) -lm -lpthread

# Lua goes into the program itself where its archives are there (both, or there would be two of it): calls into it are
# direct, and a start is a tenth shorter. Tests link the shared ones, whose own allocations torture leaves alone.
LUA_DIR := $(shell pkg-config --variable=libdir lua5.4 2>/dev/null)
PROGRAM_LIBS := $(LIBS)
ifeq ($(words $(CJSON) $(wildcard $(LUA_DIR)/liblua5.4.a $(LUA_DIR)/liblua5.4-cjson.a)),2)
PROGRAM_LIBS := $(patsubst -llua5.4%,-l:liblua5.4%.a,$(LIBS))
endif

HOST_C := $(wildcard engine/host/*/*.c)
API_C  := $(wildcard engine/api/*.c)
LUA    := $(wildcard engine/lua/*.lua engine/lua/*/*.lua)
HOST_O := $(HOST_C:%.c=$(BUILD)/%.o)
API_O  := $(API_C:%.c=$(BUILD)/%.o)
UNITS  := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/unit/test_*.c))
FUZZ   := $(patsubst spec/unit/%.c,%,$(wildcard spec/unit/fuzz_*.c))
CORPUS := $(FUZZ:%=$(BUILD)/spec/unit/test_%)
DATA   := $(shell find plugins scripts -name '*.lua' -o -name '*.md' -o -name '*.jsonl' 2>/dev/null | sort)
SHARE  := $(DESTDIR)$(PREFIX)/share

# The make that builds, once deps has seen to it that it can.
SUB = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.DEFAULT_GOAL := all
.SECONDARY:
.PHONY: all deps test-deps units test lint asan fuzz torture bench demo install help clean

all: deps ## build the program: build/reeve
	@$(SUB) $(BUILD)/reeve

$(BUILD)/reeve: $(HOST_O) $(API_O) $(BUILD)/engine/main.o $(BUILD)/embed.o
	$(CC) $(CFLAGS) -Wl,--as-needed -Wl,-z,relro $(LDFLAGS) -o $@ $^ $(PROGRAM_LIBS)

# All of the program but main(), for the unit tests. Of an archive only what is asked for is
# linked, so a test may include a .c file to reach what is static in it.
$(BUILD)/reeve.a: $(HOST_O) $(API_O) $(BUILD)/embed.o
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/spec/unit/%: $(BUILD)/spec/unit/%.o $(BUILD)/reeve.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# A fuzz target over its corpus alone is a test; spec/support/corpus.c is its main().
$(BUILD)/spec/unit/test_fuzz_%: $(BUILD)/spec/unit/fuzz_%.o $(BUILD)/spec/support/corpus.o $(BUILD)/reeve.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/spec/unit/fuzz_%: $(BUILD)/spec/unit/fuzz_%.o $(BUILD)/reeve.a
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/spec/drive: spec/support/drive.c
	@mkdir -p $(@D)
	$(CC) -O2 -g $(WARN) -o $@ $<

# What specs run waits for no disk.
$(BUILD)/spec/nosync.so: spec/support/nosync.c
	@mkdir -p $(@D)
	$(CC) -O2 -g $(WARN) -shared -fPIC -o $@ $< -ldl

# Runs a Lua file with the engine's modules, for specs of one module alone.
$(BUILD)/spec/host: $(BUILD)/spec/support/host.o $(BUILD)/reeve.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(LIBCFLAGS) -MMD -MP -c -o $@ $<

# Every Lua file of the engine as it is, byte for byte, so that line numbers stay true.
$(BUILD)/embed.c: $(LUA) engine/embed.sh Makefile
	@mkdir -p $(@D)
	sh engine/embed.sh $(LUA) > $@

$(BUILD)/embed.o: $(BUILD)/embed.c $(LUA)
	$(CC) $(CFLAGS) $(WARN) -c -o $@ $<

units: $(UNITS) $(CORPUS) $(BUILD)/spec/drive $(BUILD)/spec/host $(BUILD)/spec/nosync.so

# Where npm finds no registry the specs that need it are skipped, and say so.
export REEVE_SCIMMY := $(abspath $(BUILD)/scimmy)
$(BUILD)/scimmy/ready: $(wildcard spec/support/scimmy/*)
	@rm -f $@ && mkdir -p $(@D) && cp $^ $(@D)
	@if cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 > log 2>&1; then touch ready; \
	    else echo "npm could not install scimmy (log: $(@D)/log): specs that need it are skipped" >&2; fi

test: test-deps ## run all tests; T=PATTERN: those whose path matches
	@$(SUB) $(BUILD)/reeve units $(BUILD)/scimmy/ready
	@JOBS=$(JOBS) sh spec/support/test.sh $(BUILD) "$(T)"

lint: test-deps ## luacheck, gcc and clang with -Werror, cppcheck and mandoc where installed
	@BUILD=$(BUILD) sh spec/support/lint.sh $(LUA) $(filter %.lua,$(DATA))

asan: test-deps $(BUILD)/scimmy/ready ## run all tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(SUB) BUILD=$(BUILD)/asan SANITIZE=address,undefined $(BUILD)/asan/reeve units
	@ASAN_OPTIONS=detect_leaks=1:disable_coredump=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	    JOBS=$(JOBS) REEVE_TEST_LIMIT=600 REEVE_SANITIZED=1 sh spec/support/test.sh $(BUILD)/asan "$(T)"

fuzz: test-deps ## run the fuzz targets, FUZZ_S seconds each (needs clang)
	@command -v clang >/dev/null || { echo "make fuzz needs clang: apt-get install clang"; exit 1; }
	@$(SUB) CC=clang BUILD=$(BUILD)/fuzz SANITIZE=fuzzer-no-link,address,undefined \
	    $(FUZZ:%=$(BUILD)/fuzz/spec/unit/%)
	@sh spec/support/fuzz.sh $(BUILD)/fuzz $(FUZZ_S) $(FUZZ:fuzz_%=%)

bench: test-deps ## measure speed and memory on 100,000 and 400,000 users, beside the goals
	@$(SUB) $(BUILD)/reeve $(BUILD)/spec/drive $(BUILD)/spec/host
	@REEVE_BIN=$(CURDIR)/$(BUILD)/reeve lua5.4 spec/bench/bench.lua

demo: deps ## the main job by the real commands, on a simulated workspace; everything in build/demo
	@$(SUB) $(BUILD)/reeve
	@sh spec/support/demo.sh $(BUILD)

torture: test-deps ## let each allocation, store, network and file call fail in turn
	@$(SUB) $(BUILD)/reeve $(BUILD)/spec/drive
	@$(SUB) BUILD=$(BUILD)/torture SANITIZE=address,undefined $(BUILD)/torture/tortured
	@REEVE_BIN=$(CURDIR)/$(BUILD)/reeve lua5.4 spec/support/torture.lua $(CURDIR)/$(BUILD)/torture/tortured "$(or $(T),.)"

# The whole program, with calls that fail on demand: see spec/unit/torture.c.
$(BUILD)/tortured: $(BUILD)/spec/unit/torture.o $(BUILD)/engine/main.o $(BUILD)/reeve.a
	$(CC) $(CFLAGS) $(shell sh spec/support/wraps.sh spec/unit/torture.c) $(LDFLAGS) -o $@ $^ $(LIBS)

install: all ## install under PREFIX (/usr/local), below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/bash-completion/completions \
	    $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	install -m 755 $(BUILD)/reeve $(DESTDIR)$(PREFIX)/bin/reeve
	@for file in $(DATA); do echo install $$file; \
	    install -D -m 644 $$file $(SHARE)/reeve/$$file || exit 1; done
	install -D -m 644 engine/reeve.1 $(SHARE)/man/man1/reeve.1
	$(BUILD)/reeve completion bash > $(SHARE)/bash-completion/completions/reeve
	$(BUILD)/reeve completion zsh > $(SHARE)/zsh/site-functions/_reeve
	$(BUILD)/reeve completion fish > $(SHARE)/fish/vendor_completions.d/reeve.fish

# Silent where everything is there; else says what it installs, and installs it.
deps:
	@sh engine/deps.sh $(PACKAGES)

test-deps:
	@sh engine/deps.sh $(PACKAGES) $(TEST_PACKAGES)

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

-include $(HOST_O:.o=.d) $(API_O:.o=.d) $(BUILD)/engine/main.d $(UNITS:=.d) $(FUZZ:%=$(BUILD)/spec/unit/%.d)
