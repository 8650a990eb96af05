//! Rust source as tokens: enough of the language to look for shapes in it without being fooled by a comment,
//! a string or a lifetime. Strings and characters become one token, `""`.

#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source.chars().collect(), at: 0, line: 1, out: Vec::new() };
    while lexer.step() {}
    lexer.out
}

/// The same without what is compiled for tests only.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        match test_attribute_end(tokens, at) {
            Some(end) => at = item_end(tokens, end),
            None => {
                out.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    out
}

/// The index after the bracket that closes the one at `open`.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

pub fn starts_with(tokens: &[Token], at: usize, pattern: &[&str]) -> bool {
    tokens.len() >= at + pattern.len()
        && pattern.iter().zip(&tokens[at..]).all(|(want, token)| token.text == *want)
}

fn test_attribute_end(tokens: &[Token], at: usize) -> Option<usize> {
    if !starts_with(tokens, at, &["#", "[", "cfg", "("]) {
        return None;
    }
    let end = closing(tokens, at + 1);
    let words = || tokens[at..end].iter().map(|token| token.text.as_str());
    (words().any(|word| word == "test") && !words().any(|word| word == "not")).then_some(end)
}

fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
    line: usize,
    out: Vec<Token>,
}

const PAIRS: [&str; 9] = ["::", "==", "!=", "=>", "->", "<=", ">=", "&&", "||"];

impl Lexer {
    fn step(&mut self) -> bool {
        let Some(c) = self.peek(0) else { return false };
        match c {
            '/' if self.peek(1) == Some('/') => self.skip_while(|c| c != '\n'),
            '/' if self.peek(1) == Some('*') => self.block_comment(),
            '"' => self.string(0),
            '\'' => self.quote(),
            c if c.is_whitespace() => self.skip(1),
            c if c.is_alphanumeric() || c == '_' => self.word(),
            _ => self.punctuation(),
        }
        true
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == Some('\n') {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&keep) {
            self.skip(1);
        }
    }

    fn push(&mut self, text: String, line: usize) {
        self.out.push(Token { text, line });
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.skip(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.skip(2);
                    if depth == 0 {
                        return;
                    }
                }
                (Some(_), _) => self.skip(1),
                (None, _) => return,
            }
        }
    }

    /// At the opening quote; `hashes` of a raw string, where a backslash means itself.
    fn string(&mut self, hashes: usize) {
        self.quoted(hashes, hashes > 0);
    }

    fn quoted(&mut self, hashes: usize, raw: bool) {
        let line = self.line;
        self.skip(1);
        while let Some(c) = self.peek(0) {
            if c == '\\' && !raw {
                self.skip(2);
            } else if c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.skip(1 + hashes);
                break;
            } else {
                self.skip(1);
            }
        }
        self.push("\"\"".into(), line);
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        let line = self.line;
        if self.peek(1) == Some('\\') {
            self.skip(3);
            self.skip_while(|c| c != '\'');
            self.skip(1);
            self.push("\"\"".into(), line);
        } else if self.peek(2) == Some('\'') {
            self.skip(3);
            self.push("\"\"".into(), line);
        } else {
            self.skip(1);
            self.skip_while(|c| c.is_alphanumeric() || c == '_');
        }
    }

    fn word(&mut self) {
        let (line, from) = (self.line, self.at);
        self.skip_while(|c| c.is_alphanumeric() || c == '_');
        let text: String = self.rest[from..self.at].iter().collect();
        let hashes = (0..).take_while(|&ahead| self.peek(ahead) == Some('#')).count();
        let opens = self.peek(hashes) == Some('"');
        match text.as_str() {
            "r" | "br" | "cr" if opens => {
                self.skip(hashes);
                self.quoted(hashes, true);
            }
            "b" | "c" if opens && hashes == 0 => self.string(0),
            "b" if self.peek(0) == Some('\'') => self.quote(),
            "r" if hashes == 1 => self.skip(1),
            _ => self.push(text, line),
        }
    }

    fn punctuation(&mut self) {
        let line = self.line;
        let pair: String = self.rest[self.at..].iter().take(2).collect();
        let text = if PAIRS.contains(&pair.as_str()) { pair } else { pair.chars().take(1).collect() };
        self.skip(text.chars().count());
        self.push(text, line);
    }
}

#[test]
fn comments_strings_characters_and_lifetimes_hide_nothing_and_add_nothing() {
    let source = r##"
        fn f<'a>(x: &'a str) -> char { // tokio::spawn
            /* outer /* tokio::spawn */ still */ let s = "a \" tokio::spawn {"; let r = r#"}" tokio"#;
            let b = (b'"', '{', '\'', '\u{1F600}'); s.len() == 1 }
    "##;
    let text: Vec<String> = tokens(source).into_iter().map(|token| token.text).collect();
    let want = "fn f < > ( x : & str ) -> char { let s = \"\" ; let r = \"\" ; let b = ( \"\" , \"\" , \"\" , \"\" ) ; s . len ( ) == 1 }";
    assert_eq!(text.join(" "), want);
}

#[test]
fn what_is_for_tests_only_is_left_out_and_nothing_else() {
    let source = "fn a() {} #[cfg(test)] mod tests { fn b() { } } #[cfg(not(test))] fn c() {} #[cfg(test)] use x::{y}; fn d() {}";
    let left: Vec<String> = without_tests(&tokens(source)).into_iter().map(|token| token.text).collect();
    let names: Vec<&str> =
        left.windows(2).filter(|pair| pair[0] == "fn").map(|pair| pair[1].as_str()).collect();
    assert_eq!(names, ["a", "c", "d"]);
}
