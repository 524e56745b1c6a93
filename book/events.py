"""The reference of events, read from the source of the types that are written: crates/ledger/src.

The events are what the ledger stores, so a page that is written by hand would sooner or later describe another program. A line of
these types that is not understood ends the build.
"""

import pathlib
import re

SOURCE = pathlib.Path(__file__).parent.parent / "crates" / "ledger" / "src"

# Types that need no section of their own.
PLAIN = {
    "String": "text",
    "bool": "true or false",
    "u16": "number",
    "u32": "number",
    "u64": "number",
    "f64": "number",
    "Amount": "number",
    "SlotNumber": "number",
    "Timestamp": "time, RFC 3339",
    "serde_json::Value": "object",
}


class Field:
    """One field of an event or of a type."""

    def __init__(self, name, kind, about, is_optional):
        self.name, self.kind, self.about, self.is_optional = name, kind, about, is_optional


class Type:
    """An enum whose variants are words or events, or a struct, which has fields only."""

    def __init__(self, name, about):
        self.name, self.about, self.fields, self.variants = name, about, [], []


def snake(name):
    """`RunStarted` as it is written: `run_started`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def read_types():
    """All public types of the files whose serde names are known here, by name."""
    found = {}
    for file in ("event.rs", "engine.rs", "error_record.rs", "placement.rs"):
        text = (SOURCE / file).read_text()
        pattern = r"^((?:///[^\n]*\n|#\[[^\n]*\n)*)pub (enum|struct) (\w+) \{\n(.*?)^\}\n"
        for head, form, name, body in re.findall(pattern, text, re.M | re.S):
            if "Deserialize" in head:
                found[name] = read_type(name, form, head, body)
    found["ErrorClass"] = read_classes((SOURCE / "class.rs").read_text())
    return found


def read_type(name, form, head, body):
    parsed = Type(name, comment(head))
    # Fields of a type with defaults may be absent in records of older versions, which does not concern new ones.
    parsed.fields = read_fields(name, body) if form == "struct" else []
    if form == "enum":
        if 'rename_all = "snake_case"' not in head:
            raise ValueError(f"{name}: the names of its variants are not known")
        pattern = r"((?: {4}///[^\n]*\n| {4}#\[[^\n]*\n)*) {4}(\w+)(?:,| \{\n(.*?)^ {4}\},)\n"
        rest = re.sub(pattern, "", body, flags=re.M | re.S)
        if rest.strip():
            raise ValueError(f"{name}: not understood: {rest.strip()[:200]}")
        for about, variant, fields in re.findall(pattern, body, re.M | re.S):
            parsed.variants.append((snake(variant), comment(about), read_fields(variant, fields)))
    return parsed


def read_classes(text):
    """The classes of failures, whose names are written beside them."""
    parsed = Type("ErrorClass", "The kind of a failure. Accept unknown classes: new ones may be added.")
    body = text[text.index("\nclasses! {") :]
    for about, name in re.findall(r"((?: {4}///[^\n]*\n)+) {4}\w+ = \"(\w+)\",", body[: body.index("\n}")]):
        parsed.variants.append((name, comment(about), []))
    return parsed


def read_fields(owner, body):
    fields, about, marks = [], [], []
    for line in body.splitlines():
        line = line.strip()
        if line.startswith("///"):
            about.append(line)
        elif line.startswith("#["):
            marks.append(line)
        elif found := re.fullmatch(r"(?:pub )?(?:r#)?(\w+): (.+),", line):
            name, kind = found.groups()
            is_optional = kind.startswith("Option<") or any("skip_serializing_if" in mark for mark in marks)
            if not any("flatten" in mark for mark in marks):
                fields.append(Field(name, kind, comment("\n".join(about)), is_optional))
            about, marks = [], []
        elif line:
            raise ValueError(f"{owner}: not understood: {line}")
    return fields


def comment(text):
    lines = [line.strip().removeprefix("///").strip() for line in text.splitlines() if line.strip().startswith("///")]
    return " ".join(lines)


def inner(kind):
    """The type that a field has if it is there, and whether it is a list."""
    kind = re.sub(r"^Option<(.*)>$", r"\1", kind)
    kind = re.sub(r"^BTreeMap<String, (.*)>$", r"\1", kind)
    return re.sub(r"^Vec<(.*)>$", r"\1", kind)


def described(kind, types):
    name = inner(kind)
    if name in PLAIN:
        return PLAIN[name]
    if name not in types:
        raise ValueError(f"the type {name} is not known")
    link = f"[{snake(name)}](#{snake(name)})"
    return f"object of {link}" if "BTreeMap" in kind else link


def table(fields, types):
    rows = ["| field | value | about |", "| --- | --- | --- |"]
    for field in fields:
        about = field.about.replace("|", "\\|") or "the name says it"
        absent = "; may be absent" if field.is_optional else ""
        rows.append(f"| `{field.name}` | {described(field.kind, types)}{absent} | {about} |")
    return rows


def page():
    """The page of the book."""
    types = read_types()
    events = types["Event"].variants
    out = [
        "# Events",
        "",
        "A run is a list of events. They are what the ledger stores and what `launch`, `resume` and `show` print with `--output jsonl`, "
        f"one object per line; every other output is made from them. There are {len(events)} types. Fields may be added, but none is "
        "renamed or removed: accept unknown fields and types. What `jsonl` has besides is in [Output for programs](../output.md).",
        "",
        "Every event has these fields, and those of its type:",
        "",
        *table(types["Record"].fields, types),
        "| `type` | text | the type of the event |",
        "",
    ]
    for name, about, fields in events:
        out += [f"## `{name}` {{#{name}-event}}", "", about, ""]
        out += [*table(fields, types), ""] if fields else []
    out += ["# Types in events", ""]
    used, queue = [], [field.kind for _, _, fields in events for field in fields]
    while queue:
        name = inner(queue.pop(0))
        if name not in PLAIN and name not in used:
            used.append(name)
            queue += [field.kind for field in types[name].fields]
    for name in used:
        about = types[name]
        out += [f"## {snake(name)}", "", about.about, ""]
        if about.fields:
            out += table(about.fields, types)
        else:
            out += ["| value | meaning |", "| --- | --- |"]
            out += [f"| `{word}` | {text or 'the name says it'} |" for word, text, _ in about.variants]
        out.append("")
    return "\n".join(out)
