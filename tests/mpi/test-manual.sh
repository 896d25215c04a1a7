#!/bin/sh
# The manual's pages and the shells' completions hold what --help holds, and are well-formed.
. "${srcdir:-.}/tests/mpi/lib.sh"
manual=$work/manual
OMPI_MCA_ess_singleton_isolated=1
export OMPI_MCA_ess_singleton_isolated
"$srcdir/tools/manual" "$jupiter" "$manual" || fail "tools/manual"

# popt's own list of long options is the oracle
for name in $("$jupiter" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    options=$("$jupiter" "$name" --help </dev/null | grep -o '^ *\(-., \)\?--[a-z0-9-]*' | grep -o '\--.*')
    [ -n "$options" ] || fail "$name --help lists nothing"
    page=$manual/jupiter-$name.1
    sed 's/\\-/-/g; s/\\f.//g' "$page" >"$work/page"
    arm=$(sed -n "/^    $name)/,/esac/p" "$manual/jupiter.bash")
    function=$(sed -n "/^_jupiter_$name()/,/^}/p" "$manual/_jupiter")
    for option in $options; do
        grep -q -e "^\(-., \)\?$option\(\$\|[=[]\)" "$work/page" || fail "$page lacks $option"
        case $arm in *"$option"*) ;; *) fail "bash: $name lacks $option" ;; esac
        case $function in *"'$option"*) ;; *) fail "zsh: $name lacks $option" ;; esac
    done
    grep -q "jupiter.-$name" "$manual/jupiter.1" || fail "jupiter.1 does not name $name"
done
version=$("$jupiter" --version)
grep -q "^.TH JUPITER .*\"$version\"" "$manual/jupiter.1" || fail "the manual is not of $version"

if command -v groff >/dev/null; then
    for page in "$manual"/*.1; do
        problems=$(groff -man -Tutf8 -ww -z "$page" 2>&1)
        [ -z "$problems" ] || fail "$page: $problems"
    done
fi

# what a command lacks is in no help, and refused: one of each kind of value, and of the nested table
lacks() { # COMMAND OPTION [VALUE]
    "$jupiter" "$1" --help </dev/null | grep -q -e "$2=\|$2 " && fail "$1 --help shows $2"
    sed -n "/^    $1)/,/esac/p" "$manual/jupiter.bash" | grep -q -e "$2 " && fail "bash: $1 offers $2"
    sed 's/\\//g' "$manual/jupiter-$1.1" | grep -q -e "$2f\|$2\$" && fail "jupiter-$1.1 shows $2"
    sed 's/\\//g' "$manual/jupiter-run.1" | grep -q -e "$2f\|$2\$" || fail "jupiter-run.1 lacks $2"
    "$jupiter" "$1" -m nowhere "$2" ${3:+"$3"} >"$work/out" 2>"$work/err" </dev/null
    [ $? -eq 2 ] && grep -q -e "$2 does not go with $1" "$work/err" || fail "$1 $2: $(cat "$work/err")"
}
lacks chat --questions ask.jsonl
lacks chat --prompt x
lacks chat --outline
lacks chat --max-points 3
lacks serve --json
lacks serve --logprobs 2
lacks serve --outline
lacks perplexity --temperature 1
lacks perplexity --generate 5
lacks perplexity --speculate lookup
lacks perplexity --early-points

# bash completes commands, options, words and files
complete() { # WORDS...: the last one is being typed
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _jupiter
        printf "%s\n" "${COMPREPLY[@]}"' bash "$manual/jupiter.bash" "$@"
}
if command -v bash >/dev/null; then
    same "bash: command" "tokenize" "$(complete jupiter tok)"
    same "bash: option" "--outline" "$(complete jupiter run --outl)"
    same "bash: word" "f16 f32" "$(complete jupiter run --wire f | tr '\n' ' ' | sed 's/ $//')"
    same "bash: word after =" "blas" "$(complete jupiter run --compute = b)"
    same "bash: file" "$manual/jupiter.1" "$(complete jupiter run -m "$manual/jupiter.1")"
    [ -z "$(complete jupiter run -n '')" ] || fail "bash: completes a number"
fi
if command -v zsh >/dev/null; then
    zsh -n "$manual/_jupiter" || fail "zsh cannot read _jupiter"
fi
"$jupiter" run --help=html >"$work/out" 2>"$work/err" </dev/null && fail "--help=html"
grep -q "must be man, bash or zsh" "$work/err" || fail "--help=html: $(cat "$work/err")"
finish
