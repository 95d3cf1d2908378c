"""Turn pip's installation report (stdin) into a constraints file (stdout)."""

import json
import sys

packages = [item["metadata"] for item in json.load(sys.stdin)["install"]]
for package in sorted(packages, key=lambda package: package["name"].lower()):
    if package["name"] != "backprop-rs":
        print(f"{package['name']}=={package['version']}")
