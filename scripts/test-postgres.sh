#!/bin/bash
# A PostgreSQL of the tests' own: in a temporary directory, on a free port of loopback, without fsync.
#
#   scripts/test-postgres.sh start            prints the URL, the process id and the directory
#   scripts/test-postgres.sh stop DIRECTORY   ends it and removes the directory
#   scripts/test-postgres.sh pause DIRECTORY  ends it as a crash would; resume starts it again where it was
#   scripts/test-postgres.sh crash DIRECTORY  kill -9 of it and all its children; resume starts it again
#   scripts/test-postgres.sh run COMMAND …    starts one, runs the command with MUSTER_TEST_POSTGRES set,
#                                             stops it and exits as the command did
set -eu

fail() {
    echo "test-postgres: $*" >&2
    exit 1
}

# The newest of Debian's versions, else what the path has.
bin=
for dir in /usr/lib/postgresql/*/bin; do
    if [ -x "$dir/initdb" ]; then bin=$dir/; fi
done
command -v "${bin}initdb" >/dev/null || fail "initdb is not here: install PostgreSQL (Debian: postgresql)"

# PostgreSQL refuses to run as root: a user without rights runs it then.
as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        if id postgres >/dev/null 2>&1; then user=postgres; else user=nobody; fi
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME="$dir" "$@"
    else
        "$@"
    fi
}

free_port() {
    port=$((20000 + $$ % 20000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
}

launch() {
    as_user "${bin}pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 30 \
        -o "-c fsync=off -c full_page_writes=off -c synchronous_commit=on -c max_connections=400 -c shared_buffers=128MB -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -p $port" \
        start >/dev/null 2>&1
}

start() {
    dir=$(mktemp -d "${TMPDIR:-/tmp}/muster-pg.XXXXXX")
    if [ "$(id -u)" -eq 0 ]; then
        if id postgres >/dev/null 2>&1; then chown postgres "$dir"; else chown nobody "$dir"; fi
    fi
    chmod 700 "$dir"
    cd "$dir"
    as_user "${bin}initdb" -D "$dir/data" -U muster -A trust -E UTF8 --locale=C --no-sync >"$dir.log" 2>&1 ||
        { cat "$dir.log" >&2; rm -rf "$dir" "$dir.log"; fail "initdb failed"; }
    rm -f "$dir.log"
    free_port
    tries=0
    until launch; do
        tries=$((tries + 1))
        [ "$tries" -lt 5 ] || { cat "$dir/log" >&2; rm -rf "$dir"; fail "the server does not start"; }
        port=$((port + 1))
    done
    pid=$(head -n 1 "$dir/data/postmaster.pid")
    url="postgres://muster@127.0.0.1:$port/postgres"
}

# SIGQUIT is PostgreSQL's immediate stop. The port is kept: who used the server finds it there again.
pause() {
    [ -f "$1/data/postmaster.pid" ] || fail "no server runs in $1"
    sed -n 4p "$1/data/postmaster.pid" >"$1/port"
    pid=$(head -n 1 "$1/data/postmaster.pid")
    kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

# The whole server at once, without a chance to write anything: it and its children by their ids.
crash() {
    [ -f "$1/data/postmaster.pid" ] || fail "no server runs in $1"
    sed -n 4p "$1/data/postmaster.pid" >"$1/port"
    pid=$(head -n 1 "$1/data/postmaster.pid")
    children=$(grep -l "^PPid:[[:space:]]*$pid\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3 || true)
    # One that has just ended by itself is no failure.
    kill -KILL "$pid" $children 2>/dev/null || true
    for one in $pid $children; do
        while kill -0 "$one" 2>/dev/null; do sleep 0.05; done
    done
}

resume() {
    dir=$1
    port=$(cat "$dir/port")
    cd "$dir"
    launch || { cat "$dir/log" >&2; fail "the server does not start again in $dir"; }
}

stop() {
    [ -f "$1/data/postmaster.pid" ] || fail "no server runs in $1"
    pid=$(head -n 1 "$1/data/postmaster.pid")
    # SIGINT is PostgreSQL's fast stop: it ends the sessions and closes the files.
    kill -INT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    rm -rf "$1"
}

case "${1:-}" in
start)
    start
    echo "$url"
    echo "pid $pid"
    echo "directory $dir"
    ;;
stop)
    [ -n "${2:-}" ] || fail "say which directory"
    stop "$2"
    ;;
pause | resume | crash)
    [ -n "${2:-}" ] || fail "say which directory"
    "$1" "$2"
    ;;
run)
    shift
    here=$PWD
    start
    cd "$here"
    trap 'stop "$dir"' EXIT
    trap 'exit 130' INT TERM
    status=0
    MUSTER_TEST_POSTGRES=$url "$@" || status=$?
    exit "$status"
    ;;
*)
    fail "usage: start | stop, pause, crash or resume DIRECTORY | run COMMAND …"
    ;;
esac
