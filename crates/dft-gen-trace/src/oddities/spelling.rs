//! Different spellings of the same record.

use super::Expect::Record;
use super::Oddity;
use super::loose::{Loose, Scene};
use crate::dialect::Generation;
use crate::json::quoted;

pub(super) const TABLE: &[Oddity] = &[
    Oddity { name: "fields in any order", expect: Record, lines: shuffled },
    Oddity { name: "spaces and tabs between tokens", expect: Record, lines: spaced },
    Oddity { name: "escaped keys", expect: Record, lines: escaped_keys },
    Oddity { name: "escaped values", expect: Record, lines: escaped_values },
    Oddity { name: "punctuation in names", expect: Record, lines: punctuation },
    Oddity { name: "control characters, escaped", expect: Record, lines: control },
    Oddity { name: "text outside ASCII", expect: Record, lines: utf8 },
    Oddity { name: "file name with surrogate pairs", expect: Record, lines: surrogates },
    Oddity { name: "categories in capitals", expect: Record, lines: capitals },
    Oddity { name: "a field twice", expect: Record, lines: twice },
    Oddity { name: "an argument twice", expect: Record, lines: argument_twice },
    Oddity { name: "arguments twice", expect: Record, lines: arguments_twice },
    Oddity { name: "nested arguments", expect: Record, lines: nested },
    Oddity { name: "nested fields that look like others", expect: Record, lines: decoys },
    Oddity { name: "deeply nested argument", expect: Record, lines: deep },
    Oddity { name: "very long argument", expect: Record, lines: long_argument },
    Oddity { name: "very long function name", expect: Record, lines: long_name },
    Oddity { name: "very long file name", expect: Record, lines: long_file },
    Oddity { name: "the other spelling of phase 1", expect: Record, lines: other_phase },
    Oddity { name: "unknown fields", expect: Record, lines: unknown },
];

fn shuffled(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    s.rng.shuffle(&mut r.top);
    s.rng.shuffle(&mut r.args);
    r.line()
}

fn spaced(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.space = s.rng.pick(&[" ", "  ", "\t", " \t "]);
    if s.rng.one_in(2) {
        s.rng.shuffle(&mut r.top);
    }
    r.line()
}

fn escaped_keys(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let (key, spelled) = s.rng.pick(&[
        ("ts", "\\u0074s"),
        ("dur", "d\\u0075r"),
        ("name", "nam\\u0065"),
        ("cat", "\\u0063at"),
        ("ph", "p\\u0068"),
        ("pid", "\\u0070id"),
        ("ret", "re\\u0074"),
        ("hhash", "\\u0068hash"),
        ("offset", "off\\u0073et"),
    ]);
    r.rename(key, spelled);
    r.line()
}

fn escaped_values(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set(
        "name",
        s.rng.pick(&[
            "\"\\u0072ead\"",
            "\"wr\\u0069te\"",
            "\"caf\\u00e9\"",
            "\"\\u8bfb\\u53d6\"",
            "\"\\ud83d\\ude00\"",
        ]),
    );
    r.set("cat", s.rng.pick(&["\"P\\u004fSIX\"", "\"\\u0073tdio\"", "\"posi\\u0078\""]));
    r.line()
}

fn punctuation(s: &mut Scene<'_>) -> Vec<String> {
    let names = [
        "f\\\"q\\\"",
        "a\\\\",
        "back\\\\slash\\\\\\\"",
        "{\\\"ts\\\":1}",
        "},{",
        "[x],",
        "a\\/b",
        "#h#1#2",
        "x,y;z",
        "'single'",
        "ends with ]",
        " spaced ",
    ];
    let mut r = s.call();
    r.set("name", format!("\"{}\"", s.rng.pick(&names)));
    r.arg("comment", format!("\"{}\"", s.rng.pick(&names)));
    r.line()
}

fn control(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set(
        "name",
        format!(
            "\"a{}z\"",
            s.rng.pick(&["\\n", "\\t", "\\r", "\\b", "\\f", "\\u0000", "\\u001f", "\\u007f", "\u{7f}"])
        ),
    );
    r.line()
}

fn utf8(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("name", quoted(s.rng.pick(&["lire_données", "读取", "чтение", "😀", "e\u{301}", "\u{2028}", "ﬁ", "İ"])));
    r.set("cat", quoted(s.rng.pick(&["données", "训练", "ввод", "posix\u{301}"])));
    r.line()
}

fn surrogates(s: &mut Scene<'_>) -> Vec<String> {
    let path = s.rng.pick(&[
        "/p/\\ud83d\\ude00/\\u00fcber.npz",
        "/p/\\uD834\\uDD1E \\u8bfb",
        "/p/😀/\\t\\\"q\\\"",
        "/p/a\\\\b",
    ]);
    with_file(s, format!("\"{path}\""))
}

/// Returns a call on a file of that name (as JSON), after metadata that names it if the generation has metadata.
fn with_file(s: &mut Scene<'_>, name: String) -> Vec<String> {
    let mut r = s.call();
    if s.generation() == Generation::G0 {
        r.arg("fname", name);
        return r.line();
    }
    let hash = s.process.dialect.named(name.clone()).hash;
    r.arg("fhash", hash.clone());
    vec![s.metadata("FH", &name, &hash).text(), r.text()]
}

fn capitals(s: &mut Scene<'_>) -> Vec<String> {
    let cat = s.rng.pick(&["posix", "Posix", "pOsIx", "STDIO", "stdio", "StDiO", "DATA_LOADER", "Compute"]);
    let name = s.rng.pick(&["read", "fwrite", "Read", "READ"]);
    s.call_of(cat, name).line()
}

fn twice(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let fields: [(&str, &str); 6] =
        [("ts", "5"), ("dur", "123456789"), ("name", "\"first\""), ("cat", "\"FIRST\""), ("ph", "\"M\""), ("pid", "1")];
    let (key, value) = s.rng.pick(&fields);
    r.top.insert(0, (key.to_owned(), value.to_owned()));
    r.line()
}

fn argument_twice(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let fields: [(&str, &str); 4] = [("ret", "77"), ("offset", "-9"), ("hhash", "\"first\""), ("fhash", "\"first\"")];
    let (key, value) = s.rng.pick(&fields);
    r.arg(key, "1");
    r.args.insert(0, (key.to_owned(), value.to_owned()));
    r.line()
}

fn arguments_twice(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let first = s.rng.pick(&["{\"hhash\":\"first\",\"ret\":1,\"epoch\":3}", "{}", "null", "[1]"]);
    r.top.insert(1, ("args".to_owned(), first.to_owned()));
    r.line()
}

fn nested(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("app", "{}");
    r.arg("list", "[]");
    r.arg("cfg", "{\"ret\":99,\"offset\":-5,\"hhash\":\"no\",\"deep\":[1,{\"fhash\":\"no\"},[[]],\"]}\"]}");
    r.arg("shape", "[1,2.5,null,true,\"x\"]");
    s.rng.shuffle(&mut r.args);
    r.line()
}

fn decoys(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("extra", "{\"ts\":1,\"dur\":2,\"ph\":\"M\",\"name\":\"no\",\"args\":{\"ret\":1}}");
    r.set("stack", "[{\"ts\":1},\"ts\",[\"args\"]]");
    s.rng.shuffle(&mut r.top);
    r.line()
}

fn deep(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let depth = s.rng.pick(&[20, 130, 300]);
    let (open, close) = s.rng.pick(&[("[", "]"), ("{\"k\":", "}")]);
    r.arg("deep", format!("{}1{}", open.repeat(depth), close.repeat(depth)));
    r.line()
}

fn long_argument(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let text = s.long_text('x');
    r.arg("cmd", quoted(&text));
    s.rng.shuffle(&mut r.args);
    r.line()
}

fn long_name(s: &mut Scene<'_>) -> Vec<String> {
    let name = s.long_text('n');
    s.call_of("compute", &name).line()
}

fn long_file(s: &mut Scene<'_>) -> Vec<String> {
    let name = format!("/p/{}", s.long_text('é'));
    with_file(s, quoted(&name))
}

fn other_phase(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let other = if s.generation() == Generation::G3 { "\"X\"" } else { "1" };
    r.set("ph", other);
    r.line()
}

fn unknown(s: &mut Scene<'_>) -> Vec<String> {
    let mut r: Loose = s.call();
    r.set("type", s.rng.pick(&["3", "6", "\"three\"", "null"]));
    r.set("s", "\"g\"");
    r.set("tts", "12.5");
    r.set("", "0");
    r.set("Ts", "3");
    r.line()
}
