"""Carry the ledger to spreadsheets and back.

    sheet      a file as rows of cells: encodings, delimiters, headers, cells that must not run as formulas
    columns    what the columns are called, in English and German, and what their cells mean
    verdicts   what an import says about every row
    servers, subnets    the imports: all rows are judged first, then written in one transaction
    exports    the ledger as rows of cells

`sheet` and `columns` are pure: they know neither models nor database.
"""
