#!/usr/bin/env bash
# Makes the bundled price list, src/Modules.Registry/BundledPrices, from a folder in the layout of the public model registry:
#   scripts/bundle-prices.sh REGISTRY_FOLDER
# Only facts are taken over: names, aliases, rates, limits, capabilities, dates. Descriptions stay where they are.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# != 1 ] || [ ! -f "$1/manifest.json" ]; then
    echo "Usage: scripts/bundle-prices.sh REGISTRY_FOLDER (which has a manifest.json)" >&2
    exit 1
fi
command -v python3 >/dev/null || { echo "python3 is missing: install it first." >&2; exit 1; }

rm -rf src/Modules.Registry/BundledPrices
python3 - "$1" src/Modules.Registry/BundledPrices <<'PYTHON'
import json, os, re, sys

registry, bundle = sys.argv[1:]
FACTS = {
    "provider", "model_name", "display_name", "model_aliases", "max_input_tokens", "max_output_tokens", "long_context_threshold_tokens",
    "cache_storage_cost_per_million_tokens_per_hour", "tool_call_format", "release_date", "deprecated_date", "added_date",
}

def read(*path):
    with open(os.path.join(registry, *path), encoding="utf-8") as file:
        return json.load(file)

def write(text, *path):
    name = os.path.join(bundle, *path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)

def is_fact(name, value):
    # Absent says the same as null and as an empty list.
    return value is not None and value != [] and (
        name in FACTS or isinstance(value, bool) or name.startswith("dollars_per_million_tokens_"))

def line(value):
    return json.dumps(value, ensure_ascii=False)

manifest = read("manifest.json")
providers, dates = {}, []
for provider in manifest["providers"]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", provider):
        sys.exit(f"The provider {provider!r} cannot be the name of a folder.")
    source = read(provider, "models.json")
    # A model to a line, so that a diff shows which prices changed.
    models = ",\n".join(
        f"{line(key)}: {line({name: value for name, value in model.items() if is_fact(name, value)})}"
        for key, model in source["models"].items())
    head = {"provider": provider, "version": source.get("version"), "updated_at": source["updated_at"]}
    write(line(head)[:-1] + ', "models": {\n' + models + "\n}}\n", provider, "models.json")
    dates.append(source["updated_at"])
    providers[provider] = {
        "file": f"{provider}/models.json", "model_count": len(source["models"]), "last_updated": source["updated_at"][:10]}

head = {name: manifest[name] for name in ("version", "schema_version") if name in manifest}
write(json.dumps({**head, "updated_at": max(dates), "providers": providers}, ensure_ascii=False, indent=2) + "\n", "manifest.json")
print(f"{sum(provider['model_count'] for provider in providers.values())} models of {max(dates)[:10]} in {bundle}")
PYTHON
