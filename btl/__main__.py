"""``python -m btl``: the same as ``btl``, for callers that do not know the script's folder."""

from btl.cli.main import main

main()
