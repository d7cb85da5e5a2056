#!/usr/bin/env python3
"""Writes man pages and shell completions of etl, from the command line as the program describes it.

  tools/make_command_docs.py --binary FILE --out FOLDER

FOLDER gets the layout of PREFIX/share: man/man1/, bash-completion/completions/, zsh/site-functions/,
fish/vendor_completions.d/. The build runs it; its output depends only on the program.
"""

import argparse
import gzip
import json
import pathlib
import subprocess

STAGES = "etl plugins --log-level off 2>/dev/null | awk 'NR > 1 { print $1 }'"


def command_line(binary):
    """The command line as a tree; every node also has `words`, from "etl" down to its own name."""
    done = subprocess.run([binary, "--command-line"], capture_output=True, text=True, check=True)
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    root = json.loads(done.stdout)

    def name(node, before):
        node["words"] = before + [node["name"]]
        for verb in node["verbs"]:
            name(verb, node["words"])

    name(root, [])
    root["version"] = version
    return root


def nodes(node):
    yield node
    for verb in node["verbs"]:
        yield from nodes(verb)


def options(node):
    return [option for option in node["options"] if not option["positional"]]


def positionals(node):
    return [option for option in node["options"] if option["positional"]]


def values(option):
    """The values to complete: ("words", [...]), ("files", glob), ("folders", ""), ("stages", "") or None."""
    if option["flag"]:
        return None
    if option["allowed"]:
        return "words", option["allowed"]
    if option["type"] == "DIR":
        return "folders", ""
    if option["type"] == "STAGE":
        return "stages", ""
    if option["positional"] and option["names"] == ["FILE"]:
        return "files", "*.toml"
    if option["type"] == "FILE":
        return "files", "*"
    return None


# ---- man ------------------------------------------------------------------------------------------------

def roff(text):
    """Escapes text for troff, including lines that begin with a control character."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def metavar(option):
    return "|".join(option["allowed"]) or option["type"]


def synopsis(node):
    parts = [f"\\fB{roff(' '.join(node['words']))}\\fR"]
    if node["verbs"]:
        parts.append("\\fIVERB\\fR")
    for option in sorted(options(node), key=lambda option: not option["required"]):
        if option["required"]:
            parts.append(f"\\fB{roff(option['names'][-1])}\\fR \\fI{roff(metavar(option))}\\fR")
    parts.append("[\\fIOPTION\\fR]...")
    for option in positionals(node):
        parts.append(f"\\fI{option['names'][0]}\\fR" + ("..." if option["repeatable"] else ""))
    return " ".join(parts)


def option_entry(option):
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option["names"])
    if option["positional"]:
        names = f"\\fI{option['names'][0]}\\fR"
    elif not option["flag"]:
        names += f" \\fI{roff(metavar(option))}\\fR"
    text = roff(option["help"].rstrip("."))
    if option["default"]:
        text += f" (default: {roff(option['default'])})"
    return f".TP\n{names}\n{text}.\n"


def man_page(root, node):
    title = "-".join(node["words"])
    out = [f'.TH {title.upper()} 1 "" "etl {root["version"]}" "User Commands"\n',
           f".SH NAME\n{roff(title)} \\- {roff(node['help'].rstrip('.'))}\n", f".SH SYNOPSIS\n{synopsis(node)}\n"]
    if node["verbs"]:
        out.append(".SH VERBS\n")
        for verb in node["verbs"]:
            out.append(f".TP\n\\fB{roff(verb['name'])}\\fR\n{roff(verb['help'].rstrip('.'))}.\n")
    given = positionals(node) + options(node)
    if given:
        out.append(".SH OPTIONS\n" + "".join(map(option_entry, given)))
    if node is root:
        out.append(f".SH NOTES\n{roff(root['footer'])}\n")
        out.append(".SH FILES\n.TP\n.I ../lib/etl/plugins\nThe installed plugins, relative to the folder of the program.\n"
                   ".TP\n.I ../share/doc/etl\nThe documentation, and pipelines to start from.\n")
    others = ["-".join(other["words"]) for other in nodes(root) if other is not node]
    out.append(".SH SEE ALSO\n" + ", ".join(f"\\fB{roff(other)}\\fR(1)" for other in others) + "\n")
    return "".join(out)


# ---- completions ----------------------------------------------------------------------------------------

def bash_values(option):
    kind, what = values(option) or (None, None)
    return {"words": f'_etl_words "{" ".join(what or [])}"', "folders": "_etl_files -d", "stages": "_etl_stages",
            "files": "_etl_files -f" + (f" '{what}'" if what != "*" else "")}.get(kind, "COMPREPLY=()")


def bash(root):
    out = ["# Completions of etl for bash, generated from its command line.\n", r"""
_etl_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }
_etl_stages() { _etl_words "$(""" + STAGES + r""")"; }
# _etl_files -f|-d [PATTERN]: files that match the pattern, and folders
_etl_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" ${2:+-X "!$2"} -- "$current"; [[ -z ${2:-} ]] || compgen -d -- "$current")
}

_etl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path=etl word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
"""]
    below = [" ".join(node["words"]) for node in nodes(root) if node is not root]
    out.append(f'      {" | ".join(repr_sh(path) for path in below)}) path="$path $word" ;;\n')
    out.append("    esac\n  done\n  case \"$path $previous\" in\n")
    for node in nodes(root):
        for option in options(node):
            if not option["flag"]:
                names = " | ".join(repr_sh(" ".join(node["words"]) + " " + name) for name in option["names"])
                out.append(f"    {names}) {bash_values(option)}; return ;;\n")
    out.append("  esac\n  case $path in\n")
    for node in nodes(root):
        flags = " ".join(name for option in options(node) for name in option["names"])
        rest = "COMPREPLY=()"
        if node["verbs"]:
            rest = f'_etl_words "{" ".join(verb["name"] for verb in node["verbs"])}"'
        elif positionals(node):
            rest = bash_values(positionals(node)[0])
        out.append(f"    {repr_sh(' '.join(node['words']))})\n"
                   f'      if [[ $current == -* ]]; then _etl_words "{flags}"; else {rest}; fi ;;\n')
    out.append("  esac\n}\ncomplete -F _etl etl\n")
    return "".join(out)


def repr_sh(text):
    """Quotes text as one word of sh."""
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_text(text):
    """Escapes help for a specification in single quotes: brackets, colons and quotes."""
    for character, other in (("\\", "\\\\"), (":", "\\:"), ("[", "\\["), ("]", "\\]"), ("'", "'\\''")):
        text = text.replace(character, other)
    return text


def zsh_values(option):
    kind, what = values(option) or (None, None)
    return {"words": f"({' '.join(what or [])})", "folders": "_files -/", "stages": "_etl_stages",
            "files": f'_files -g "{what}"'}.get(kind, " ")


def zsh_arguments(node):
    specs = []
    for option in options(node):
        for name in option["names"]:
            many = "*" if option["repeatable"] else ""
            value = "" if option["flag"] else f":{zsh_text(option['type'].lower() or 'value')}:{zsh_values(option)}"
            specs.append(f"'{many}{name}[{zsh_text(option['help'])}]{value}'")
    for option in positionals(node):
        many = "*" if option["repeatable"] else ""
        specs.append(f"'{many}:{option['names'][0]}:{zsh_values(option)}'")
    return specs


def zsh_function(node):
    name = "_".join([""] + node["words"])
    specs = zsh_arguments(node)
    if not node["verbs"]:
        return f"{name}() {{\n  _arguments -s \\\n    " + " \\\n    ".join(specs) + "\n}\n"
    verbs = " ".join(f"'{verb['name']}:{zsh_text(verb['help'])}'" for verb in node["verbs"])
    calls = "".join(f"      {verb['name']}) {'_'.join([''] + verb['words'])} ;;\n" for verb in node["verbs"])
    specs += ["'1:verb:->verb'", "'*::argument:->arguments'"]
    return (f"{name}() {{\n  local state line context\n  local -a verbs\n  typeset -A opt_args\n"
            f"  _arguments -C \\\n    " + " \\\n    ".join(specs) + "\n"
            f"  case $state in\n    verb)\n      verbs=({verbs})\n      _describe verb verbs ;;\n"
            f"    arguments)\n      case $line[1] in\n{calls}      esac ;;\n  esac\n}}\n")


def zsh(root):
    functions = "\n".join(zsh_function(node) for node in reversed(list(nodes(root))))
    return (f"#compdef etl\n# Completions of etl for zsh, generated from its command line.\n\n"
            f"_etl_stages() {{\n  local -a stages\n  stages=(${{(f)\"$({STAGES})\"}})\n"
            f"  compadd -a stages\n}}\n\n{functions}\n"
            # This file is autoloaded as the function _etl, or sourced.
            f'if [[ $funcstack[1] == _etl ]]; then _etl "$@"; else compdef _etl etl; fi\n')


FISH_PIPELINES = """\
# Unlike fish's __fish_complete_suffix, this offers no files with other endings.
function __etl_pipelines
  set -l token (commandline -ct)
  for path in $token*
    if test -d $path
      echo $path/
    else if string match -q '*.toml' -- $path
      echo $path
    end
  end
end
"""


def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_condition(node):
    """A condition that holds if the words so far name this verb."""
    parts = [f"__fish_seen_subcommand_from {word}" for word in node["words"][1:]] or ["__fish_use_subcommand"]
    if node["verbs"] and node["words"][1:]:
        parts.append("not __fish_seen_subcommand_from " + " ".join(verb["name"] for verb in node["verbs"]))
    return fish_text("; and ".join(parts))


def fish_values(option):
    kind, what = values(option) or (None, None)
    return {"words": f" -xa {fish_text(' '.join(what or []))}", "folders": " -xa '(__fish_complete_directories)'",
            "stages": " -xa '(__etl_stages)'", "files": " -rF"}.get(kind, " -x")


def fish(root):
    out = [f"# Completions of etl for fish, generated from its command line.\nfunction __etl_stages\n  {STAGES}\nend\n",
           FISH_PIPELINES, "complete -c etl -f\n"]
    for node in nodes(root):
        condition = fish_condition(node)
        for verb in node["verbs"]:
            out.append(f"complete -c etl -n {condition} -a {verb['name']} -d {fish_text(verb['help'])}\n")
        for option in options(node):
            names = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option["names"])
            out.append(f"complete -c etl -n {condition}{names}{'' if option['flag'] else fish_values(option)}"
                       f" -d {fish_text(option['help'])}\n")
        for option in positionals(node):
            kind, _ = values(option) or (None, None)
            if kind == "stages":
                out.append(f"complete -c etl -n {condition} -a '(__etl_stages)'\n")
            elif kind == "files":
                out.append(f"complete -c etl -n {condition} -a '(__etl_pipelines)'\n")
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True, help="the etl to describe")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the files; created if missing")
    arguments = parser.parse_args()
    root = command_line(arguments.binary)
    files = {"bash-completion/completions/etl": bash(root), "zsh/site-functions/_etl": zsh(root),
             "fish/vendor_completions.d/etl.fish": fish(root)}
    for node in nodes(root):
        files[f"man/man1/{'-'.join(node['words'])}.1.gz"] = man_page(root, node)
    for name, text in files.items():
        path = arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)


if __name__ == "__main__":
    main()
