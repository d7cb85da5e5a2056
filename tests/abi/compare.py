"""Compares two dumps of abi_dump.py and finds forbidden changes to the plugin ABI since a release.

Nothing that was released may change. Additions must raise ETL_ABI_MINOR; allowed are
- a field at the end of a struct with struct_size, beyond every byte of the released struct, padding included: a host
  would read an old plugin's padding as the new field;
- a value of an enum, a struct, an enum, a macro.
"""

MINOR = "ETL_ABI_MINOR"


class Dump:
    """structs {name: (size, {field: (offset, size, type)})}, enums {name: {value: number}}, and one-line facts."""

    def __init__(self, text):
        self.structs, self.enums, self.facts = {}, {}, {}
        for line in text.splitlines():
            word, name, rest = (line.split(maxsplit=2) + [""])[:3]
            if word == "struct":
                members = self.structs.setdefault(name, (int(rest), {}))[1]
            elif word == "enum":
                members = self.enums.setdefault(name, {})
                self.facts[f"enum {name}"] = rest
            elif word == "field":
                offset, size, type_ = rest.split(maxsplit=2)
                members[name] = (int(offset), int(size), type_)
            elif word == "value":
                members[name] = int(rest)
            else:
                self.facts[f"{word} {name}"] = rest

    @property
    def minor(self):
        return int(self.facts[f"macro {MINOR}"])


def changes(released_text, current_text):
    """The forbidden changes, a sentence each; empty if every plugin of the release keeps working."""
    released, current = Dump(released_text), Dump(current_text)
    grown, wrong = [], []
    for name, before in released.structs.items():
        if name not in current.structs:
            wrong.append(f"struct {name} is gone")
        else:
            wrong += struct_changes(name, before, current.structs[name], grown)
    for name, before in released.enums.items():
        wrong += enum_changes(name, before, current.enums.get(name, {}), grown)
    for name, before in released.facts.items():
        if name != f"macro {MINOR}" and current.facts.get(name) != before:
            wrong.append(f"{name} was {before} and is {current.facts.get(name, 'gone')}")
    grown += [f"struct {name}" for name in current.structs if name not in released.structs]
    grown += [name for name in current.facts if name not in released.facts]
    if current.minor < released.minor:
        wrong.append(f"{MINOR} was {released.minor} and is {current.minor}")
    elif grown and current.minor == released.minor:
        wrong.append(f"{MINOR} is still {released.minor}, but these are new: {', '.join(grown)}; raise it")
    return wrong


def struct_changes(name, before, after, grown):
    """Yields what is forbidden and appends allowed new fields to `grown`."""
    (size, fields), (size_now, fields_now) = before, after
    for field, layout in fields.items():
        if field not in fields_now:
            yield f"{name}.{field} is gone"
        elif fields_now[field] != layout:
            yield f"{name}.{field} was {as_text(layout)} and is {as_text(fields_now[field])}"
    for field, (offset, *_) in fields_now.items():
        if field in fields:
            continue
        if "struct_size" not in fields:
            yield f"{name}.{field} is new, and {name} may not grow: it has no struct_size"
        elif offset < size:
            yield f"{name}.{field} is new at offset {offset}, within the {size} bytes of the release: only append"
        else:
            grown.append(f"{name}.{field}")
    if size_now < size or size_now > size and "struct_size" not in fields:
        yield f"{name} had {size} bytes and has {size_now}"


def enum_changes(name, before, after, grown):
    for value, number in before.items():
        if after.get(value) != number:
            yield f"{value} of {name} was {number} and is {after.get(value, 'gone')}"
    for value, number in after.items():
        if value in before:
            continue
        if number in before.values():
            yield f"{value} of {name} is new and has the number {number} of another"
        grown.append(value)


def as_text(layout):
    offset, size, type_ = layout
    return f"{type_} ({size} bytes at offset {offset})"
