"""The way in: other systems' files as rows of the ledger.

source      the files of an import: bounded, none outside of what was given
records     what every reader yields: plain frozen records with their place in the source
readers/    a reader for each kind of source
kinds       which kinds there are
plan        what becomes of each record; applied or only tried
write/      how records of each kind are compared with the ledger and written
page, api, management/commands    three ways to start an import
"""
