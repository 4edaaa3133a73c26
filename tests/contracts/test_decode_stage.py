"""What is wrong with bytes before they are an event."""

import json

import pytest

from tests.contracts.records import (
    STRUCTURED,
    accept,
    binary,
    cloud_event,
    code,
    data,
    structured,
)


def test_a_record_without_a_value_says_so() -> None:
    assert code(structured(cloud_event(), value=None)) == "no_value"
    assert code(structured(b"")) == "no_value"


def sized(size: int, filler: str = "x") -> bytes:
    empty = json.dumps(cloud_event(data=data(body="")), ensure_ascii=False).encode()
    room, width = size - len(empty), len(filler.encode())
    body = filler * (room // width) + "x" * (room % width)
    return json.dumps(cloud_event(data=data(body=body)), ensure_ascii=False).encode()


@pytest.mark.parametrize("filler", ["x", "ö", "🙂"])
def test_a_value_may_have_262_144_bytes(filler: str) -> None:
    assert len(sized(262_144, filler)) == 262_144
    accept(structured(sized(262_144, filler)))
    assert code(structured(sized(262_145, filler))) == "too_large"


def test_a_value_may_be_nested_32_deep() -> None:
    text = json.dumps(cloud_event(data=data(extra="N")))
    accept(structured(text.replace('"N"', "[" * 30 + "]" * 30)))  # within the event and its data
    assert code(structured(text.replace('"N"', "[" * 31 + "]" * 31))) == "too_deep"
    accept(structured(text.replace('"N"', '{"a":' * 30 + "1" + "}" * 30)))
    assert code(structured(text.replace('"N"', '{"a":' * 31 + "1" + "}" * 31))) == "too_deep"
    accept(structured(text.replace('"N"', "[" + ",".join(["[[]]"] * 500) + "]")))
    accept(structured(text.replace('"N"', json.dumps('"[' * 500))))
    for levels in (200, 300, 1000, 1100, 20_000):  # where the libraries have limits of their own
        assert code(structured(text.replace('"N"', "[" * levels + "]" * levels))) == "too_deep"
    extra = binary(cloud_event(data=data(extra="N")))
    accept(extra._replace(value=(extra.value or b"").replace(b'"N"', b"[" * 31 + b"]" * 31)))
    assert (
        code(extra._replace(value=(extra.value or b"").replace(b'"N"', b"[" * 32 + b"]" * 32)))
        == "too_deep"
    )


@pytest.mark.parametrize(
    "text",
    ["[" * 33, "]" * 50 + "[" * 33, "nope " + '{"a":' * 33, '"\\"" ' + "[" * 33, "[" * 100_000],
)
def test_too_deep_counts_before_being_no_json(text: str) -> None:
    assert code(structured(text)) == "too_deep"


@pytest.mark.parametrize(
    "text", ["[" * 32, '"' + "[" * 40, '"\\"' + "[" * 40, "[] " * 33, "{", "nul", "01", "1.", "+1",
             ".5", "'a'", "[1,]", "\ufeff{}", "NaN", "[Infinity]", "[-Infinity]", '"\x00"', '"\n"',
             '"\\x41"', '"\\u12"', "\x0b{}", "{} {}", " ", "\u00a0{}",
             '{"a":1,}', "{a:1}", "/**/{}", "\u0661"]
)  # fmt: skip
def test_only_strict_json_is_json(text: str) -> None:
    assert code(structured(text)) == "not_json"


@pytest.mark.parametrize(
    "text",
    ["1", '"text"', "null", "true", "[]", " [1] ", "-0", "1e300", "{}", '{"specversion": null}'],
)
def test_json_that_is_no_event_is_no_cloudevent(text: str) -> None:
    assert code(structured(text)) == "not_cloudevent"
    assert code(structured(text, headers=())) == "not_cloudevent"


def test_names_that_come_twice_are_found_anywhere() -> None:
    for extra in (
        '{"a":1,"a":1}',
        '{"a":1,"\\u0061":2}',
        '[{"b":[{":":1,":":2}]}]',
        '{"":1,"":2}',
        '{"a":{"x":1},"a":{"y":":"}}',
    ):
        text = json.dumps(cloud_event(data=data(extra="N"))).replace('"N"', extra)
        assert code(structured(text)) == "duplicate_key", extra
    accept(structured(json.dumps(cloud_event(data=data(extra={"a": {"a": "a:a"}, "\u003a": ":"})))))
    accept(
        structured(
            json.dumps(cloud_event())
            .replace(":", "\\u003a")
            .replace('"\\u003a', '":')
            .replace("\\u003a ", ": ")
        )
    )


@pytest.mark.parametrize(
    "number",
    ["9223372036854775807", "-9223372036854775808", "1.7976931348623157e308", "1e-400", "-0"],
)
def test_numbers_that_fit_are_fine_anywhere(number: str) -> None:
    accept(structured(json.dumps(cloud_event(data=data(extra="N"))).replace('"N"', number)))
    accept(structured(json.dumps(cloud_event(attribute=["N"])).replace('"N"', number)))


@pytest.mark.parametrize(
    "number",
    [
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e400",
        "-1e309",
        "1" * 5000,
        "1" * 400 + ".0",
    ],
)
def test_numbers_that_do_not_fit_are_found_anywhere(number: str) -> None:
    for event in (cloud_event(data=data(extra="N")), cloud_event(attribute=[{"a": "N"}])):
        assert code(structured(json.dumps(event).replace('"N"', number))) == "number_out_of_range"


def test_nul_and_lone_surrogates_are_found_in_texts_and_names() -> None:
    for bad, expected in (
        ("\0", "nul_character"),
        ("\ud800", "lone_surrogate"),
        ("\ude00\ud83d", "lone_surrogate"),
    ):
        for event in (
            cloud_event(data=data(body=f"a{bad}b")),
            cloud_event(data=data(extra={bad: 1})),
            cloud_event(id=bad),
            cloud_event(attribute=[bad]),
        ):
            assert code(structured(event)) == expected
    accept(structured(cloud_event(data=data(body="\\u0000 \\ud800 🙂"))))


def test_key_and_headers_must_be_utf_8_without_nul() -> None:
    assert code(structured(cloud_event(), key=b"\xff")) == "not_utf8"
    assert code(structured(cloud_event(), key=b"\xed\xa0\x80")) == "not_utf8"
    assert code(structured(cloud_event(), key=b"a\0")) == "nul_character"
    for name, value, expected in (
        ("ce_x", b"\xff", "not_utf8"),
        ("content-type", b"\xff", "not_utf8"),
        ("caf\udce9", b"x", "not_utf8"),
        ("ce_x", b"\0", "nul_character"),
        ("ce_\0", b"x", "nul_character"),
    ):
        assert code(structured(cloud_event(), headers=[(name, value)])) == expected
        assert (
            code(binary(cloud_event(), headers=[*binary(cloud_event()).headers, (name, value)]))
            == expected
        )
    accept(
        structured(cloud_event(), headers=[*STRUCTURED, ("foreign", b"\xff\0"), ("café\0", None)])
    )
