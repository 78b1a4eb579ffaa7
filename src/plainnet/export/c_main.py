"""The `main` at the end of an exported C file: it reads rows and prints predictions."""

_OF_NUMBERS = """#ifdef {macro}_MAIN
#include <stdio.h>

int main(void)
{{
    {kind} inputs[{macro}_INPUTS];
{declared}    double number;
    int count = 0;
    while (scanf("%lf,", &number) == 1) {{
        inputs[count++] = ({kind})number;
        if (count == {macro}_INPUTS) {{
            count = 0;
{body}
        }}
    }}
    return count != 0 || !feof(stdin);
}}
#endif"""

_OF_FIELDS = """#ifdef {macro}_MAIN
#include <stdio.h>
#include <stdlib.h>

int main(void)
{{
    char line[65536];
{declared}    while (fgets(line, sizeof line, stdin)) {{
        char *fields[{count}];
        char *at = line;
        {prefix}_row row;
        for (int i = 0; i < {count}; i++) {{
            fields[i] = at;
            while (*at && *at != ',' && *at != '\\n' && *at != '\\r') {{
                at++;
            }}
            if (*at) {{
                *at++ = 0;
            }}
        }}
{members}
{body}
    }}
    return 0;
}}
#endif"""


def main(
    prefix: str, kind: str, members: list[tuple[str, bool]] | None, prints: str, named: bool, on_stack: bool
) -> str:
    """Return the function, for rows of numbers or, with `members`, of a table's fields."""
    macro = prefix.upper()
    digits = 9 if kind == "float" else 17
    memory = [] if on_stack else [f"static {kind} scratch[{macro}_SCRATCH];"]
    last = "" if on_stack else ", scratch"
    argument = "inputs" if members is None else "&row"
    shown, length = "outputs", f"{macro}_OUTPUTS"
    space = " " * (12 if members is None else 8)
    if prints == "value":
        declared = memory
        body = [f'printf("%.{digits}g\\n", {prefix}_value(&row{last}));']
    else:
        if prints == "class":
            shown, length = "probabilities", f"{macro}_CLASSES"
            name = f'best < 0 ? "?" : {prefix}_class_names[best]' if named else "best"
            body = [f"const int best = {prefix}_class({argument}, probabilities{last});"]
            body += [f'printf("{"%s" if named else "%d"}\\t", {name});']
        else:
            body = [f"{prefix}_predict(inputs, outputs{last});"]
        declared = [f"{kind} {shown}[{length}];", *memory]
        body += [
            f"for (int i = 0; i < {length}; i++) {{",
            f"    printf(\"%.{digits}g%c\", (double){shown}[i], i + 1 < {length} ? ' ' : '\\n');",
            "}",
        ]
    settings = {
        "macro": macro,
        "prefix": prefix,
        "kind": kind,
        "declared": "".join(f"    {line}\n" for line in declared),
        "body": "\n".join(space + line for line in body),
    }
    if members is None:
        return _OF_NUMBERS.format(**settings)
    lines = [
        f"        row.{name} = {f'fields[{i}]' if is_text else f'*fields[{i}] ? strtod(fields[{i}], 0) : (double)NAN'};"
        for i, (name, is_text) in enumerate(members)
    ]
    return _OF_FIELDS.format(**settings, count=len(members), members="\n".join(lines))
