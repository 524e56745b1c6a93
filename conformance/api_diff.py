"""Shows what another version of the official Python SDK would change in `api/operations.json` and `api/models.json`.

    python3 api_diff.py FOLDER-OF-THE-SDK [FOLDER-OF-API]

Reads the sources of the SDK with `ast` and never imports them. Prints one line for each difference in the operations and models that
`api/` has: `+` only in the SDK, `-` only in `api/`, `~` in both with other values. Operations that `api/` lacks are not mentioned.
Exits with 1 if anything differs.
"""

import ast
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent


def literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def assigned(scope, name):
    """The literal that is assigned to a name or an attribute anywhere in the scope."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if name == getattr(target, "id", getattr(target, "attr", None)):
                return literal(node.value)
    return None


def argument_of(node):
    """The Python argument behind a value in a table of parameters: `limit`, `kwargs.get("limit", missing)`, or either in a call."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return literal(node.args[0]) if node.func.attr == "get" else argument_of(node.args[0])
    return None


def snake(name):
    """`ListInstances` → `list_instances`, as the SDK names methods."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def short(declared):
    return re.sub(r"oci\.\w+\.models\.", "", declared)


class Sdk:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.classes = {}
        self.models = {}

    def version(self):
        return assigned(ast.parse((self.folder / "version.py").read_text()), "__version__")

    def read(self, path, name):
        """A class of a file; none if this version has no such file or class."""
        if path not in self.classes:
            body = self.parsed(path)
            self.classes[path] = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
        return self.classes[path].get(name)

    def parsed(self, path):
        file = self.folder / path
        return ast.parse(file.read_text()).body if file.exists() else []

    def model_class(self, package, name):
        if package not in self.models:
            imports = self.parsed(f"{package}/models/__init__.py")
            self.models[package] = {
                alias.name: node.module
                for node in imports
                if isinstance(node, ast.ImportFrom) and node.level == 1
                for alias in node.names
            }
        module = self.models[package].get(name)
        return module and self.read(f"{package}/models/{module}.py", name)

    def operation(self, client, name):
        package, class_name = client.split(".")
        client = self.read(f"{package}/{snake(class_name)}.py", class_name)
        methods = client.body if client else []
        method = next((node for node in methods if getattr(node, "name", None) == snake(name)), None)
        if method is None:
            return None
        positional = {argument.arg for argument in method.args.args}
        tables = {"path_params": [], "query_params": [], "header_params": []}
        enums, call = {}, {}
        for node in ast.walk(method):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                target = node.targets[0].id
                if target in tables and isinstance(node.value, ast.Dict):
                    tables[target] = [(literal(key), value) for key, value in zip(node.value.keys, node.value.values)]
                elif target.endswith("_allowed_values"):
                    enums[target.removesuffix("_allowed_values")] = literal(node.value)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) in ("call_api", "make_retrying_call"):
                call = {keyword.arg: keyword.value for keyword in node.keywords}

        def parameters(table):
            shown = {}
            for wire, node in tables[table]:
                argument = argument_of(node)
                if argument is not None:
                    shown[wire] = parameter(argument in positional, enums.get(argument))
            return shown

        # The types of bodies, and values that are checked one by one, stand only in the documentation of the method.
        documentation = ast.get_docstring(method)
        declared = {argument: kind for kind, argument in re.findall(r":param (.+?) (\w+): \(", documentation)}
        for section in documentation.split(":param ")[1:]:
            argument = section.split(":", 1)[0].split()[-1]
            if listed := re.search(r"Allowed values are: ([^\n]+)", section):
                enums.setdefault(argument, re.findall('"([^"]+)"', listed[1]))
        body = argument_of(call["body"]) if "body" in call else None
        return {
            "method": assigned(method, "method"),
            "path": assigned(method, "resource_path"),
            "path parameters": parameters("path_params"),
            "query": parameters("query_params"),
            "headers": parameters("header_params"),
            "body": short(declared[body]) if body else None,
            "response": literal(call["response_type"]) if "response_type" in call else None,
        }

    def model(self, package, name):
        node = self.model_class(package, name)
        if node is None:
            return None
        types, wire = self.tables(node)
        facts = self.facts(package, node)
        return {
            wire[attribute]: {"type": kind, **facts.get(attribute, {})} for attribute, kind in types.items()
        }

    @staticmethod
    def tables(node):
        return assigned(node, "swagger_types") or {}, assigned(node, "attribute_map") or {}

    def facts(self, package, node):
        """What getters and setters say about fields, those of the base class included."""
        facts = {}
        for base in node.bases:
            parent = self.model_class(package, getattr(base, "id", ""))
            facts |= self.facts(package, parent) if parent else {}
        for method in (child for child in node.body if isinstance(child, ast.FunctionDef)):
            decorators = [ast.unparse(decorator) for decorator in method.decorator_list]
            if "property" in decorators:
                required = (ast.get_docstring(method) or "").lstrip().startswith("**[Required]**")
                facts[method.name] = {"required": True} if required else {}
            elif f"{method.name}.setter" in decorators:
                allowed = assigned(method, "allowed_values")
                if allowed:
                    facts.setdefault(method.name, {})["enum"] = sorted(allowed)
        return facts


def parameter(required, enum):
    return {"required": required, **({"enum": sorted(enum)} if enum else {})}


def known_operation(record):
    def parameters(name):
        return {one["name"]: parameter(one["required"], one.get("enum")) for one in record[name]}

    return {
        "method": record["method"],
        "path": record["path"],
        "path parameters": parameters("path_params"),
        "query": parameters("query_params"),
        "headers": parameters("headers"),
        "body": record["body"],
        "response": record["response"],
    }


def known_model(record):
    kept = ("type", "required", "enum")
    fields = {name: {key: field[key] for key in kept if key in field} for name, field in record["fields"].items()}
    for field in fields.values():
        if "enum" in field:
            field["enum"] = sorted(field["enum"])
    return fields


def differences(place, old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(f"{place}.{key}" if place else key, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from (f"+ {place}: {value}" for value in new if value not in old)
        yield from (f"- {place}: {value}" for value in old if value not in new)
    elif old is None and new is not None:
        yield f"+ {place}: {json.dumps(new)}"
    elif old is not None and new is None:
        yield f"- {place}"
    elif old != new:
        yield f"~ {place}: {json.dumps(old)} -> {json.dumps(new)}"


def main(sdk, api):
    sdk = Sdk(sdk)
    operations = json.loads((api / "operations.json").read_text())
    models = json.loads((api / "models.json").read_text())
    lines = []
    for record in operations["operations"]:
        found = sdk.operation(record["client"], record["name"])
        lines += differences(record["name"], known_operation(record), found)
    for package, known in models["packages"].items():
        for name, record in known.items():
            lines += differences(f"{package}.{name}", known_model(record), sdk.model(package, name))
    print("\n".join(lines) or "no difference")
    print(f"api/ is of SDK {operations['sdk_version']}, compared with {sdk.version()}: {len(lines)} differences", file=sys.stderr)
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parent / "api"))
