_FUNCTION_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" word rest i candidate cut=
    local -a words=()
    # Bash cuts words at `=` and `:` too. Those that no blank separates belong together.
    rest="$line"
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word="${rest#"${rest%%[![:space:]]*}"}"
        if ((i < COMP_CWORD)); then
            if [[ $i == 0 || $word != "$rest" ]]; then
                words+=("${COMP_WORDS[i]}")
            else
                words[${#words[@]}-1]+="${COMP_WORDS[i]}"
            fi
            rest="${word#"${COMP_WORDS[i]}"}"
        elif [[ $i == 0 || $word != "$rest" ]]; then
            words+=("$word")
        else
            words[${#words[@]}-1]+="$word"
        fi
    done
    # Bash puts what is chosen in the place of the part that it has cut off.
    word="${words[${#words[@]}-1]}"
    if [[ $word == *"$2" ]]; then
        cut="${word%"$2"}"
    fi
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("${candidate#"$cut"}")
    done < <(VARIABLE=bash PATH_OF_IT -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _FUNCTION_complete PROGRAM 2>/dev/null || complete -F _FUNCTION_complete PROGRAM
