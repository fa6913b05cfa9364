"""Helper of record.sh: what ordinary programs do not do for us. Only the standard library, needs root.

    traffic.py vlan PORT TAP=TAGS ...   a userspace switch: frames of TAP leave PORT with VLAN tags, and the other way
    traffic.py junk PORT                frames that no honest program sends: cut off, contradictory, spoofed, scanning
"""

import fcntl
import os
import random
import select
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID = 0x10
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def vlan(port, specs):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((port, ETH_P_ALL))
    raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    taps = {}  # tag bytes -> file
    for spec in specs:
        name, ids = spec.split("=")
        ids = [int(i) for i in ids.split(".")]
        tpids = [0x8100] if len(ids) == 1 else [0x88A8, 0x8100]
        tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        taps[b"".join(struct.pack("!HH", t, i) for t, i in zip(tpids, ids))] = tap
    while True:
        for ready in select.select([raw, *taps.values()], [], [])[0]:
            if ready is not raw:
                frame = os.read(ready, 65536)
                tags = next(t for t, f in taps.items() if f == ready)
                raw.send(frame[:12] + tags + frame[12:])
                continue
            frame, aux, _, address = raw.recvmsg(65536, 256)
            if address[2] == PACKET_OUTGOING:
                continue
            for _, _, data in aux:  # the kernel takes the outer tag out of the frame and tells it here
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
            for tags, tap in taps.items():
                if frame[12 : 12 + len(tags)] == tags:
                    try:
                        os.write(tap, frame[:12] + frame[12 + len(tags) :])
                    except OSError:
                        pass  # the interface is not up yet


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


DST, SRC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def ethernet(kind, payload):
    return DST + SRC + struct.pack("!H", kind) + payload


def ipv4(src, proto, payload, dst="10.0.0.1", version_ihl=0x45, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", version_ihl, 0, 20 + len(payload), 7, fragment, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(0x0800, head + payload)


def ipv6(src, proto, payload):
    head = struct.pack("!IHBB", 6 << 28, len(payload), proto, 64)
    addresses = socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, "fd00::1")
    return ethernet(0x86DD, head + addresses + payload)


def tcp(flags, dport, doff=5):
    return struct.pack("!HHIIBBHHH", 40000, dport, 1, 0, doff << 4, flags, 1024, 0, 0)


def udp(dport, payload, sport=40000, length=None):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def dns(flags=0x0100, questions=1, name=b"\x03web\x07example\x00", kind=1):
    return struct.pack("!HHHHHH", 4711, flags, questions, 0, 0, 0) + name + struct.pack("!HH", kind, 1)


def junk(port):
    rnd = random.Random(2024)
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((port, 0))
    good = ipv4("10.0.0.9", 6, tcp(0x02, 80))
    frames = [
        ethernet(0x88CC, bytes(46)),  # LLDP-like
        ethernet(0x88B5, rnd.randbytes(60)),  # local experimental
        ethernet(0x0800, b""),  # says IPv4, is nothing
        ethernet(0x86DD, b"\x60" + bytes(20)),
        ethernet(0x8100, b"\x00"),  # a tag cut off
        ethernet(0x8100, struct.pack("!HH", 10, 0x8100) + struct.pack("!HH", 11, 0x8100) + bytes(40)),  # three tags
        ipv4("10.0.0.9", 6, tcp(0x02, 80), version_ihl=0x44),
        ipv4("10.0.0.9", 6, tcp(0x02, 80), version_ihl=0x4F),
        ipv4("10.0.0.9", 6, tcp(0x02, 80), version_ihl=0x65),
        ipv4("10.0.0.9", 6, tcp(0x02, 80, doff=3)),
        ipv4("10.0.0.9", 17, udp(9, b"x", length=4)),
        ipv4("10.0.0.9", 6, tcp(0x02, 80)[:7], fragment=0x00B9),  # the tail of something
        ipv4("10.0.0.9", 17, udp(53, b"")),
        ipv4("10.0.0.9", 17, udp(53, dns(questions=3))),
        ipv4("10.0.0.9", 17, udp(53, dns(flags=0x2800))),
        ipv4("10.0.0.9", 17, udp(53, dns(name=b"\x3fshort"))),
        ipv4("10.0.0.9", 17, udp(53, dns(name=b"\xc0\x0c"))),
        ipv4("10.0.0.9", 17, udp(53, dns(name=b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x00"))),
        ipv4("10.0.0.9", 47, rnd.randbytes(40)),  # GRE
        ipv6("fd00::9", 0, struct.pack("!BB6x", 60, 0) + struct.pack("!BB6x", 6, 0) + tcp(0x02, 80)),
        ipv6("fd00::9", 0, b"".join(struct.pack("!BB6x", 60, 0) for _ in range(9)) + tcp(0x02, 80)),
        ipv6("fd00::9", 43, struct.pack("!BB6x", 51, 0) + struct.pack("!BB10x", 17, 1) + udp(7, b"hi")),
        ipv6("fd00::9", 44, struct.pack("!BBHI", 17, 0, 0x0008, 5) + bytes(16)),
    ]
    frames += [good[:n] for n in range(14, len(good), 4)]  # every layer cut off
    for flags in (0x00, 0x03, 0x29, 0x07):  # null, SYN+FIN, Xmas scans
        frames += [ipv4("10.0.0.66", 6, tcp(flags, p)) for p in range(20, 40)]
    frames += [ipv4(f"192.0.2.{rnd.randrange(1, 40)}", 6, tcp(0x02, 80)) for _ in range(300)]  # a spoofed SYN flood
    frames += [ethernet(rnd.choice((0x0800, 0x86DD, 0x8100)), rnd.randbytes(rnd.randrange(46, 200))) for _ in range(60)]
    rnd.shuffle(frames)
    for frame in frames:
        raw.send(frame)
        time.sleep(0.02)


if __name__ == "__main__":
    if sys.argv[1:2] == ["vlan"]:
        vlan(sys.argv[2], sys.argv[3:])
    elif sys.argv[1:2] == ["junk"]:
        junk(sys.argv[2])
    else:
        sys.exit(__doc__)
