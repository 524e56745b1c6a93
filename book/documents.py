"""The reference of the documents that programs read, from the schemas that the program prints."""

import json

# What every document has; said once.
EVERYWHERE = ("schema_version", "simulated", "type")


def page(run):
    """The page of the book. `run` runs the program and returns its stdout."""
    rows = json.loads(run("schema", "--output", "json"))["schemas"]
    out = [
        "# Documents",
        "",
        f"The {len(rows)} documents and lines that `--output json` and `jsonl` print, from their JSON Schemas: `oci-insta-scale schema NAME` "
        "prints one with all of its types. Every document has `schema_version`, and `simulated` if the region is simulated; what they "
        "promise is in [Output for programs](../output.md).",
        "",
        "| name | version | printed by |",
        "| --- | --- | --- |",
    ]
    for row in rows:
        out.append(f"| [`{row['name']}`](#{anchor(row['name'])}) | {row['version']} | {commands(row)} |")
    for row in rows:
        schema = json.loads(run("schema", row["name"]))
        out += ["", f"## `{row['name']}` {{#{anchor(row['name'])}}}", "", cell(schema.get("description", "")), ""]
        out += [f"Version {row['version']}, printed by {commands(row)}. [Schema](../schemas/{row['name']}.json)", ""]
        out += table(schema.get("items", schema), schema)
        kinds = schema.get("oneOf", [])
        if row["name"] == "event-line":
            out += ["", "Its types and their fields are in [Events](events.md)."]
        elif kinds:
            for kind in kinds:
                word = next((field["const"] for field in kind["properties"].values() if "const" in field), "")
                out += ["", f"`{word}`: {cell(kind.get('description', ''))}", "", *table(kind, schema)]
    out.append("")
    return "\n".join(out)


def anchor(name):
    return f"document-{name}"


def commands(row):
    if row["commands"] == ["*"]:
        return "every command"
    return ", ".join(f"`{command}`" for command in row["commands"])


def table(node, schema):
    fields = {name: field for name, field in node.get("properties", {}).items() if name not in EVERYWHERE or "const" not in field}
    if not fields:
        return []
    rows = ["| field | value | about |", "| --- | --- | --- |"]
    for name, field in fields.items():
        absent = "" if name in node.get("required", []) else "; may be absent"
        rows.append(f"| `{name}` | {value(field, schema)}{absent} | {cell(field.get('description', ''))} |")
        for inner, about in nested(field, schema):
            rows.append(f"| `{name}{inner}` | {value(about, schema)} | {cell(about.get('description', ''))} |")
    return rows


def nested(field, schema):
    """The fields of an object, or of the objects of a list, one level down."""
    target, suffix = resolved(field, schema), "."
    if "items" in target:
        target, suffix = resolved(target["items"], schema), "[]."
    return [(suffix + name, about) for name, about in target.get("properties", {}).items()]


def resolved(field, schema):
    """What a field leads to, without the `null` that it may be instead."""
    if not isinstance(field, dict):
        return {}
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return resolved(choices[0], schema)
    if "$ref" in field:
        return schema["$defs"][field["$ref"].rsplit("/", 1)[1]]
    return field


def value(field, schema):
    """What a field may be, in words."""
    if not isinstance(field, dict):
        return "any value"
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    words = [f"`{word}`" for word in field.get("enum", [])]
    for choice in field.get("oneOf", []):
        words += [f"`{word}`" for word in choice.get("enum", [choice["const"]] if "const" in choice else [])]
    if not words:
        target = resolved(field, schema)
        if target is not field:
            words.append(value(target, schema))
        kinds = target.get("type", []) if target is field else []
        names = {"integer": "number", "string": "text", "array": "list", "boolean": "true or false"}
        words += [names.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    is_null = "null" in field.get("type", []) or {"type": "null"} in field.get("anyOf", [])
    return ", ".join(dict.fromkeys(words + (["null"] if is_null else []))) or "any value"


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")
