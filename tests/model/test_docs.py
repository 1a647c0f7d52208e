"""What the documents say of commands, keys, profiles, modules and files is so."""

import ast
import re
import subprocess
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tasks
from stack import errors
from stack.planning import catalog
from tests.model.shipped import PROFILES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README, REFERENCE, ARCHITECTURE = (
    (ROOT / name).read_text() for name in ("README.md", "docs/reference.md", "docs/architecture.md")
)


def flags(command: str) -> set[str]:
    """A command's flags as they are typed."""
    names = [argument.name.rstrip("_").replace("_", "-") for argument in tasks.namespace[command].get_arguments()]
    return {f"--{name}" if len(name) > 1 else f"-{name}" for name in names}


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def cells(text: str) -> set[str]:
    """The words in code style in the first column of every table of a text."""
    return {word for row in re.findall(r"^\| (.+?) \|", text, re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


def anchors(page: Path) -> set[str]:
    """How a link names each heading of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_a_page_names_a_heading_of_it(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())
    pages = {path: (page.parent / path).resolve() if path else page for path, _ in links}
    assert [link for link in links if link[1] not in anchors(pages[link[0]])] == []


def test_the_readme_names_every_page_of_docs_and_the_architecture_every_folder() -> None:
    read_on = set(re.findall(r"^- \[(docs/.*?)\]", section(README, "Read on"), re.MULTILINE))
    assert read_on == {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {path.partition("/")[0] for path in tracked.splitlines() if "/" in path} - {".ci", "docs"}
    assert [name for name in folders if not re.search(rf"(^|, ){name}/", ARCHITECTURE, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_flag_that_is_shown_is_there(page: Path) -> None:
    shown = [line.split("#")[0] for line in re.findall(r"(?:^|`)\./inv ([^`\n]+)", page.read_text(), re.MULTILINE)]
    for line in shown:
        command, *words = line.split()
        if command.startswith("-") or command.isupper():
            continue
        assert command in tasks.namespace.task_names, line
        used = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        assert used <= flags(command) | {"--help"}, line


POSITIONAL = {"--file", "--name", "--value", "--method", "--url"}


def test_the_reference_has_every_command_and_its_flags() -> None:
    told = section(REFERENCE, "Commands")
    assert set(tasks.namespace.task_names) <= set(re.findall(r"[a-z-]+(?:\.[a-z]+)?", " ".join(cells(told))))
    for command in tasks.namespace.task_names:
        shown = set(re.findall(r"(?<=[\s`[])--?[a-z-]+", told))
        assert flags(command) - POSITIONAL <= shown, command


def test_the_reference_has_every_key_of_x_stack_and_every_exit_code() -> None:
    keys = {word.partition(":")[0] for word in cells(section(REFERENCE, "A fragment's x-stack"))}
    assert keys == set(catalog.KEYS)
    codes = set(re.findall(r"^\| (\d+) ", section(REFERENCE, "Exit codes"), re.MULTILINE))
    assert codes == {str(code) for code in (errors.OK, errors.FAILED, errors.USAGE, errors.BUG, errors.INTERRUPTED)}


def test_the_readme_has_every_profile() -> None:
    told = section(README, "What runs").split("Profiles:")[1].split(".")[0]
    assert set(re.findall(r"`([a-z-]+)`", told)) == {*PROFILES, "all"}


def test_the_map_of_packages_is_what_there_is() -> None:
    rows = re.findall(r"^\| `([a-z]+)/` \| (.*) \|$", section(ARCHITECTURE, "Layers of stack/"), re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / "stack").glob("*/*.py")}
    assert {name for name, _ in rows} == {*packages, "stack"}
    for name, told in rows:
        folder = ROOT / "stack" / ("" if name == "stack" else name)
        modules = set(re.findall(r"`([a-z_]+)`", told))
        assert modules <= {path.stem for path in folder.glob("*.py")}, name


@cache
def imports() -> dict[str, set[str]]:
    """The modules of the project that each of them imports, at its head or in a function."""
    paths = {path.relative_to(ROOT).with_suffix(""): path for path in (ROOT / "stack").rglob("*.py")}
    modules = {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = [(node.module or "", f"{node.module}.{one.name}") for node in nodes for one in node.names]
        found[module] = {whole if whole in modules else outer for outer, whole in named} & modules.keys()
    return found


def test_a_package_imports_from_those_below_it() -> None:
    order = re.findall(r"^\| `([a-z]+)/` \|", section(ARCHITECTURE, "Layers of stack/"), re.MULTILINE)
    start = {"stack.program", "stack.__main__"}

    def height(module: str) -> int:
        parts = module.split(".")
        return -1 if module in start else order.index(parts[1] if parts[1:2] and parts[1] in order else "stack")

    up = [(one, other) for one, others in imports().items() for other in others if height(other) < height(one)]
    assert up == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(imports()).prepare()
