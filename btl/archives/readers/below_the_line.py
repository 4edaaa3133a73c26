"""Archives that `btl archive export` wrote: they are restored with their versions, and never become
events (``btl.archives.restoration``).
"""

from collections.abc import Iterator, Sequence

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.manifest import FORMAT, is_manifest
from btl.archives.records import ArchiveRecord, Unreadable
from btl.archives.sources import ExportFile


def _read(
    files: Sequence[ExportFile], _options: ReadingOptions, _progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    raise BelowTheLineError(
        f"{files[0].path} is an archive of this software, which has versions and no events.",
        "`btl archive import` restores it.",
    )


FORMATS = (
    Format(
        name=FORMAT,
        title="Archive of Below the Line",
        how_to_export="`btl archive export --output FOLDER` writes it; import the folder.",
        recognises=is_manifest,
        read=_read,
    ),
)
