"""Write small Excel workbooks and OpenDocument spreadsheets for tests, with `zipfile` alone."""

import zipfile
from xml.sax.saxutils import escape, quoteattr

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = (
    'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    f'xmlns:r="{OFFICE}"'
)  # fmt: skip
# The formats of numbers, by position: general, date, date and time, time of day, duration.
STYLES = {"date": 1, "datetime": 2, "time": 3, "duration": 4}
FORMATS = [0, 14, 22, 21, 46]


def excel_cell(cell, reference):
    """Return the XML of a cell; (style, serial number) is a date, a time or a duration."""
    if isinstance(cell, bool):
        return f'<c r="{reference}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, tuple):
        return f'<c r="{reference}" s="{STYLES[cell[0]]}"><v>{cell[1]}</v></c>'
    if isinstance(cell, str):
        return f'<c r="{reference}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f'<c r="{reference}"><v>{cell!r}</v></c>'


def excel_rows(rows):
    """Return the XML of rows; None is an empty cell."""
    for r, row in enumerate(rows, 1):
        cells = [excel_cell(cell, f"{chr(65 + c)}{r}") for c, cell in enumerate(row)
                 if cell is not None]  # fmt: skip
        yield f'<row r="{r}">{"".join(cells)}</row>'


def write_xlsx(path, sheets, hidden=()):
    """Write sheets, a mapping from names to rows."""
    names = list(sheets)
    states = {name: ' state="hidden"' for name in hidden}
    entries = [f'<sheet name={quoteattr(name)} sheetId="{k}" r:id="s{k}"{states.get(name, "")}/>'
               for k, name in enumerate(names, 1)]  # fmt: skip
    links = [f'<Relationship Id="s{k}" Type="{OFFICE}/worksheet" Target="worksheets/s{k}.xml"/>'
             for k in range(1, len(names) + 1)]  # fmt: skip
    links.append(f'<Relationship Id="st" Type="{OFFICE}/styles" Target="styles.xml"/>')
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f"<workbook {MAIN}><sheets>{''.join(entries)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f"{''.join(links)}</Relationships>",
        "xl/styles.xml": f"<styleSheet {MAIN}><cellXfs>"
        + "".join(f'<xf numFmtId="{number}"/>' for number in FORMATS)
        + "</cellXfs></styleSheet>",
    }
    for k, rows in enumerate(sheets.values(), 1):
        body = "".join(excel_rows(rows))
        parts[f"xl/worksheets/s{k}.xml"] = (
            f"<worksheet {MAIN}><sheetData>{body}</sheetData></worksheet>"
        )
    with zipfile.ZipFile(path, "w") as file:
        for name, text in parts.items():
            file.writestr(name, HEAD + text)


def ods_cell(cell):
    """Return the XML of a cell; ("date" or "time", text in ISO 8601) is one."""
    if cell is None:
        return "<table:table-cell/>"
    if isinstance(cell, bool):
        value = f'"boolean" office:boolean-value="{str(cell).lower()}"'
    elif isinstance(cell, tuple):
        value = f'"{cell[0]}" office:{cell[0]}-value="{cell[1]}"'
    elif isinstance(cell, str):
        text = f"<text:p>{escape(cell)}</text:p>"
        return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'
    else:
        value = f'"float" office:value="{cell!r}"'
    return f"<table:table-cell office:value-type={value}/>"


def write_ods(path, sheets):
    """Write sheets, a mapping from names to rows."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    tables = ""
    for name, rows in sheets.items():
        lines = "".join(
            f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in rows
        )
        tables += f"<table:table table:name={quoteattr(name)}>{lines}</table:table>"
    content = (
        f"{HEAD}<office:document-content {spaces}><office:body><office:spreadsheet>{tables}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("content.xml", content)
        file.writestr(
            "META-INF/manifest.xml",
            f'{HEAD}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
            'manifest:1.0"/>',
        )
