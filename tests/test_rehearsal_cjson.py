"""JSON is printed as the cJSON library prints it."""

from pathlib import Path

from callcontrol.rehearsal.cjson import Json, compact, pretty

RECORDED = Path(__file__).parent / "data" / "frames" / "api-json-list.frame"


def test_the_recorded_room_list_comes_out_to_the_byte() -> None:
    import json

    text = RECORDED.read_bytes().split(b"\n\n", 1)[1].decode()
    assert pretty(json.loads(text)) == text


def test_compact_has_no_blank() -> None:
    value: Json = {"a": [1, {"b": True}], "c": None, "d": 'x"\n'}
    assert compact(value) == '{"a":[1,{"b":true}],"c":null,"d":"x\\"\\n"}'


def test_empty_objects_and_arrays() -> None:
    assert pretty({"variables": {}, "members": []}) == '{\n\t"variables":\t{\n\t},\n\t"members":\t[]\n}'
