# shellcheck shell=bash
# What the other scripts share. Source it: it moves to the root of the project and finds cargo.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

say() { printf '%s\n' "$*" >&2; }
die() { say "muster: $*"; exit 1; }

# step NAME COMMAND…: runs it, says how long it took.
step() {
    local name=$1 start=$SECONDS
    shift
    say "── $name"
    "$@"
    say "── $name: $((SECONDS - start)) s"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root or sudo for: $*"
    fi
}

# need PROGRAM=PACKAGE…: installs the packages whose program (a name or a path) is not there.
need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

install_packages() {
    command -v apt-get >/dev/null || die "please install: $*"
    say "installing by apt: $*"
    local log rule=/usr/sbin/policy-rc.d made_rule=no status=0
    log=$(mktemp)
    # The tests start servers of their own: a package's service must not take the ports first.
    if [ ! -e $rule ]; then
        made_rule=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee $rule >/dev/null
        as_root chmod 755 $rule
    fi
    {
        as_root apt-get -qq -o DPkg::Lock::Timeout=300 update &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
                -o DPkg::Lock::Timeout=300 install "$@"
    } >"$log" 2>&1 || status=$?
    [ $made_rule = no ] || as_root rm -f $rule
    if [ $status != 0 ]; then
        tail -n 20 "$log" >&2
        die "apt could not install: $* (whole output: $log)"
    fi
    rm -f "$log"
}

need_rust() {
    command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null || die "needs Rust (cargo), by rustup"
    need cc=build-essential
}

# The mail server of the tests, aiosmtpd, in an environment of its own; what it is made of is pinned by hash.
need_mail_server() {
    local venv=target/mail-venv wanted=tests/real/requirements.txt
    cmp -s $wanted $venv/requirements.txt && return
    rm -rf $venv
    mkdir -p target
    # Debian's python3 has venv in a package of its own.
    python3 -c 'import venv, ensurepip' 2>/dev/null || install_packages python3-venv
    python3 -m venv $venv
    $venv/bin/pip install -q --disable-pip-version-check --require-hashes -r $wanted || die "pip could not install $wanted"
    cp $wanted $venv/requirements.txt
}
