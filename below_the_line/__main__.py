"""``python -m below_the_line``: the same as ``btl``, for when the script's folder is not known."""

from below_the_line.cli.main import main

main()
