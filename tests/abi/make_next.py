"""Writes the header of the next minor version: today's, with a function appended to every struct that may grow. Tests
build both sides with it, so that a shorter table and a longer one are tested even while there is one version only.

    make_next.py core/sdk/include/etl/abi.h > next/etl/abi.h
"""

import re
import sys


def next_header(text):
    minor = int(re.search(r"#define ETL_ABI_MINOR (\d+)\n", text)[1])
    text = text.replace(f"#define ETL_ABI_MINOR {minor}\n", f"#define ETL_ABI_MINOR {minor + 1}\n")
    return re.sub(r"(typedef struct (\w+) \{.*?\n)(\} \2;)", grown, text, flags=re.S)


def grown(match):
    fields, _, end = match.groups()
    return fields + ("  void (*next)(void);\n" if "uint32_t struct_size;" in fields else "") + end


if __name__ == "__main__":
    with open(sys.argv[1]) as header:
        sys.stdout.write(next_header(header.read()))
