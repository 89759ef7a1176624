# Shared by the scripts: finds the project, installs missing packages, configures and builds.
# Everything is done once: a second call finds its work done and costs well under a second.
# Sourced, never run.

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
build="$root/build/release"

# A bare root may lack all of these, and dpkg looks for its helpers in sbin.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
if [[ -z ${HOME:-} || ! -d ${HOME:-} ]]; then
  mkdir -p "$root/build/home"
  export HOME="$root/build/home"
fi

build_packages=(
  g++ cmake ninja-build
  libvulkan-dev glslang-dev glslang-tools spirv-tools
  libcli11-dev nlohmann-json3-dev libxxhash-dev libglfw3-dev libimgui-dev libstb-dev libfreetype-dev
  libonnx-dev libprotobuf-dev protobuf-compiler libcairo2-dev libzip-dev
  libespeak-ng-dev espeak-ng-data libfftw3-dev libsmf-dev libopenmpi-dev openmpi-bin
  libvulkan1 mesa-vulkan-drivers
)
test_packages=(
  libgtest-dev libgmock-dev libvalijson-dev vulkan-validationlayers libvulkan-volk-dev pkg-config xvfb xauth
  libonnx-testdata doxygen
)
fuzz_packages=(clang libclang-rt-14-dev)

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Prints those of the packages that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' || true)
  local package
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Runs apt-get as root, quietly; the caller shows $apt_log if it fails.
apt_get() {
  local as_root=()
  if ((EUID != 0)); then as_root=(sudo); fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >>"$apt_log" 2>&1
}

apt_failed() {
  sed 's/^/  /' "$apt_log" | tail -n 15 >&2
  die "$1"
}

# Tells a package the sources do not have from sources that cannot be reached.
require_known() {
  local updated=$1 unknown=() package
  shift
  for package in "$@"; do
    [[ -n $(apt-cache show --no-all-versions "$package" 2>/dev/null) ]] || unknown+=("$package")
  done
  ((${#unknown[@]} == 0)) && return
  if [[ $updated == no ]]; then
    apt_failed "the package lists cannot be fetched: is there a network? Missing: ${unknown[*]}"
  fi
  apt_failed "apt knows no package ${unknown[*]}: Debian 12 has them in 'main'; check /etc/apt/sources.list"
}

install_missing() {
  command -v dpkg-query >/dev/null || {
    say "note: no Debian packages here; if the build fails, install the equivalents of: $*"
    return
  }
  # No process substitution: it needs /dev/fd, which a root without /proc lacks.
  local missing
  missing=($(missing_packages "$@"))
  ((${#missing[@]} == 0)) && return
  command -v apt-get >/dev/null || die "these packages are missing and there is no apt-get: ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "sudo is missing; as root run: apt-get install ${missing[*]}"
  fi
  if ((EUID != 0)) && ! sudo -v; then
    die "sudo refused; as root run: apt-get install ${missing[*]}"
  fi

  apt_log=$(mktemp)
  trap 'rm -f "$apt_log"' EXIT
  say "installing: ${missing[*]}"
  local updated=yes
  apt_get update -o APT::Update::Error-Mode=any || updated=no
  require_known "$updated" "${missing[@]}"
  apt_get install -y --no-install-recommends "${missing[@]}" ||
    apt_failed "the packages cannot be installed (the lines above are apt's last): ${missing[*]}"
}

# True if the build folder is configured with this cache entry.
configured_with() { grep -qsxF -- "$1" "$build/CMakeCache.txt" && [[ -f $build/build.ninja ]]; }

# configure NAME=ON|OFF...: only if the build folder is not configured like this already.
configure() {
  local entry options=() needed=no
  for entry in "$@"; do
    options+=("-D${entry%%=*}=${entry#*=}")
    configured_with "${entry%%=*}:BOOL=${entry#*=}" || needed=yes
  done
  [[ -f $build/build.ninja && $needed == no ]] && return
  local fresh=()
  # A folder that was moved or copied keeps a cache of its old place, which cmake refuses.
  if [[ -f $build/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    fresh=(--fresh)
  fi
  (cd "$root" && cmake --preset release "${fresh[@]}" "${options[@]}" >&2) || die "configuring failed; see above"
}

# build_target [TARGET...]: silent when there is nothing to do.
build_target() {
  local targets=()
  (($# == 0)) || targets=(--target "$@")
  NINJA_STATUS='[%f/%t] ' cmake --build "$build" "${targets[@]}" >&2 || die "the build failed; see above"
}
