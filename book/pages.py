"""Pages of the book that are made from the program, and links that lead out of the book.

The reference of commands and keys comes from the program itself, so that it cannot differ from it.
"""

import json
import os
import pathlib
import re
import subprocess

import documents
import events
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM = pathlib.Path(os.environ.get("OCI_INSTA_SCALE", ROOT / "oci-insta-scale")).resolve()
NAME = "oci-insta-scale"
# Files of the repository that are pages of the book.
PAGES = {"config.example.yaml": "reference/example.md"}

log = get_plugin_logger("pages")


def on_files(files, config):
    pages = {
        "reference/commands.md": commands_page(),
        "reference/keys.md": keys_page(),
        "reference/events.md": events.page(),
        "reference/documents.md": documents.page(run),
        "reference/example.md": example_page(),
        "assets/iframe-worker.js": (ROOT / "book" / "iframe-worker.js").read_text(),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    # A decision is reached from the list of decisions.
    for file in files:
        if file.src_uri.startswith("decisions/") and file.name != "index":
            file.inclusion = file.inclusion.NOT_IN_NAV
    return files


def on_page_markdown(markdown, page, config, files):
    """Links to files of the repository that the book does not have become the names of these files."""
    folder = pathlib.PurePosixPath(page.file.src_uri).parent
    if folder.name == "decisions":
        # What somebody searches for is how it is, before why it became so.
        page.meta["search"] = {"exclude": True}

    def settle(found):
        text, target = found.group(1), found.group(2)
        path, _, anchor = target.partition("#")
        if "://" in path or not path:
            return found.group(0)
        full = os.path.normpath(ROOT / "docs" / folder / path)
        inside = os.path.relpath(full, ROOT)
        if inside in PAGES:
            return f"[{text}]({os.path.relpath(PAGES[inside], folder)})"
        if inside.startswith("docs/"):
            return found.group(0)
        if not os.path.exists(full):
            log.warning("%s links to %s, which does not exist", page.file.src_uri, target)
        return f"{text} (`{inside}`)" if inside not in text else text

    return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", settle, markdown)


def run(*words):
    done = subprocess.run(
        [PROGRAM, *words], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"}
    )
    return done.stdout


def subcommands(help_text):
    """The names under `Commands:`; a line of theirs is indented by two spaces, and its continuation by more."""
    _, _, after = help_text.partition("\nCommands:\n")
    block = after.partition("\n\n")[0]
    names = re.findall(r"^  ([a-z][a-z-]*)(?:\s|$)", block, re.M)
    return [name for name in names if name != "help"]


def commands_page():
    """The help of every command, with the options of all commands once."""
    parts = [
        "# Commands\n",
        "The help of every command, as `--help` prints it. Options of every command are listed once, under the program itself.\n",
    ]

    def add(words):
        text = run(*words, "--help").rstrip()
        own, _, shared = text.partition("\nOptions of every command:\n")
        parts.append(f"## {' '.join([NAME, *words])}\n\n```text\n{own.rstrip()}\n```\n")
        if not words:
            parts.append(f"### Options of every command\n\n```text\n{shared.rstrip()}\n```\n")
        for name in subcommands(own):
            add([*words, name])

    add([])
    return "\n".join(parts)


def keys_page():
    """A table of all keys, from the schema that editors use."""
    schema = json.loads(run("config", "schema"))
    rows = []

    def walk(node, path):
        for choice in [node, *node.get("anyOf", [])]:
            for key, child in choice.get("properties", {}).items():
                here = [*path, key]
                about = child.get("description", "").replace("|", "\\|").replace("\n", " ")
                rows.append(f"| `{'.'.join(here)}` | {kinds(child)} | {about} |")
                walk(child, here)
            items = choice.get("items")
            if isinstance(items, dict):
                walk(items, [*path[:-1], path[-1] + "[]"])

    walk(schema, [])
    return "\n".join(
        [
            "# Keys of config.yaml",
            "",
            f"All {len(rows)} keys, from the schema that `{NAME} config schema` prints. A value may be a variable: "
            "`${NAME}` ([Layers, variables and names](../config.md)).",
            "",
            "| key | value | about |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def kinds(node):
    """What a value may be, in words."""
    words = []
    for choice in [node, *node.get("anyOf", [])]:
        if "enum" in choice:
            words += [f"`{value}`" for value in choice["enum"] if isinstance(value, str)]
        kind = choice.get("type", [])
        kind = [kind] if isinstance(kind, str) else kind
        names = {"object": "keys", "array": "list", "string": "text", "number": "number", "boolean": "yes or no"}
        words += [names[name] for name in kind if name in names]
    if {"text", "number", "yes or no"} <= set(words):
        # Where a text is wanted, YAML may read a number or a truth value.
        words = [word for word in words if word not in ("number", "yes or no")]
    return ", ".join(dict.fromkeys(words))


def example_page():
    text = (ROOT / "config.example.yaml").read_text()
    return f"# config.example.yaml\n\n`make setup-config` copies it to `config.yaml`.\n\n```yaml\n{text}```\n"
