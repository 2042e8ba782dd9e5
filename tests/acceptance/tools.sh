#!/usr/bin/env bash
# Installs what only `make acceptance` and `make bench` need, as far as it is absent: the
# distribution's packages (as root), and packages of Python and Node below .tools/.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
need() { # COMMAND PACKAGE...
  command -v "$1" >/dev/null || missing+=("${@:2}")
}
need chromium chromium fonts-noto-cjk
need nginx nginx
need caddy caddy
need newsboat newsboat
need xmllint libxml2-utils
need npm npm
need spamassassin spamassassin
need opendkim opendkim
need smtp-sink postfix
need promtool prometheus
need systemd-analyze systemd
need wrk wrk
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

pip() { "$1" -m pip install -q --disable-pip-version-check -r "tests/acceptance/$2"; }
pip .venv/bin/python tools.txt
# The scanners need other versions of what we use ourselves, and of what each other uses.
for name in scanners wapiti; do
  test -x ".tools/$name/bin/python" || .venv/bin/python -m venv ".tools/$name"
  pip ".tools/$name/bin/python" "$name.txt"
done
test -d .tools/node_modules/axe-core -a -d .tools/node_modules/nodemailer ||
  npm install --silent --no-audit --no-fund --no-save --prefix .tools axe-core@4 nodemailer@7
