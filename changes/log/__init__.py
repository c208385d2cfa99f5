"""The log: the lines of all tables as one list, newest first.

tables      what has lines: the histories and the security events
query       what is asked for: the filters, checked
rights      which lines a reader may see
conditions  the filters as conditions of each table
statement   the tables' lines merged by one statement; places between two lines
reading     a page of lines: by an index, or newest first within a budget of work
loading     the chosen lines with the ones before
groups      the lines by change, and what a change did in one sentence
words       a line's difference as people read it; the names of rows it refers to
event_words a security event as people read it
export      the lines as CSV and JSON lines
"""
