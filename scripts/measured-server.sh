# Sourced by bench.sh and abuse.sh: a release build in $WORK/server and a PostgreSQL of its own with default durability, both gone at the end.
need initdb postgresql
need python3 python3

WORK=$(mktemp -d /tmp/llmring-measured-XXXXXX)
chmod 755 "$WORK"
PGBIN=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1 || command -v initdb)")
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PGPORT=$(free_port) PORT=$(free_port)
export PGPORT PGHOST=127.0.0.1 PGUSER=bench PGDATABASE=bench
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

# What was not started, or has ended already, needs no stopping.
finish() {
    [ -n "${SERVER:-}" ] && kill "$SERVER" 2>/dev/null && wait "$SERVER" 2>/dev/null || true
    as_postgres "$PGBIN/pg_ctl" stop -D "$WORK/data" -m fast -s >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap finish EXIT

dotnet publish src/Host -c Release --use-current-runtime --no-self-contained -p:PublishReadyToRun=true --disable-build-servers -o "$WORK/server" -v quiet -nologo
if [ "$(id -u)" = 0 ]; then install -d -o postgres "$WORK/data"; fi
as_postgres "$PGBIN/initdb" -D "$WORK/data" -U bench --auth=trust --encoding=UTF8 --locale=C >/dev/null
as_postgres "$PGBIN/pg_ctl" start -D "$WORK/data" -w -s -l "$WORK/data/log" -o "-c listen_addresses=127.0.0.1 -c port=$PGPORT -c unix_socket_directories="
createdb bench

# serve NAME=VALUE ...: starts the server on $PORT with further settings, and waits until it answers.
serve() {
    env LLMRING_DATABASE_URL="postgresql://bench@127.0.0.1:$PGPORT/bench" LLMRING_REDIS_URL=redis://127.0.0.1:1/0 "$@" \
        "$WORK/server/llmring-server" serve --env prod --host 127.0.0.1 --port "$PORT" >"$WORK/server.log" 2>&1 &
    SERVER=$!
    for _ in $(seq 100); do curl -sf "http://127.0.0.1:$PORT/health" >/dev/null && break; sleep 0.2; done
}
