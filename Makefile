# Builds dist/tare: the executable with the addon, the keeper and the hello image inside, and the modules that run as
# threads (src/linux/kernel/thread.ts finds them by their path below src). Split, so that a command loads
# only its own part, and with bytecode: start-up falls from 36 to 9 ms. The JIT waits 32 times as long as usual, until
# src/bin/tare.ts says that the command lasts.
# Copied once more, so that the kernel maps it in large pieces (scripts/align-executable.mjs).
# SAFETY: nothing in the working directory (.env, bunfig.toml, …) may decide what root runs.
# Nothing to do takes < 100 ms; outputs are written in a directory of their own and moved: the executable has its name inside,
# so one with the process's number in it would make each build another.
# Sorted: the build's id is a hash of them in this order.
SOURCES := $(shell find src -name '*.ts' | LC_ALL=C sort)
NATIVE := native/build/syscall.node native/build/keeper.elf native/build/hello.elf
BUN := node_modules/.bin/bun
THREADS := ../src/network/dns/answering-thread.ts ../src/image/threads/job-worker.ts ../src/linux/tree/internal/unlink-thread.ts ../src/engine/state/copy-thread.ts
BUILD_ID = $(shell cat $(SOURCES) $(NATIVE) package.json | sha256sum | cut -c1-12)
# For another architecture: CC and these name the compiler and the runtime (scripts/release.mjs).
COMPILE_FLAGS ?=

all: dist/tare dist/bin/tare

dist/tare: $(SOURCES) $(NATIVE) package.json tsconfig.json Makefile scripts/align-executable.mjs
	@mkdir -p dist/draft.$$$$ && cd dist && { ../$(BUN) build ../src/bin/tare.ts $(THREADS) --compile --format=esm --splitting --bytecode --minify --sourcemap=none --no-compile-autoload-dotenv \
	  --no-compile-autoload-bunfig --no-compile-autoload-tsconfig --no-compile-autoload-package-json --compile-jit-policy=32 \
	  $(COMPILE_FLAGS) --define 'TARE_BUILD_ID="$(BUILD_ID)"' --outfile draft.$$$$/tare > draft.$$$$/output.txt 2>&1 \
	  || { cat draft.$$$$/output.txt >&2; rm -rf draft.$$$$; exit 1; }; } && \
	{ ../$(BUN) ../scripts/align-executable.mjs draft.$$$$/tare draft.$$$$/aligned || { rm -rf draft.$$$$; exit 1; }; } && \
	mv draft.$$$$/aligned tare && rm -rf draft.$$$$

# What is typed: it hands plain runs to the daemon by itself, and becomes dist/tare for all else.
dist/bin/tare: dist/tare native/launcher.c native/calls.h native/Makefile
	@mkdir -p dist/bin
	@$(MAKE) --silent -C native launcher TO=../$@ BUILD_ID=$(BUILD_ID)

$(NATIVE): native/syscall.c native/keeper.c native/plan.h native/calls.h native/hello.c native/Makefile
	@$(MAKE) --silent -C native

# The library: compiled JavaScript with declarations, and its native parts beside it.
lib: dist/lib/index.js

dist/lib/index.js: $(SOURCES) $(NATIVE) tsconfig.json tsconfig.lib.json scripts/write-entry.mjs
	@node_modules/typescript-7/bin/tsc -p tsconfig.lib.json
	@mkdir -p dist/native && cp $(NATIVE) dist/native/
	@$(BUN) scripts/write-entry.mjs

# The npm packages for this machine's architecture.
packages: all lib
	@node scripts/pack.mjs

# The Debian package for this machine's architecture.
deb: all
	@packaging/debian/build.sh

# All files of a release, for x64 and arm64, in dist/release (RELEASING.md says what it needs).
release:
	@node scripts/release.mjs

clean:
	rm -rf dist native/build

.PHONY: all lib packages deb release clean
