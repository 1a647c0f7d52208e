"""The scripts that fragments mount, run by the shell and Python here, with stand-ins of the programs that they call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPOSE = Path(__file__).parents[2] / "compose"

# Knows one name, and looks a name without a dot up in a search domain alone, as busybox does where there is one.
NSLOOKUP = '#!/bin/sh\n[ "$1" = multi2vec-clip. ]\n'
# Writes down what it is asked for, and has all but what is named broken.
WGET = """#!/bin/sh
for last; do :; done
while [ "$1" != -O ]; do shift; done
echo "$last" >> "$NOTES"
case $last in *broken*) exit 1 ;; esac
echo weights > "$2"
"""
# Has every model but `a/broken`.
HUB = """
import os
def snapshot_download(model):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(model + "\\n")
    if model == "a/broken":
        raise ConnectionError("no route")
"""


def tool(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_weaviate_finds_clip_on_a_machine_with_a_search_domain(tmp_path: Path) -> None:
    tool(tmp_path, "nslookup", NSLOOKUP)
    script = (COMPOSE / "weaviate/start.sh").read_text().replace("/bin/weaviate", "true")
    done = run("sh", "-c", script, PATH=f"{tmp_path}:{os.environ['PATH']}", ENABLE_MODULES="text2vec-ollama")
    assert done.stdout == "weaviate: modules text2vec-ollama,multi2vec-clip\n"
    (tmp_path / "nslookup").write_text("#!/bin/sh\nexit 1\n")
    done = run("sh", "-c", script, PATH=f"{tmp_path}:{os.environ['PATH']}", ENABLE_MODULES="text2vec-ollama")
    assert done.stdout == "weaviate: modules text2vec-ollama\n"


def test_comfyuis_models_come_from_a_setting_and_from_the_file(tmp_path: Path) -> None:
    tool(tmp_path, "wget", WGET)
    (tmp_path / "models.tsv").write_text("# none\nhttp://far/b?x=1\t-\tvae/b.safetensors\n")
    script = (COMPOSE / "comfyui/download.sh").read_text()
    script = script.replace("/init/", f"{tmp_path}/").replace("/models/", f"{tmp_path}/models/")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTES": str(tmp_path / "notes")}
    wanted = "http://far/a?y=2=checkpoints/a.safetensors http://far/broken=checkpoints/c.safetensors"
    done = run("sh", "-c", script, COMFYUI_MODELS=wanted, **environment)
    assert done.stdout.splitlines() == [
        "comfyui-init: checkpoints/a.safetensors is downloaded",
        "comfyui-init: checkpoints/c.safetensors could not be had; ComfyUI starts without it",
        "comfyui-init: vae/b.safetensors is downloaded",
    ]
    assert done.returncode == 0
    asked = (tmp_path / "notes").read_text().split()
    assert asked == ["http://far/a?y=2", "http://far/broken", "http://far/b?x=1"]
    again = run("sh", "-c", script, COMFYUI_MODELS=wanted.split(maxsplit=1)[0], **environment)
    assert again.stdout.splitlines()[0] == "comfyui-init: checkpoints/a.safetensors is there"


@pytest.mark.parametrize(
    ("models", "code", "last"),
    [
        ("a/one, b/two", 0, "speaches-pull: b/two is there"),
        ("", 0, ""),
        ("a/broken b/two", 1, "speaches-pull: not downloaded: a/broken (again: ./inv up --service speaches-pull)"),
    ],
)
def test_speaches_models_are_pulled_one_by_one(tmp_path: Path, models: str, code: int, last: str) -> None:
    (tmp_path / "huggingface_hub.py").write_text(HUB)
    notes = tmp_path / "notes"
    notes.touch()
    words = (sys.executable, str(COMPOSE / "speaches/pull.py"))
    done = run(*words, PYTHONPATH=str(tmp_path), NOTES=str(notes), SPEACHES_PULL=models, PAUSE_S="0")
    assert done.returncode == code, done
    assert (done.stdout.splitlines() or [""])[-1] == last
    names = models.replace(",", " ").split()
    assert set(notes.read_text().split()) == set(names)
    assert notes.read_text().split().count("a/broken") in (0, 3)
