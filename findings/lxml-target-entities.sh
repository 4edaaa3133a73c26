#!/usr/bin/env bash
# lxml 6.1.3: `resolve_entities=False` with a parser target, for a document that declares an entity.
#
# Expected: as without a target, the reference is not replaced; or the option is rejected.
# Seen: the target's `data` is called with the entity's replacement, as if the option were not there. And if
# the target has a method `doctype`, as one that rejects such documents would, the same well-formed document
# fails with "Unexpected error code from xmlAddEntity".
# What helps: raise an exception in `doctype`. It is called before the declarations are read, and ends the
# parsing with that exception.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'lxml==6.1.3'
"$folder/venv/bin/python" - <<'PYTHON'
from lxml import etree

DOCUMENT = b'<!DOCTYPE note [<!ENTITY copy "(c)">]><note>&copy; Harbour desk</note>'


class Texts:
    def __init__(self):
        self.texts = []

    def data(self, text):
        self.texts.append(text)

    def close(self):
        return "".join(self.texts)


class TextsAndDoctype(Texts):
    def doctype(self, name, public_id, system_id):
        pass


class Rejecting(Texts):
    def doctype(self, name, public_id, system_id):
        raise ValueError(f"a DOCTYPE: {name}")


def seen(target):
    try:
        found = etree.fromstring(DOCUMENT, etree.XMLParser(target=target, resolve_entities=False))
    except (etree.XMLSyntaxError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return found if isinstance(found, str) else etree.tostring(found).decode()


without = seen(None)
with_target, with_doctype, rejecting = (seen(kind()) for kind in (Texts, TextsAndDoctype, Rejecting))
print("without a target:             ", without)
print("with a target:                ", with_target)
print("with a target that has doctype:", with_doctype)
print("with one that raises there:   ", rejecting)
assert without == "<note>&copy; Harbour desk</note>"
assert with_target == "(c) Harbour desk"
assert with_doctype.startswith("XMLSyntaxError: Unexpected error code from xmlAddEntity")
assert rejecting == "ValueError: a DOCTYPE: note"
PYTHON
echo "As described: lxml 6.1.3"
