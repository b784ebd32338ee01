# Sourced by the other scripts: goes to the project's root, and installs the packages of the lock file where they are
# missing or older than it. No package's own install script is run.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'npm ci --ignore-scripts'
  npm ci --ignore-scripts --no-audit --no-fund
fi
