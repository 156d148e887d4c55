#!/usr/bin/env bash
# The server as one file that needs nothing installed: artifacts/RID/llmring-server. RIDS chooses: RIDS=linux-x64 make publish
set -euo pipefail
cd "$(dirname "$0")/.."
for rid in ${RIDS:-linux-x64 linux-arm64}; do
    rm -rf "artifacts/$rid"
    dotnet publish src/Host -c Release -r "$rid" --self-contained -p:PublishSingleFile=true -p:PublishReadyToRun=true \
        -p:DebugType=embedded -o "artifacts/$rid" -v quiet -nologo
    # Documentation for compilers.
    find "artifacts/$rid" -type f ! -name llmring-server -delete
    ls -l "artifacts/$rid/llmring-server"
done
