#include "app/completion.h"

#include "app/command_table.h"
#include "base/alloc.h"
#include "base/buf.h"

#include <string.h>

/* What `heaptop __complete` calls a kind of words; NULL when the shell itself knows them, or nobody does. */
static const char *kind_name(enum option_words words)
{
        static const char *const names[] = {
                [WORDS_SESSION] = "sessions", [WORDS_SESSION_AT] = "sessions", [WORDS_PID] = "processes",
                [WORDS_NAME] = "names", [WORDS_UNIT] = "units",
                [WORDS_RECORDED] = "recorded", [WORDS_MOMENT] = "moments", [WORDS_ERROR] = "errors",
                [WORDS_SUBCOMMAND] = "sessions",
        };

        return (size_t)words < array_len(names) ? names[words] : NULL;
}

/* TEXT between single quotes, as the shells read it; what stands in SPECIAL gets a backslash. */
static void add_quoted(struct buf *out, const char *text, const char *special)
{
        for (; *text; text++) {
                if (*text == '\'')
                        buf_puts(out, "'\\''");
                else if (strchr(special, *text))
                        buf_printf(out, "\\%c", *text);
                else
                        buf_putc(out, *text);
        }
}

static void add_names(struct buf *out)
{
        for (const struct subcommand *const *s = subcommands_all() + 1; *s; s++)
                buf_printf(out, " %s", (*s)->name);
}

/* ---- bash ---- */

/* What an option's value, or an operand, is, as the function _heaptop_reply of the script takes it. */
static void add_bash_kind(struct buf *out, enum option_words words, const char *values)
{
        static const char *const own[] = {
                [WORDS_FILE] = "files", [WORDS_DIRECTORY] = "folders", [WORDS_COMMAND] = "programs",
                [WORDS_SESSION_AT] = "sessions_at", [WORDS_SUBCOMMAND] = "any",
        };
        const char *name = (size_t)words < array_len(own) && own[words] ? own[words] : kind_name(words);

        if (values)
                buf_printf(out, "'= %s'", values);
        else
                buf_puts(out, name ? name : "any");
}

static void add_bash_options(struct buf *out, const struct subcommand *command)
{
        const struct option_row *row;

        buf_printf(out, "        %s)\n                operand=", command->name[0] ? command->name : "''");
        add_bash_kind(out, command->words, command->values);
        buf_puts(out, "\n                options='");
        for (size_t i = 0; (row = subcommand_option(command, i)); i++) {
                if (row->letter)
                        buf_printf(out, "%s-%c", i ? " " : "", row->letter);
                if (row->name)
                        buf_printf(out, "%s--%s", i || row->letter ? " " : "", row->name);
        }
        buf_puts(out, "'\n                case $before in\n");
        for (size_t i = 0; (row = subcommand_option(command, i)); i++) {
                if (!row->argument)
                        continue;
                buf_puts(out, "                ");
                if (row->letter)
                        buf_printf(out, "-%c%s", row->letter, row->name ? " | " : "");
                if (row->name)
                        buf_printf(out, "--%s", row->name);
                buf_puts(out, ") value=");
                add_bash_kind(out, row->words, row->values);
                buf_puts(out, " ;;\n");
        }
        buf_puts(out, "                esac\n                ;;\n");
}

static const char bash_head[] =
        "# bash completion for heaptop; made by: heaptop completion bash\n"
        "\n"
        "# _heaptop_ask KIND [WORD]: what heaptop itself knows; with what it is where there is a choice\n"
        "_heaptop_ask()\n"
        "{\n"
        "        local line\n"
        "        while IFS= read -r line; do\n"
        "                [[ ${line%%$'\\t'*} == \"$current\"* ]] && COMPREPLY+=(\"$line\")\n"
        "        done < <(\"${COMP_WORDS[0]}\" __complete \"$@\" 2>/dev/null)\n"
        "        if [[ ${#COMPREPLY[@]} == 1 || $1 == moments ]]; then\n"
        "                COMPREPLY=(\"${COMPREPLY[@]%%$'\\t'*}\")\n"
        "        else\n"
        "                COMPREPLY=(\"${COMPREPLY[@]/$'\\t'/  }\")\n"
        "        fi\n"
        "}\n"
        "\n"
        "# the session that the command line names\n"
        "_heaptop_session()\n"
        "{\n"
        "        local word\n"
        "        for word in \"${COMP_WORDS[@]:1}\"; do\n"
        "                word=${word/#~\\//$HOME/}\n"
        "                [[ -f $word ]] && printf '%s\\n' \"$word\" && return\n"
        "        done\n"
        "}\n"
        "\n"
        "_heaptop_reply()\n"
        "{\n"
        "        local IFS=$'\\n' prefix= i\n"
        "        case $1 in\n"
        "        '= '*) IFS=$' \\n' && COMPREPLY=($(compgen -W \"${1#= }\" -- \"$current\")) ;;\n"
        "        files) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
        "        folders) compopt -o filenames; COMPREPLY=($(compgen -d -- \"$current\")) ;;\n"
        "        programs) compopt -o filenames; COMPREPLY=($(compgen -c -- \"$current\")) ;;\n"
        "        sessions | sessions_at)\n"
        "                compopt -o filenames\n"
        "                COMPREPLY=($(compgen -f -X '!*.heaptop' -- \"$current\"; compgen -d -- \"$current\"))\n"
        "                [[ $current == ./* || $current == ../* ]] && return\n"
        "                COMPREPLY+=($(\"${COMP_WORDS[0]}\" __complete sessions \"$current\" 2>/dev/null | cut -f 1))\n"
        "                ;;\n"
        "        moments)\n"
        "                [[ $current == *..* ]] && prefix=${current%..*}..\n"
        "                current=${current#\"$prefix\"}\n"
        "                _heaptop_ask moments \"$(_heaptop_session)\"\n"
        "                for i in \"${!COMPREPLY[@]}\"; do COMPREPLY[i]=$prefix${COMPREPLY[i]}; done\n"
        "                ;;\n"
        "        any) ;;\n"
        "        *) _heaptop_ask \"$1\" ;;\n"
        "        esac\n"
        "}\n"
        "\n";

static const char bash_main[] =
        "_heaptop()\n"
        "{\n"
        "        local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} subcommand= operand=any options= value=\n"
        "        COMPREPLY=()\n"
        "        # --color=never and F@mark are three words to bash\n"
        "        if [[ $current == [=@] ]]; then\n"
        "                before=$current$before current=\n"
        "        elif [[ $before == [=@] && $COMP_CWORD -gt 1 ]]; then\n"
        "                before=$before${COMP_WORDS[COMP_CWORD-2]}\n"
        "        fi\n"
        "        if [[ $before == @* ]]; then\n"
        "                _heaptop_ask moments \"${before#@}\"\n"
        "                return\n"
        "        fi\n"
        "        before=${before#=}\n"
        "        [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* && ! -f ${COMP_WORDS[1]} ]] && subcommand=${COMP_WORDS[1]}\n"
        "        case $subcommand in\n";

static const char bash_tail[] =
        "        *) return ;;\n"
        "        esac\n"
        "        if [[ -n $value ]]; then\n"
        "                _heaptop_reply \"$value\"\n"
        "        elif [[ $current == -* ]]; then\n"
        "                COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
        "        elif [[ $COMP_CWORD == 1 ]]; then\n"
        "                [[ $current == [0-9]* ]] && _heaptop_ask processes && return\n"
        "                _heaptop_reply sessions\n"
        "                COMPREPLY+=($(compgen -W \"$_heaptop_subcommands\" -- \"$current\"))\n"
        "        else\n"
        "                _heaptop_reply \"$operand\"\n"
        "                [[ $subcommand == help ]] && COMPREPLY+=($(compgen -W \"$_heaptop_subcommands\" -- \"$current\"))\n"
        "        fi\n"
        "}\n"
        "\n"
        "complete -F _heaptop heaptop\n";

static void add_bash(struct buf *out)
{
        buf_puts(out, bash_head);
        buf_puts(out, "_heaptop_subcommands='help");
        add_names(out);
        buf_puts(out, "'\n\n");
        buf_puts(out, bash_main);
        for (const struct subcommand *const *s = subcommands_all(); *s; s++)
                add_bash_options(out, *s);
        buf_puts(out, "        help) operand=errors ;;\n");
        buf_puts(out, bash_tail);
}

/* ---- zsh ---- */

/* ":PID: _heaptop_ask processes"; the space says that nothing is put between the words. */
static void add_zsh_action(struct buf *out, enum option_words words, const char *values, const char *argument)
{
        buf_putc(out, ':');
        add_quoted(out, argument, ":[]\\");
        buf_putc(out, ':');
        if (values)
                buf_printf(out, "(%s)", values);
        else if (words == WORDS_FILE)
                buf_puts(out, "_files");
        else if (words == WORDS_DIRECTORY)
                buf_puts(out, "_files -/");
        else if (words == WORDS_SESSION)
                buf_puts(out, " _heaptop_sessions");
        else if (words == WORDS_SESSION_AT)
                buf_puts(out, " _heaptop_sessions_at");
        else if (kind_name(words))
                buf_printf(out, " _heaptop_ask %s", kind_name(words));
        else
                buf_putc(out, ' ');
}

static void add_zsh_option(struct buf *out, const struct option_row *row)
{
        buf_puts(out, " \\\n                        ");
        if (row->letter && row->name)
                buf_printf(out, "'(-%c --%s)'{-%c%s,--%s%s}'[", row->letter, row->name, row->letter, row->argument ? "+" : "",
                           row->name, row->argument ? "=" : "");
        else if (row->name)
                buf_printf(out, "'--%s%s[", row->name, row->argument ? "=" : "");
        else
                buf_printf(out, "'-%c%s[", row->letter, row->argument ? "+" : "");
        add_quoted(out, row->help, ":[]\\");
        buf_putc(out, ']');
        if (row->argument)
                add_zsh_action(out, row->words, row->values, row->argument);
        buf_putc(out, '\'');
}

static void add_zsh_options(struct buf *out, const struct subcommand *command)
{
        const struct option_row *row;

        buf_printf(out, "        %s)\n                _arguments -s", command->name[0] ? command->name : "''");
        for (size_t i = 0; (row = subcommand_option(command, i)); i++)
                add_zsh_option(out, row);
        if (command->words == WORDS_COMMAND)
                buf_puts(out, " \\\n                        '(-)1:program: _command_names -e' '*::argument:_normal'");
        else if (command->operands[0]) {
                buf_puts(out, " \\\n                        '*");
                add_zsh_action(out, command->words, command->values, command->operands);
                buf_putc(out, '\'');
        }
        buf_puts(out, "\n                ;;\n");
}

static const char zsh_head[] =
        "#compdef heaptop\n"
        "# zsh completion for heaptop; made by: heaptop completion zsh\n"
        "\n"
        "# what heaptop itself knows: a word, a tab, what it is\n"
        "_heaptop_ask() {\n"
        "        local kind=$1 file=$2\n"
        "        local -a lines\n"
        "        [[ $kind == moments && -z $file ]] && file=${${(@M)words:#*.heaptop}[1]}\n"
        "        [[ $kind == moments ]] && compset -P '*..'\n"
        "        lines=(\"${(@f)$(heaptop __complete $kind $file 2>/dev/null)}\")\n"
        "        [[ -n $lines ]] || return 1\n"
        "        lines=(\"${(@)lines//:/\\\\:}\")\n"
        "        lines=(\"${(@)lines/$'\\t'/:}\")\n"
        "        _describe -V $kind lines\n"
        "}\n"
        "\n"
        "_heaptop_sessions() {\n"
        "        _heaptop_ask sessions\n"
        "        _files -g '*.heaptop'\n"
        "}\n"
        "\n"
        "# FILE@MARK\n"
        "_heaptop_sessions_at() {\n"
        "        local file=${PREFIX%@*}\n"
        "        if compset -P '*@'; then\n"
        "                _heaptop_ask moments \"$file\"\n"
        "        else\n"
        "                _heaptop_sessions\n"
        "        fi\n"
        "}\n"
        "\n"
        "_heaptop() {\n"
        "        local -a subcommands\n"
        "        subcommands=(\n";

static const char zsh_middle[] =
        "        )\n"
        "        if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
        "                _describe subcommand subcommands\n"
        "                _heaptop_sessions\n"
        "                [[ $words[2] == [0-9]* ]] && _heaptop_ask processes\n"
        "                return\n"
        "        fi\n"
        "        local subcommand=\n"
        "        if [[ $words[2] != -* && ! -f $words[2] ]]; then\n"
        "                subcommand=$words[2]\n"
        "                shift words\n"
        "                (( CURRENT-- ))\n"
        "        fi\n"
        "        case $subcommand in\n";

static const char zsh_tail[] =
        "        help)\n"
        "                _describe subcommand subcommands\n"
        "                _heaptop_ask errors\n"
        "                ;;\n"
        "        esac\n"
        "}\n"
        "\n"
        "_heaptop \"$@\"\n";

static void add_zsh(struct buf *out)
{
        buf_puts(out, zsh_head);
        for (const struct subcommand *const *s = subcommands_all() + 1; *s; s++) {
                buf_printf(out, "                '%s:", (*s)->name);
                add_quoted(out, (*s)->brief, ":\\");
                buf_puts(out, "'\n");
        }
        buf_puts(out, zsh_middle);
        for (const struct subcommand *const *s = subcommands_all(); *s; s++)
                add_zsh_options(out, *s);
        buf_puts(out, zsh_tail);
}

/* ---- fish ---- */

static void add_fish_words(struct buf *out, enum option_words words, const char *values)
{
        if (values)
                buf_printf(out, " -x -a '%s'", values);
        else if (words == WORDS_FILE)
                buf_puts(out, " -r -F");
        else if (words == WORDS_DIRECTORY)
                buf_puts(out, " -x -a '(__fish_complete_directories)'");
        else if (words == WORDS_COMMAND)
                buf_puts(out, " -x -a '(__fish_complete_command)'");
        else if (words == WORDS_MOMENT)
                buf_puts(out, " -x -a '(__heaptop_moments)'");
        else if (words == WORDS_SESSION_AT)
                buf_puts(out, " -k -x -a '(__heaptop_sessions_at)'");
        else if (words == WORDS_SESSION)
                buf_puts(out, " -k -x -a '(__fish_complete_suffix .heaptop; heaptop __complete sessions)'");
        else if (kind_name(words))
                buf_printf(out, " -x -a '(heaptop __complete %s)'", kind_name(words));
        else
                buf_puts(out, " -x");
}

static void add_fish_when(struct buf *out, const struct subcommand *command)
{
        if (command->name[0])
                buf_printf(out, "complete -c heaptop -n '__fish_seen_subcommand_from %s'", command->name);
        else
                buf_puts(out, "complete -c heaptop -n 'not __fish_seen_subcommand_from $__heaptop_subcommands'");
}

static void add_fish_options(struct buf *out, const struct subcommand *command)
{
        const struct option_row *row;

        for (size_t i = 0; (row = subcommand_option(command, i)); i++) {
                add_fish_when(out, command);
                if (row->letter)
                        buf_printf(out, " -s %c", row->letter);
                if (row->name)
                        buf_printf(out, " -l %s", row->name);
                if (row->argument)
                        add_fish_words(out, row->words, row->values);
                buf_puts(out, " -d '");
                for (const char *c = row->help; *c; c++)
                        buf_printf(out, "%s%c", *c == '\'' || *c == '\\' ? "\\" : "", *c);
                buf_puts(out, "'\n");
        }
        if (command->words == WORDS_ANY && !command->values)
                return;
        add_fish_when(out, command);
        add_fish_words(out, command->words == WORDS_SUBCOMMAND ? WORDS_SESSION : command->words, command->values);
        buf_putc(out, '\n');
}

static void add_fish(struct buf *out)
{
        buf_puts(out, "# fish completion for heaptop; made by: heaptop completion fish\n\nset -g __heaptop_subcommands");
        add_names(out);
        buf_puts(out, " help\n\n"
                 "# the marks of the session that the command line names\n"
                 "function __heaptop_moments\n"
                 "        set -l before (string match -r -- '.*\\\\.\\\\.' (commandline -ct))\n"
                 "        for word in (commandline -opc)\n"
                 "                if test -f \"$word\"\n"
                 "                        heaptop __complete moments $word | string replace -r -- '^' \"$before\"\n"
                 "                        return\n"
                 "                end\n"
                 "        end\n"
                 "end\n\n"
                 "# FILE@MARK\n"
                 "function __heaptop_sessions_at\n"
                 "        set -l file (string match -r -- '(.*)@' (commandline -ct))[2]\n"
                 "        if test -n \"$file\"\n"
                 "                heaptop __complete moments $file | string replace -r -- '^' \"$file@\"\n"
                 "        else\n"
                 "                __fish_complete_suffix .heaptop\n"
                 "                heaptop __complete sessions\n"
                 "        end\n"
                 "end\n\n"
                 "complete -c heaptop -f\n");
        for (const struct subcommand *const *s = subcommands_all() + 1; *s; s++) {
                buf_printf(out, "complete -c heaptop -n '__fish_is_first_token' -a %s -d '", (*s)->name);
                add_quoted(out, (*s)->brief, "");
                buf_puts(out, "'\n");
        }
        for (const struct subcommand *const *s = subcommands_all(); *s; s++)
                add_fish_options(out, *s);
        buf_puts(out, "complete -c heaptop -n '__fish_seen_subcommand_from help' -x -a \"$__heaptop_subcommands\"\n"
                 "complete -c heaptop -n '__fish_seen_subcommand_from help' -x -a '(heaptop __complete errors)'\n");
}

char *completion_script(const char *shell)
{
        struct buf out = { 0 };

        if (strcmp(shell, "bash") == 0)
                add_bash(&out);
        else if (strcmp(shell, "zsh") == 0)
                add_zsh(&out);
        else if (strcmp(shell, "fish") == 0)
                add_fish(&out);
        else
                return NULL;
        return buf_take(&out);
}
