"""Makes packages/tokenizer/fixtures/chat.jsonl: chat templates and what transformers makes of them.

    python tests/python/make_chat_fixture.py
Needs transformers 5 and jinja2 3.1. A line is [template, variables, text], text null where Python raises an error. It is
always 2026-11-29 09:41:05.
"""
import datetime
import json
from pathlib import Path

import transformers.utils.chat_template_utils as chat

OUT = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures" / "chat.jsonl"


class Fixed(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 29, 9, 41, 5)


chat.datetime = Fixed

TALK = [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "**Hi**\n"}, {"role": "assistant", "content": None, "tool_calls": [{"id": 1, "function": {"name": "look", "arguments": {"q": "Ünï \"x\"", "n": 2, "ok": True, "none": None, "f": 1.5}}}]}, {"role": "tool", "content": "it's\t\\ 日本🙂"}]
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks <up> & 'down'.", "parameters": {"type": "object", "properties": {"q": {"type": "string", "enum": ["a", "b"]}, "items": {"type": "array"}}, "required": ["q"]}}}]
VARIABLES = {"messages": TALK, "tools": TOOLS, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "xs": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"b": 1, "a": [True, None, 0.1], "get": "key"}, "s": "  Hello, wörld🙂 \n", "f": 0.1, "rows": [{"n": "x", "v": 2, "t": {"k": 1}}, {"n": "y", "v": 1, "t": {"k": 0}}, {"n": "X", "v": 3}]}

EXPRESSIONS = """
s.strip() | s.strip(' \\n') | s.lstrip('\\n') ~ '|' | s.rstrip('\\n') ~ '|' | s.strip('H \\n') | '**mill**'.strip('*') | 'xyx'.strip('') | messages[1].content.rstrip('\\n') ~ '|'
none | true | false | None ~ True | [none, true, 1, 1.0, 'a'] | {'name': 'x', 'on': true, 'n': none} | (1,) | (1, 'a') | () | [] | {} | {'a': [1, {'b': (2, none)}]} | d | xs | tools[0].function | messages[2].tool_calls
'it\\'s' | ['it\\'s'] | ['say "hi"'] | ['both \\' and "'] | ['a\\n\\t\\\\b'] | ['日本🙂é'] | [s] | ["\\u200b\\u00a0\\x7f"] | messages[3]
1.0 | 0.1 + 0.2 | 1e | 10 / 4 | 10 // 4 | -7 // 2 | -7 % 3 | 7 % -3 | 7.5 // 2 | -7.5 % 2 | 2 ** 10 | 2 ** -1 | 2.0 ** 3 | 10 / 5 | 100000000000000000 * 1.0 | 1 / 100000 | 1 / 3 | 0.00001 * 1 | 123456789.0 * 1000 | 7 * 6 | true + 1 | -true | 2 ** 100 | 3 * 'ab' | 'ab' * 3 | [0] * 3 | 1 + 2.5 | -5 | 1 - 1.0
'a' + 'b' | 'a' ~ 1 ~ none ~ 2.0 | 'a' + 1 | none ~ 'x' | [1] + [2] | (1,) + (2,) | [1] + (2,) | 'a' < 'b' | 'B' < 'a' | 1 < 2.5 | 1 == 1.0 | 1 == true | '1' == 1 | none == false | [1, 2] == [1, 2] | [1] == (1,) | {'a': 1} == {'a': 1} | [1, 2] < [1, 3] | 1 < 'a' | undefined == undefined2
'ell' in s | 'x' in d | 'a' in d | 1 in xs | 4 not in xs | 'a' in nothing | 1 in 'a' | none in [none] | 1.0 in xs | true in [1] | 'b' in words and not 'z' in words
nothing | nothing.x | nothing is defined | nothing | length | nothing ~ 'x' | nothing or 'other' | nothing == none | messages[9] | messages[9].x | d.nope | d.nope.nope | d['nope'] is defined | none.x | messages[0]['role'] | messages[-1]['role'] | messages.0.role | nothing is none | nothing()
d.get('b') | d.get('zz') | d.get('zz', 5) | d['get'] | d.items() | d.keys() | list(d) | d.items() | list | d.keys() | list | d.values() | list | d | items | d | list | d | length | tools[0].function.parameters.properties.items | tools[0].function.parameters.properties['items'] | d | dictsort | d.pop('b') | xs.append(1) | d.update({}) | xs.index(1) | xs.count(1) | xs.index(9)
s | trim | s | trim('\\n') | s | upper | s | lower | s | title | s | capitalize | s | length | s[2] | s[-3] | s[2:7] | s[::-1] | s[::2] | s[7:2:-1] | xs[1:] | xs[:-1] | xs[::-1] | (1, 2, 3)[:2] | s[100:] | s[100] | xs[5] | xs['a'] | 'abc'[1:2:1]
'a-b-c'.split('-') | 'a-b-c'.split('-', 1) | ' a  b c '.split() | ' a  b c '.split(none, 1) | 'a-b-c'.rsplit('-', 1) | 'a-b-c'.split('-')[-1] | 'a\\nb\\r\\nc'.splitlines() | 'a'.split('') | ''.split() | ''.split('a') | 'a</think>b'.split('</think>')[-1].lstrip('\\n') | 'abc'.partition('b') | 'abc'.startswith('a') | 'abc'.startswith(('x', 'a')) | 'abc'.endswith('bc') | 'abab'.replace('a', 'x') | 'abab'.replace('a', 'x', 1) | 'ab'.replace('', '-') | 'abab'.find('b') | 'abab'.rfind('b') | 'x'.find('y') | 'abab'.count('ab') | '12'.isdigit() | ''.isdigit() | 'aé'.isalpha() | ' '.isspace() | 'AB'.isupper() | '7'.zfill(3) | '-7'.zfill(4) | 'ab'.center(7, '*') | 'ab'.center(5) | 'a'.ljust(3) ~ '|' | 'a'.rjust(3) | '-'.join(words) | '-'.join(xs) | 'abc'.removeprefix('a') | 'they\\'re bill\\'s'.title() | 'ß'.upper() | 'hELLO wORLD'.capitalize() | 'x'.nope() | 'x'.encode()
xs | sort | xs | sort(reverse=true) | words | sort | words | sort(case_sensitive=true) | rows | sort(attribute='v') | map(attribute='n') | join(',') | xs | max | xs | min | words | max | xs | sum | rows | sum(attribute='v') | xs | first | xs | last | [] | first | words | unique | list | xs | reverse | list | 'abc' | reverse | words | join('+') | rows | join(', ', attribute='n') | xs | batch(2) | list | xs | batch(2, 0) | list | rows | groupby('v') | list | length | xs | list | 'ab' | list | xs | string | s | string | 3 | string
rows | selectattr('v', 'gt', 1) | list | length | rows | selectattr('t') | list | length | rows | rejectattr('t', 'defined') | list | rows | selectattr('n', 'equalto', 'x') | list | rows | selectattr('n', 'in', ['x', 'y']) | map(attribute='v') | list | xs | select('odd') | list | xs | reject('equalto', 3) | list | words | map('upper') | list | rows | map(attribute='t.k', default=9) | list | rows | map(attribute='zz', default='-') | list | words | map('replace', 'a', 'z') | list | xs | select('greaterthan', 1) | list | ['', 'a'] | select | list
'5' | int | 'x' | int | 'x' | int(7) | 5.9 | int | '5.9' | int | ' 7 ' | int | '1.5' | float | 'x' | float | 3 | float | -3 | abs | 2.5 | round | 3.5 | round | 2.675 | round(2) | 0.125 | round(2) | 2.1 | round(0, 'ceil') | 7 | round | true | int | none | int
nothing | default('x') | '' | default('x') | '' | default('x', true) | none | default('x') | none | d('x', true) | 0 | default(5, boolean=true) | nothing | default
d | tojson | tools | tojson | tools | tojson(indent=2) | d | tojson(indent=4) | messages[2].tool_calls[0].function.arguments | tojson | messages[2].tool_calls[0].function.arguments | tojson(ensure_ascii=true) | d | tojson(sort_keys=true) | d | tojson(separators=(',', ':')) | 'a"b\\n<>&\\'' | tojson | none | tojson | 1.0 | tojson | [] | tojson(indent=2) | {} | tojson | nothing | tojson | '\\x7f\\u2028' | tojson | [1, [2, {}]] | tojson(indent=1) | {1: 2} | tojson | (1, 2) | tojson
'a\\nb\\n\\nc' | indent | 'a\\nb' | indent(2) | 'a\\nb' | indent(2, true) | 'a\\n\\nb' | indent(2, blank=true) | 'a\\nb' | indent('> ') | 'a\\nb\\n' | indent ~ '|' | 'ab' | center(6) ~ '|' | 'a b c' | wordcount | '%s is %d' | format('x', 3) | '%s-%s' % ('a', 1) | '%05.2f' | format(3.14159) | '%5s|' % 'ab' | 'a' | nosuchfilter | 'x' | replace('x', 'y') | 5 | replace('5', 'y') | '<b>' | safe
3 is odd | 4 is even | 9 is divisibleby(3) | 9 is divisibleby 3 | 'a' is string | 1 is number | 1.0 is integer | 1.5 is float | true is boolean | true is number | true is integer | [] is iterable | 'a' is iterable | 1 is iterable | {} is mapping | [] is sequence | {} is sequence | none is none | 1 is not none | 'a' is in ['a', 'b'] | 'a' is eq 'a' | 3 is gt 2 | 'a' is lower | 'A1' is upper | 1 is sameas 1 | true is sameas true | 1 is true | not 1 is odd | 5 is not divisibleby 2 | range is callable | x is undefined | 3 is nosuchtest
1 if true else 2 | 1 if false | (1 if false) is defined | 'a' if xs else 'b' | 0 or 'x' | '' and 'y' | not xs | not [] | 1 and 2 | (1 < 2) == true | (loop is defined) != (1 == 2) | 1 < 2 < 3 | 1 == 1 == 1
range(3) | list | range(1, 4) | list | range(5, 0, -2) | list | range(0) | list | dict(a=1, b='x') | namespace(a=1).a | raise_exception('no') | range(100001) | length | strftime_now('%A %j %y/%I %p') | strftime_now('%d %b %Y') | strftime_now('%-d %B %H:%M:%S') | strftime_now('%a %e %U %W %V %G %u %w %C %D %F %T %R %r %h %n%t%%') | strftime_now('%c') | strftime_now('%x %X %Z%z|%f') | strftime_now('%_d %k %l %P') | strftime_now('%s')[:2]
"""

BLOCKS = [
    "{% for m in messages %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }}{{ m.role }};{% endfor %}",
    "{% for x in xs if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}none{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}{% endfor %}",
    "{% for x in xs %}a{% if x == 1 %}{% break %}{% endif %}b{% endfor %}",
    "{% for x in xs %}a{% if x == 1 %}{% continue %}{% endif %}b{% endfor %}",
    "{% set x = 1 %}{% for y in xs %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(n=0, found=false) %}{% for y in xs %}{% set ns.n = ns.n + y %}{% endfor %}{{ ns.n }}{{ ns.found }}",
    "{% if true %}{% set z = 'in' %}{% endif %}{{ z }}",
    "{% set a, b = 1, 'x' %}{{ a }}{{ b }}",
    "{% set t %}  body {{ xs }}\n{% endset %}[{{ t }}]{{ t | trim }}",
    "{% macro show(a, b='d', c=none) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ show(1) }}{{ show(1, 2) }}{{ show(a=3, c=4) }}{{ show() }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 'x' %}{{ m() }}",
    "{% macro outer(x) %}{{ inner(x) }}{% endmacro %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ outer(1) }}",
    "{% macro box() %}[{{ caller() }}]{% endmacro %}{% call box() %}in {{ xs }}{% endcall %}",
    "{% macro each(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) each(xs) %}<{{ i }}>{% endcall %}",
    "{% macro rec(n) %}{{ n }}{% if n > 0 %}{{ rec(n - 1) }}{% endif %}{% endmacro %}{{ rec(5) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% for x in xs %}{% for y in words %}{{ loop.index }}{{ x }}{{ y }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for x in xs %}{{ loop.cycle('odd', 'even') }}{{ loop.previtem }}{{ loop.nextitem }} {% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "  {% if true %}\n  yes\n  {% endif %}\nend\n",
    "a\n  {%- if true -%}\n  yes\n  {%- endif %}\n b\n\n",
    "  {# comment #}\nx {#- c -#} y\n",
    "{% for x in xs %}\n- {{ x }}\n{% endfor %}\nend",
    "a\r\nb\r{% if true %}\r\nc{% endif %}",
    "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + (m['content'] or '') | trim + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}{% endfor %}",
    "{% for m in messages %}{% if (m['role'] == 'user') == (loop.index0 % 2 == 1) %}{{ loop.index0 }}{% endif %}{% endfor %}",
    "{%- if tools %}{{- '# Tools\\n' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{%- endif %}",
    "{% for m in messages if m.tool_calls is defined and m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}({{ c.function.arguments }}){% endfor %}{% endfor %}",
    "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% elif m.content is none %}NONE{% else %}{{ m.content[0].text }}{% endif %}|{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{{ system | trim }}{{ rest | length }}",
    "{% generation %}answer{% endgeneration %}!",
    "{% set d2 = dict(d, z=1) %}{{ d2 | length }}",
    "{% for x in xs recursive %}{{ x }}{% endfor %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{{ 'x' }} {{ \"%}\" }} {{ '{{' }}",
    "{% set x = 5 %}{% macro m(x=x) %}{{ x }}{% endmacro %}{{ m() }}",
    "{% if x is not defined %}a{% endif %}{% if not x is defined %}b{% endif %}{% if xs is defined and xs | length > 2 %}c{% endif %}",
    "{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}{{ b }} {% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% for x in 'héy' %}{{ x }},{% endfor %}{% for x in nothing %}{% endfor %}",
    "{% set loop_messages = messages | selectattr('role', 'ne', 'tool') | list %}{{ loop_messages | length }}{{ loop_messages[-1].role }}",
    "{{ messages | map(attribute='role') | join(', ') }}{{ messages | map(attribute='content') | list }}",
    "{% if messages | selectattr('role', 'equalto', 'nobody') %}yes{% endif %}{% if xs | select('gt', 9) | list %}no{% endif %}",
    "{% set g = xs | map('string') %}{{ g | list }}{{ g | list }}{% set r = xs | reverse %}{{ r | first }}{{ r | list }}",
    "{{ xs | select('odd') | length }}", "{{ (d.items())[0] }}", "{{ range(3) }}{{ range(3)[1] }}{{ range(3) == [0, 1, 2] }}", "{{ range(3) | tojson }}", "{{ d.keys() }}{{ d.values() }}{{ 'b' in d.keys() }}", "{{ range(3) + [1] }}", "{{ xs | map('string') | tojson }}",
    "{{ d | items }}", "{{ (xs | reverse)[0] }}", "{{ d.items() | first }}{{ d.items() | length }}",
    "{{ 'a' ~ 1 + 2 ~ 'b' }}", "{{ 1 + 2 ~ 3 }}", "{{ (1 + 2) ~ 3 }}", "{{ 1 ~ 2 + '3' }}", "{{ 'x' + 'y' ~ 1 * 2 ~ 'z' }}", "{{ ['a' + 'b' ~ 1, 'c' ~ 2 + 'd'] }}", "{% set a = 'p' + 'q' ~ 3 %}{{ a }}", "{% for x in xs %}{{ 'i' ~ x + '.' }}{% endfor %}",
    "{{ [1 2] }}", "{{ range(1 2) }}", "{{ {'a': 1 'b': 2} }}", "{{ dict(a=1 b=2) }}", "{% macro f(a b) %}{% endmacro %}x", "{{ xs[1 2] }}", "{{ s[0:5:1:2] }}", "{{ 'a' 'b' }}", "{{ s | replace('a' 'b') }}", "{{ [1, 2,] }}{{ range(2,) | list }}", "{{ 02 }}", "{{ d.-1 }}", "{{ xs[1 not 2] }}", "{{ 1 if 2 is even true }}", "{{ [1, else 2] }}",
    "{{ 1 if s is defined if s }}", "{{ 2 is even(1) }}", "{{ 2 is divisibleby }}", "{{ xs | select(nothing) | list }}", "{{ s[nothing:] }}", "{{ s[none:2] }}", "{{ xs | tojson(separators='x') }}", "{{ d.items(1) }}", "{{ dict(nothing) }}", "{% for x in [] %}{{ x | nosuchfilter }}{% endfor %}", "{% for x in [] %}{{ x is nosuchtest }}{% endfor %}",
    "{{ s.swapcase is defined }}", "{{ xs.copy() }}", "{{ s.__class__ }}", "{% for x in xs %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.nope }}{% endfor %}", "{% macro m() %}{{ varargs }}{% endmacro %}{{ m() }}", "{{ cycler is defined }}", "{{ 'format {}'.format(1) }}", "x %}\n y",
    "{% if %}", "{{ 1 + }}", "{% endif %}", "{{ 'a", "{% unknown %}", "{{ x y }}",
]


def cases() -> list[str]:
    found = []
    for line in EXPRESSIONS.strip().splitlines():
        parts: list[str] = []
        for part in line.split(" | "):
            # a filter goes on with what stands before it
            name = part.split("(")[0].split(" ~")[0].strip()
            if parts and name in FILTERS:
                parts[-1] += " | " + part
            else:
                parts.append(part)
        found += [f"{{{{ {part} }}}}" for part in parts]
    return found + BLOCKS


FILTERS = {"trim", "upper", "lower", "title", "capitalize", "length", "list", "items", "dictsort", "sort", "map", "join", "max", "min", "sum", "first", "last", "unique", "reverse", "batch", "groupby", "string", "selectattr", "rejectattr", "select", "reject", "int", "float", "abs", "round", "default", "d", "tojson", "indent", "center", "wordcount", "format", "nosuchfilter", "replace", "safe"} - {"d"}


def render(template: str) -> str | None:
    try:
        text = chat._compile_jinja_template(template).render(**VARIABLES)
    except Exception:
        return None
    return None if "object at 0x" in text or "object do_" in text or "object sync_do_" in text else text


def main() -> None:
    lines = [VARIABLES, *([template, render(template)] for template in cases())]
    OUT.write_text("".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines))
    print(len(lines) - 1, "templates,", sum(line[1] is None for line in lines[1:]), "of them errors")


if __name__ == "__main__":
    main()
