#!/bin/sh
# Installs or upgrades Engawa on this machine; running it twice changes nothing more. Run as root from an unpacked tree.
# Edited files in /etc/engawa are never overwritten, state in /var/lib/engawa is never touched, gardens stay in the kernel.
#   DESTDIR=DIR            build the files below DIR only: no users, no systemd, no kernel (for packaging and tests)
#   ENGAWA_PREFIX=DIR      program folder, default /opt/engawa
#   ENGAWA_SKIP_NPM=1      leave node_modules out; nothing runs until `npm ci --omit=dev` was run in the program folder
set -eu
umask 022
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
root=${DESTDIR:-}
prefix=${ENGAWA_PREFIX:-/opt/engawa}
program=$root$prefix
config=$root/etc/engawa
state=$root/var/lib/engawa
npm_ci='npm ci --omit=dev --ignore-scripts --no-audit --no-fund'

say() { echo "engawa: $*"; }
die() {
  echo "engawa: $*" >&2
  exit 1
}
live() { [ -z "$root" ]; }

check_machine() {
  [ "$(id -u)" = 0 ] || ! live || die 'installing needs root. Next: run it with sudo, or set DESTDIR to build the files elsewhere.'
  case $here/ in "$prefix"/*) die "this is the installed tree. Next: run install.sh from the tree of the new version." ;; esac
  case $prefix in *[!A-Za-z0-9/._-]* | [!/]*) die "ENGAWA_PREFIX must be a plain absolute path, got '$prefix'" ;; esac
  live || return 0
  missing=''
  for need in nftables=/usr/sbin/nft conntrack=/usr/sbin/conntrack systemd=/usr/bin/systemctl findutils=/usr/bin/find; do
    [ -x "${need#*=}" ] || missing="$missing ${need%%=*}"
  done
  [ -z "$missing" ] || die "missing:$missing. Next: apt-get update && apt-get install -y --no-install-recommends$missing"
}

# The new tree stands complete beside the old one before anything is exchanged.
build_tree() {
  new=$program.new
  rm -rf "$new"
  mkdir -p "$new/docs"
  cp -R "$here/bin" "$here/src" "$here/views" "$here/locales" "$here/deploy" "$here/package.json" "$here/package-lock.json" "$new/"
  cp "$here"/*.md "$here/LICENSE" "$new/"
  cp -R "$here"/docs/*.md "$here/docs/adr" "$new/docs/"
  install_modules
  chmod -R u=rwX,go=rX "$new"
  [ "$(id -u)" != 0 ] || chown -R root:root "$new"
}

install_modules() {
  if [ "${ENGAWA_SKIP_NPM:-}" = 1 ]; then
    say "node_modules left out (ENGAWA_SKIP_NPM=1). Next: cd $prefix && $npm_ci"
  elif [ -d "$program/node_modules" ] && cmp -s "$new/package-lock.json" "$program/package-lock.json"; then
    say 'packages are those of the installed version: taken over'
    cp -al "$program/node_modules" "$new/node_modules"
  else
    command -v npm >/dev/null 2>&1 || die 'npm is missing. Next: apt-get install -y --no-install-recommends nodejs npm (any version from 20; the pinned Node comes with the packages).'
    say "installing packages: $npm_ci"
    (cd "$new" && $npm_ci) || die "npm ci failed; its own message is above. Nothing was changed."
  fi
}

# An upgrade that cannot read this machine's configuration is refused while the old version still stands.
check_config() {
  live && [ -e "$config/engawa.yaml" ] && [ -d "$new/node_modules" ] || return 0
  "$new/bin/engawa" --config "$config/engawa.yaml" config check || die 'the new version does not load the configuration. The installed one was left as it is.'
}

exchange_tree() {
  mkdir -p "$(dirname "$program")"
  rm -rf "$program.previous"
  [ ! -e "$program" ] || mv "$program" "$program.previous"
  mv "$new" "$program"
  mkdir -p "$root/usr/local/bin"
  ln -sfn "$prefix/bin/engawa" "$root/usr/local/bin/engawa"
}

users_and_folders() {
  mkdir -p "$root/etc/sysusers.d" "$root/etc/tmpfiles.d"
  cp "$here/deploy/sysusers.d/engawa.conf" "$root/etc/sysusers.d/engawa.conf"
  cp "$here/deploy/tmpfiles.d/engawa.conf" "$root/etc/tmpfiles.d/engawa.conf"
  mkdir -p "$config/secrets" "$config/tls" "$state/exports"
  live || return 0
  systemd-sysusers "$root/etc/sysusers.d/engawa.conf"
}

# Only what is absent: a file an engineer edited, or a pack he removed, stays as it is.
sample_config() {
  fresh=no
  [ -e "$config/engawa.yaml" ] || fresh=yes
  for file in engawa.yaml policy.yaml families.yaml packs guides; do
    if [ ! -e "$config/$file" ]; then
      cp -R "$here/deploy/$file" "$config/$file"
      say "new: /etc/engawa/$file"
    elif ! diff -qr "$here/deploy/$file" "$config/$file" >/dev/null; then
      say "kept: /etc/engawa/$file differs from the sample $prefix/deploy/$file"
    fi
  done
  cp "$here/deploy/policy.schema.json" "$config/policy.schema.json"
  [ "$fresh" = no ] || for secret in bng1 honeypot.key; do
    [ -e "$config/secrets/$secret" ] || (umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$config/secrets/$secret")
  done
  chmod -R g+rX,o= "$config"
  live || return 0
  chgrp -R engawa "$config"
  systemd-tmpfiles --create "$root/etc/tmpfiles.d/engawa.conf"
}

units() {
  mkdir -p "$root/etc/systemd/system"
  known=no
  [ ! -e "$root/etc/systemd/system/engawa-snapshot.service" ] || known=yes
  for unit in engawa-spec engawa-snapshot engawa-helper engawa; do
    sed "s|/opt/engawa|$prefix|g" "$here/deploy/systemd/$unit.service" >"$root/etc/systemd/system/$unit.service"
  done
  live && [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload
  # New with this version: enabled where the helper is. Somebody who disabled it later has his reasons.
  [ "$known" = yes ] || ! systemctl is-enabled --quiet engawa-helper.service || systemctl enable engawa-snapshot.service
  # Only what runs is restarted; the rules stay in the kernel meanwhile.
  systemctl try-restart engawa-helper.service engawa.service
}

next_steps() {
  version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/package.json")
  say "$version is installed in $program"
  [ "$fresh" = yes ] || return 0
  cat <<STEPS
Next:
  1. Edit /etc/engawa/engawa.yaml: addresses, lifelines, resolvers, phone number. The sample holds documentation values.
  2. Put the RADIUS secret of your gateway into /etc/engawa/secrets/bng1 (a random one stands there now), and the portal's
     certificate into /etc/engawa/tls/portal.pem and portal.key.
  3. apt-get install chrony, if nothing else keeps the time: without a synchronised clock no garden begins.
  4. engawa config check
  5. engawa hold on --reason 'first start'        then nothing is restricted while you look
  6. systemctl enable --now engawa-helper engawa
  7. engawa lines import FILE --dry-run; engawa status; engawa hold off
The guide for all of this is $prefix/docs/operating.md.
STEPS
}

check_machine
build_tree
check_config
exchange_tree
users_and_folders
sample_config
units
next_steps
