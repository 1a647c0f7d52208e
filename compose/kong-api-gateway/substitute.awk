# Replaces each ${NAME} by the environment variable NAME, for a place between double quotes. A variable that is
# missing, empty, or of more than one line ends it with status 3 and a message that names it. The patterns are
# plain enough for mawk, gawk and busybox.
function quoted(text,    result, position, character) {
    result = ""
    for (position = 1; position <= length(text); position++) {
        character = substr(text, position, 1)
        if (character == "\\" || character == "\"") result = result "\\"
        result = result character
    }
    return result
}

{
    rest = $0
    line = ""
    while (match(rest, /[$][{][A-Za-z_][A-Za-z0-9_]*[}]/)) {
        name = substr(rest, RSTART + 2, RLENGTH - 3)
        problem = ""
        if (!(name in ENVIRON) || ENVIRON[name] == "") problem = "is not set"
        else if (ENVIRON[name] ~ /[\n\r]/) problem = "has more than one line"
        if (problem != "") {
            print "gateway: " name " " problem ", but the routes use it" | "cat >&2"
            exit 3
        }
        line = line substr(rest, 1, RSTART - 1) quoted(ENVIRON[name])
        rest = substr(rest, RSTART + RLENGTH)
    }
    print line rest
}
