//! Text to tokens.
//!
//! A *word* is anything made of letters, digits, `_`, `.` and `$`: keywords, ops with their types,
//! entities, numbers. What a word means depends on where it stands, so the parser decides. The end of
//! a line ends a statement and is a token, except between round or square brackets.

use super::{ParseError, Span};

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Word,
    /// `@name`; the text is without the sign.
    Name,
    /// `@"…"`; the text stands between the quotes, with its escapes.
    QuotedName,
    /// `"…"`; the text stands between the quotes, with its escapes.
    String,
    Open,
    Close,
    OpenSquare,
    CloseSquare,
    OpenCurly,
    CloseCurly,
    Comma,
    Colon,
    Equals,
    EqualsEquals,
    Plus,
    Minus,
    Arrow,
    DotDot,
    Newline,
    End,
}

impl Kind {
    /// How a message names a token of this kind that is missing.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Kind::Word => "a word",
            Kind::Name | Kind::QuotedName => "a function name",
            Kind::String => "a string",
            Kind::Open => "`(`",
            Kind::Close => "`)`",
            Kind::OpenSquare => "`[`",
            Kind::CloseSquare => "`]`",
            Kind::OpenCurly => "`{`",
            Kind::CloseCurly => "`}`",
            Kind::Comma => "`,`",
            Kind::Colon => "`:`",
            Kind::Equals => "`=`",
            Kind::EqualsEquals => "`==`",
            Kind::Plus => "`+`",
            Kind::Minus => "`-`",
            Kind::Arrow => "`->`",
            Kind::DotDot => "`..`",
            Kind::Newline => "the end of the line",
            Kind::End => "the end of the file",
        }
    }
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    pub(super) span: Span,
}

/// A comment that may be a directive: what stands behind the semicolon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment<'s> {
    pub(super) text: &'s str,
    pub(super) line: u32,
    /// The column of the first character of `text`.
    pub(super) column: u32,
}

/// Everything in a source; the last token is an [`Kind::End`].
pub(super) struct Lexed<'s> {
    pub(super) tokens: Vec<Token<'s>>,
    pub(super) comments: Vec<Comment<'s>>,
}

/// The most bytes that a source may have: positions in it and counts of things in it fit into 31 bits.
const MAX_BYTES: usize = i32::MAX as usize;

/// Splits `source`, whose first character stands at this line and column.
pub(super) fn lex(source: &str, line: u32, column: u32) -> Result<Lexed<'_>, ParseError> {
    let mut lexer = Lexer {
        source,
        at: 0,
        line,
        column,
        depth: 0,
        out: Lexed {
            tokens: Vec::with_capacity(source.len().min(MAX_BYTES) / 4 + 1),
            comments: Vec::new(),
        },
    };
    if source.len() > MAX_BYTES {
        return Err(ParseError::new(
            lexer.here(0),
            "the source is larger than 2 GiB",
        ));
    }
    while lexer.step()? {}
    let end = lexer.here(0);
    for kind in [Kind::Newline, Kind::End] {
        lexer.out.tokens.push(Token {
            kind,
            text: "",
            span: end,
        });
    }
    Ok(lexer.out)
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    line: u32,
    column: u32,
    /// Round and square brackets that are open.
    depth: u32,
    out: Lexed<'s>,
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$')
}

impl<'s> Lexer<'s> {
    fn here(&self, len: u32) -> Span {
        Span {
            line: self.line,
            column: self.column,
            len,
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        // A zero byte is no token, so it can stand for the end.
        self.source
            .as_bytes()
            .get(self.at + ahead)
            .copied()
            .unwrap_or(0)
    }

    /// Pushes a token of this many ASCII bytes whose text is without the first `skip`.
    fn push(&mut self, kind: Kind, len: usize, skip: usize) {
        let text = self
            .source
            .get(self.at + skip..self.at + len)
            .unwrap_or_default();
        let span = self.here(len as u32);
        self.out.tokens.push(Token { kind, text, span });
        self.at += len;
        self.column += len as u32;
    }

    /// Takes one token, comment or blank; false at the end.
    fn step(&mut self) -> Result<bool, ParseError> {
        let punctuation = match (self.byte(0), self.byte(1)) {
            (0, _) if self.at >= self.source.len() => return Ok(false),
            (b' ' | b'\t' | b'\r', _) => {
                self.at += 1;
                self.column += 1;
                return Ok(true);
            }
            (b'\n', _) => {
                self.newline();
                return Ok(true);
            }
            (b';', _) => {
                self.comment();
                return Ok(true);
            }
            (b'"', _) => return self.string(Kind::String, 0).map(|()| true),
            (b'@', b'"') => return self.string(Kind::QuotedName, 1).map(|()| true),
            (b'@', _) => return self.name().map(|()| true),
            (b'-', b'>') => (Kind::Arrow, 2),
            (b'=', b'=') => (Kind::EqualsEquals, 2),
            (b'.', b'.') => (Kind::DotDot, 2),
            (b'(', _) => (Kind::Open, 1),
            (b')', _) => (Kind::Close, 1),
            (b'[', _) => (Kind::OpenSquare, 1),
            (b']', _) => (Kind::CloseSquare, 1),
            (b'{', _) => (Kind::OpenCurly, 1),
            (b'}', _) => (Kind::CloseCurly, 1),
            (b',', _) => (Kind::Comma, 1),
            (b':', _) => (Kind::Colon, 1),
            (b'=', _) => (Kind::Equals, 1),
            (b'+', _) => (Kind::Plus, 1),
            (b'-', _) => (Kind::Minus, 1),
            (byte, _) if is_word(byte) => {
                self.word();
                return Ok(true);
            }
            _ => {
                let found = self.source[self.at..].chars().next().unwrap_or_default();
                return Err(ParseError::new(
                    self.here(1),
                    format!("the character {found:?} has no meaning here"),
                ));
            }
        };
        match punctuation.0 {
            Kind::Open | Kind::OpenSquare => self.depth += 1,
            Kind::Close | Kind::CloseSquare => self.depth = self.depth.saturating_sub(1),
            // A curly bracket never stands inside others: a missing one of those shows here.
            Kind::OpenCurly | Kind::CloseCurly => self.depth = 0,
            _ => {}
        }
        self.push(punctuation.0, punctuation.1, 0);
        Ok(true)
    }

    fn newline(&mut self) {
        if self.depth == 0 {
            self.push(Kind::Newline, 1, 0);
        } else {
            self.at += 1;
        }
        self.line += 1;
        self.column = 1;
    }

    fn comment(&mut self) {
        let rest = &self.source[self.at + 1..];
        let text = rest.lines().next().unwrap_or_default();
        self.out.comments.push(Comment {
            text,
            line: self.line,
            column: self.column + 1,
        });
        // The line end stays, so the column is reset before anyone reads it.
        self.at += 1 + rest.find('\n').unwrap_or(rest.len());
    }

    fn word(&mut self) {
        let number = self.byte(0).is_ascii_digit();
        let hex = number && matches!(self.byte(1), b'x' | b'X');
        let mut len = 1;
        loop {
            let byte = self.byte(len);
            let exponent_sign = number
                && !hex
                && matches!(byte, b'+' | b'-')
                && matches!(self.byte(len - 1), b'e' | b'E');
            let range = byte == b'.' && self.byte(len + 1) == b'.';
            if range || !(is_word(byte) || exponent_sign) {
                break;
            }
            len += 1;
        }
        // `nan:0x1` is one constant.
        let source = self.source;
        let rest = &source.as_bytes()[self.at..];
        if &rest[..len] == b"nan" && rest[len..].starts_with(b":0x") {
            len += 1;
            while is_word(self.byte(len)) {
                len += 1;
            }
        }
        self.push(Kind::Word, len, 0);
    }

    fn name(&mut self) -> Result<(), ParseError> {
        let mut len = 1;
        while is_word(self.byte(len)) || self.byte(len) == b'-' {
            len += 1;
        }
        if len == 1 {
            return Err(ParseError::new(self.here(1), "a name is missing after `@`"));
        }
        self.push(Kind::Name, len, 1);
        Ok(())
    }

    /// A string whose opening quote stands `prefix` bytes ahead.
    fn string(&mut self, kind: Kind, prefix: usize) -> Result<(), ParseError> {
        let start = self.at + prefix + 1;
        let mut at = start;
        let bytes = self.source.as_bytes();
        loop {
            match bytes.get(at) {
                None | Some(b'\n') => {
                    return Err(ParseError::new(self.here(1), "this string has no end"));
                }
                Some(b'"') => break,
                // What is escaped cannot end the string.
                Some(b'\\') if bytes.get(at + 1).is_some_and(|b| *b != b'\n') => at += 2,
                Some(_) => at += 1,
            }
        }
        // An escape that skipped half of a character is found when the string is decoded.
        let text = self.source.get(start..at).unwrap_or_default();
        let chars = text.chars().count() as u32 + 2 + prefix as u32;
        let span = self.here(chars);
        self.out.tokens.push(Token { kind, text, span });
        self.at = at + 1;
        self.column += chars;
        Ok(())
    }
}

/// The bytes of a string token: `\hh`, `\n`, `\t`, `\"` and `\\` are escapes.
pub(super) fn unescape(token: &Token<'_>) -> Result<Vec<u8>, ParseError> {
    let bytes = token.text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        match (bytes.get(at), hex(bytes.get(at)), hex(bytes.get(at + 1))) {
            (_, Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 1;
            }
            (Some(b'n'), ..) => out.push(b'\n'),
            (Some(b't'), ..) => out.push(b'\t'),
            (Some(plain @ (b'"' | b'\\')), ..) => out.push(*plain),
            _ => {
                return Err(ParseError::new(
                    token.span,
                    "a backslash stands before two hexadecimal digits, `n`, `t`, `\"` or `\\`",
                ));
            }
        }
        at += 1;
    }
    Ok(out)
}
