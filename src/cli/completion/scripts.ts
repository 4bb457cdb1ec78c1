/** The shells we have a completion script for. */
export const shells: readonly string[] = ["bash", "fish", "zsh"];

/** The last line of `tare __complete` that makes a script add files. */
export const filesMark = ":files";

/** The script that makes the shell ask `tare __complete` for what can come next. Undefined for other shells. */
export function completionScript(shell: string): string | undefined {
  switch (shell) {
    case "bash":
      return bash;
    case "zsh":
      return zsh;
    case "fish":
      return fish;
    default:
      return undefined;
  }
}

const bash = `# bash completion for tare: source <(tare completion bash)
_tare() {
    local line="\${COMP_LINE:0:COMP_POINT}" current="" joined="" entry value
    local -a typed=()
    read -r -a typed <<< "$line"
    if [[ "$line" =~ [[:space:]]$ ]]; then typed+=(""); fi
    current="\${typed[\${#typed[@]}-1]}"
    # readline replaces only what follows the last break character: the rest of the word stays.
    if [[ "$current" == *[:=]* ]]; then joined="\${current%"\${current##*[:=]}"}"; fi
    COMPREPLY=()
    while IFS= read -r entry; do
        if [[ "$entry" == "${filesMark}" ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "\${current##*=}")
            continue
        fi
        value="\${entry%%$'\\t'*}"
        if [[ "$value" == "$current"* ]]; then COMPREPLY+=("\${value#"$joined"}"); fi
    done < <("\${typed[0]}" __complete -- "\${typed[@]:1}" 2>/dev/null)
    if [[ \${#COMPREPLY[@]} -eq 1 && "\${COMPREPLY[0]}" == *[:=] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _tare tare
`;

const zsh = `#compdef tare
# zsh completion for tare: source <(tare completion zsh), or a file _tare in a folder of $fpath
_tare() {
    local entry value description
    local -a answers entries
    answers=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for entry in "\${answers[@]}"; do
        [[ -z "$entry" ]] && continue
        if [[ "$entry" == "${filesMark}" ]]; then
            _files
            continue
        fi
        value="\${entry%%$'\\t'*}"
        description="\${entry#*$'\\t'}"
        entries+=("\${value//:/\\\\:}:$description")
    done
    (( \${#entries} )) && _describe -o tare entries
}
if [[ "$funcstack[1]" == "_tare" ]]; then _tare; else compdef _tare tare; fi
`;

const fish = `# fish completion for tare: tare completion fish | source
function __tare_answers
    set -l typed (commandline -opc) (commandline -ct)
    $typed[1] __complete -- $typed[2..-1] 2>/dev/null
end
function __tare_entries
    __tare_answers | string match -v -- '${filesMark}'
end
function __tare_wants_files
    __tare_answers | string match -q -- '${filesMark}'
end
complete -c tare -f
complete -c tare -f -a '(__tare_entries)'
complete -c tare -n __tare_wants_files -F
`;
