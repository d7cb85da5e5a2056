#!/usr/bin/python3
"""Prints the layout of a plugin ABI header: the size of every struct, the offset, size, type and name of every field,
the values of every enum, the text of every macro. One fact per line, for compare.py.

libclang parses the header as C11. Runs with Debian's own Python, which finds Debian's libclang.
"""

import subprocess
import sys

from clang import cindex
from clang.cindex import CursorKind


def builtin_headers():
    """The folder of the compiler's own stddef.h, which libclang does not know."""
    folder = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True, check=True)
    return folder.stdout.strip()


def canonical(type_):
    """A type without its typedefs, so that changing a typedef counts as a change; "unnamed" if it has no name."""
    text = type_.get_canonical().spelling
    return "unnamed" if "unnamed" in text or "anonymous" in text else text


def fields(record, before=0, prefix=""):
    """(offset, size, type, name) of each field, including those of unnamed structs and unions in it."""
    for cursor in record.get_fields():
        offset = before + cursor.get_field_offsetof() // 8
        name = prefix + cursor.spelling
        yield offset, cursor.type.get_size(), canonical(cursor.type), name
        declared = cursor.type.get_declaration()
        if canonical(cursor.type) == "unnamed":
            yield from fields(declared.type, offset, name + ".")


def macro(cursor):
    words = [token.spelling for token in cursor.get_tokens()][1:]
    return " ".join(words)


def dump(path):
    arguments = ["-x", "c", "-std=c11", "-I", builtin_headers()]
    unit = cindex.Index.create().parse(path, arguments, options=cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
    problems = [str(each) for each in unit.diagnostics if each.severity >= cindex.Diagnostic.Error]
    if problems:
        sys.exit("\n".join(problems))
    unnamed = 0
    for cursor in unit.cursor.get_children():
        if cursor.location.file is None or cursor.location.file.name != path:
            continue
        if cursor.kind == CursorKind.MACRO_DEFINITION and macro(cursor):
            yield f"macro {cursor.spelling} {macro(cursor)}"
        elif cursor.kind == CursorKind.STRUCT_DECL and cursor.is_definition():
            yield f"struct {cursor.spelling} {cursor.type.get_size()}"
            for offset, size, type_, name in fields(cursor.type):
                yield f"  field {name} {offset} {size} {type_}"
        elif cursor.kind == CursorKind.ENUM_DECL:
            # Unnamed enums are numbered.
            unnamed += not cursor.spelling
            yield f"enum {cursor.spelling or f'flags_{unnamed}'} {canonical(cursor.enum_type)}"
            for value in cursor.get_children():
                yield f"  value {value.spelling} {value.enum_value}"
        elif cursor.kind == CursorKind.VAR_DECL:
            yield f"symbol {cursor.spelling} {canonical(cursor.type)}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: abi_dump.py abi.h")
    for line in dump(sys.argv[1]):
        print(line)
