"""Checks docs/distributed/mpijob.yaml against the schema that Kubeflow publishes for MPIJob; unknown fields are errors too.

Needs Python >= 3.10 with jsonschema and pyyaml, and manifests/base/kubeflow.org_mpijobs.yaml of github.com/kubeflow/mpi-operator:
    python tests/python/check_mpijob.py kubeflow.org_mpijobs.yaml
"""
import sys
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

MANIFEST = Path(__file__).resolve().parents[2] / "docs/distributed/mpijob.yaml"


def closed(schema):
    """The same schema, in which a field that is not named is none."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(one) for key, one in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    return result


definition = yaml.safe_load(Path(sys.argv[1]).read_text())
job = yaml.safe_load(MANIFEST.read_text())
version = next(one for one in definition["spec"]["versions"] if f"{definition['spec']['group']}/{one['name']}" == job["apiVersion"])
schema = closed(version["schema"]["openAPIV3Schema"])
schema["properties"]["metadata"] = {"type": "object"}
errors = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in Draft7Validator(schema).iter_errors(job)]
assert job["kind"] == definition["spec"]["names"]["kind"]
print("\n".join(errors) or f"{MANIFEST.name} is a valid {job['kind']} of {job['apiVersion']}")
sys.exit(1 if errors else 0)
