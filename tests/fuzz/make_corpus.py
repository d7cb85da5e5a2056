#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets to corpus/NAME/seed-*: small inputs of every shape that a target
understands, as starting points for a fuzzer. Past findings have other names and are kept."""

import pathlib
import struct
import zlib

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]


def page_view_parser():
    plain = b"de A 1 0\nfr A 1 0\nfr Accueil 12345678 0\nfr.m A 123456789 0\nfrr A 1 0\nwww.wd Q1 3 0\n"
    texts = {
        "plain": plain,
        "no-end": plain[:-1],
        "spark": b'fr "\\"W\\"_x" 3 0\nfr "\\"" 1 0\nfr "" 1 0\nfr "a\\\\b\\"" 2 0\n',
        "hive": b'fr "Heroes" 3 0\nfr " 1 0\nfr a"b 2 0\nfr a b c 2 0\n',
        "ends": b"fr A 1 0\r\nfr B\r 1 0\nfr C\xc2\x85D 1 0\nfr E\xe2\x80\xa8F 1 0\r\n\r\n\n",
        "fields": b"fr A 1\nfr\n fr A 1 0\nfr  1 0\nfr A x 0\nfr A 1 x\nfr A -1 0\nfr A 1 0 \n",
        "numbers": b"fr A 9223372036854775807 0\nfr A 9223372036854775808 0\nfr A 000000000001 0\nfr A 1 10\n",
        "utf8": b"fr Sch\xfctte 1 0\nf\xff A 1 0\nfr \xe2\x82 2 0\nfr \xf0\x9f\x98\x80 1 0\nfr \xed\xa0\x80 1 0\n",
        "nul": b"fr A\0B 1 0\nfr C 1 0\n",
        "long": b"fr A 1 0\nfr \x01A\x3f 1 0\nfr \x01B\x40 1 0\nfr C 1 0\n",
        "longer": b"fr \x01D\x80 1 0\r\nfr E 1 0\n",
        "longest": b"fr \x01D\x3f" + b"D" * 1017 + b" 1 0\r\nfr E 1 0\n",
        "codes": b"zh-classical.m A 1 0\nzh-classical.m B 2 0\nzh-classical A 1 0\nen.zero A 1 0\ncommons.m A 1 0\n",
    }
    for i, (name, text) in enumerate(texts.items()):
        yield name, bytes([0, 0, 4, 1]) + text
        yield f"{name}-rejecting", bytes([1, 2 * (i % 6) + i % 2, i, i]) + text


def member(data, flags=0, extra=b"", level=6):
    raw = zlib.compressobj(level, zlib.DEFLATED, -15)
    deflate = raw.compress(data) + raw.flush()
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\3" + extra
    return header + deflate + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def gzip_files():
    text = b"".join(b"fr Page_%d %d 0\n" % (i, i % 7) for i in range(60))
    one = member(text)
    files = {
        "one": one,
        "two-members": one + member(b"fr B 1 0\n"),
        "empty-member": member(b""),
        "stored": member(text[:200], level=0),
        "fields": member(b"x", 0x0C, b"\3\0abcname\0"),
        "header-crc": member(b"x", 2, struct.pack("<H", zlib.crc32(b"\x1f\x8b\x08\2\0\0\0\0\0\3") & 0xFFFF)),
        "reserved-flag": member(b"x", 0x80),
        "padding": one + bytes(20),
        "garbage": one + b"garbage",
        "cut": one[:-5],
        "wrong-crc": one[:-8] + b"\0\0\0\0" + one[-4:],
        "html": b"<!DOCTYPE html><title>503</title>",
        "nothing": b"",
        "bomb": member(bytes(600000), level=9),
    }
    for i, (name, data) in enumerate(files.items()):
        yield name, bytes([0, i, (3 * i) % 18]) + data
    for name, data in (("fixed", text[:40]), ("dynamic", text), ("far", b"ab" * 20000), ("none", b"")):
        for level in (0, 1, 9):
            raw = zlib.compressobj(level, zlib.DEFLATED, -15)
            yield f"deflate-{name}-{level}", bytes([1, 200, 12]) + raw.compress(data) + raw.flush()
    yield "deflate-cut", bytes([1, 1, 6]) + member(text)[10:40]


def pipeline_files():
    for path in sorted((REPOSITORY / "tests/runtime/config/cases").rglob("*.toml")):
        yield path.stem, path.read_bytes()
    text = (REPOSITORY / "tests/runtime/config/cases/valid/valid.toml").read_bytes()
    yield "set", text + b"\x1erun.workers=4\x1edb.table=other\x1edb.key=['a', 'b']\x1enothing"
    yield "deep", b"a = " + b"[" * 300 + b"]" * 300
    yield "dotted", b"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1"
    yield "unclosed", b'name = """\na\n[run]\n'
    yield "bytes", b"name = 'a\0b\xff'\n[\xe3\x81\xae]\n"


def option_values():
    values = [b"true", b"1", b"-9223372036854775808", b"1.5", b"nan", b"1e400", b'"a|b"', b'"x"', b"[]",
              b'["a", "b"]', b"[1, [2]]", b"{a = 1}", b"2024-02-29T23:59:60Z", b"2024-02-30", b"0001-01-01",
              b"9999-12-31T23:59:59.999999999-23:59", b'"-15d"', b'"-99999999999d"', b'"30s"', b'"250ms"',
              b'"9223372036854775807d"', b'"64KiB"', b'"8EiB"', b'"99999999999999TiB"', b'"~/x"', b'"../../x"',
              b'"https://u:p@h/"', b'"://"', b'"a\\u0000b"', b"'''", b"07:32:00"]
    for kind in range(12):
        for i, value in enumerate(values):
            if (i + kind) % 4 == 0:
                yield f"{kind}-{i}", bytes([kind, (kind * 8 + i) % 32, i, 9]) + b"a|b\n" + bytes([i % 4]) + value


def ledger():
    record = b"\0" + b"p\ns\nk\nid\nfile:///f\nd\nr\n\n" + b"".join(
        struct.pack("<q", n) for n in (3, 1, 0, 2, -1, 1, 1709251200000000, 1709251201500000))
    yield "as-it-is", bytes(14) + record
    for i in range(14):
        for kind, value in ((1, b""), (2, struct.pack("<q", -(1 << 62))), (3, b"a\0\xff\n"), (4, b"12\n"), (5, b"\x02\x7f")):
            if (i + kind) % 3 == 0:
                yield f"column-{i}-{kind}", bytes(i) + bytes([kind]) + value + bytes(13 - i) + record
    for name, moment in (("no-time", b"noon"), ("feb-30", b"2024-02-30 00:00:00"), ("year-0", b"0000-01-01 00:00:00"),
                         ("long", b"2024-01-01 00:00:00.0000000000000")):
        yield name, bytes(12) + b"\3" + moment + b"\n\0" + record
    yield "state", b"\0\3maybe\n" + bytes(12) + record
    yield "far-times", bytes(14) + record[:-16] + struct.pack("<qq", -(1 << 63), (1 << 63) - 1)


def http_answer():
    for i, value in enumerate((b"bytes 0-9/10", b"BYTES 5-5/*", b"bytes */10", b"bytes 9-0/10", b"items 0-9/10",
                               b"bytes 0-99999999999999999999/1", b"bytes -1-2/3", b"")):
        yield f"range-{i}", b"\0" + value
    meta = b'etl part 1\nurl http://h/f\nvalidator "abc"\nlength 10\nend\n'
    for i, value in enumerate((meta, meta[:-1], meta.replace(b"10", b"+10"), meta.replace(b"10", b"010"), b"")):
        yield f"meta-{i}", b"\1" + value
    for i, (a, b) in enumerate(((b"https://a/x", b"http://a/x"), (b"http://a", b"HTTPS://b"), (b"http://a", b"file:///etc"),
                                (b"HTTPS://a", b"http://b"), (b"http://a", b"ftp://b"))):
        yield f"redirect-{i}", b"\2\0" + a + b"\n" + b
    for i, url in enumerate((b"https://dumps.wikimedia.org/other/pageviews/", b"http://u:p@h:80/x", b"file:///a%20b/%2e%2e",
                             b"file://host/a", b"http://[::1]:80/a", b"https://u@h@i/x", b"file:///%00", b"http://?x",
                             b"file:///a%", b"HTTP://H/#f")):
        yield f"url-{i}", b"\3" + url
    for i, value in enumerate((b'"abc"\n\n', b'W/"abc"\n\n', b"\nTue, 01 Mar 2022 00:00:00 GMT\nTue, 01 Mar 2022 00:00:05 GMT",
                               b'"\n\n', b"\nx\ny")):
        yield f"validator-{i}", b"\4" + value


def postgres_names():
    for i, name in enumerate((b"views", b"raw.page views", b'"a.b"."c""d"', b'"open', b'a"; DROP TABLE b; --', b"a.b.c",
                              b"..", b"a\0b", b"bad\xff", b"x" * 64, b"../../etc/passwd", b"'; --")):
        yield f"table-{i}", name + b"\nhost=h"
    for i, dsn in enumerate((b"host=h password='a \\' b'", b"postgresql://u:p%40w@h:5432/db?sslmode=require",
                             b"postgresql://u:p/w@h/db", b"password=a b=c", b"port=x", b"postgres://[::1/db",
                             b"postgresql://u:%zz@h", b"host='", b"", b"\0")):
        yield f"dsn-{i}", b"t\n" + dsn


def sqlite_names():
    for i, name in enumerate((b"views", b'a"b', b"a;DROP TABLE bystander;--", b"../x", b"a\0b", b"sqlite_x", b"etl_ledger",
                              b"", b"bad\xff", b"' OR 1=1", b"]`[", b"bystander2", b"BYSTANDER3")):
        yield f"table-{i}", bytes([i % 2]) + name + b"\na\nb\n"
    for i, columns in enumerate((b'a"b\n"', b"a\nA", b"rowid\n_rowid_", b"select\nfrom\n1\n ", b"\n", b"c\0d", b"\xff\n\xfe",
                                 b"a) WITHOUT ROWID; --")):
        yield f"columns-{i}", bytes([i % 2]) + b"t\n" + columns


def redactor():
    for i, (user, password, secret) in enumerate((
            (b"u", b"hunter22", b"s3cr3t"), (b"u", b"p@ss/w", b"p@ss/w"), (b"", b"ab", b"ab"), (b"u:v", b"a'b\\c d", b"%41%42"),
            (b"u", b"*", b"****"), (b"u", b"\xff\0x", b"pass"), (b"u", b"=&?#", b"://x"), (b"u", b"%zz%", b"%zz%"))):
        text = b"a \2 b \3c\4 password=\2 http://\2:\2@h/ pwd = \"x y\" \2\2 :// = @ %73%33cr3t"
        yield str(i), user + b"\n" + password + b"\nhost\n" + secret + b"\n" + text


TARGETS = {"page_view_parser": page_view_parser, "gzip": gzip_files, "pipeline_file": pipeline_files,
           "option_values": option_values, "ledger": ledger, "http_answer": http_answer,
           "postgres_names": postgres_names, "sqlite_names": sqlite_names, "redactor": redactor}


def main():
    for name, seeds in TARGETS.items():
        folder = FOLDER / "corpus" / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
        for seed, data in seeds():
            (folder / f"seed-{seed}").write_bytes(data)


if __name__ == "__main__":
    main()
