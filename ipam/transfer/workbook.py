"""A table as an Excel workbook: one sheet, every cell a text, so that nothing runs and no MAC
becomes a number."""

from __future__ import annotations

from collections.abc import Iterable
from tempfile import TemporaryFile
from typing import IO, Any

from django.utils.translation import gettext as _

from core.errors import Invalid

MOST_ROWS = 1_048_576  # a sheet has no more
_WIDTH = 22
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(title: str, rows: Iterable[list[str]]) -> IO[bytes]:
    """The file, at its start; the first row is the heading. Memory does not grow with the rows.
    Raises Invalid."""
    from openpyxl import Workbook  # 7 MiB and 0.5 s, so only when needed

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for number, row in enumerate(rows):
        if number == MOST_ROWS:
            raise Invalid(
                _("An Excel sheet holds no more than %d rows.") % MOST_ROWS,
                _("Ask for CSV, or for fewer."),
            )
        if number == 0:
            for column in range(len(row)):
                sheet.column_dimensions[chr(ord("A") + column)].width = _WIDTH
        sheet.append([_cell(sheet, text, bold=number == 0) for text in row])
    file = TemporaryFile()  # noqa: SIM115  (whoever sends it closes it)
    book.save(file)
    file.seek(0)
    return file


def _cell(sheet: object, text: str, *, bold: bool) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
    cell.data_type = "s"  # not "f": text that begins with = is no formula
    if bold:
        cell.font = Font(bold=True)
    return cell
