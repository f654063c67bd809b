#!/bin/sh
# Installs the programs that `go run ./bench` compares metalqr with:
# Octave with its control package (SLICOT) on OpenBLAS, and PyTorch built for
# processors alone, from Debian's packages, and NumPy, SciPy and JAX, at pinned
# versions, in bench/.venv.
# Nothing else of metalqr needs them. Safe to run again.
set -eu
cd "$(dirname "$0")"

missing=
for package in octave octave-control libopenblas0-pthread python3 python3-venv python3-torch; do
	if [ "$package" = python3-venv ]; then
		python3 -c 'import ensurepip, venv' 2>/dev/null && continue
	fi
	if [ "$package" = python3 ]; then
		command -v python3 >/dev/null && continue
	fi
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
	missing="$missing $package"
done
if [ -n "$missing" ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "bench/setup.sh: missing Debian packages:$missing" >&2
		echo "bench/setup.sh: as root: apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	apt-get update
	# shellcheck disable=SC2086 # the list is meant to be split
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 jax==0.10.2 jaxlib==0.10.2
echo "peers ready: $(octave-cli --version | head -n 1); $(.venv/bin/python -c \
	'import jax, numpy, scipy; print("NumPy", numpy.__version__, "SciPy", scipy.__version__, "JAX", jax.__version__)'); $(/usr/bin/python3 -c \
	'import torch; print("PyTorch", torch.__version__)')"
