.PHONY: dev test bench format

# Set-up and running server on http://0.0.0.0:9101, Swagger at /docs.
dev:
	@scripts/dev.sh

# Set-up and all tests.
test:
	@scripts/test.sh

# Load and query benchmarks against a server and a PostgreSQL of their own; see docs/benchmarks.md.
bench:
	@scripts/bench.sh

format:
	dotnet format LlmRing.slnx

# Built only when something changed since the last time.
SOURCES := $(shell find src -type f -not -path '*/bin/*' -not -path '*/obj/*') Directory.Build.props Directory.Packages.props global.json
.llmring/server/llmring-server: $(SOURCES)
	dotnet publish src/Host -c Release -o .llmring/server -v quiet -nologo
	touch $@
