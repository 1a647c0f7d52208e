"""The one command that mends what is wrong with Docker, for this machine and this user. Pure."""

from stack.engine.facts import DEFAULT_ENDPOINT, Facts

STEP = "./inv engine --yes"
# Programs that run an engine in a virtual machine of theirs, by the name of the context that they make.
STARTERS = {
    "colima": "colima start",
    "orbstack": "orb start",
    "rancher-desktop": "rdctl start",
    "lima": "limactl start docker",
}
OTHER_SYSTEMS = {
    "dnf": "sudo dnf install -y moby-engine docker-cli docker-compose",
    "zypper": "sudo zypper install -y docker docker-compose",
    "pacman": "sudo pacman -S --noconfirm docker docker-compose",
    "apk": "sudo apk add docker docker-cli-compose",
    "brew": "brew install --cask docker-desktop",
}
ELSEWHERE = "install Docker as https://docs.docker.com/engine/install/ says"
WINDOWS_DESKTOP = r"C:\Program Files\Docker\Docker\Docker Desktop.exe"


def install(facts: Facts, packages: str) -> str:
    """Installs Debian packages, or what the system has in their place."""
    if facts.manager == "apt":
        return f"{sudo(facts)}apt-get install -y --no-install-recommends {packages}"
    command = OTHER_SYSTEMS.get(facts.manager, ELSEWHERE)
    return command.removeprefix("sudo ") if facts.root else command


def turn_to(facts: Facts, endpoint: str) -> str:
    """Makes the docker client use the engine at `endpoint`."""
    name = next((name for name, at in facts.contexts.items() if at == endpoint), "default")
    set_already = (facts.context_setting or "default") == name
    if facts.host_variable and (facts.context_variable == name or (set_already and not facts.context_variable)):
        return "unset DOCKER_HOST"
    if facts.context_variable and not facts.host_variable and set_already:
        return "unset DOCKER_CONTEXT"
    if facts.host_variable or facts.context_variable:
        return f"unset DOCKER_HOST; export DOCKER_CONTEXT={name}"
    return f"docker context use {name}"


def turn_to_system(facts: Facts) -> str:
    """Makes the docker client use the system's own engine."""
    return turn_to(facts, DEFAULT_ENDPOINT)


def start_desktop(facts: Facts) -> str:
    """Starts Docker Desktop."""
    if facts.wsl:
        return f"powershell.exe -Command \"Start-Process '{WINDOWS_DESKTOP}'\""
    return "open -a Docker" if facts.system == "darwin" else "systemctl --user start docker-desktop"


def restart(facts: Facts) -> str:
    """Restarts the system's engine."""
    if facts.systemd:
        return f"{sudo(facts)}systemctl restart docker"
    return "./inv engine --stop" if facts.ours else f"{sudo(facts)}service docker restart"


def join_group(facts: Facts) -> str:
    """Gives the user access to the system's engine."""
    return "newgrp docker" if facts.in_group else "sudo usermod -aG docker $USER && newgrp docker"


def sudo(facts: Facts) -> str:
    """The word that a command needs in front of it where the user is not root."""
    return "" if facts.root else "sudo "
