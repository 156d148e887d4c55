#!/usr/bin/env bash
# Packs, installs the template where nobody else sees it, makes a module from it, runs the module's tests, then serves it
# by hand together with the sample of budgets. Needs PostgreSQL; leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
root=$PWD
work=$(mktemp -d)
chmod 755 "$work"
# A version of its own: packages of one version are never fetched twice.
version=0.1.0-try.$(date +%s)
export TUNIT_DISABLE_HTML_REPORTER=true
cleanup() {
    [ -z "${server:-}" ] || { kill -TERM "$server" 2>/dev/null && wait "$server" || true; }
    rm -rf "$work" "$HOME"/.nuget/packages/llmring.*/"$version"
}
trap cleanup EXIT

for project in src/Shared src/Host templates; do
    dotnet pack "$project" -c Release -o "$work/packages" -v quiet -nologo "-p:Version=$version"
done
dotnet build samples/Modules.Budgets -c Release -v quiet -nologo
mkdir "$work/modules"
cp -r samples/Modules.Budgets/bin/Release/net10.0 "$work/modules/budgets"

cd "$work"
dotnet new nugetconfig >/dev/null
dotnet nuget add source "$work/packages" --name llmring --configfile nuget.config >/dev/null
hive=(--debug:custom-hive "$work/hive")
dotnet new install "packages/LlmRing.Templates.$version.nupkg" "${hive[@]}" >/dev/null
dotnet new llmring-module -n Acme.PromptShelf --server-version "$version" "${hive[@]}"
cd Acme.PromptShelf
dotnet test

dotnet build src/Acme.PromptShelf -c Release -v quiet -nologo
cp -r src/Acme.PromptShelf/bin/Release/net10.0 "$work/modules/prompt-shelf"
export LLMRING_MODULES_PATH=$work/modules LLMRING_BUDGETS_ALLOWED_NETWORKS=127.0.0.1
.tools/llmring-server modules list --env dev
.tools/llmring-server serve --env dev --host 127.0.0.1 --port 0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    address=$(grep -o 'Now listening on: http://[0-9.:]*' "$work/log" | cut -d' ' -f4 || true)
    [ -z "$address" ] || break
    sleep 0.2
done
call() { curl -sS --fail-with-body -H 'X-API-Key: a-key' -H 'Content-Type: application/json' "$@"; echo; }
call "$address/api/v1/prompt-shelf" -d '{"text": "Say it in one sentence."}'
call -X PUT "$address/api/v1/budgets" -d '{"limit": 1}'
call "$address/api/v1/log" -d '{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "cost": 2}'
call "$address/api/v1/budgets" | grep '"status":"exceeded"'
cd "$root"
echo "The template makes a module that builds, passes its tests and is served."
