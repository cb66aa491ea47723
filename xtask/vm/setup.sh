#!/bin/sh
# Makes a machine with Debian or Ubuntu ready for Boxwright: packages, modules, swap, and Rust for
# one user (the argument, else Lima's, else the first one). Does nothing the second time, so that a
# prepared image starts without a network.
set -eu
[ ! -e /etc/boxwright-ready ] || exit 0
user=${1:-${LIMA_CIDATA_USER:-$(id -nu 1000)}}

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends build-essential busybox-static ca-certificates curl \
  git iproute2 nftables procps sudo

# Modules that the kernel cannot load for a box.
printf '%s\n' overlay veth bridge br_netfilter nf_tables > /etc/modules-load.d/boxwright.conf
systemctl restart systemd-modules-load || true
# Ubuntu keeps user namespaces from ordinary users, which --rootless needs; Debian has no such knob.
echo '-kernel.apparmor_restrict_unprivileged_userns = 0' > /etc/sysctl.d/60-boxwright.conf
sysctl --quiet --system

# Lesson 05 shows what a memory limit is worth when there is swap.
if ! swapon --show | grep -q . && [ ! -e /swapfile ]; then
  fallocate -l 1G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile
  echo '/swapfile none swap sw 0 0' >> /etc/fstab
fi

su - "$user" -c 'test -x ~/.cargo/bin/cargo ||
  curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal'
su - "$user" -c 'test -x ~/.cargo/bin/cargo' # a failed download would otherwise pass unnoticed
touch /etc/boxwright-ready
