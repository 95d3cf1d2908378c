"""Remove the parts of a wheel that differ from build to build of the same sources.

maturin's bill of materials, `*.dist-info/sboms/*.json`, has a random serial number, the time of the
build and the name of its folder. They become a number made of the content, SOURCE_DATE_EPOCH, and
`.`; RECORD gets the new checksums.
"""

import base64
import json
import os
import sys
import zipfile
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5


def main(path):
    with zipfile.ZipFile(path) as wheel:
        members = [(info, wheel.read(info)) for info in wheel.infolist()]
    changed = {}
    for i, (info, data) in enumerate(members):
        if "/sboms/" in info.filename and info.filename.endswith(".json"):
            changed[info.filename] = settled(data)
            members[i] = (info, changed[info.filename])
    for i, (info, data) in enumerate(members):
        if info.filename.endswith(".dist-info/RECORD"):
            members[i] = (info, recorded(data, changed))
    temporary = path.with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w") as wheel:
        for info, data in members:
            wheel.writestr(info, data, compress_type=info.compress_type)
    temporary.replace(path)


def settled(data):
    """Return a CycloneDX document that depends on the sources alone."""
    bill = json.loads(data.replace(folder().encode(), b"."))
    seconds = int(os.environ["SOURCE_DATE_EPOCH"])
    bill.pop("serialNumber", None)
    bill["metadata"]["timestamp"] = datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    bill["serialNumber"] = uuid5(NAMESPACE_URL, json.dumps(bill, sort_keys=True)).urn
    return json.dumps(bill, indent=2, sort_keys=True).encode() + b"\n"


def folder():
    """Return the folder of the sources, as in the references of the document."""
    return Path.cwd().as_uri().removeprefix("file://")


def recorded(data, changed):
    """Return RECORD with the new sizes and checksums of the changed files."""
    lines = []
    for line in data.decode().splitlines():
        name = line.split(",")[0]
        if name in changed:
            digest = base64.urlsafe_b64encode(sha256(changed[name]).digest()).decode().rstrip("=")
            line = f"{name},sha256={digest},{len(changed[name])}"
        lines.append(line)
    return "\n".join(lines).encode() + b"\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        main(Path(name))
