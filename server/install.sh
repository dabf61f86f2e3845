#!/bin/sh
# Makes this machine a node of @SERVER@: installs edge-runner as that server has it, and starts it as a service.
# EDGE_RUNNER_TOKEN is an enrolment token; EDGE_RUNNER_CA is the file of the server's own authority, where it has one.
# What follows "sh -s --" goes to "edge-runner service install".
set -eu

say() { printf '%s\n' "edge-runner: $*" >&2; }
fail() { say "$1"; say "$2"; exit "${3:-3}"; }

[ -n "${EDGE_RUNNER_TOKEN:-}" ] ||
  fail 'There is no token.' 'Copy the whole line from the dashboard ("Add a node").' 2
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 ||
  fail 'Node and npm are not installed.' 'Install Node 20.19 or later (https://nodejs.org, or your package manager), then run the line again.'
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node $(node --version) is too old." 'Install Node 20.19 or later, then run the line again.'

# Not below ~/.local/share/edge-runner, which is where a server on this machine would keep its data.
home="$HOME/.local/lib/edge-runner"
mkdir -p "$home"
say "installing into $home"
# Fetched by curl: npm may have been told of other authorities, and then knows of no more.
curl -fsS ${EDGE_RUNNER_CA:+--cacert "$EDGE_RUNNER_CA"} -o "$home/edge-runner.tgz" '@SERVER@/edge-runner.tgz' ||
  fail 'The package could not be fetched from the server.' 'The line above says why.' 1
npm install --prefix "$home" --no-audit --no-fund --loglevel=error "$home/edge-runner.tgz" ||
  fail 'npm could not install it.' 'The lines above say why; packages that it needs come from the npm registry.' 1

bin="$HOME/.local/bin/edge-runner"
command="$home/node_modules/.bin/edge-runner"
mkdir -p "$HOME/.local/bin"
if [ -e "$bin" ] && [ "$(readlink "$bin")" != "$command" ]; then
  say "$bin is there already and stays as it is; this one is $command"
else
  ln -sf "$command" "$bin"
  case ":$PATH:" in
    *":$HOME/.local/bin:"*) say "the command is edge-runner ($bin)" ;;
    *) say "the command is $bin ($HOME/.local/bin is not on the PATH)" ;;
  esac
fi

set -- service install '@SERVER@' "$@"
[ -z '@PIN@' ] || set -- "$@" --pin '@PIN@'
exec "$command" "$@"
