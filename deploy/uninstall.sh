#!/bin/sh
# Takes Engawa off this machine: units, program, users, its table in the kernel. State and configuration stay, readable by
# root alone, unless --purge. Refuses while lines are in the garden: their portal would be gone before they are free.
#   --purge   delete /var/lib/engawa (cases, consent, audit log and its keys) and /etc/engawa too
#   --force   go on although lines are in the garden, or although that cannot be told; they become free at once
# DESTDIR and ENGAWA_PREFIX as for install.sh.
set -eu
root=${DESTDIR:-}
prefix=${ENGAWA_PREFIX:-/opt/engawa}
purge=no
force=no
for option; do
  case $option in
    --purge) purge=yes ;;
    --force) force=yes ;;
    *)
      echo "usage: uninstall.sh [--purge] [--force]" >&2
      exit 2
      ;;
  esac
done

say() { echo "engawa: $*"; }
die() {
  echo "engawa: $*" >&2
  exit 1
}
live() { [ -z "$root" ]; }

refuse_while_gardens_stand() {
  live && [ "$force" = no ] && [ -e /var/lib/engawa/engawa.db ] || return 0
  count=$("$prefix/bin/engawa" release-all --all --json | sed -n 's/^  "count": \([0-9]*\),*$/\1/p') || count=''
  case $count in
    0) ;;
    '') die 'cannot tell whether lines are in the garden. Next: engawa status; or --force, which frees every line at once.' ;;
    *) die "$count lines are in the garden. Next: engawa release-all --all --reason 'uninstall' --confirm $count; or --force." ;;
  esac
}

stop_units() {
  live || return 0
  if [ -d /run/systemd/system ]; then
    systemctl disable --now engawa.service engawa-helper.service engawa-snapshot.service 2>/dev/null || true
  fi
  table=$(sed -n 's/.*"table": *"\([a-z0-9_]*\)".*/\1/p' /run/engawa-gateway/gateway.json 2>/dev/null | head -n 1)
  nft delete table inet "${table:-engawa}" 2>/dev/null && say "removed the table inet ${table:-engawa} from the kernel" || true
}

remove_files() {
  for unit in engawa-spec engawa-snapshot engawa-helper engawa; do
    rm -f "$root/etc/systemd/system/$unit.service"
  done
  rm -f "$root/etc/sysusers.d/engawa.conf" "$root/etc/tmpfiles.d/engawa.conf" "$root/usr/local/bin/engawa"
  # The snapshot with them: a later installation must not put anybody back into the garden.
  rm -rf "$root/var/lib/engawa-helper"
  rm -rf "$root${prefix:?}" "$root$prefix.previous" "$root$prefix.new" "$root/run/engawa" "$root/run/engawa-helper" "$root/run/engawa-gateway"
  ! live || ! [ -d /run/systemd/system ] || systemctl daemon-reload
}

# Before the users go: whoever gets their numbers next must not get their files.
keep_or_purge() {
  for folder in "$root/var/lib/engawa" "$root/etc/engawa"; do
    [ -d "$folder" ] || continue
    if [ "$purge" = yes ]; then
      rm -rf "$folder"
      say "deleted $folder"
    else
      [ "$(id -u)" != 0 ] || chown -R root:root "$folder"
      chmod 0700 "$folder"
      say "kept $folder for root alone; install.sh takes it up again, --purge deletes it"
    fi
  done
}

remove_users() {
  live || return 0
  for user in engawa-helper engawa; do
    ! id "$user" >/dev/null 2>&1 || userdel "$user" || say "the user $user could not be removed; its own message is above"
  done
  ! getent group engawa >/dev/null || groupdel engawa || true
}

[ "$(id -u)" = 0 ] || ! live || die 'uninstalling needs root.'
refuse_while_gardens_stand
stop_units
remove_files
keep_or_purge
remove_users
say 'uninstalled'
