#!/usr/bin/env python3
"""An IPFIX exporter of a translator, written from RFC 7011 and RFC 8158 apart from the decoder under test: prints one message a line,
in hexadecimal, after a word that names it. tshark reads the same octets as an oracle (ipfix.int.test.ts)."""
import ipaddress
import struct
import sys

EXPORT = 1772600770  # 2026-03-04T05:06:10Z
VAR = 0xFFFF


def field(element, length, enterprise=None):
    if enterprise is None:
        return struct.pack("!HH", element, length)
    return struct.pack("!HHI", element | 0x8000, length, enterprise)


def sets(set_id, body, pad=0):
    return struct.pack("!HH", set_id, 4 + len(body) + pad) + body + b"\0" * pad


def template(template_id, fields):
    return struct.pack("!HH", template_id, len(fields)) + b"".join(field(*one) for one in fields)


def message(sequence, domain, *parts):
    body = b"".join(parts)
    return struct.pack("!HHIII", 10, 16 + len(body), EXPORT, sequence, domain) + body


def v4(text):
    return ipaddress.IPv4Address(text).packed


def v6(text):
    return ipaddress.IPv6Address(text).packed


def ms(text):
    return struct.pack("!Q", text)


SESSION = [(323, 8), (230, 1), (4, 1), (8, 4), (7, 2), (225, 4), (227, 2)]
BLOCK = [(323, 8), (230, 1), (8, 4), (225, 4), (361, 2), (362, 2), (234, 4)]
DSLITE = [(323, 8), (230, 1), (27, 16), (8, 4), (225, 4), (361, 2), (364, 2)]
NAT64 = [(230, 1), (4, 1), (27, 16), (225, 4), (227, 2)]  # no time of its own
VARIED = [(230, 1), (464, VAR), (91, VAR, 637), (8, 4), (225, 4), (361, 2), (362, 2), (96, VAR)]
STEPPED = [(230, 1), (8, 4), (225, 4), (361, 2), (362, 2), (363, 2)]
OPTIONS = struct.pack("!HHH", 300, 2, 1) + field(144, 4) + field(41, 8)


def session(at, event, proto, inside, outside, port):
    return ms(at) + struct.pack("!BB", event, proto) + v4(inside) + struct.pack("!H", 40000) + v4(outside) + struct.pack("!H", port)


def block(at, event, inside, outside, low, high, vrf=0):
    return ms(at) + struct.pack("!B", event) + v4(inside) + v4(outside) + struct.pack("!HHI", low, high, vrf)


def var(octets, long_form=False):
    return (struct.pack("!BH", 255, len(octets)) if long_form else struct.pack("!B", len(octets))) + octets


T = 1772600767000
OUT = {
    "templates": message(0, 7, sets(2, template(256, SESSION) + template(257, BLOCK) + template(258, DSLITE) + template(259, NAT64) + template(260, VARIED) + template(261, STEPPED)), sets(3, OPTIONS)),
    "sessions": message(0, 7, sets(256, session(T, 4, 6, "10.0.0.1", "192.0.2.1", 2048) + session(T + 5, 5, 6, "10.0.0.1", "192.0.2.1", 2048) + session(T, 8, 17, "10.0.0.1", "192.0.2.1", 2049) + session(T, 1, 1, "10.0.0.1", "192.0.2.1", 2050) + session(T, 4, 47, "10.0.0.1", "192.0.2.1", 0), 3)),
    "blocks": message(5, 7, sets(257, block(T, 16, "10.0.0.1", "192.0.2.1", 1024, 2047) + block(T + 60000, 17, "10.0.0.1", "192.0.2.1", 1024, 2047, 5) + block(T, 13, "10.0.0.1", "0.0.0.0", 0, 0) + block(T - 90000000, 16, "10.0.0.1", "192.0.2.1", 1024, 2047))),
    "dslite": message(9, 7, sets(258, ms(T) + b"\x10" + v6("2001:db8:5::1") + v4("192.168.1.7") + v4("192.0.2.2") + struct.pack("!HH", 4096, 1024))),
    "nat64": message(10, 7, sets(259, struct.pack("!BB", 6, 17) + v6("2001:db8:5:1::9") + v4("192.0.2.3") + struct.pack("!H", 5000))),
    "varied": message(11, 7, sets(260, b"\x10" + var(b"red") + var(b"x" * 9) + v4("10.0.0.1") + v4("192.0.2.4") + struct.pack("!HH", 1024, 1535) + var(b"http", True) + b"\x10" + var(b"") + var(b"") + v4("10.0.0.2") + v4("192.0.2.4") + struct.pack("!HH", 1536, 2047) + var(b""))),
    "stepped": message(13, 7, sets(261, b"\x10" + v4("10.0.0.1") + v4("192.0.2.5") + struct.pack("!HHH", 1024, 65000, 4))),
    "options": message(14, 7, sets(300, struct.pack("!IQ", 1, 99))),
    "elsewhere": message(0, 8, sets(257, block(T, 16, "10.0.0.1", "192.0.2.1", 1024, 2047))),
    "withdrawn": message(15, 7, sets(2, struct.pack("!HH", 257, 0)), sets(257, block(T, 16, "10.0.0.1", "192.0.2.1", 1024, 2047))),
    "all-withdrawn": message(15, 7, sets(2, struct.pack("!HH", 2, 0))),
    "binding": message(15, 7, sets(2, template(262, [(230, 1), (8, 4), (225, 4)])), sets(262, b"\x0e" + v4("10.0.0.1") + v4("192.0.2.6"))),
}

for name, octets in OUT.items():
    sys.stdout.write(f"{name} {octets.hex()}\n")
