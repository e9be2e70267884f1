"""Loading and checking whole folders: every file, and what files have against each other."""

from __future__ import annotations

from pathlib import Path

from callcontrol.tenants import check_paths, load_folder

ONE = 'tenant: {id}\nregion: {region}\nnumbers:\n  "{number}": {{room: lobby}}\nrooms:\n  lobby: {{access: open}}\n'


def save(path: Path, identifier: str, number: str, region: str = "DE") -> Path:
    path.write_text(ONE.format(id=identifier, number=number, region=region))
    return path


def shown(folder: Path, *paths: Path) -> list[str]:
    return [str(problem).replace(f"{folder}/", "") for problem in check_paths(paths or [folder], {})]


def test_a_folder_gives_its_tenants_found_by_number_domain_and_identifier(tmp_path: Path) -> None:
    save(tmp_path / "acme.yaml", "acme", "030 8631")
    save(tmp_path / "globex.yml", "globex", "(202) 555-0100", "US").open("a").write("domain: Globex.Example\n")
    tenants, problems = load_folder(tmp_path, {})
    assert problems == []
    assert list(tenants.by_id) == ["acme", "globex"]
    assert tenants.regions == ("DE", "US")
    found = tenants.find_number("+12025550100")
    assert found is not None
    tenant, number = found
    assert (tenant.id, number.e164, number.room_names, number.languages) == (
        "globex",
        "+12025550100",
        ("lobby",),
        ("en",),
    )
    assert tenants.find_number("+49308632") is None
    assert tenants.find_domain("GLOBEX.example") is tenant
    assert tenants.find_domain("acme.example") is None


def test_one_faulty_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    save(tmp_path / "acme.yaml", "acme", "030 8631")
    (tmp_path / "broken.yaml").write_text("tenant: [")
    tenants, problems = load_folder(tmp_path, {})
    assert list(tenants.by_id) == ["acme"]
    assert [problem.path.name for problem in problems] == ["broken.yaml"]


def test_of_two_files_with_the_same_number_the_first_by_name_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "b.yaml", "globex", "+49 30 8631")
    save(tmp_path / "a.yaml", "acme", "030 8631")
    tenants, _ = load_folder(tmp_path, {})
    assert list(tenants.by_id) == ["acme"]
    assert shown(tmp_path) == ["b.yaml:4:3: number +49308631 is claimed already (by a.yaml:4:3)"]


def test_a_folder_that_is_not_there_gives_nobody_and_a_problem(tmp_path: Path) -> None:
    tenants, problems = load_folder(tmp_path / "missing", {})
    assert dict(tenants.by_id) == {}
    assert [problem.message for problem in problems] == ["cannot be read: No such file or directory"]


def test_checking_names_what_is_missing_and_a_folder_without_tenants(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert shown(tmp_path, tmp_path / "missing.yaml", tmp_path / "empty") == [
        "empty:1:1: holds no tenant file (*.yaml or *.yml)",
        "missing.yaml:1:1: cannot be read: No such file or directory",
    ]


def test_checking_single_files_compares_them_too_and_takes_any_name(tmp_path: Path) -> None:
    first = save(tmp_path / "new.txt", "acme", "+49 30 8631")
    second = save(tmp_path / "old.yaml", "acme", "+49 30 8632")
    assert shown(tmp_path, first, second, first) == ["old.yaml:1:9: tenant 'acme' is claimed already (by new.txt:1:9)"]


def test_problems_are_sorted_by_file_and_place(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"foo: 1\ntenant: {name}\nregion: XX\n")
    assert [line.split(": ")[0] for line in shown(tmp_path)] == ["a.yaml:1:1", "a.yaml:3:9", "b.yaml:1:1", "b.yaml:3:9"]


def test_variables_are_taken_from_the_environment_given(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("tenant: acme\nregion: DE\nname: ${NAME}\n")
    tenants, problems = load_folder(tmp_path, {"NAME": "Acme"})
    assert problems == []
    assert tenants.by_id["acme"].name == "Acme"
