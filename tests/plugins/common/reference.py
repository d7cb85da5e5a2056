#!/usr/bin/env python3
"""The slow, plain reading of the rules, for tests to compare with.

reference.py lines replace|reject FILE...  rows and rejects of decoded text
reference.py gzip FILE...                  whether Python's gzip module reads a file, and what
reference.py tar FORMAT                    an archive of one file, by tarfile
reference.py utf8 FILE                     per line of hex: valid?, and decoded with errors="replace"

Bytes are printed as hex. One line a fact; `= FILE` begins a file.
"""
import gzip
import io
import re
import sys
import tarfile
import zlib

LONGEST = 64 * 1024
KEPT_OF_LONG = 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def unquoted(field):
    wrapped = re.fullmatch(rb'"((?:[^"]|(?<=\\)")*)"', field, re.DOTALL)
    if field != b'""' and not (wrapped and b'"' in wrapped[1]):
        return field
    return re.sub(rb'\\(["\\])', rb"\1", wrapped[1])


def number(text, name):
    if not re.fullmatch(rb"[0-9]+", text):
        raise ValueError(name + " is not a number")
    if int(text) >= 2**63:
        raise ValueError(name + " is out of range")
    return int(text)


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def parsed(line, mode):
    if len(line) > LONGEST:
        raise ValueError("line longer than 64 KiB")
    if not line:
        raise ValueError("empty line")
    if 0 in line:
        raise ValueError("NUL byte")
    if mode == "reject" and not is_utf8(line):
        raise ValueError("invalid UTF-8")
    fields = line.split(b" ")
    if not fields[0]:
        raise ValueError("empty domain code")
    if len(fields) < 4:
        raise ValueError("fewer than 4 fields")
    title = b" ".join(fields[1:-2])
    if not title:
        raise ValueError("empty title")
    views = number(fields[-2], "views")
    response_bytes = number(fields[-1], "response_bytes")
    text = [part.decode("utf-8", errors="replace").encode() for part in (fields[0], unquoted(title))]
    return "row", text[0].hex(), text[1].hex(), views, response_bytes


def lines(mode, paths):
    for path in paths:
        print("=", path)
        with open(path, "rb") as file:
            data = file.read()
        pieces = data.split(b"\n")
        if pieces[-1] in (b"", BYTE_ORDER_MARK):
            pieces.pop()
        offset = 0
        for count, piece in enumerate(pieces, 1):
            marked = len(BYTE_ORDER_MARK) if piece.startswith(BYTE_ORDER_MARK) else 0
            line = piece[marked:-1] if piece.endswith(b"\r") else piece[marked:]
            try:
                print(*parsed(line, mode))
            except ValueError as why:
                raw = line[:KEPT_OF_LONG] if len(line) > LONGEST else line
                print("reject", str(why).replace(" ", "_"), raw.hex(), count, offset + marked)
            offset += len(piece) + 1


def unzip(paths):
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        try:
            if not data:
                raise EOFError("empty file")
            text = gzip.decompress(data)
            print("good", len(text), zlib.crc32(text))
        except (EOFError, OSError, zlib.error):
            print("bad")


def tar(kind):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=getattr(tarfile, kind)) as file:
        content = b"fr A 1 0\n"
        entry = tarfile.TarInfo("pageviews")
        entry.size = len(content)
        file.addfile(entry, io.BytesIO(content))
    print(archive.getvalue().hex())


def utf8(path):
    with open(path, encoding="ascii") as file:
        for line in file:
            data = bytes.fromhex(line.strip())
            print(int(is_utf8(data)), data.decode("utf-8", errors="replace").encode().hex())


def main(verb, *arguments):
    if verb == "lines":
        lines(arguments[0], arguments[1:])
    elif verb == "gzip":
        unzip(arguments)
    elif verb == "tar":
        tar(*arguments)
    else:
        utf8(*arguments)


main(*sys.argv[1:])
