# SPDX-License-Identifier: MIT
# porterd: GNU make, no configure step. `make help` lists the targets.
# From outside: CC, CFLAGS, CPPFLAGS, LDFLAGS (added to ours), PREFIX and the directories below (LIBDIR for
# libporter and its pkg-config file), DESTDIR, V=1, VARIANT=release|asan|cov|fuzz|clang, BUILD_ROOT, JOBS.
NAME       := porterd
VERSION    := 0.1.0
# Of libporter: the first number is that of its soname and changes when programs must be linked anew.
LIBPORTER  := 1.0
PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR     ?= $(PREFIX)/lib
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
LIBEXECDIR ?= $(PREFIX)/libexec/porterd
SYSCONFDIR ?= /etc/porterd
LOGDIR     ?= /var/log/porterd
RUNDIR     ?= /run/porterd
INITDIR    ?= /etc/init.d
UNITDIR    ?= /lib/systemd/system
VARIANT    ?= release
BUILD_ROOT ?= build
BUILD      := $(BUILD_ROOT)/$(VARIANT)
JOBS       ?= $(shell nproc)
V          ?= 0
Q          := $(if $(filter 0,$(V)),@)
say         = $(if $(filter 0,$(V)),@printf '  %-5s %s\n' $(1) $(2))
CC.clang   := clang
CC.fuzz    := clang
ifeq ($(origin CC),default)
CC         := $(or $(CC.$(VARIANT)),gcc)
endif
.DEFAULT_GOAL := all

# Packages: the goals that build look for what is missing; run and the checks install it and go on in a new make.
GOALS   := $(or $(MAKECMDGOALS),all)
TESTING := check check-unit check-functional check-system
SELF    := run $(TESTING)
OTHER   := all programs man install install-examples bench fuzz lint valgrind
ifneq ($(filter $(SELF) $(OTHER),$(GOALS)),)
MISSING := $(shell sh tests/tools/packages.sh missing '$(CC)' $(if $(filter $(TESTING) valgrind,$(GOALS)),check,build))
endif
ifneq ($(MISSING),)
$(filter $(SELF),$(GOALS)):
	@sh tests/tools/packages.sh install $(MISSING)
	@$(MAKE) --no-print-directory $@
$(filter-out $(SELF),$(GOALS)):
	@echo "porterd: these packages are missing, please install them: $(MISSING)" >&2; exit 1
else # the rest of this file

WARN    := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wcast-qual \
           -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough -Wnull-dereference
HARDEN  := -fPIE -fstack-protector-strong
RELRO   := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
# Flags that not every compiler or processor has: each is tried once.
try      = $(shell for f in $(1); do $(CC) -Werror $$f -c -x c /dev/null -o /dev/null 2>/dev/null && echo $$f; done)
PROBED  := $(call try,-fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero \
           -fzero-call-used-regs=used-gpr -Wduplicated-cond -Wlogical-op)
OPT.release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
OPT.clang   := $(OPT.release)
OPT.asan    := -O1 -g -fno-omit-frame-pointer
OPT.fuzz    := $(OPT.asan)
OPT.cov     := -O0 -g
SAN.asan    := -fsanitize=address,undefined -fno-sanitize-recover=all
SAN.fuzz    := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SAN.cov     := --coverage
SAN         := $(SAN.$(VARIANT))

# hosts.allow and hosts.deny are for machines that have libwrap (Debian package libwrap0-dev).
WRAP    := $(shell printf '\043include <tcpd.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo -lwrap)
DEFS    := -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DWITH_LIBWRAP=$(if $(WRAP),1,0)
# Built-in paths, for the few files that name them: another PREFIX builds no others again.
PATH_DEFS  := -DCONFIG_FILE='"$(SYSCONFDIR)/porterd.conf"' -DRUN_DIR='"$(RUNDIR)"' -DLIBEXEC_DIR='"$(LIBEXECDIR)"'
PATH_USERS := $(shell grep -lwE 'CONFIG_FILE|RUN_DIR|LIBEXEC_DIR' src/*/*.c tests/*/*.c)
TEST_DEFS := -DTESTS_DIR='"$(abspath tests)"' -DEXAMPLES_DIR='"$(abspath examples)"' -DSRC_ROOT='"$(CURDIR)"' \
           -DBUILD_DIR='"$(abspath $(BUILD))"' -DPORTERD='"$(abspath $(BUILD))/$(NAME)"' -DPORTERCTL='"$(abspath $(BUILD))/porterctl"' -Itests -Itests/unit
ALL_CPPFLAGS = -Isrc -Iinclude $(DEFS) -MMD -MP $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu11 $(OPT.$(VARIANT)) $(WARN) $(HARDEN) $(PROBED) $(SAN) $(CFLAGS)
ALL_LDFLAGS  = -pie $(RELRO) $(SAN) $(LDFLAGS)
LIBS        := $(or $(shell pkg-config --libs libconfuse jansson 2>/dev/null),-lconfuse -ljansson)
CHECK_LIBS   = $(or $(shell pkg-config --libs check),-lcheck)

SRC     := $(filter-out src/helpers/%,$(wildcard src/*/*.c))
LIB     := $(BUILD)/lib$(NAME).a
BIN     := $(BUILD)/$(NAME)
CTL     := $(BUILD)/porterctl
GATE    := $(BUILD)/porter-gate
COMPLETION := $(patsubst %,$(BUILD)/completion/%,bash zsh fish)
object   = $(patsubst %.c,$(BUILD)/%.o,$(1))
SUPPORT := $(call object,$(wildcard tests/unit/suite.c))
DRIVER  := $(call object,$(filter-out tests/functional/test_%,$(wildcard tests/functional/*.c)))
UNIT    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
FUNC    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/functional/test_*.c))
HELPERS := $(patsubst tests/functional/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/functional/programs/*.c))
HELPERS += $(patsubst tests/functional/preload/%.c,$(BUILD)/tests/preload/%.so,$(wildcard tests/functional/preload/*.c))
EXAMPLES := $(patsubst examples/programs/%.c,$(BUILD)/examples/%,$(wildcard examples/programs/*.c))
WORKERS := $(patsubst examples/workers/%.c,$(BUILD)/examples/workers/%,$(wildcard examples/workers/*.c))
EXAMPLES += $(WORKERS)
LIBRARY := $(BUILD)/libporter.a $(BUILD)/libporter.so.$(LIBPORTER)
LIBRARY_OBJECTS := $(patsubst src/lib/%.c,$(BUILD)/libporter/%.o,$(wildcard src/lib/*.c))
FORK    := $(FUNC)
SYSTEM  := $(filter-out tests/system/bare.sh,$(wildcard tests/system/*.sh))
FUZZ    := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY  := $(FUZZ:%=$(BUILD)/tests/fuzz/replay_%)
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BIN) $(CTL) $(GATE) $(COMPLETION) $(LIBRARY) ## build the daemon, porterctl and libporter

# Everything is built again when the compiler or the flags change.
$(BUILD)/flags $(BUILD)/paths: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$PORTER_FLAGS" | cmp -s - $@ || printf '%s\n' "$$PORTER_FLAGS" >$@
$(BUILD)/flags: export PORTER_FLAGS = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/paths: export PORTER_FLAGS = $(PATH_DEFS)
$(call object,$(PATH_USERS)): $(BUILD)/paths
$(call object,$(PATH_USERS)): private ALL_CPPFLAGS += $(PATH_DEFS)
$(BUILD)/src/%.o: src/%.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@
$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(TEST_DEFS) $(ALL_CFLAGS) -c $< -o $@
$(LIB): $(call object,$(SRC))
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BIN) $(CTL): $(BUILD)/%: $(BUILD)/src/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
$(GATE): $(call object,src/helpers/porter-gate.c src/helpers/libwrap$(if $(WRAP),,_none).c) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(WRAP) $(LIBS) -o $@
# Completion for shells is made of porterctl's own tables.
$(COMPLETION): $(BUILD)/completion/%: $(CTL)
	@mkdir -p $(@D)
	$(Q)$(CTL) completion $* >$@
$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(SUPPORT) $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) $(LIBS) -o $@
$(BUILD)/tests/functional/test_%: $(BUILD)/tests/functional/test_%.o $(DRIVER) $(SUPPORT) $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(CHECK_LIBS) $(LIBS) -o $@
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(LIB)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ $(LIBS) -o $@
# Programs that the daemon starts: never with sanitizers; those of the tests without libraries, so that they run in a
# bare chroot.
PLAIN = $(CC) -Isrc -Iinclude -D_GNU_SOURCE -MMD -MP -std=gnu11 -O2 -g $(WARN)
$(BUILD)/tests/programs/%: tests/functional/programs/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(PLAIN) $(TEST_DEFS) $< -static -o $@ 2>/dev/null || $(PLAIN) $(TEST_DEFS) $< -o $@
$(BUILD)/tests/preload/%.so: tests/functional/preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(PLAIN) $(TEST_DEFS) -fPIC -shared $< -o $@ -ldl
$(BUILD)/examples/%: examples/programs/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(PLAIN) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< -o $@
$(WORKERS): $(BUILD)/examples/workers/%: examples/workers/%.c $(BUILD)/libporter.a
	@mkdir -p $(@D)
	$(Q)$(PLAIN) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< $(BUILD)/libporter.a -o $@
# libporter: for programs of others, so never with sanitizers; fit for both kinds of library.
$(BUILD)/libporter/%.o: src/lib/%.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(PLAIN) $(CPPFLAGS) $(OPT.release) $(HARDEN) $(PROBED) -fPIC $(CFLAGS) -c $< -o $@
$(BUILD)/libporter.a: $(LIBRARY_OBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/libporter.so.$(LIBPORTER): $(LIBRARY_OBJECTS) src/lib/libporter.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,libporter.so.$(basename $(LIBPORTER)) -Wl,--version-script=src/lib/libporter.map \
	  -Wl,-z,defs $(RELRO) $(LDFLAGS) $(LIBRARY_OBJECTS) -o $@

programs: $(HELPERS) $(EXAMPLES) $(LIBRARY)
run: $(BIN) $(CTL) $(GATE) $(EXAMPLES)                ## serve the demo on loopback ports until Ctrl-C
	@exec sh examples/demo/run.sh $(BIN) $(BUILD)/examples $(BUILD)/demo
RUN = PORTERD='$(abspath $(BIN))' PORTERCTL='$(abspath $(CTL))' BUILD_DIR='$(abspath $(BUILD))' SRC_ROOT='$(CURDIR)' MAKE='$(MAKE)' JOBS='$(JOBS)' \
      V='$(V)' sh tests/run.sh
check: $(UNIT) $(FUNC) $(REPLAY) $(BIN) $(CTL) $(GATE) $(COMPLETION) $(HELPERS) $(EXAMPLES) $(LIBRARY) ## run every test
	$(Q)$(RUN) unit $(UNIT) functional $(FUNC) fork $(FORK) replay $(REPLAY) system $(SYSTEM)
check-unit: $(UNIT) $(GATE) $(HELPERS)         ## run the unit tests
	$(Q)$(RUN) unit $(UNIT)
check-functional: $(FUNC) $(BIN) $(CTL) $(GATE) $(HELPERS) $(EXAMPLES) ## run the tests of the built daemon
	$(Q)$(RUN) functional $(FUNC)
check-system: $(BIN) $(CTL) $(GATE) $(COMPLETION) $(HELPERS) $(EXAMPLES) $(LIBRARY) ## run the shell tests: install, init script, demo, manual
	$(Q)$(RUN) system $(SYSTEM)
# Shell tests look at text and files more than at memory: those that load the daemon and its reader are enough.
asan:                                  ## run the tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory VARIANT=asan FORK= SYSTEM='$(patsubst %,tests/system/%.sh,corpus micro soak soak_pool soak_upgrade)' check
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect,possible \
           --errors-for-leak-kinds=definite,indirect,possible
# valgrind lets no limit of descriptors be restored, knows no openat2 and no pidfd_open, keeps signals from calls that wait, is larger than
# what its tests compare themselves with, and clones nothing that shares memory; and the numbers of the journal go on from test to test in one process: these
# programs cannot run there. The last three try things by the ten thousand, which takes minutes there.
VALGRIND_UNIT := $(filter-out %/test_launch %/test_porter_gate %/test_lookup %/test_warm %/test_linger %/test_activity %/test_journal \
                 %/test_leftover %/test_upgrade_state %/test_address_files %/test_names %/test_start %/test_ban %/test_inetd %/test_pool_size,$(UNIT))
VALGRIND_FUNC := $(BUILD)/tests/functional/test_serve
valgrind: $(VALGRIND_UNIT) $(VALGRIND_FUNC) $(BIN) $(CTL) $(GATE) $(HELPERS) ## run the unit tests and a functional one under valgrind
	$(Q)CK_FORK=no UNDER='$(VALGRIND)' $(RUN) unit $(VALGRIND_UNIT)
	$(Q)PORTERD_WRAPPER='$(VALGRIND)' $(RUN) functional $(VALGRIND_FUNC)
coverage:                              ## run every test, then report which lines ran
	$(Q)$(MAKE) --no-print-directory VARIANT=cov check
	$(Q)gcovr --root . --filter src/ --print-summary $(BUILD_ROOT)/cov
fuzz:                                  ## fuzz every target for FUZZ_S seconds (clang)
	$(Q)set -e; for f in $(FUZZ); do $(MAKE) --no-print-directory VARIANT=fuzz $(BUILD_ROOT)/fuzz/fuzz_$$f; \
	  new=$(BUILD_ROOT)/fuzz/$$f; mkdir -p $$new; $(BUILD_ROOT)/fuzz/fuzz_$$f -max_total_time=$(or $(FUZZ_S),30) \
	    -close_fd_mask=3 -artifact_prefix=$$new- $$new tests/fuzz/corpus/$$f; done
lint: $(BIN) $(CTL)                           ## format, clang-tidy, cppcheck, shell scripts, manual, layers
	$(Q)JOBS='$(JOBS)' sh tests/tools/lint.sh $(BIN)
analyze:                               ## report of gcc -fanalyzer and of clang's analyzer
	$(Q)clang-tidy --quiet '--checks=-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling' \
	  $(SRC) -- $(ALL_CPPFLAGS) $(PATH_DEFS) -std=gnu11 || :
	$(Q)$(MAKE) --no-print-directory CC=gcc BUILD_ROOT=$(BUILD_ROOT)/analyze CFLAGS='-fanalyzer $(CFLAGS)' all
format:                                ## rewrite the sources in house style
	$(Q)clang-format -i $$(find src include tests examples -name '*.[ch]')
man: $(BIN)                            ## write the attribute list of man/porterd.conf.5 anew
	$(Q)sh tests/tools/attribute_list.sh write $(BIN) man/porterd.conf.5
BENCH   := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
# Without a C library only where src/base/raw.h knows the processor.
ifeq ($(filter x86_64-% aarch64-%,$(shell $(CC) -dumpmachine)),)
BENCH   := $(filter-out %/tiny,$(BENCH))
endif
BENCH_FLAGS := -static
$(BUILD)/tests/bench/tiny: private BENCH_FLAGS := -static -nostdlib -mgeneral-regs-only -fno-stack-protector \
  -fno-asynchronous-unwind-tables -s -Wl,--build-id=none,-n,-z,noseparate-code
$(BUILD)/tests/bench/address_list: $(patsubst %,src/base/%.c,addr ip_set mem prefix)
$(BUILD)/tests/bench/load: $(wildcard tests/bench/load/*.[ch])
$(BUILD)/tests/bench/bare: $(wildcard tests/bench/bare/*.[ch])
$(BENCH): $(BUILD)/tests/bench/%: tests/bench/%.c $(BUILD)/libporter.a $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(PLAIN) -Itests/bench $(BENCH_FLAGS) $(filter %.c %.a,$^) -lm -o $@
BENCH   += $(BUILD)/tests/bench/echo_dynamic
$(BUILD)/tests/bench/%_dynamic: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(PLAIN) $< -o $@
check check-system: $(BENCH)
bench: $(BIN) $(CTL) $(GATE) $(BENCH) $(EXAMPLES) ## measure PARTS (all) of what tests/bench/README.md describes
	$(Q)PORTERD='$(abspath $(BIN))' PORTERCTL='$(abspath $(CTL))' BENCH_DIR='$(abspath $(BUILD))/tests/bench' \
	  python3 -B tests/bench/bench.py --plots '$(abspath $(BUILD_ROOT))/bench' $(BENCH_OPTIONS) $(PARTS)
PATHS = NAME='$(NAME)' DESTDIR='$(DESTDIR)' SBINDIR='$(SBINDIR)' BINDIR='$(BINDIR)' INCLUDEDIR='$(INCLUDEDIR)' \
        LIBDIR='$(LIBDIR)' LIBPORTER='$(LIBPORTER)' DATADIR='$(DATADIR)' MANDIR='$(MANDIR)' SYSCONFDIR='$(SYSCONFDIR)' \
        LIBEXECDIR='$(LIBEXECDIR)' GATE='$(GATE)' LOGDIR='$(LOGDIR)' RUNDIR='$(RUNDIR)' INITDIR='$(INITDIR)' UNITDIR='$(UNITDIR)' \
        COMPLETION='$(BUILD)/completion'
install: $(BIN) $(CTL) $(GATE) $(COMPLETION) $(LIBRARY) ## install below DESTDIR; configuration that was changed is kept
	$(Q)$(PATHS) sh tests/tools/install.sh install $(BIN) $(CTL) $(LIBRARY)
uninstall:                             ## remove what install put there, except the configuration
	$(Q)$(PATHS) sh tests/tools/install.sh uninstall
install-examples: $(EXAMPLES)          ## install the example programs
	$(Q)$(PATHS) sh tests/tools/install.sh examples $(EXAMPLES)
dist:                                  ## a release archive of HEAD
	git archive --prefix=$(NAME)-$(VERSION)/ -o $(NAME)-$(VERSION).tar.gz HEAD
clean:                                 ## remove everything that was built
	rm -rf $(BUILD_ROOT) $(NAME)-$(VERSION).tar.gz
help:                                  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

FORCE:
-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
endif
.PHONY: all programs run check check-unit check-functional check-system asan valgrind coverage fuzz lint analyze format \
  man bench install uninstall install-examples dist clean help FORCE
