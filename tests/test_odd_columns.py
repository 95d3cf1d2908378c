"""Odd columns: nothing is guessed in silence, and a stream says the same as `read_csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import load_csv, read_csv

MANY = 200
"""Rows, more than decide the first guess."""


def write(path: Path, cells: list[str]) -> Path:
    """Write a column x of cells and a column y of numbers."""
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    path.write_text("x;y\n" + "".join(f"{cell};{k}.5\n" for k, cell in enumerate(quoted)))
    return path


def day(text: str) -> np.datetime64:
    """Return a date as `Column.to_list` does."""
    return np.datetime64(text, "ns")


READ: dict[str, tuple[list[Any], str]] = {
    "-01|-02|3": ([-1, -2, 3], ""),
    "01.5|02.25": ([1.5, 2.25], ""),
    "9007199254740994|1": ([9007199254740994, 1], ""),
    "+10|+20|30": ([10, 20, 30], ""),
    "1|None|NA|none": ([1, None, None, None], "has the missing words 'None' (1 cell), 'NA' (1 cel"),
    "red|NA|blue": (["red", None, "blue"], "has the missing words 'NA' (1 cell)"),
    "NA|NA": ([None, None], "has the missing words 'NA' (2 cells)"),
    "|": ([None, None], "has no cell"),
    "10%|20%|30.5 %": ([10, 20, 30.5], "holds numbers with '%'"),
    "USD 10|USD 2,500": ([10, 2500], "holds numbers with thousands ',' and 'USD'"),
    "10 EUR|20 EUR": ([10, 20], "holds numbers with 'EUR'"),
    "12°|13.5°": ([12, 13.5], "holds numbers with '°'"),
    "($10)|$20|$30": ([-10, 20, 30], "holds numbers with '$' and negative numbers in parentheses"),
    "(10)|20|(5.5)": ([-10, 20, -5.5], "negative numbers in parentheses"),
    "10-|20|30-": ([-10, 20, -30], "the minus after the digits"),
    "\u221210|20|\u221230": ([-10, 20, -30], "the minus sign U+2212"),
    "1.5D3|2.5d-2|1": ([1500, 0.025, 1], "exponents that begin with D"),
    "12E5|13E6": ([12e5, 13e6], "has exponents in 2 cells such as '12E5'"),
    "inf|1|-inf": ([float("inf"), 1, -float("inf")], "has infinite numbers such as 'inf' (2 ce"),
    "1:30:00|25:00:00": ([5400, 90_000], "holds durations, in seconds"),
    "01:30.5|02:45.25": ([90.5, 165.25], "holds durations, in seconds"),
    "1 days 02:00:00|-1:00:00": ([93_600, -3600], "holds durations, in seconds"),
    "9:30 AM|10:45 PM": ([34_200, 81_900], "holds times of day, in seconds"),
    "9:30|10:45:30": ([34_200, 38_730], "holds times of day, in seconds"),
    "03-Jan-24|04-Feb-68": (
        [day("2024-01-03"), day("2068-02-04")],
        "holds dates in the order dmy, with names of months, years of two digits (1969 to 2068)",
    ),
    "5 March 2024|6 Apr 2024": ([day("2024-03-05"), day("2024-04-06")], "with names of months"),
    "Jan 5, 2024|February 6th, 2024": ([day("2024-01-05"), day("2024-02-06")], "in the order mdy"),
    "Mon, 5 Jan 2026|Tue, 6 Jan 2026": ([day("2026-01-05"), day("2026-01-06")], "in the order dmy"),
    "2024-Jan-05|2024-Feb-06": ([day("2024-01-05"), day("2024-02-06")], "in the order ymd"),
    "31/12/69|15/01/70": ([day("1969-12-31"), day("1970-01-15")], "two digits (1969 to 2068)"),
    "1/31/2024 9:30 AM|2/1/2024 12:00 PM": (
        [day("2024-01-31T09:30"), day("2024-02-01T12:00")],
        "in the order mdy, with AM and PM",
    ),
    "2024-01-01 00:00 UTC|2024-01-02 01:00 UTC": (
        [day("2024-01-01"), day("2024-01-02T01:00")],
        "with time zones",
    ),
    "20240131|20240201": ([20240131, 20240201], "may hold dates such as '20240131', which kinds="),
    "20240131|20241501": ([20240131, 20241501], ""),
    "Red|red|RED": (["Red", "red", "RED"], "'Red' and 'red' differ only in case or blanks"),
    "red  apple|red apple": (["red  apple", "red apple"], "differ only in case or blanks"),
    "red|-|blue": (["red", "-", "blue"], "'-' (1 cell) is a category"),
    "1|2|x|y": (["1", "2", "x", "y"], "2 cells are numbers, such as '1', among texts"),
    "yes|no|yes": (["yes", "no", "yes"], ""),
    "10-20|20-30": (["10-20", "20-30"], "ranges such as '10-20' are categories without an order"),
    "<5|5 to 9|10+": (["<5", "5 to 9", "10+"], "ranges such as '<5' are categories without an ord"),
    "20-10|30-40": (["20-10", "30-40"], ""),
    "1.2.3|1.10.3": (["1.2.3", "1.10.3"], ""),
    "3a|4b|5a": (["3a", "4b", "5a"], ""),
    "A1|A2": (["A1", "A2"], ""),
}  # fmt: skip
"""Cells, apart by "|", their values, and words of the note about them, if there is one."""


@pytest.mark.parametrize("cells", READ)
def test_cells_are_read(cells: str, tmp_path: Path) -> None:
    values, words = READ[cells]
    table = read_csv(write(tmp_path / "t.csv", cells.split("|")))
    assert table["x"].to_list() == values
    notes = [note for note in table.notes if note.startswith("column 'x'")]
    assert len(notes) == bool(words) and all(words in note for note in notes)


CODE = "begins with a sign or zero that a number loses; give kinds={'x': 'category'} if the cells"
LOOKS = "the column holds texts such as {!r}, which look like {}"
UNIT = LOOKS.format(
    "12 kg", "numbers with 'kg'; give kinds={'x': 'category'} if they are categorie"
)
REFUSED = {
    "12345|01234": (1, "'01234' " + CODE),
    "0|00": (1, "'00' " + CODE),
    "+491701234567|+491701234568": (0, "'+491701234567' " + CODE),
    "1|9007199254740993": (1, "'9007199254740993' has digits that a float64 number loses; give"),
    "1|100000000000000000001": (1, "'100000000000000000001' has digits that a float64 number los"),
    "1|1e400": (1, "'1e400' is beyond the largest float64 number, 1.8e+308; add it to missing_va"),
    "2   3|4 \t5": (0, LOOKS.format("2   3", "several numbers apart by white space; give kinds=")),
    "52.5, 13.4|48.1, 11.6": (0, LOOKS.format("52.5, 13.4", "several numbers in one cell")),
    "1|x|2|3": (1, "'x' is not a number; add 'x' to missing_values if it stands for a missing"),
    "1|True|2|3": (1, "'True' is not a number; give kinds={'x': 'boolean'} if the cells are true"),
    "10%|20|30%": (
        1,
        "'20' is not a number, as the column holds numbers with '%'; write '%' in al",
    ),
    "$10|\u20ac20|$30": (1, "'\u20ac20' is not a number, as the column holds numbers with '$'"),
    "12 kg|13 kg": (0, UNIT),
    "12 kg|13": (0, UNIT),
    "12 kg|13 g": (0, LOOKS.format("12 kg", "numbers with several units ('g', 'kg')")),
    "12kg|13.5kg": (0, LOOKS.format("12kg", "numbers with 'kg'")),
    "<5|<10": (0, LOOKS.format("<5", "numbers with '<'")),
    "1.5K|2M": (0, LOOKS.format("1.5K", "numbers with abbreviated powers of ten")),
    "0x1F|0x2A": (0, LOOKS.format("0x1F", "hexadecimal numbers")),
    "1/2|3/4": (0, LOOKS.format("1/2", "fractions or pairs of numbers")),
    "1_000|2_000": (0, LOOKS.format("1_000", "numbers with '_' between digits")),
    "'012|'013": (0, LOOKS.format("'012", "numbers that a spreadsheet marked as texts")),
    '="012"|="013"': (0, LOOKS.format('="012"', "numbers that a spreadsheet marked as texts")),
    "\u0661\u0662|\u0663": (0, LOOKS.format("\u0661\u0662", "numbers in digits of another script")),
    "12,34,567|1,00,000": (0, LOOKS.format("12,34,567", "numbers with groups of two digits")),
    "[1, 2]|[3]": (0, LOOKS.format("[1, 2]", "lists of numbers")),
    "5.1 \u00b1 0.2|4 +/- 1": (0, LOOKS.format("5.1 \u00b1 0.2", "numbers with their uncertainty")),
    "1+2j|3-4j": (0, LOOKS.format("1+2j", "complex numbers")),
    "1.5x10^3|2\u00d710\u2075": (0, LOOKS.format("1.5x10^3", "numbers times powers of ten")),
    "12[1]|15 (2)": (0, LOOKS.format("12[1]", "numbers with a mark of a note")),
    "5'11\"|6'2": (0, LOOKS.format("5'11\"", "numbers with fractions of sixty or twelve")),
    "52\u00b031\u2032N|48\u00b008\u2032N": (
        0,
        LOOKS.format("52\u00b031\u2032N", "numbers with fraction"),
    ),
    "2024Q1|2024-W07": (0, LOOKS.format("2024Q1", "quarters or weeks of years")),
    "Q1 2024|Q2 2024": (0, LOOKS.format("Q1 2024", "quarters or weeks of years")),
    "1,5|2.25": (0, LOOKS.format("1,5", "numbers or dates, but in another notation than '2.25'")),
    "75:30|80:15": (0, LOOKS.format("75:30", "durations, either in hours and minutes or in minut")),
    "1h30m|45m": (0, LOOKS.format("1h30m", "durations")),
    "PT1H|PT2H": (0, LOOKS.format("PT1H", "durations")),
    "01/02/2024|03/04/2024": (0, "'01/02/2024' can be read in two ways, and no other cell decides"),
    "01.02.03|04.05.06": (
        0,
        "'01.02.03' can be read in three ways, and no other cell decides betw",
    ),
    "24-01-13|24-02-14": (
        0,
        "can be read in two ways, and no other cell decides between them; giv",
    ),
    "2024-01|2024-02": (0, LOOKS.format("2024-01", "months of years")),
    "Jan 2024|Feb 2024": (0, LOOKS.format("Jan 2024", "months of years")),
    "2024-01-01|1/31/2024": (1, LOOKS.format("1/31/2024", "dates, but differ from '2024-01-01'")),
    "2024-01-01T00:00Z|2024-01-01T00:00": (0, "which look like dates, but differ from '2024-01-01"),
    "31/02/2024|13/01/2024": (0, LOOKS.format("31/02/2024", "dates, but differ from '13/01/2024'")),
    "1500-01-01|1600-01-01": (
        0,
        LOOKS.format("1500-01-01", "dates, but do not exist, lie outside"),
    ),
    "2024-01-01 0:00 CET|2024-01-02 0:00 CET": (0, "or have a time or zone that is not read"),
    "2024-02-30|2024-01-01|2024-01-02": (0, "'2024-02-30' is not a date, as the column holds dat"),
    "1|2|9:30": (2, "'9:30' is not a number"),
}
"""Cells, the row of the cell that is named, and words of the error."""


@pytest.mark.parametrize("cells", REFUSED)
def test_cells_are_refused_alike_in_memory_and_streamed(cells: str, tmp_path: Path) -> None:
    row, words = REFUSED[cells]
    path = write(tmp_path / "t.csv", cells.split("|"))
    with pytest.raises(ValueError) as of_table:
        read_csv(path)
    sentence = str(of_table.value)
    assert f"t.csv, line {row + 2}, column 1 ('x'): " in sentence and words in sentence
    assert "\n" not in sentence
    for read_file in (load_csv, lambda path: list(bp.data.source(path).blocks())):
        with pytest.raises(ValueError) as of_others:
            read_file(path)
        is_date = " ways, " in sentence and "dates=" in sentence  # a data set holds no dates
        assert str(of_others.value) == sentence or is_date


@pytest.mark.parametrize(
    ("good", "odd", "words"),
    [
        ("12", "012", "'012' " + CODE),
        ("12", "9007199254740993", "'9007199254740993' has digits that a float64 number loses"),
        ("12", "-1e400", "'-1e400' is beyond the largest float64 number"),
        ("12", "x", "'x' is not a number; add 'x' to missing_values"),
        ("12", "12 kg", "'12 kg' is not a number"),
        ("12", "(12)", None),
        ("12", "1,5", None),
        ("12%", "13", "'13' is not a number, as the column holds numbers with '%'; write '%' in"),
        ("9:30:00", "25:00:00", None),
    ],
)
def test_an_odd_cell_at_the_end(good: str, odd: str, words: str | None, tmp_path: Path) -> None:
    """A stream whose first rows are plain numbers takes all for such, and names the first other."""
    path = write(tmp_path / "t.csv", [good] * MANY + [odd])
    place = f"line {MANY + 2}, column 1 ('x'): "
    if words is None:
        assert len(read_csv(path)) == MANY + 1
        if good == "12":
            with pytest.raises(ValueError) as caught:
                list(bp.data.source(path).blocks())
            assert f"{place}{odd!r} is not a number; " in str(caught.value)
        return
    for read_file in (read_csv, load_csv, lambda path: list(bp.data.source(path).blocks())):
        with pytest.raises(ValueError) as caught:
            read_file(path)
        assert place + words in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "options", "values"),
    [
        ("01234|00501", {"kinds": {"x": "number"}}, [1234, 501]),
        ("01234|00501", {"kinds": {"x": "category"}}, ["01234", "00501"]),
        ("9007199254740993|1", {"kinds": {"x": "number"}}, [9007199254740992, 1]),
        ("12 kg|13 kg", {"kinds": {"x": "number"}}, [12, 13]),
        ("12 kg|13 kg", {"kinds": {"x": "category"}}, ["12 kg", "13 kg"]),
        ("room 5|room 6", {"kinds": {"x": "number"}}, [5, 6]),
        ("20240131|20240201", {"kinds": {"x": "datetime"}}, [day("2024-01-31"), day("2024-02-01")]),
        ("01/02/03|04/05/06", {"dates": "ymd"}, [day("2001-02-03"), day("2004-05-06")]),
        ("01/02/03|04/05/06", {"dates": "dmy"}, [day("2003-02-01"), day("2006-05-04")]),
        ("24-Jan-03|25-Feb-04", {"dates": "ymd"}, [day("2024-01-03"), day("2025-02-04")]),
        ("yes|No|", {"kinds": {"x": "boolean"}}, [True, False, None]),
        ("True|0|1|f", {"kinds": {"x": "boolean"}}, [True, False, True, False]),
        ("2|NONE|None", {"missing_values": [], "kinds": {"x": "category"}}, ["2", "NONE", "None"]),
    ],
)  # fmt: skip
def test_options_settle_odd_cells(
    cells: str, options: dict[str, Any], values: list[Any], tmp_path: Path
) -> None:
    table = read_csv(write(tmp_path / "t.csv", cells.split("|")), **options)
    assert table["x"].to_list() == values


def test_a_missing_word_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["apnea", "None", "apnea"])
    sentence = r"column 1 \('x'\): the cell is missing \(it is 'None', one of missing_values\)"
    for read_file in (load_csv, lambda path: list(bp.data.source(path).blocks())):
        with pytest.raises(ValueError, match=sentence):
            read_file(path)
    assert load_csv(path, missing_values=[]).feature_names == ("x=None", "x=apnea")


def test_the_second_file_of_a_stream_is_checked_as_the_first(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["1", "2"])
    write(tmp_path / "b.csv", ["3", "04"])
    with pytest.raises(ValueError, match=r"b.csv, line 3, column 1 \('x'\): '04' begins with a"):
        list(bp.data.source(tmp_path).blocks())
    told = bp.data.source(tmp_path, csv={"kinds": {"x": "number"}})
    assert np.concatenate([b.X for b in told.blocks()]).tolist() == [[1], [2], [3], [4]]
