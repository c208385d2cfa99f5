"""The pages of plans: at the left what one chooses, at the right what will happen, and one button
that does just that.

page     what all of them do
shown    what will happen, in words, to those who may see it
split    a subnet into equal parts
merge    the subnets inside into one
resize   grow or shrink a subnet
bulk_edit some fields of many rows that were selected in a list
importing a file, with the verdict of each of its rows
upload   the file on its way from the preview to the import
renumber machines into another subnet
urls     where the pages are
"""
