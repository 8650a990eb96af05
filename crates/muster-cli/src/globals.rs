//! Where the API is, who asks, and for which organization.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Longer files hold no token.
const TOKEN_BYTES_MAX: u64 = 4096;

/// What `muster serve` leaves behind on its first start, by default and with `--demo`.
const TOKEN_FILES: [&str; 2] = ["muster-data/owner.token", "muster-demo/owner.token"];

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

    /// The organization, by its short name or id; not needed where you see only one
    #[arg(long, global = true, env = "MUSTER_ORG", value_name = "ORG", hide_env_values = true)]
    pub org: Option<String>,

    /// Print the server's answer as JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

impl Globals {
    /// The token to send: the one given, else the one in the file given, else, for a server on this
    /// machine, the one that it left in the working directory.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        if let Some(token) = given(self.token.as_deref()) {
            return Ok(Some(token.to_owned()));
        }
        if let Some(file) = &self.token_file {
            return read_token(file).map(Some).map_err(|why| {
                Failure::refused(
                    format!("The token file {} cannot be used: {why}.", file.display()),
                    "Give a file that holds nothing but the token.",
                )
            });
        }
        // Never to another machine: nobody said that this token is meant for it.
        if !is_loopback(&self.url) {
            return Ok(None);
        }
        Ok(TOKEN_FILES.iter().find_map(|file| read_token(Path::new(file)).ok()))
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
