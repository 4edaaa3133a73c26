"""Addresses of articles, compared as people mean them."""

import re
from unicodedata import normalize
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_SCRIPT = re.compile(r"\.(?:php|aspx?|jsp|cfm|cgi|pl)$", re.IGNORECASE)
_TRACKING = re.compile(r"utm_.*|fbclid|gclid|msclkid|mc_[ce]id|igshid|ref|share", re.IGNORECASE)
_DEFAULT_PORT = re.compile(r":(?:80|443)$")


def address_key(url: str) -> str:
    """Return what is equal for addresses of one article.

    Scheme, ``www.``, a slash at the end, the query and the fragment do not count, nor how
    characters are escaped. A query counts where the path alone does not say which article it is: at
    the root of a site and for scripts, as in ``/?p=12`` and ``/story.php?id=12``; even there,
    members that only say where a reader came from do not.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # such as a bracket in the host
        return url.strip()
    host = _DEFAULT_PORT.sub("", parts.netloc.rpartition("@")[2].lower()).removeprefix("www.")
    path = normalize("NFC", unquote(parts.path)).rstrip("/")
    query = ""
    if parts.query and (not path or _SCRIPT.search(path)):
        members = parse_qsl(parts.query, keep_blank_values=True)
        kept = sorted(member for member in members if not _TRACKING.fullmatch(member[0]))
        query = f"?{urlencode(kept)}" if kept else ""
    return f"{host}{path}{query}"
