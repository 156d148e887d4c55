#!/usr/bin/env bash
# Publishes the server as one file and has it load the sample of budgets from a folder, as an operator would: its routes
# answer, its webhook arrives and is signed as its documentation says. Needs PostgreSQL; leaves nothing but artifacts/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need python3 python3
work=$(mktemp -d)
chmod 755 "$work"
cleanup() {
    [ -z "${server:-}" ] || { kill -TERM "$server" 2>/dev/null && wait "$server" || true; }
    [ -z "${receiver:-}" ] || kill "$receiver" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

RIDS=${RIDS:-linux-x64} scripts/publish.sh
program=$PWD/artifacts/${RIDS:-linux-x64}/llmring-server
dotnet build samples/Modules.Budgets -c Release -v quiet -nologo
mkdir "$work/modules"
cp -r samples/Modules.Budgets/bin/Release/net10.0 "$work/modules/budgets"

cd "$work"
cat >receiver.py <<'PYTHON'
import hashlib, hmac, http.server, json, time

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = dict(part.split("=", 1) for part in self.headers["X-LLMRing-Signature"].split(","))
        expected = hmac.new(b"a secret of this test", parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        good = hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300
        self.send_response(200 if good else 400)
        self.end_headers()
        print(json.loads(body)["type"], "signed" if good else "FORGED", flush=True)

    def log_message(self, *arguments):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print("port", server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 receiver.py >received &
receiver=$!
until_line() { for _ in $(seq 150); do grep -m1 -o "$1" "$2" && return; sleep 0.2; done; cat "$2" >&2; return 1; }
hook="http://127.0.0.1:$(until_line 'port [0-9]*' received | cut -d' ' -f2)/"

export LLMRING_MODULES_PATH=$work/modules LLMRING_BUDGETS_ALLOWED_NETWORKS=127.0.0.1
"$program" serve --env dev --host 127.0.0.1 --port 0 >log 2>&1 &
server=$!
address=$(until_line 'Now listening on: http://[0-9.:]*' log | cut -d' ' -f4)
call() { curl -sS --fail-with-body -H 'X-API-Key: a-key' -H 'Content-Type: application/json' "$@"; echo; }
call -X PUT "$address/api/v1/budgets" -d "{\"limit\": 1, \"webhook_url\": \"$hook\", \"webhook_secret\": \"a secret of this test\"}"
call "$address/api/v1/log" -d '{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "cost": 2}'
call "$address/api/v1/budgets" | grep '"status":"exceeded"'
until_line 'budget.warning signed' received
until_line 'budget.exceeded signed' received
call "$address/openapi.json" | grep -o '"/api/v1/budgets"'
echo "The published server loads a module from a folder; its webhooks arrive and are signed."
