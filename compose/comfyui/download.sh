#!/bin/sh
# Downloads each model of COMFYUI_MODELS (ADDRESS=PATH, separated by blanks) and of models.tsv (address, sha256 or -,
# path) that is not there; paths lie below models/. A download that was cut goes on where it was; what has the wrong sum
# is thrown away. A model that can't be had is told and skipped.
set -eu

[ "${COMFYUI_DOWNLOAD:-true}" = true ] || { echo "comfyui-init: COMFYUI_DOWNLOAD is not true"; exit 0; }

fetch() {
    part="/models/$3.part"
    mkdir -p "$(dirname "$part")"
    wget -q -c -T 60 -O "$part" "$1" || return 1
    if [ "$2" != - ] && [ "$(sha256sum "$part" | cut -d ' ' -f 1)" != "$2" ]; then
        rm -f "$part"
        echo "comfyui-init: $3 has the wrong sum"
        return 1
    fi
    mv "$part" "/models/$3"
}

list() {
    for model in ${COMFYUI_MODELS:-}; do printf '%s\t-\t%s\n' "${model%=*}" "${model##*=}"; done
    cat /init/models.tsv
}

tab=$(printf '\t')
list | while IFS="$tab" read -r address sum path; do
    case $address in "" | "#"*) continue ;; esac
    if [ -e "/models/$path" ]; then
        echo "comfyui-init: $path is there"
    elif fetch "$address" "$sum" "$path"; then
        echo "comfyui-init: $path is downloaded"
    else
        echo "comfyui-init: $path could not be had; ComfyUI starts without it"
    fi
done
