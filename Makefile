.PHONY: dev test bench abuse format publish pack test-template test-published docker docker-stop docker-logs docker-status logs status

# Set-up and running server on http://0.0.0.0:9101, dashboard at /dashboard, Swagger at /docs.
dev:
	@scripts/dev.sh

# Set-up and all tests.
test:
	@scripts/test.sh

# Load and query benchmarks against a server and a PostgreSQL of their own; see docs/benchmarks.md.
bench:
	@scripts/bench.sh

# Abuses a server over loopback in every known way at once, and measures what another key gets meanwhile; see docs/benchmarks.md.
abuse:
	@scripts/abuse.sh

# One file for each platform, with nothing to install: artifacts/linux-x64/llmring-server, artifacts/linux-arm64/llmring-server.
publish:
	@scripts/publish.sh

# Server, PostgreSQL and Redis in containers, at http://127.0.0.1:9100 (LLMRING_HTTP_PORT).
docker:
	@scripts/docker.sh
docker-stop:
	docker compose down
logs docker-logs:
	docker compose logs --follow --tail=100
status docker-status:
	docker compose ps

# Packages into artifacts/packages: LlmRing.Shared, LlmRing.Server (a tool) and LlmRing.Templates. VERSION=… for another version.
PACK := dotnet pack -c Release -o artifacts/packages -v quiet -nologo $(if $(VERSION),-p:Version=$(VERSION))
pack:
	$(PACK) src/Shared
	$(PACK) src/Host
	$(PACK) templates

# Follows docs/writing-a-module.md from packages to a running module, in a folder of its own.
test-template:
	@scripts/test-template.sh

# Publishes for linux-x64 and has that file load the sample of budgets from a folder.
test-published:
	@scripts/test-published.sh

format:
	dotnet format LlmRing.slnx

# Built only when something changed since the last time.
SOURCES := $(shell find src -type f -not -path '*/bin/*' -not -path '*/obj/*') Directory.Build.props Directory.Packages.props global.json
.llmring/server/llmring-server: $(SOURCES)
	dotnet publish src/Host -c Release -o .llmring/server -v quiet -nologo
	touch $@
