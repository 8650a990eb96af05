//! Where the API is, who asks, and for which organization.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;

use crate::failure::Failure;

/// Longer files hold no token.
const TOKEN_BYTES_MAX: u64 = 4096;

/// What `muster serve` leaves behind on its first start, by default and with `--demo`.
const TOKEN_FILES: [&str; 2] = ["muster-data/owner.token", "muster-demo/owner.token"];

/// What to do about a token that the server does not know.
const OWNERS: &str =
    "The server keeps its owner's token in owner.token in its data folder: --token-file names that file.";

/// Options that every command takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Where and who")]
pub struct Globals {
    /// Address of the server
    #[arg(
        long,
        global = true,
        env = "MUSTER_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub url: String,

    /// The access token; in a file or in MUSTER_TOKEN other people of this machine do not see it
    #[arg(long, global = true, env = "MUSTER_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// A file with the access token; else ./muster-data/owner.token or ./muster-demo/owner.token,
    /// with a server on this machine
    #[arg(long, global = true, env = "MUSTER_TOKEN_FILE", value_name = "FILE", hide_env_values = true)]
    pub token_file: Option<PathBuf>,

    /// The company whose people and phones are meant: its short name, as `muster org list` shows it, or
    /// its id; not needed as long as there is only one that you may see
    #[arg(long, global = true, env = "MUSTER_ORG", value_name = "ORG", hide_env_values = true)]
    pub org: Option<String>,

    /// Print the server's answer as JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,

    /// Give up on a server that says nothing for so long
    #[arg(
        long,
        global = true,
        env = "MUSTER_TIMEOUT",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub timeout: u64,

    #[arg(skip)]
    given: Given,
}

/// How the options came to be said, for messages: an address that is wrong is mended where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub url: Option<ValueSource>,
    token: Option<ValueSource>,
    pub token_file: Option<ValueSource>,
    pub org: Option<ValueSource>,
}

/// The token to send, and what to say if the server does not know it.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub text: String,
    /// `in MUSTER_TOKEN`, `in the file owner.token (from --token-file)`.
    pub from: String,
    pub mend: String,
}

impl Globals {
    /// Notes which of the options were typed, and which the environment says.
    pub fn given_by(mut self, matches: &clap::ArgMatches) -> Globals {
        let source = |id| matches.value_source(id);
        self.given = Given {
            url: source("url"),
            token: source("token"),
            token_file: source("token_file"),
            org: source("org"),
        };
        self
    }

    /// The token to send: the one given, else the one in the file given, else, for a server on this
    /// machine, the one that it left in the working directory. What is typed wins over the environment.
    pub(crate) fn token(&self) -> Result<Option<Token>, Failure> {
        let typed_file = self.given.token_file == Some(ValueSource::CommandLine);
        let token_in_environment = self.given.token == Some(ValueSource::EnvVariable);
        let file_wins = typed_file && token_in_environment;
        if let Some(token) = given(self.token.as_deref()).filter(|_| !file_wins) {
            let from = if token_in_environment { "in MUSTER_TOKEN" } else { "given with --token" };
            return Ok(Some(Token {
                text: token.to_owned(),
                from: from.to_owned(),
                mend: OWNERS.to_owned(),
            }));
        }
        if let Some(file) = &self.token_file {
            let option = if typed_file { "--token-file" } else { "MUSTER_TOKEN_FILE" };
            let text = read_token(file).map_err(|why| {
                Failure::refused(
                    format!("The token file {} (from {option}) cannot be used: {why}.", file.display()),
                    "Give a file that holds nothing but the token.",
                )
            })?;
            let from = format!("in the file {} (from {option})", file.display());
            return Ok(Some(Token { text, from, mend: OWNERS.to_owned() }));
        }
        // Never to another machine: nobody said that this token is meant for it.
        if !is_loopback(&self.url) {
            return Ok(None);
        }
        let mut found = TOKEN_FILES.iter().filter_map(|file| Some((file, read_token(Path::new(file)).ok()?)));
        let Some((file, text)) = found.next() else { return Ok(None) };
        let mend = match found.next() {
            Some((other, _)) => format!("There is also {other}: --token-file {other}"),
            None => OWNERS.to_owned(),
        };
        let from = format!("in ./{file}, the file that is looked for where no token is named");
        Ok(Some(Token { text, from, mend }))
    }

    /// ` (from --url)`; empty if nobody noted it.
    pub(crate) fn url_from(&self) -> &'static str {
        match self.given.url {
            Some(ValueSource::CommandLine) => " (from --url)",
            Some(ValueSource::EnvVariable) => " (from MUSTER_URL)",
            Some(_) => " (the default; --url names another)",
            None => "",
        }
    }

    /// ` (from --org)`; empty if it was not given.
    pub(crate) fn org_from(&self) -> &'static str {
        match self.given.org {
            Some(ValueSource::CommandLine) => " (from --org)",
            Some(ValueSource::EnvVariable) => " (from MUSTER_ORG)",
            _ => "",
        }
    }

    pub(crate) fn given(&self) -> &Given {
        &self.given
    }

    pub(crate) fn org(&self) -> Option<&str> {
        given(self.org.as_deref())
    }
}

/// An environment variable that is set to nothing counts as absent.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn read_token(file: &Path) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|e| crate::failure::io_words(&e))?.len();
    if size > TOKEN_BYTES_MAX {
        return Err(format!("it has {size} bytes, which no token has"));
    }
    let text = std::fs::read_to_string(file).map_err(|e| crate::failure::io_words(&e))?;
    match text.trim() {
        "" => Err("it is empty".into()),
        token => Ok(token.to_owned()),
    }
}

/// True if the address names this machine and cannot name another.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[test]
fn only_names_of_this_machine_are_loopback() {
    for url in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1/x", "http://127.9.9.9"] {
        assert!(is_loopback(url), "{url}");
    }
    for url in ["http://127.0.0.1.example.com", "http://10.0.0.1", "nonsense", "http://localhost.example"] {
        assert!(!is_loopback(url), "{url}");
    }
}
