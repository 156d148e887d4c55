#!/usr/bin/env bash
# Sets up and runs all tests; each test project starts the PostgreSQL and Redis that it needs by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need redis-server redis-server
need chromium chromium
need nginx nginx
export TUNIT_DISABLE_HTML_REPORTER=true
dotnet build LlmRing.slnx -v quiet -nologo
# Tests that start the server as a process of its own take the program that users run.
make --no-print-directory --silent .llmring/server/llmring-server
export TESTED_SERVER=$PWD/.llmring/server/llmring-server
# One project at a time: each runs its own tests in parallel already.
# A project that hangs fails after ten minutes (the slowest takes four on two busy cores) and names its test.
dotnet test --solution LlmRing.slnx --no-build --max-parallel-test-modules 1 --timeout 10m "$@"
