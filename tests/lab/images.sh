# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sandbox images: made in the build tree, which has the network, loaded in the host, which has none.

image_names() {
        local recipe
        for recipe in "$top"/images/*/packages; do
                [[ ! -e $recipe ]] || basename "$(dirname "$recipe")"
        done
}

image_key() {
        cat "$top"/images/*.sh "$top/images/$1/"* "$state/stamps/tree-build" | hash_of
}

build_image() {
        in_build --bind "$top/images:/images" --bind "$state/images:/out" \
                sh -c "/images/build.sh --suite $debian_suite /images/$1 >/out/$1.tar.new && mv /out/$1.tar.new /out/$1.tar"
}

build_images() {
        local name key
        mkdir -p "$state/images"
        for name in $(image_names); do
                key=$(image_key "$name")
                ! stamped "image-$name" "$key" || continue
                unstamp "image-$name"
                step "image-$name" "building the sandbox image $name" build_image "$name"
                stamp "image-$name" "$key"
        done
}

# load_images HOST
load_images() {
        local run=$state/machines/$1/run name key
        for name in $(image_names); do
                key=$(image_key "$name")
                ! stamped "loaded-$name-$1" "$key" || continue
                ln -f "$state/images/$name.tar" "$run/$name.tar"
                step "load-$name-$1" "loading the sandbox image $name on $1" in_machine "$1" rcectl image load "$name" "/run/lab/$name.tar"
                rm "$run/$name.tar"
                stamp "loaded-$name-$1" "$key"
        done
}
