"""``python -m btl``: the same as ``btl``, for when the script's folder is not known."""

from btl.cli.main import main

main()
