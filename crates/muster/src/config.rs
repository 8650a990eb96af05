//! What the server is told: on the command line, by environment variables, in a TOML file. The first
//! that says something wins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// A TOML file with these options as keys.
    #[arg(long, env = "MUSTER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args, Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct Options {
    /// Where everything is kept [default: ./muster-data].
    #[arg(long, env = "MUSTER_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// sqlite:PATH or postgres://… [default: sqlite in the data folder].
    #[arg(long, env = "MUSTER_DATABASE", value_name = "URL")]
    database: Option<String>,
    /// Where the API and the page are served [default: 127.0.0.1:8080].
    #[arg(long, env = "MUSTER_HTTP", value_name = "ADDR", value_parser = address)]
    http: Option<SocketAddr>,
    /// Where phones register, over UDP and TCP [default: 127.0.0.1:5060].
    #[arg(long, env = "MUSTER_SIP", value_name = "ADDR", value_parser = address)]
    sip: Option<SocketAddr>,
    /// Ports for media that has to be relayed; phones send it to each other directly so far.
    #[arg(long, env = "MUSTER_RTP", value_name = "PORT-PORT")]
    rtp: Option<String>,
    /// The name or address that phones reach this server by, if it is not the one it listens on.
    #[arg(long, env = "MUSTER_PUBLIC_HOST", value_name = "NAME|ADDR")]
    public_host: Option<String>,
    /// Log lines for people or for machines [default: text].
    #[arg(long, env = "MUSTER_LOG", value_name = "FORMAT")]
    log: Option<LogFormat>,
    /// A demo organization in a data folder of its own, on loopback only.
    #[arg(long, env = "MUSTER_DEMO", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    demo: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// What the server runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub data: PathBuf,
    pub database: String,
    pub http: SocketAddr,
    pub sip: SocketAddr,
    pub public_host: Option<String>,
    pub log: LogFormat,
    pub demo: bool,
}

impl ServeArgs {
    /// Fills in the file and the defaults. Nothing is opened or made but the file read.
    pub fn resolve(self) -> Result<Config, String> {
        let file = match &self.config {
            Some(path) => read_file(path)?,
            None => Options::default(),
        };
        resolve(self.options, file)
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let expected =
        "write an address and a port, as in 127.0.0.1:8080, or 0.0.0.0:8080 for all of this machine's";
    text.parse().map_err(|_| expected.to_owned())
}

fn read_file(path: &Path) -> Result<Options, String> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        format!("cannot read the configuration {}: {e}; --config or MUSTER_CONFIG names it", path.display())
    })?;
    parse_file(&text).map_err(|why| format!("{}, {why}", path.display()))
}

/// What is wrong is said with its line, counted from 1.
fn parse_file(text: &str) -> Result<Options, String> {
    toml::from_str(text).map_err(|e| {
        let line =
            e.span().map_or(1, |span| 1 + text.get(..span.start).unwrap_or(text).matches('\n').count());
        let what = e.message();
        let mend = if what.contains("socket address") { ": write it as in \"127.0.0.1:8080\"" } else { "" };
        format!("line {line}: {what}{mend}")
    })
}

fn resolve(first: Options, then: Options) -> Result<Config, String> {
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let demo = first.demo.or(then.demo).unwrap_or(false);
    let http = first.http.or(then.http).unwrap_or(loopback(8080));
    let sip = first.sip.or(then.sip).unwrap_or(loopback(5060));
    if demo && !(http.ip().is_loopback() && sip.ip().is_loopback()) {
        return Err("the demo listens on loopback only: leave --http and --sip at 127.0.0.1".into());
    }
    if let Some(range) = first.rtp.or(then.rtp) {
        check_ports(&range)?;
    }
    let default_data = if demo { "muster-demo" } else { "muster-data" };
    let data = first.data.or(then.data).unwrap_or_else(|| PathBuf::from(default_data));
    let database = first.database.or(then.database);
    let database = database.unwrap_or_else(|| format!("sqlite:{}", data.join("muster.db").display()));
    Ok(Config {
        data,
        database,
        http,
        sip,
        public_host: first.public_host.or(then.public_host),
        log: first.log.or(then.log).unwrap_or_default(),
        demo,
    })
}

fn check_ports(range: &str) -> Result<(), String> {
    let parsed =
        range.split_once('-').and_then(|(a, b)| Some((a.parse::<u16>().ok()?, b.parse::<u16>().ok()?)));
    match parsed {
        Some((first, last)) if first < last => Ok(()),
        _ => Err(format!("--rtp {range} is not a range of ports: write it like 40000-44999")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: Options, then: Options, expect: impl Fn(&Config) -> bool) {
        let config = resolve(first, then).unwrap();
        assert!(expect(&config), "{config:?}");
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
        let port = |p| Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), p));
        let line = Options { http: port(1), ..Options::default() };
        let file = Options { http: port(2), sip: port(3), ..Options::default() };
        check(line, file, |c| c.http.port() == 1 && c.sip.port() == 3 && c.data == Path::new("muster-data"));
    }

    #[test]
    fn a_demo_stays_on_loopback_and_in_a_folder_of_its_own() {
        let demo = Options { demo: Some(true), ..Options::default() };
        check(demo.clone(), Options::default(), |c| c.data == Path::new("muster-demo"));
        let open = Options { http: "0.0.0.0:8080".parse().ok(), ..demo };
        assert!(resolve(open, Options::default()).is_err());
    }

    #[test]
    fn a_key_of_the_file_that_nobody_knows_is_refused() {
        assert!(toml::from_str::<Options>("htpp = \"127.0.0.1:1\"").is_err());
        assert!(toml::from_str::<Options>("http = \"127.0.0.1:1\"").is_ok());
    }

    #[test]
    fn what_is_wrong_in_the_file_is_said_with_its_line_and_what_was_expected() {
        let why = |text| parse_file(text).err().unwrap();
        assert!(
            why("data = \"x\"\nhtpp = \"y\"\n").starts_with("line 2: unknown field `htpp`, expected one of")
        );
        let port = why("\n\nhttp = \"8080\"");
        assert!(
            port.starts_with("line 3: ") && port.ends_with("write it as in \"127.0.0.1:8080\""),
            "{port}"
        );
    }

    #[test]
    fn a_range_of_ports_has_two_ends() {
        assert!(check_ports("40000-44999").is_ok());
        assert!(check_ports("40000").is_err() && check_ports("5-4").is_err());
    }
}
