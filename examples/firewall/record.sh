#!/bin/sh
# Records capture.pcapng: real programs (curl, python3 -m http.server, dig, dnsmasq, ping, nc) talk over a veth pair
# between two network namespaces, and some raw junk is thrown in. Needs root, Linux and the Debian packages
#   iproute2 ethtool tcpdump wireshark-common (editcap) curl dnsmasq-base bind9-dnsutils iputils-ping netcat-openbsd
# Nothing outside the two namespaces is touched, and both are gone in the end.
#
#   fw-clients  10.0.0.2 .. 10.0.0.66, fd00::2 .. ------ veth, MTU 1500, no offloads ------  fw-server  10.0.0.1, fd00::1
#               VLAN 10: 10.0.10.2                                                          VLAN 10: 10.0.10.1
#               802.1ad 100 / 802.1Q 20: 10.0.20.2                                          10.0.20.1
set -eu
cd "$(dirname "$0")"
export LC_ALL=C
work=$(mktemp -d)
chmod 755 "$work"
pids=

cleanup() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns del fw-clients 2>/dev/null || true
  ip netns del fw-server 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT INT TERM

# A program started in the background through a shell function is the child of a subshell; its own pid is needed to stop it.
start() { # NAMESPACE COMMAND...
  ip netns exec "$@" >/dev/null 2>&1 &
  pids="$pids $!"
}
clients() { ip netns exec fw-clients "$@"; }

# ---- the network
ip netns add fw-clients
ip netns add fw-server
ip link add c0 address 02:00:00:00:00:02 netns fw-clients type veth peer name s0 address 02:00:00:00:00:01 netns fw-server
for end in "fw-clients c0" "fw-server s0"; do
  set -- $end
  ip netns exec "$1" ethtool -K "$2" tx off rx off tso off gso off gro off txvlan off rxvlan off >/dev/null 2>&1 || true
  ip -n "$1" link set lo up
  ip -n "$1" link set "$2" mtu 1500 up
done
ip -n fw-server addr add 10.0.0.1/24 dev s0
ip -n fw-server addr add fd00::1/64 dev s0 nodad
for host in 2 3 4 5 6 7 8 9 66; do
  ip -n fw-clients addr add "10.0.0.$host/24" dev c0
  ip -n fw-clients addr add "fd00::$host/64" dev c0 nodad
done

# ---- record everything from the first frame on
ip netns exec fw-server tcpdump -i s0 -n -s 0 -B 8192 --time-stamp-precision=nano -Z root -U -w "$work/all.pcap" >/dev/null 2>"$work/tcpdump.log" &
tcpdump=$!
pids="$pids $tcpdump"
sleep 1

# ---- servers
mkdir "$work/www"
head -c 180 /dev/zero | tr '\0' 'a' >"$work/www/tiny.txt"
for size in 1 3 6 12 24; do
  seq -f "line %g of a page that is about $size kB" 1 $((size * 27)) >"$work/www/page$size.txt"
done
for address in 10.0.0.1 fd00::1; do
  start fw-server python3 -m http.server 80 --bind "$address" --directory "$work/www"
done
start fw-server python3 -m http.server 8080 --bind 10.0.0.1 --directory "$work/www"
start fw-server dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root --pid-file= \
  --listen-address=10.0.0.1,fd00::1 --address=/web.example/10.0.0.1 --address=/web.example/fd00::1 \
  --address=/ads.example/10.0.0.99 --address=/tracker.example/10.0.0.98 --address=/cdn.example/10.0.0.7 \
  --txt-record=info.example,"v=1 a text record" --local=/example/

# ---- VLANs: a userspace switch port per namespace, since not every kernel has the 8021q module
start fw-server python3 traffic.py vlan s0 vlan10=10 vlan20=100.20
start fw-clients python3 traffic.py vlan c0 vlan10=10 vlan20=100.20
sleep 1
for vlan in 10 20; do
  ip -n fw-server addr add "10.0.$vlan.1/24" dev "vlan$vlan"
  ip -n fw-clients addr add "10.0.$vlan.2/24" dev "vlan$vlan"
  ip -n fw-server link set "vlan$vlan" mtu 1492 up
  ip -n fw-clients link set "vlan$vlan" mtu 1492 up
  start fw-server python3 -m http.server 80 --bind "10.0.$vlan.1" --directory "$work/www"
done
sleep 2

# ---- traffic
get() { clients curl -s -g -m 5 -o /dev/null --interface "$1" "$2" || true; }
ask() { from=$1; shift; clients dig -b "$from" +tries=1 +time=1 "$@" >/dev/null 2>&1 || true; }

browse() { # two hosts load pages, one after the other
  for round in 1 2 3 4; do
    for page in tiny page1 page3 page6 page12 missing; do
      get 10.0.0.2 "http://10.0.0.1/$page.txt"
      get 10.0.0.3 "http://10.0.0.1:8080/$page.txt"
      get fd00::4 "http://[fd00::1]/$page.txt"
    done
  done
  get 10.0.0.5 http://10.0.0.1/page24.txt
}
resolve() {
  for round in 1 2 3 4 5 6 7 8 9 10; do
    for name in web.example ads.example cdn.example none.example Tracker.Example www.web.example; do
      ask 10.0.0.2 @10.0.0.1 "$name" A
      ask 10.0.0.6 @10.0.0.1 "$name" AAAA
    done
    ask fd00::4 @fd00::1 web.example AAAA
    ask 10.0.0.7 @10.0.0.1 info.example TXT
    ask 10.0.0.7 @10.0.0.1 +notcp web.example ANY
  done
  ask 10.0.0.3 +tcp @10.0.0.1 web.example A
}
pings() {
  clients ping -q -c 60 -i 0.05 -I 10.0.0.8 10.0.0.1
  clients ping -q -c 40 -i 0.05 -I fd00::4 fd00::1
  clients ping -q -c 5 -i 0.05 -R -I 10.0.0.8 10.0.0.1      # IPv4 options: record route
  clients ping -q -c 6 -i 0.05 -s 4000 -I 10.0.0.8 10.0.0.1 # IPv4 fragments
  clients ping -q -c 6 -i 0.05 -s 4000 -I fd00::4 fd00::1   # IPv6 fragments
}
scan() { # a port scanner: most ports are closed
  clients nc -z -n -w 1 -s 10.0.0.66 10.0.0.1 1-300
  clients nc -z -n -w 1 -s fd00::66 fd00::1 20-100
  for port in 123 161 514 1900 5353; do echo hello | clients nc -u -n -w 1 -s 10.0.0.9 10.0.0.1 "$port"; done
}
vlans() {
  for vlan in 10 20; do
    clients ping -q -c 15 -i 0.1 "10.0.$vlan.1"
    for page in tiny page1 page3 page6; do get "10.0.$vlan.2" "http://10.0.$vlan.1/$page.txt"; done
  done
}
jobs=
for job in browse resolve pings scan vlans; do
  $job >/dev/null 2>&1 &
  jobs="$jobs $!"
done
clients python3 traffic.py junk c0
for job in $jobs; do wait "$job" || true; done
sleep 1

# ---- the capture: nanosecond pcapng
kill "$tcpdump"
wait "$tcpdump" || true
cat "$work/tcpdump.log" >&2
editcap -F pcapng "$work/all.pcap" capture.pcapng
ls -l capture.pcapng
