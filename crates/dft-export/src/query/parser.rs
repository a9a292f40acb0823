//! The parser of queries.

use winnow::combinator::{alt, cut_err, delimited, eof, fail, opt, preceded, repeat, separated, terminated};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, literal, none_of, one_of, take_while};

use super::expression::{Condition, NumberTest, Operator, TextTest, sort_distinct};
use super::field::{FIELD_NAMES, KeySlot, NumberField, QueryField, TextField, may_be_a_key, why_unknown};
use super::text_pattern::{PatternKind, TextPattern};

/// How deep a query may be nested: each level takes some of the stack.
pub(super) const MAX_DEPTH: usize = 200;

/// A query that was parsed.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) condition: Condition,
    /// The group keys that the query names, in the order of their first use.
    pub(super) keys: Vec<NamedKey>,
}

/// A group key that a query names.
#[derive(Clone, Debug)]
pub(super) struct NamedKey {
    pub(super) name: String,
    /// Where the query names it first, in bytes.
    pub(super) at: usize,
}

/// Parses a query. The error is the byte at which parsing failed, and why.
pub(super) fn parse(text: &str) -> Result<Parsed, (usize, String)> {
    let mut input = Input { input: LocatingSlice::new(text), state: State::default() };
    let end = cut_err(preceded(space, eof)).context(Expected("expected `and`, `or` or the end"));
    let parsed = terminated(or, end).parse_next(&mut input);
    match parsed {
        Ok(condition) => Ok(Parsed { condition, keys: input.state.keys }),
        Err(ErrMode::Backtrack(Fault { at, reason }) | ErrMode::Cut(Fault { at, reason })) => Err((at, reason)),
        // The input is never partial.
        Err(ErrMode::Incomplete(_)) => Err((text.len(), "the query ends too early".to_owned())),
    }
}

type Input<'q> = Stateful<LocatingSlice<&'q str>, State>;

#[derive(Debug, Default)]
struct State {
    depth: usize,
    keys: Vec<NamedKey>,
}

type Parse<T> = winnow::ModalResult<T, Fault>;

/// Where parsing failed, and why.
#[derive(Debug)]
struct Fault {
    at: usize,
    reason: String,
}

/// What a message says if a parser fails without a reason of its own.
#[derive(Clone, Copy, Debug)]
struct Expected(&'static str);

impl<'q> ParserError<Input<'q>> for Fault {
    type Inner = Self;

    fn from_input(input: &Input<'q>) -> Self {
        Self { at: input.current_token_start(), reason: String::new() }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl<'q> AddContext<Input<'q>, Expected> for Fault {
    fn add_context(
        mut self,
        _: &Input<'q>,
        _: &<Input<'q> as Stream>::Checkpoint,
        Expected(expected): Expected,
    ) -> Self {
        if self.reason.is_empty() {
            self.reason = expected.to_owned();
        }
        self
    }
}

/// Ends parsing with a reason.
fn refuse<T>(at: usize, reason: impl Into<String>) -> Parse<T> {
    Err(ErrMode::Cut(Fault { at, reason: reason.into() }))
}

fn space(input: &mut Input<'_>) -> Parse<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Parses a sign.
fn sign<'q>(sign: &'static str) -> impl Parser<Input<'q>, (), ErrMode<Fault>> {
    preceded(space, literal(sign)).void()
}

/// Parses a keyword, in any case.
fn word<'q>(word: &'static str) -> impl Parser<Input<'q>, (), ErrMode<Fault>> {
    preceded(space, take_while(1.., is_of_word).verify(move |found: &str| found.eq_ignore_ascii_case(word))).void()
}

/// Parses a sign that must be there.
fn required<'q>(next: &'static str, expected: &'static str) -> impl Parser<Input<'q>, (), ErrMode<Fault>> {
    preceded(space, cut_err(literal(next))).context(Expected(expected)).void()
}

fn or(input: &mut Input<'_>) -> Parse<Condition> {
    separated(1.., cut_err(and), word("or")).map(Condition::any).parse_next(input)
}

fn and(input: &mut Input<'_>) -> Parse<Condition> {
    separated(1.., cut_err(not), word("and")).map(Condition::all).parse_next(input)
}

fn not(input: &mut Input<'_>) -> Parse<Condition> {
    input.state.depth += 1;
    if input.state.depth > MAX_DEPTH {
        let reason = format!("the query is nested more than {MAX_DEPTH} levels deep");
        return refuse(input.current_token_start(), reason);
    }
    let negated = preceded(word("not"), cut_err(not)).map(Condition::negated);
    let nested = delimited(sign("("), cut_err(or), required(")", "expected `)`"));
    let node = alt((negated, nested, comparison)).parse_next(input)?;
    input.state.depth -= 1;
    Ok(node)
}

/// Parses a test of a field.
fn comparison(input: &mut Input<'_>) -> Parse<Condition> {
    let (name, field) = field(input)?;
    let negated = opt(word("not")).parse_next(input)?.is_some();
    space(input)?;
    let at = input.current_token_start();
    let Some(test) = opt(test).parse_next(input)? else {
        return refuse(
            at,
            match negated {
                false => "expected ==, !=, <, <=, >, >=, ~, !~, in, between, like, ilike, contains or is",
                true => "expected in, between, like, ilike or contains",
            },
        );
    };
    let condition = match test {
        Test::Compare(_) | Test::Is | Test::Differs if negated => {
            return refuse(at, "expected in, between, like, ilike or contains; or put `not` before the field");
        }
        Test::Compare(operator) => compare(field, operator, input)?,
        Test::In => list(field, input)?,
        Test::Between => between(field, input)?,
        Test::Is => {
            let negated = opt(word("not")).parse_next(input)?.is_some();
            space(input)?;
            cut_err(word("null")).context(Expected("expected `null` or `not null`")).parse_next(input)?;
            return Ok(if negated { Condition::Null(field).negated() } else { Condition::Null(field) });
        }
        Test::Contains => Condition::Text(text_field(&name, field, at)?, TextTest::Contains(text(input)?.1)),
        Test::Matches(kind) => matches(text_field(&name, field, at)?, kind, input)?,
        Test::Differs => matches(text_field(&name, field, at)?, PatternKind::Regex, input)?.negated(),
    };
    Ok(if negated { condition.negated() } else { condition })
}

/// How a field is tested.
#[derive(Clone, Copy)]
enum Test {
    Compare(Operator),
    In,
    Between,
    Is,
    Contains,
    Matches(PatternKind),
    /// Does not match a regular expression.
    Differs,
}

fn test(input: &mut Input<'_>) -> Parse<Test> {
    for operator in Operator::ALL {
        if opt(sign(operator.sign())).parse_next(input)?.is_some() {
            return Ok(Test::Compare(operator));
        }
    }
    alt((
        sign("~").value(Test::Matches(PatternKind::Regex)),
        sign("!~").value(Test::Differs),
        word("in").value(Test::In),
        word("between").value(Test::Between),
        word("is").value(Test::Is),
        word("contains").value(Test::Contains),
        word("like").value(Test::Matches(PatternKind::Like)),
        word("ilike").value(Test::Matches(PatternKind::CaselessLike)),
        fail,
    ))
    .parse_next(input)
}

/// Parses a field; returns its name, too.
fn field(input: &mut Input<'_>) -> Parse<(String, QueryField)> {
    space(input)?;
    let at = input.current_token_start();
    if let Some(name) = opt(quoted('`')).parse_next(input)? {
        return Ok((name.clone(), group_key(name, at, input)));
    }
    let name: &str = take_while(0.., is_of_word).parse_next(input)?;
    if let Some(field) = QueryField::of(name) {
        return Ok((name.to_owned(), field));
    }
    if name == "args" && opt(literal(".")).parse_next(input)?.is_some() {
        let arg = take_while(1.., is_of_word).map(str::to_owned);
        let arg =
            cut_err(alt((quoted('`'), arg))).context(Expected("expected the name of an arg")).parse_next(input)?;
        return Ok((arg.clone(), group_key(arg, at, input)));
    }
    if let Some(why) = why_unknown(name) {
        return refuse(at, why);
    }
    if !may_be_a_key(name) {
        return refuse(at, format!("expected a field; the fields are {FIELD_NAMES}"));
    }
    Ok((name.to_owned(), group_key(name.to_owned(), at, input)))
}

fn group_key(name: String, at: usize, input: &mut Input<'_>) -> QueryField {
    let keys = &mut input.state.keys;
    let slot = keys.iter().position(|key| key.name == name).unwrap_or_else(|| {
        keys.push(NamedKey { name, at });
        keys.len() - 1
    });
    QueryField::GroupKey(KeySlot(slot))
}

/// Returns the field as one that patterns can be compared with. `at` is where the query compares it.
fn text_field(name: &str, field: QueryField, at: usize) -> Parse<TextField> {
    match field {
        QueryField::Text(field) => Ok(field),
        QueryField::GroupKey(slot) => Ok(TextField::GroupKey(slot)),
        QueryField::Number(_) => {
            refuse(at, format!("`{name}` is a number; expected ==, !=, <, <=, >, >=, in, between or is"))
        }
    }
}

fn compare(field: QueryField, operator: Operator, input: &mut Input<'_>) -> Parse<Condition> {
    Ok(match typed(field, input)? {
        Typed::Text(field, text) => Condition::Text(field, TextTest::Compare(operator, text)),
        Typed::Number(field, number) => Condition::Number(field, NumberTest::Compare(operator, number)),
    })
}

fn between(field: QueryField, input: &mut Input<'_>) -> Parse<Condition> {
    let low = typed(field, input)?;
    space(input)?;
    cut_err(word("and")).context(Expected("expected `and` and the upper end")).parse_next(input)?;
    space(input)?;
    let at = input.current_token_start();
    match (typed(low.field(), input)?, low) {
        (Typed::Text(_, high), Typed::Text(field, low)) => Ok(Condition::Text(field, TextTest::Between(low, high))),
        (Typed::Number(_, high), Typed::Number(field, low)) => {
            Ok(Condition::Number(field, NumberTest::Between(low, high)))
        }
        _ => refuse(at, "both ends of a range must be texts, or both must be integers"),
    }
}

/// Parses a list of values. The first one decides whether a group key is a text or a number.
fn list(mut field: QueryField, input: &mut Input<'_>) -> Parse<Condition> {
    required("[", "expected `[`").parse_next(input)?;
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    if opt(sign("]")).parse_next(input)?.is_none() {
        loop {
            match typed(field, input)? {
                Typed::Text(of, text) => {
                    field = QueryField::Text(of);
                    texts.push(text);
                }
                Typed::Number(of, number) => {
                    field = QueryField::Number(of);
                    numbers.push(number);
                }
            }
            if opt(sign("]")).parse_next(input)?.is_some() {
                break;
            }
            required(",", "expected `,` or `]`").parse_next(input)?;
        }
    }
    sort_distinct(&mut texts);
    sort_distinct(&mut numbers);
    Ok(match field {
        QueryField::Text(field) => Condition::Text(field, TextTest::In(texts)),
        QueryField::GroupKey(slot) => Condition::Text(TextField::GroupKey(slot), TextTest::In(texts)),
        QueryField::Number(field) => Condition::Number(field, NumberTest::In(numbers)),
    })
}

fn matches(field: TextField, kind: PatternKind, input: &mut Input<'_>) -> Parse<Condition> {
    let (at, source) = text(input)?;
    match TextPattern::new(kind, source) {
        Ok(pattern) => Ok(Condition::Text(field, TextTest::Matches(pattern))),
        Err(reason) => refuse(at, reason),
    }
}

/// A value with the field that it is compared with.
enum Typed {
    Text(TextField, String),
    Number(NumberField, i128),
}

impl Typed {
    /// Returns the field as one of the value's kind.
    fn field(&self) -> QueryField {
        match self {
            Self::Text(field, _) => QueryField::Text(*field),
            Self::Number(field, _) => QueryField::Number(*field),
        }
    }
}

/// Parses a value that fits the field.
fn typed(field: QueryField, input: &mut Input<'_>) -> Parse<Typed> {
    space(input)?;
    let at = input.current_token_start();
    match (field, value(input)?) {
        (QueryField::Text(field), QueryValue::Text(text)) => Ok(Typed::Text(field, as_stored(field, text))),
        (QueryField::GroupKey(slot), QueryValue::Text(text)) => Ok(Typed::Text(TextField::GroupKey(slot), text)),
        (QueryField::Number(field), QueryValue::Number(number)) => Ok(Typed::Number(field, number)),
        (QueryField::GroupKey(slot), QueryValue::Number(number)) => {
            Ok(Typed::Number(NumberField::GroupKey(slot), number))
        }
        (QueryField::Text(_), QueryValue::Number(_)) => refuse(at, "this field is a text: put its value in quotes"),
        (QueryField::Number(_), QueryValue::Text(_)) => {
            refuse(at, "this field is a number: write its value without quotes")
        }
    }
}

enum QueryValue {
    Text(String),
    Number(i128),
}

fn value(input: &mut Input<'_>) -> Parse<QueryValue> {
    let quoted = alt((quoted('\''), quoted('"')));
    let digits = (opt(one_of(['+', '-'])), take_while(1.., |c: char| c.is_ascii_digit())).take();
    let number = digits.verify_map(|digits: &str| digits.parse().ok());
    let value = alt((quoted.map(QueryValue::Text), number.map(QueryValue::Number)));
    cut_err(value).context(Expected("expected a text in quotes or an integer")).parse_next(input)
}

/// Parses a text in quotes; returns where it begins, too.
fn text(input: &mut Input<'_>) -> Parse<(usize, String)> {
    space(input)?;
    let at = input.current_token_start();
    let quoted = alt((quoted('\''), quoted('"')));
    let text = cut_err(quoted).context(Expected("expected a text in quotes")).parse_next(input)?;
    Ok((at, text))
}

/// Parses a text in quotes, in which `\` stands before a character that is taken as it is.
fn quoted<'q>(quote: char) -> impl Parser<Input<'q>, String, ErrMode<Fault>> {
    move |input: &mut Input<'q>| {
        let at = input.current_token_start();
        literal(quote).parse_next(input)?;
        let character = alt((preceded('\\', any), none_of(['\\', quote])));
        let text = repeat(0.., character)
            .fold(String::new, |mut text, character| {
                text.push(character);
                text
            })
            .parse_next(input)?;
        match opt(literal(quote)).parse_next(input)? {
            Some(_) => Ok(text),
            None => refuse(at, "the text has no closing quote"),
        }
    }
}

/// Converts a text to how the index stores it: categories are in lower case.
fn as_stored(field: TextField, mut text: String) -> String {
    if field == TextField::Category {
        text.make_ascii_lowercase();
    }
    text
}
