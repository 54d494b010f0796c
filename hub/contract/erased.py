"""What stands where a text was that told of a person who is erased."""

BLANK = "(erased)"
