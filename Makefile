# Reeve's build. `make help` says what there is.
#
#   BUILD     where everything made goes (build); the only folder a build writes to
#   CC CFLAGS LDFLAGS  as usual;  SANITIZE=address,undefined builds with sanitizers

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
VERSION := $(shell sed -n 's/^return "\(.*\)"/\1/p' engine/lua/version.lua)

PACKAGES := make gcc pkg-config liblua5.4-dev lua-cjson-dev libcurl4-openssl-dev liblmdb-dev \
            libsodium-dev libmicrohttpd-dev lua5.4
TEST_PACKAGES := lua-busted lua-check libcmocka-dev curl jq openssl nghttp2-proxy tinyproxy
LIBRARIES := lua5.4 lua5.4-cjson libcurl lmdb libsodium libmicrohttpd

CFLAGS  ?= -O2 -g
WARN    := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -fno-strict-aliasing -fstack-protector-strong
ifdef SANITIZE
CFLAGS  := -O1 -g -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
endif
LIBCFLAGS = $(shell pkg-config --cflags $(LIBRARIES))
LIBS      = $(shell pkg-config --libs $(LIBRARIES)) -lm -lpthread

HOST_C := $(wildcard engine/host/*.c)
API_C  := $(wildcard engine/api/*.c)
LUA    := $(wildcard engine/lua/*.lua engine/lua/*/*.lua)
HOST_O := $(HOST_C:%.c=$(BUILD)/%.o)
API_O  := $(API_C:%.c=$(BUILD)/%.o)
UNITS  := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/unit/test_*.c))

.DEFAULT_GOAL := all
.SECONDARY:
.PHONY: all deps test-deps units test help clean

all: deps ## build the program: build/reeve
	@$(MAKE) --no-print-directory $(BUILD)/reeve

$(BUILD)/reeve: $(HOST_O) $(API_O) $(BUILD)/engine/main.o $(BUILD)/embed.o
	$(CC) $(CFLAGS) -Wl,--as-needed -Wl,-z,relro $(LDFLAGS) -o $@ $^ $(LIBS)

# All of the program but main(), for the unit tests. Of an archive only what is asked for is
# linked, so a test may include a .c file to reach what is static in it.
$(BUILD)/reeve.a: $(HOST_O) $(API_O) $(BUILD)/embed.o
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/spec/unit/%: $(BUILD)/spec/unit/%.o $(BUILD)/reeve.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

$(BUILD)/spec/drive: spec/support/drive.c
	@mkdir -p $(@D)
	$(CC) -O2 -g $(WARN) -o $@ $<

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

units: $(UNITS) $(BUILD)/spec/drive $(BUILD)/spec/host

test: test-deps ## run all tests; T=PATTERN: those whose path matches
	@$(MAKE) --no-print-directory $(BUILD)/reeve units
	@sh spec/support/test.sh $(BUILD) "$(T)"

# Silent where everything is there; else says what it installs, and installs it.
deps:
	@sh engine/deps.sh $(PACKAGES)

test-deps:
	@sh engine/deps.sh $(PACKAGES) $(TEST_PACKAGES)

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

-include $(HOST_O:.o=.d) $(API_O:.o=.d) $(BUILD)/engine/main.d $(UNITS:=.d)
