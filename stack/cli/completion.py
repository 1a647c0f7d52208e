"""Completion in the shell: a script for each, which hands the line so far to `./inv --complete`."""

from collections.abc import Sequence

OPTION = "--print-completion-script"
ASK = "--complete"
NAMES = ["inv", "./inv"]
"""What is completed. The first names the script's functions as well, so no shell may mind its letters."""

BASH = r"""_complete_inv() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" word before
    COMPREPLY=($(./inv --complete -- "$line" 2>/dev/null))
    # Bash takes what stands before = or : for a word of its own.
    word="${line##*[[:space:]]}"
    before="${word%"${word##*[=:]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}
complete -o default -F _complete_inv inv ./inv
"""
ZSH = r"""_complete_inv() {
    local -a found
    found=(${(f)"$(./inv --complete -- "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)"})
    if (( $#found )); then compadd -a found; else _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D; }
compdef _complete_inv inv ./inv
"""
FISH = r"""function __complete_inv
    ./inv --complete -- (commandline --current-process --cut-at-cursor) 2>/dev/null
end
complete --command inv --no-files --arguments '(__complete_inv)'
complete --command inv --force-files --condition 'not count (__complete_inv) >/dev/null'
"""
SCRIPTS = {"bash": BASH, "fish": FISH, "zsh": ZSH}
SHELLS = tuple(SCRIPTS)


def asked(words: Sequence[str]) -> str | None:
    """The shell whose script these words ask for, empty where they name none; None where they ask for no script."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == OPTION:
            return following
        if word.startswith(f"{OPTION}="):
            return word.partition("=")[2]
    return None


def line(words: Sequence[str]) -> str | None:
    """The line that a script asks about; None where none does."""
    return words[3] if list(words[1:3]) == [ASK, "--"] and len(words) == 4 else None


def script(shell: str) -> str:
    """The script for a shell. It works in the checkout's root, whether .venv is active or not.

    Raises StackError for a shell that has none."""
    from stack.errors import USAGE, fail
    from stack.names import echoed

    if shell not in SCRIPTS:
        raise fail("usage", f"there is no completion for {echoed(shell)}", OPTION, f"one of {', '.join(SHELLS)}", USAGE)
    return SCRIPTS[shell].rstrip()
