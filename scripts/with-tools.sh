#!/bin/sh
# with-tools.sh KIND CMD…: makes sure that what KIND (run | lab | check | test) needs is installed, puts the pinned Node first
# in PATH and hands over to CMD. Says what it installs before it does; installs Debian packages as root only.
# ENGAWA_NO_INSTALL=1: change nothing, name the command to run instead. It configures no service and keeps no state.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
PATH="$here/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

say() { echo "engawa: $*" >&2; }
die() {
  say "$1"
  exit 1
}

[ $# -ge 2 ] || {
  say "usage: with-tools.sh run|lab|check|test COMMAND [ARGUMENT…]"
  exit 2
}
kind=$1
shift

# One need per word, package=probe: the probe is a program, or a file that only that package brings.
gateway='nftables=nft iproute2=ip util-linux=setpriv conntrack=conntrack'
case $kind in
  check) needs='' ;;
  run) needs=$gateway ;;
  lab) needs="$gateway procps=sysctl openssl=openssl perl-base=perl" ;;
  test)
    needs="$gateway procps=sysctl openssl=openssl perl-base=perl chromium=chromium libnss3-tools=certutil fonts-noto-cjk=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
    # Peers that the tests start themselves, on ports and in folders of their own.
    needs="$needs freeradius=freeradius freeradius-utils=radclient freeradius-rest=rlm_rest.so freeradius-postgresql=rlm_sql_postgresql.so freeradius-mysql=rlm_sql_mysql.so"
    needs="$needs hostapd=hostapd wpasupplicant=wpa_supplicant unbound=unbound dnsmasq=dnsmasq openssh-server=sshd openssh-client=ssh tshark=tshark"
    needs="$needs dovecot-imapd=dovecot postgresql=initdb mariadb-server=mariadbd redis-server=redis-server python3=python3 kea-dhcp4-server=kea-dhcp4 kea-admin=perfdhcp"
    ;;
  *)
    say "unknown kind '$kind': expected run, lab, check or test"
    exit 2
    ;;
esac

present() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *.so) [ -e "/usr/lib/freeradius/$1" ] ;;
    initdb) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing=''
for need in $needs; do
  present "${need#*=}" || missing="$missing ${need%%=*}"
done
if [ -n "$missing" ]; then
  apt="apt-get update && apt-get install -y --no-install-recommends$missing"
  command -v apt-get >/dev/null 2>&1 || die "missing:$missing. This is no Debian: install them with your system's tool, then run this again."
  [ "${ENGAWA_NO_INSTALL:-}" != 1 ] || die "missing:$missing (ENGAWA_NO_INSTALL=1). Next: $apt"
  [ "$(id -u)" = 0 ] || die "missing:$missing. Next, as root: $apt"
  say "installing Debian packages:$missing"
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  # Servers among them are for tests that start their own: the system's stay off. (policy-rc.d: what invoke-rc.d asks.)
  policy=/usr/sbin/policy-rc.d ours=''
  if [ "$kind" = test ] && [ ! -e "$policy" ]; then
    say "their services are not started ($policy, for the time of the installation)"
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    ours=$policy
  fi
  apt-get update -q >&2 || die "apt-get update failed. Next: check the network and the package sources, then run this again."
  # shellcheck disable=SC2086 # one word per package
  apt-get install -y -q --no-install-recommends $missing >&2 || die "apt-get install failed. Next: $apt"
  [ -z "$ours" ] || rm -f "$ours"
fi

# npm ci writes node_modules/.package-lock.json last: absent means none or an interrupted one, older means the lock file moved on.
stamp=node_modules/.package-lock.json
# npm ci empties the folder a link leads to, and that is somebody else's.
[ ! -L node_modules ] || die 'node_modules is a link: npm ci would empty what it leads to. Next: rm node_modules, then the same again'
if [ ! -e "$stamp" ] || [ -n "$(find package-lock.json -newer "$stamp")" ]; then
  install='npm ci --ignore-scripts --no-audit --no-fund'
  [ "${ENGAWA_NO_INSTALL:-}" != 1 ] || die "node_modules is absent or older than package-lock.json (ENGAWA_NO_INSTALL=1). Next: $install"
  command -v npm >/dev/null 2>&1 || die "npm is missing. Next: install Node 20 or newer with npm (Debian: apt-get install nodejs npm)."
  say "installing node_modules: $install"
  $install >&2 || die "npm ci failed; its own message is above. Next: $install"
  touch "$stamp"
fi

bin/node -e 0 || exit 2
exec "$@"
