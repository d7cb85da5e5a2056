"""Writes the layout of a released ABI as static assertions for a C11 and a C++20 compiler.

    make_layout.py v1.0/abi.dump > layout.inc
"""

import sys

from compare import Dump


def assertions(released):
    for name, (size, fields) in released.structs.items():
        # A struct with struct_size may have grown since.
        yield f"sizeof(struct {name}) {'>=' if 'struct_size' in fields else '=='} {size}"
        for field, (offset, bytes_, _) in fields.items():
            yield f"offsetof(struct {name}, {field}) == {offset}"
            yield f"sizeof(((struct {name}*)0)->{field}) == {bytes_}"
    for values in released.enums.values():
        for name, number in values.items():
            yield f"{name} == {number}"


if __name__ == "__main__":
    with open(sys.argv[1]) as dump:
        for fact in assertions(Dump(dump.read())):
            print(f'static_assert({fact}, "{fact}");')
