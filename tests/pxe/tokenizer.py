"""Read a script as iPXE reads it: src/image/script.c for lines, src/core/exec.c for words. Knows
nothing of ours.

read("#!ipxe\\nmenu A || goto b\\n")  ->  [["menu", "A"], "||", ["goto", "b"]]
"""

BLANKS = " \t\n\v\f\r"
PARTING = ("||", "&&", ";")


def read(text):
    """The commands in their order, with what parts them; a label is a string with its colon.
    Settings stay."""
    found = []
    for line in lines(text):
        rest = line.lstrip(BLANKS)
        if rest.startswith(":"):
            label = words(rest)[0]
            found.append(label)
            rest = rest[len(label) :]
        found += commands(rest)
    return found


def lines(text):
    whole = ""
    for part in text.split("\n"):
        whole += part
        whole = whole[:-1] if whole.endswith("\r") else whole
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        yield whole
        whole = ""


def commands(line):
    found, command = [], []
    for word in words(line):
        if word.startswith("#"):
            break
        if word in PARTING:
            found += [command, word]
            command = []
        else:
            command.append(word)
    return [*found, command] if command else found


def words(line):
    for blank in BLANKS:
        line = line.replace(blank, " ")
    return [word for word in line.split(" ") if word]


def settings(text):
    """Every setting that the script expands."""
    return [part.partition("}")[0] for part in text.split("${")[1:]]


def items(text):
    """{label: text} of the menu's items."""
    return {c[1]: " ".join(c[2:]) for c in read(text) if isinstance(c, list) and c[:1] == ["item"]}


def booted(text):
    """The URL of the kernel or chain that is started without asking; None for a menu or the
    disk."""
    found = [c for c in read(text) if isinstance(c, list)]
    if any(c[0] == "menu" for c in found):
        return None
    return next((c[1] for c in found if c[0] in ("kernel", "chain")), None)


def default(text):
    choose = next(c for c in read(text) if isinstance(c, list) and c[0] == "choose")
    return choose[choose.index("--default") + 1]
