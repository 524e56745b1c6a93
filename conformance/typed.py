"""Checks that what the SDK decoded is what the models promise."""

import json
import pathlib

MODELS = {
    name: model
    for package in json.loads((pathlib.Path(__file__).parent.parent / "api/models.json").read_text())["packages"].values()
    for name, model in package.items()
}

# Required by the models and null all the same, by answers of the live service: a platform image and the tenancy itself are in
# no compartment.
NULL_AT_TIMES = {("Image", "compartmentId"), ("Compartment", "compartmentId")}


def check(value, where="answer"):
    """Fails on an unknown enum value and on a required field that is missing, at any depth."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            check(item, f"{where}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            check(item, f"{where}[{key!r}]")
    elif hasattr(value, "attribute_map"):
        fields = MODELS.get(type(value).__name__, {}).get("fields", {})
        for attribute, wire in value.attribute_map.items():
            inner = getattr(value, attribute)
            place = f"{where}.{wire}"
            unknown = isinstance(inner, str) and inner == "UNKNOWN_ENUM_VALUE"
            assert not unknown, f"{place} has a value that the SDK does not know"
            may_be_null = (type(value).__name__, wire) in NULL_AT_TIMES
            if fields.get(wire, {}).get("required") and not may_be_null:
                assert inner is not None, f"{place} is required and missing"
            check(inner, place)
    return value
