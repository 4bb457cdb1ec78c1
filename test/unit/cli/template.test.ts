import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { compileTemplate } from "../../../src/cli/format/template.ts";
import { nilList, nilMap } from "../../../src/spec/template/values.ts";

const data = {
  Id: "x".repeat(64),
  Config: { Env: ["A=1", "B=<2>"], Labels: { b: "2", a: "1" } },
  State: { Status: "running" },
  Extra: {
    n: 1.5,
    big: 1e25,
    small: 0.00001,
    z: null,
    list: [1, "a", null, true, [2]],
    "t<x>": "ü&'\"\n",
  },
};

// Each pair was checked against docker-cli 26.1: `docker inspect -f TEMPLATE`.
const rendered: readonly (readonly [string, string])[] = [
  ["{{.Extra.n}}", "1.5"],
  ["{{.Extra.big}}", "1e+25"],
  ["{{.Extra.z}}", "<no value>"],
  ["{{.Extra.list}}", "[1 a <nil> true [2]]"],
  ["{{json .Extra.list}}", '[1,"a",null,true,[2]]'],
  ["{{.Config.Env}} {{.Extra.n}}", "[A=1 B=<2>] 1.5"],
  ["{{range .Config.Env}}[{{.}}]{{end}}{{.Extra.n}}", "[A=1][B=<2>]1.5"],
  ["{{range $i, $e := .Extra.list}}{{$i}}={{$e}};{{end}}", "0=1;1=a;2=<no value>;3=true;4=[2];"],
  ["{{range $e := .Extra.list}}{{$e}};{{end}}", "1;a;<no value>;true;[2];"],
  ["{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}{{.Extra.n}}", "a=1;b=2;1.5"],
  ["{{if .Extra.z}}y{{else}}n{{end}}", "n"],
  ['{{if and .Extra.n (eq .Id "x")}}y{{else if true}}m{{else}}n{{end}}', "m"],
  ["{{with .Extra.n}}{{.}}{{end}}", "1.5"],
  ["{{with $x := .Extra.n}}{{$x}}{{end}}", "1.5"],
  ["{{$x := 1}}{{$x}}{{$x = 2}}{{$x}}{{.Extra.n}}", "121.5"],
  ["{{/* c */}}a{{- /* d */ -}} b", "ab"],
  ['a {{- "x" -}} b', "axb"],
  ["a {{- 3 }} b{{.Extra.n}}", "a3 b1.5"],
  ['{{printf "%s-%d-%q-%v-%5.2f-%05d-%x" "a" 3 "q" true 1.234 42 "hi"}}', 'a-3-"q"-true- 1.23-00042-6869'],
  ['{{printf "%d" "a"}}', "%!d(string=a)"],
  ['{{printf "%s"}}', "%!s(MISSING)"],
  ['{{printf "%s" 1 2}}', "%!s(int=1)%!(EXTRA int=2)"],
  ['{{printf "%-5s|%5s|%+d|%t" "a" "b" 3 true}}', "a    |    b|+3|true"],
  ['{{printf "%T %T %T" 1 "a" 1.5}}', "int string float64"],
  ['{{printf "%#v" "a"}}', '"a"'],
  ['{{printf "%c %U" 65 65}}', "A U+0041"],
  ['{{printf "%e %g" 1234.5678 1234.5678}}', "1.234568e+03 1234.5678"],
  ['{{printf "%*d" 5 3}}', "    3"],
  ['{{printf "%6.3v|" "abcdef"}}', "   abc|"],
  ['{{printf "%%"}}', "%"],
  ['{{printf "%z" 3}}', "%!z(int=3)"],
  ['{{printf "%"}}', "%!(NOVERB)"],
  ['{{print 1 2 "a" "b" 3 4}}', "1 2ab3 4"],
  ['{{println 1 "a"}}', "1 a\n"],
  ['{{len "üx"}} {{len .Extra.list}} {{len .Extra}}', "3 5 6"],
  ["{{index .Extra.list 1}}", "a"],
  ['{{index .Config.Labels "a"}}{{.Extra.n}}', "11.5"],
  ['{{index .Extra "t<x>"}}', "ü&'\"\n"],
  ['{{index .Extra "nope"}}', "<no value>"],
  ["{{index .Extra.list 4 0}}", "2"],
  ['{{index "abc" 1}}', "98"],
  ['{{slice "abcdef" 1 3}}', "bc"],
  ['{{slice "abcdef" 4}}', "ef"],
  ["{{slice .Extra.list 1 2}}", "[a]"],
  [
    '{{eq 1 1}} {{eq 1 2 3 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge "b" "a"}}',
    "true true true true true false true",
  ],
  ['{{not 0}} {{not "a"}} {{and 1 0 2}} {{or 0 "" "z"}} {{or 0 ""}}', "true false 0 z "],
  [
    '{{html "<a&\'\\">"}} {{js "<a\'\\"\\n=é>"}} {{urlquery "a b&c/ü~!\'()*"}}',
    "&lt;a&amp;&#39;&#34;&gt; \\u003Ca\\'\\\"\\u000A\\u003Dé\\u003E a+b%26c%2F%C3%BC~%21%27%28%29%2A",
  ],
  ['{{upper "abc"}} {{lower "ABC"}} {{title "hello world-foo o\'neil"}}', "ABC abc Hello World-Foo O'Neil"],
  ['{{join .Config.Env ","}}', "A=1,B=<2>"],
  ['{{split "a,b" ","}} {{json (split "a,b" ",")}}', '[a b] ["a","b"]'],
  ['{{pad "x" 2 3}}| {{truncate "abcdef" 3}} {{pad "" 2 3}}|', "  x   | abc |"],
  ['{{"a" | upper | printf "%s-%s" "b"}}', "b-A"],
  ["{{'a'}} {{'\\n'}}", "97 10"],
  [
    "{{0x1F}} {{1_000}} {{1e3}} {{.5}} {{-3}} {{+4}} {{0b11}} {{0o17}} {{017}}",
    "31 1000 1000 0.5 -3 4 3 15 15",
  ],
  ["{{(1)}} {{(eq 1 1)}}", "1 true"],
  ["{{true}} {{false}}", "true false"],
  ["{{print nil}}", "<nil>"],
  ["{{(.Extra).n}}", "1.5"],
  ["{{(index .Extra.list 0)}}", "1"],
  ['{{define "T"}}<{{.}}>{{end}}{{template "T" .Extra.n}}{{template "T"}}', "<1.5><<no value>>"],
  ['{{block "B" .Extra.n}}[{{.}}]{{end}}', "[1.5]"],
  [
    '{{range .Extra.list}}{{if eq (print .) "a"}}{{continue}}{{end}}{{if not .}}{{break}}{{end}}{{.}}{{end}}',
    "1",
  ],
  ['{{`raw "x" \\n`}}', 'raw "x" \\n'],
  ['{{"esc \\t\\u00e9\\x41\\101\\\\\\""}}', 'esc \téAA\\"'],
  ['{{.Id | printf "%.4s"}}', "xxxx"],
  ["{{$.Extra.n}}", "1.5"],
  ["{{with .Extra}}{{$.Id | len}} {{.n}}{{end}}", "64 1.5"],
  ["{{range $k, $v := .Extra}}{{$k}} {{end}}", "big list n small t<x> z "],
  ['{{printf "%d %s" 1}}', "1 %!s(MISSING)"],
  ['{{printf "%v" .Config.Labels}}{{.Extra.n}}', "map[a:1 b:2]1.5"],
  ['{{printf "%q" .Config.Env}}{{.Extra.n}}', '["A=1" "B=<2>"]1.5'],
  ['{{printf "%x %X %o %b %08b" 255 255 8 5 5}}', "ff FF 10 101 00000101"],
  ['{{printf "%3c|%-4q|%#x|%#o" 65 65 255 8}}', "  A|'A' |0xff|010"],
  ['{{json "a<b>&\\u2028"}} {{json nil}} {{json 1.0}} {{json true}}', '"a<b>&\\u2028" null 1 true'],
  ['{{join (split "a b" " ") "-"}}', "a-b"],
  ['{{title "éa"}}', "Éa"],
  ['a{{"{{"}}b}}c', "a{{b}}c"],
  ["{{-3}}", "-3"],
  ["{{- 3 -}}", "3"],
  ["{{println}}x", "\nx"],
  ["{{html 1 2}}", "1 2"],
  ["{{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{$e}}{{end}}{{.Extra.n}}", "A=1, B=<2>1.5"],
];

const refused: readonly (readonly [string, string])[] = [
  [
    "{{range .Extra.nothing}}x{{else}}none{{end}}",
    ':1:14: executing "" at <.Extra.nothing>: map has no entry for key "nothing"',
  ],
  ["{{len 3}}", ':1:2: executing "" at <len 3>: error calling len: len of type int'],
  [
    "{{index .Extra.list 9}}",
    ':1:2: executing "" at <index .Extra.list 9>: error calling index: index out of range: 9',
  ],
  [
    '{{index .Extra.list "a"}}',
    ':1:2: executing "" at <index .Extra.list "a">: error calling index: cannot index slice/array with type string',
  ],
  [
    '{{slice "abc" 2 1}}',
    ':1:2: executing "" at <slice "abc" 2 1>: error calling slice: invalid slice index: 2 > 1',
  ],
  ['{{slice "abc" 9}}', ':1:2: executing "" at <slice "abc" 9>: error calling slice: index out of range: 9'],
  ['{{eq 1 "a"}}', ':1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison'],
  ['{{lt 1 "a"}}', ':1:2: executing "" at <lt 1 "a">: error calling lt: incompatible types for comparison'],
  [
    "{{eq true true}} {{lt true false}}",
    ':1:19: executing "" at <lt true false>: error calling lt: invalid type for comparison',
  ],
  ["{{upper}}", ':1:2: executing "" at <upper>: wrong number of args for upper: want 1 got 0'],
  ['{{upper "a" "b"}}', ':1:2: executing "" at <upper>: wrong number of args for upper: want 1 got 2'],
  ["{{.Nope}}", ':1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
  ["{{.Extra.nope}}", ':1:8: executing "" at <.Extra.nope>: map has no entry for key "nope"'],
  ["{{.Extra.z.deep}}", ':1:8: executing "" at <.Extra.z.deep>: nil pointer evaluating interface {}.deep'],
  ["{{.State.Foo}}", ':1:8: executing "" at <.State.Foo>: map has no entry for key "Foo"'],
  ["{{.Foo", ":1: unclosed action"],
  ["{{foo}}", ':1: function "foo" not defined'],
  ["{{end}}", ":1: unexpected {{end}}"],
  ["{{if .Id}}x", ":1: unexpected EOF"],
  ["{{else}}", ":1: unexpected {{else}}"],
  ["{{if}}{{end}}", ":1: missing value for if"],
  ["{{range}}{{end}}", ":1: missing value for range"],
  ["{{}}", ":1: missing value for command"],
  ['{{"a" | "b"}}', ":1: non executable command in pipeline stage 2"],
  ["{{.Id | 3}}", ":1: non executable command in pipeline stage 2"],
  ["{{$y}}", ':1: undefined variable "$y"'],
  ['{{"unterminated}}', ":1: unterminated quoted string"],
  ["{{'ab'}}", ":1: malformed character constant: 'ab'"],
  ["{{1x}}", ':1: bad number syntax: "1x"'],
  ["{{(1}}", ":1: unclosed left paren"],
  ["{{1)}}", ":1: unexpected right paren"],
  ["{{nil}}", ':1:2: executing "" at <nil>: nil is not a command'],
  ["{{nil | print}}", ':1:2: executing "" at <nil>: nil is not a command'],
  ["{{3 4}}", ':1:2: executing "" at <3>: can\'t give argument to non-function 3'],
  ['{{"a" "b"}}', ':1:2: executing "" at <"a">: can\'t give argument to non-function "a"'],
  ['{{template "nope"}}', ':1:11: executing "" at <{{template "nope"}}>: template "nope" not defined'],
  ["{{break}}", ":1: {{break}} outside {{range}}"],
  ["{{if $x, $y := .Extra.n}}{{end}}", ":1: too many declarations in if"],
  ["{{/* unclosed }}", ":1: unclosed comment"],
  ["{{/* c */ x}}", ":1: comment ends before closing delimiter"],
  ["{{.Id@}}", ":1: bad character U+0040 '@'"],
  ["{{if true}}{{else if true}}{{else}}{{else}}{{end}}", ":1: expected end; found {{else}}"],
  ['{{range "abc"}}{{.}}{{end}}', ':1:8: executing "" at <"abc">: range can\'t iterate over abc'],
  ["{{.Extra.t}}", ':1:8: executing "" at <.Extra.t>: map has no entry for key "t"'],
  ["{{not}}", ':1:2: executing "" at <not>: wrong number of args for not: want 1 got 0'],
  ["{{and}}", ':1:2: executing "" at <and>: wrong number of args for and: want at least 1 got 0'],
  ["{{index}}", ':1:2: executing "" at <index>: wrong number of args for index: want at least 1 got 0'],
  ['{{len "a" "b"}}', ':1:2: executing "" at <len>: wrong number of args for len: want 1 got 2'],
  ['{{"a".b}}', ':1: unexpected . after term "\\"a\\""'],
  ['{{or .Nope "x"}}', ':1:5: executing "" at <.Nope>: map has no entry for key "Nope"'],
];

describe("compileTemplate()", () => {
  test.each(rendered)("renders %p as docker does", (text, wanted) => {
    expect(compileTemplate(text).render(data, { missing: "error" })).toBe(wanted);
  });

  test.each(refused)("refuses %p in docker's words", (text, problem) => {
    const render = (): string => compileTemplate(text).render(data, { missing: "error" });
    expect(render).toThrow(new Failure("invalid", `template parsing error: template: ${problem}`));
  });

  test("gives nothing for a missing name, or says so when asked to", () => {
    expect(compileTemplate("{{.Nope}}").render({})).toBe("<no value>");
    expect(() => compileTemplate("{{.Nope}}").render({}, { missing: "error" })).toThrow(
      'map has no entry for key "Nope"',
    );
  });

  test("names the fields of a row when another is asked for", () => {
    expect(() =>
      compileTemplate("{{.Foo}}").render({ ID: "1", Names: "a" }, { rowName: "container" }),
    ).toThrow(
      'template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type container (it has ID, Names)',
    );
  });

  test("reads the API's names in Go's spelling too", () => {
    expect(compileTemplate("{{.ID}}").render({ Id: "0123" })).toBe("0123");
  });

  test("calls methods with their arguments", () => {
    const row = { Label: (name: string) => `<${name}>` };
    expect(compileTemplate('{{.Label "a.b"}}').render(row)).toBe("<a.b>");
    expect(compileTemplate('{{"x" | .Label | upper}}').render(row)).toBe("<X>");
    expect(() => compileTemplate("{{.Label}}").render(row)).toThrow(
      "wrong number of args for Label: want 1 got 0",
    );
  });

  test("prints Go's nil lists and maps, which are null in JSON", () => {
    const row = { List: nilList, Map: nilMap };
    expect(compileTemplate("{{.List}} {{.Map}} {{len .List}} {{if .Map}}y{{else}}n{{end}}").render(row)).toBe(
      "[] map[] 0 n",
    );
    expect(compileTemplate("{{json .}}").render(row)).toBe('{"List":null,"Map":null}');
  });

  test("does not reach what objects inherit", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      expect(compileTemplate(`{{.${name}}}`).render({})).toBe("<no value>");
      expect(compileTemplate(`{{index . "${name}"}}`).render({})).toBe("<no value>");
    }
    expect(() => compileTemplate("{{constructor}}")).toThrow('function "constructor" not defined');
  });

  test("reports line and column of a later line", () => {
    expect(() => compileTemplate("ü\nab{{.X.Y}}").render({ X: 3 })).toThrow(":2:6: executing");
  });

  test("refuses what would go on without end", () => {
    expect(() => compileTemplate("{{if 1}}".repeat(200))).toThrow("nested too deeply");
    expect(() => compileTemplate(`{{${"(".repeat(5000)}`)).toThrow(Failure);
    expect(() => compileTemplate('{{define "T"}}{{template "T"}}{{end}}{{template "T"}}').render({})).toThrow(
      "exceeded maximum template depth",
    );
    expect(() => compileTemplate('{{printf "%9999999999d" 1}}').render({})).toThrow(
      "width or precision out of range",
    );
  });

  const words = [
    "{{",
    "}}",
    "{{-",
    " -}}",
    "if",
    "else",
    "end",
    "range",
    "with",
    "define",
    "template",
    "block",
    "break",
    "continue",
    ".",
    ".Id",
    ".Extra",
    ".list",
    "$",
    "$x",
    ":=",
    "=",
    "|",
    ",",
    "(",
    ")",
    '"a"',
    "`b`",
    "'c'",
    "1",
    "-2.5",
    "0x1f",
    "true",
    "nil",
    "eq",
    "index",
    "printf",
    '"%d %[1]*v"',
    "slice",
    "json",
    "len",
    " ",
    "\n",
    "/*",
    "*/",
    "join",
    "pad",
    "😀",
    "\\",
    "\ud800",
  ];

  test("throws nothing but Failure, whatever is given", () => {
    const text = fc.oneof(
      fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join("")),
      fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => `{{${parts.join(" ")}}}`),
      fc.string({ unit: "binary" }).map((inner) => `{{${inner}}}`),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(text, fc.jsonValue(), (template, value) => {
        try {
          expect(typeof compileTemplate(template).render(value)).toBe("string");
        } catch (thrown) {
          if (!(thrown instanceof Failure)) throw thrown;
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("passes text without actions through", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!text.includes("{{")) expect(compileTemplate(text).render({})).toBe(text);
      }),
    );
  });
});

test("control characters of the data are quoted, those that the template itself holds are the user's own", () => {
  const hostile = { Label: "\u001b]0;x\u0007\r\u009b2J\u007fgrün→\tok\n" };
  const quoted = "\\u001b]0;x\\u0007\\u000d\\u009b2J\\u007fgrün→\tok\n";
  expect(compileTemplate("{{.Label}}").render(hostile)).toBe(quoted);
  expect(compileTemplate("{{range .}}{{.}}{{end}}").render(hostile)).toBe(quoted);
  expect(compileTemplate('{{printf "%s" .Label}}{{$x := .Label}}{{$x}}').render(hostile)).toBe(
    quoted + quoted,
  );
  expect(compileTemplate('\u001b[1m{{"\\x1b[32m"}}{{print "\\x1b"}}').render(hostile)).toBe(
    "\u001b[1m\u001b[32m\u001b",
  );
  expect(JSON.parse(compileTemplate("{{json .}}").render(hostile))).toEqual(hostile);
});
