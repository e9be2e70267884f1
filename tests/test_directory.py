"""The accounts FreeSWITCH knows: whatever an administrator writes in a tenant file, nobody else's door opens."""

from __future__ import annotations

import hashlib
import stat
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from callcontrol.directory import directory_files, write_directory
from callcontrol.errors import UnsafeText
from callcontrol.tenants import Extension, Tenant, Tenants

HOSTILE = (
    '"/></variables></user><user id="99"><params/></user>',
    "$${callcontrol_esl_password}",
    '<!--#exec "touch /pwned" -->',
    '<X-PRE-PROCESS cmd="exec" data="touch /pwned"/>',
    "x-pre-process",
    "<include>",
    "${system(touch /pwned)}",
    "a\r\nb\x00c",
    "'{execute_on_answer=system id}'",
)


def extension(number: str = "33", name: str = "Clara Schmidt", password: str = "s3cret-of-33") -> Extension:
    return Extension.model_construct(number=number, name=name, password=SecretStr(password))


def tenants(*extensions: Extension, name: str = "acme", domain: str | None = "acme.example") -> Tenants:
    by_number = {each.number: each for each in extensions}
    return Tenants.of(
        [Tenant.model_construct(id=name, domain=domain, region="DE", numbers={}, extensions=by_number)],
    )


def test_an_account_holds_the_digest_of_its_password_and_never_the_password() -> None:
    (text,) = directory_files(tenants(extension())).values()
    digest = hashlib.md5(b"33:acme.example:s3cret-of-33").hexdigest()
    user = ElementTree.fromstring(text).find("domain[@name='acme.example']/users/user[@id='33']")
    assert user is not None
    assert {param.get("name"): param.get("value") for param in user.iter("param")} == {
        "a1-hash": digest,
        "vm-enabled": "false",
    }
    assert "s3cret" not in text


def test_a_call_of_an_extension_carries_its_tenant_and_its_own_number() -> None:
    (text,) = directory_files(tenants(extension())).values()
    domain = ElementTree.fromstring(text).find("domain")
    assert domain is not None
    assert {each.get("name"): each.get("value") for each in domain.iter("variable")} == {
        "user_context": "extensions",
        "cc_tenant": "acme",
        "presence_id": "33@acme.example",
        "effective_caller_id_number": "33",
        "effective_caller_id_name": "Clara Schmidt",
    }


def test_the_dial_string_runs_no_command() -> None:
    (text,) = directory_files(tenants(extension())).values()
    dial_string = ElementTree.fromstring(text).find("domain/params/param[@name='dial-string']")
    assert dial_string is not None
    assert "(" not in dial_string.get("value", "")


def test_every_account_has_params_because_one_without_is_open_to_everybody() -> None:
    (text,) = directory_files(tenants(extension("33"), extension("34"))).values()
    users = list(ElementTree.fromstring(text).iter("user"))
    assert [user.get("id") for user in users] == ["33", "34"]
    assert all(user.find("params/param[@name='a1-hash']") is not None for user in users)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_reaches_the_preprocessor_or_breaks_the_xml(name: str) -> None:
    (text,) = directory_files(tenants(extension(name=name))).values()
    assert [user.get("id") for user in ElementTree.fromstring(text).iter("user")] == ["33"]
    assert not any(danger in text.lower() for danger in ("$${", "${", "<!--", "x-pre-process"))
    assert text.count("include>") == 2


@given(name=st.text(max_size=80))
def test_any_name_can_be_written(name: str) -> None:
    (text,) = directory_files(tenants(extension(name=name))).values()
    shown = ElementTree.fromstring(text).find(".//variable[@name='effective_caller_id_name']")
    assert shown is not None
    assert set(shown.get("value", "")).isdisjoint("${}<>[]\"'^|\\\r\n")
    assert text.isascii()


def test_a_tenant_named_after_a_preprocessor_command_is_written_whole() -> None:
    (text,) = directory_files(tenants(extension(), name="x-pre-process", domain="x-pre-process.example")).values()
    assert "x-pre-process" not in text
    assert ElementTree.fromstring(text).find("domain[@name='x-pre-process.example']") is not None


@pytest.mark.parametrize("password", ["", None])
def test_an_account_without_password_is_refused(password: str | None) -> None:
    with pytest.raises(UnsafeText, match=r"extension 33 of .* has no password"):
        directory_files(tenants(extension(password=password or "")))


@pytest.mark.parametrize(
    "tenant",
    [
        tenants(extension("3<3")),
        tenants(extension(), domain="acme.example/../x"),
        tenants(extension(), name="../../etc/passwd"),
    ],
)
def test_what_the_loader_should_have_refused_is_never_written(tenant: Tenants, tmp_path: Path) -> None:
    with pytest.raises(UnsafeText):
        write_directory(tmp_path / "directory", tenant)
    assert not (tmp_path / "directory").exists()


@pytest.mark.parametrize("tenant", [tenants(), tenants(extension(), domain=None)])
def test_a_tenant_without_telephones_has_no_file(tenant: Tenants) -> None:
    assert directory_files(tenant) == {}


def test_freeswitch_is_told_only_when_something_changed(tmp_path: Path) -> None:
    folder = tmp_path / "directory"
    assert write_directory(folder, tenants(extension()))
    assert not write_directory(folder, tenants(extension()))
    assert write_directory(folder, tenants(extension(password="another-one")))
    assert write_directory(folder, tenants())
    assert not write_directory(folder, tenants())
    assert list(folder.iterdir()) == []


def test_files_of_the_operator_in_the_same_folder_stay(tmp_path: Path) -> None:
    mine = tmp_path / "own-users.xml"
    mine.write_text("<include/>")
    write_directory(tmp_path, tenants(extension()))
    write_directory(tmp_path, tenants())
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]


def test_nobody_else_reads_the_digests(tmp_path: Path) -> None:
    folder = tmp_path / "directory"
    write_directory(folder, tenants(extension()))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "callcontrol-acme.xml").stat().st_mode) == 0o600


def test_freeswitch_reads_them_when_the_operator_opened_the_folder_for_its_group(tmp_path: Path) -> None:
    folder = tmp_path / "directory"
    folder.mkdir()
    folder.chmod(0o750)
    write_directory(folder, tenants(extension()))
    assert stat.S_IMODE((folder / "callcontrol-acme.xml").stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_directory(tmp_path, tenants(extension()))
    before = (tmp_path / "callcontrol-acme.xml").read_text()

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_directory(tmp_path, tenants(extension(name="Max")))
    assert [path.read_text() for path in tmp_path.iterdir()] == [before]
