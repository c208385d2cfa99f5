"""Carry the ledger to spreadsheets and back.

    files      a file of whatever encoding and form, opened
    sheet      CSV as rows of cells: delimiters, headers, cells that must not run as formulas
    objects    JSON as rows of cells
    columns    what the columns are called, in English and German, and what their cells mean
    verdicts   what an import says about every row
    servers    the import of servers, for 100,000 rows: all are judged first, then written
    kinds      what can be imported, and which permissions that needs
    subnets, interfaces    smaller tables, row by row (singly)
    exports    the ledger as rows of cells

`files`, `sheet`, `objects` and `columns` are pure: they know neither models nor database.
"""
