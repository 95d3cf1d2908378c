"""Print the covered lines and branches of each file of several LCOV records, and of all together.

The tests in a Rust file, from its #[cfg(test)] on, are left out.
"""

import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main():
    files = defaultdict(lambda: (defaultdict(int), defaultdict(int)))
    for path in sys.argv[1:]:
        read(Path(path), files)
    print(f"{'file':<52}{'lines':>16}{'branches':>18}  not reached")
    for language, ending in (("Rust", ".rs"), ("Python", ".py")):
        names = sorted(name for name in files if name.endswith(ending))
        for name in names:
            print(row(name, [files[name]]) + "  " + missing(files[name][0]))
        print(row(f"all of {language}", [files[name] for name in names]) + "\n")
    print(row("all", files.values()))


def read(path, files):
    """Count how often each line and branch was reached."""
    name, last = "", sys.maxsize
    for line in path.read_text().splitlines():
        kind, _, value = line.partition(":")
        if kind == "SF":
            name, last = short(value), end_of(Path(value))
        elif kind == "DA":
            number, count = value.split(",")[:2]
            if int(number) < last:
                files[name][0][int(number)] += int(count)
        elif kind == "BRDA":
            number, rest = value.split(",", 1)
            branch, _, count = rest.rpartition(",")
            if int(number) < last:
                files[name][1][int(number), branch] += 0 if count == "-" else int(count)


def short(name):
    """Return the path from the folder of the sources on."""
    for part in ("/python/backprop_rs/", "/src/"):
        if part in name:
            return part.strip("/") + "/" + name.rpartition(part)[2]
    return name


def end_of(source):
    """Return the line where the tests of a Rust file begin."""
    if source.suffix == ".rs" and source.name == "tests.rs":
        return 0
    if source.suffix == ".rs" and source.exists():
        for number, line in enumerate(source.read_text().splitlines(), 1):
            if line.startswith(("#[cfg(test)]", "#[cfg(all(test,")):
                return number
    return sys.maxsize


def row(name, counted):
    cells = []
    for which in (0, 1):
        counts = [count for one in counted for count in one[which].values()]
        reached = sum(count > 0 for count in counts)
        share = f"{100 * reached / len(counts):.1f} %" if counts else ""
        cells.append(f"{reached}/{len(counts)} {share:>8}")
    return f"{name:<52}{cells[0]:>16}{cells[1]:>18}"


def missing(lines):
    """Return the lines that were not reached, in ranges."""
    ranges = []
    for number in sorted(number for number, count in lines.items() if not count):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


if __name__ == "__main__":
    main()
