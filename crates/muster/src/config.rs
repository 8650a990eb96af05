//! What the server is told: on the command line, by environment variables, in a TOML file. The first
//! that says something wins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer};

use crate::reach::is_unspecified;

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
    #[serde(default, deserialize_with = "read_address")]
    http: Option<SocketAddr>,
    /// Where phones register, over UDP and TCP [default: 127.0.0.1:5060].
    #[arg(long, env = "MUSTER_SIP", value_name = "ADDR", value_parser = address)]
    #[serde(default, deserialize_with = "read_address")]
    sip: Option<SocketAddr>,
    /// Ports for media that has to be relayed; phones send it to each other directly so far.
    #[arg(long, env = "MUSTER_RTP", value_name = "PORT-PORT")]
    rtp: Option<String>,
    /// The name or address that phones reach this server by, if it is not the one it listens on.
    #[arg(long, env = "MUSTER_PUBLIC_HOST", value_name = "NAME|ADDR")]
    public_host: Option<String>,
    /// The address that people open this server by, which links in mails begin with, as in `https://phones.example.com`
    /// [default: http:// and where the API is served].
    #[arg(long, env = "MUSTER_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
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
    pub public_url: Option<String>,
    pub log: LogFormat,
    pub demo: bool,
}

/// What `serve` is told of where everything is kept, for a command that puts it there.
#[derive(Args, Debug, Default)]
pub struct PlaceArgs {
    /// A TOML file with these options as keys, as for `serve`
    #[arg(long, env = "MUSTER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [default: ./muster-data]
    #[arg(long, env = "MUSTER_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// sqlite:PATH or postgres://… [default: sqlite in the data folder]
    #[arg(long, env = "MUSTER_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
}

impl PlaceArgs {
    pub fn resolve(self) -> Result<Config, String> {
        let options = Options { data: self.data, database: self.database, ..Options::default() };
        ServeArgs { config: self.config, options }.resolve()
    }
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
    let of_this_machine = text.rsplit_once(':').filter(|(host, _)| host.eq_ignore_ascii_case("localhost"));
    match of_this_machine.and_then(|(_, port)| port.parse().ok()) {
        Some(port) => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        None => text.parse().map_err(|_| expected.to_owned()),
    }
}

fn read_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    address(&text).map(Some).map_err(|_| serde::de::Error::custom("this is no socket address"))
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
    check_apart(http, sip)?;
    let public_host = first.public_host.or(then.public_host);
    if let Some(host) = &public_host {
        check_host(host)?;
    }
    let public_url = first.public_url.or(then.public_url);
    if let Some(url) = &public_url {
        check_url(url)?;
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
        public_host,
        public_url,
        log: first.log.or(then.log).unwrap_or_default(),
        demo,
    })
}

/// SIP takes its port for TCP too.
fn check_apart(http: SocketAddr, sip: SocketAddr) -> Result<(), String> {
    let meet = http.ip() == sip.ip() || is_unspecified(http) || is_unspecified(sip);
    if http.port() == 0 || http.port() != sip.port() || !meet {
        return Ok(());
    }
    let port = http.port();
    Err(format!("--http {http} and --sip {sip} name the same port {port}: give each a port of its own"))
}

/// A host name (RFC 1123 §2.1) or an address; it stands in URLs and in what people type into phones.
fn check_host(host: &str) -> Result<(), String> {
    let of_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(of_label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name that ends in a number would be an address.
    let ends_in_number = host.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    let name = host.len() <= 253 && host.split('.').all(label) && !ends_in_number;
    let address = host.parse::<IpAddr>().is_ok_and(|ip| !ip.is_unspecified());
    if name || address {
        return Ok(());
    }
    Err(format!(
        "--public-host `{}` is neither a host name nor an address: write it like pbx.example.com or 192.0.2.7, \
         without a port",
        host.escape_debug()
    ))
}

/// `http` or `https`, a host and perhaps a port, and no path: links are put behind it.
fn check_url(url: &str) -> Result<(), String> {
    let place = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let place = place.map(|place| place.strip_suffix('/').unwrap_or(place));
    let (host, port) = match place {
        Some(place) if place.starts_with('[') => match place.split_once(']') {
            Some((host, rest)) => (&host[1..], rest.strip_prefix(':')),
            None => (place, None),
        },
        Some(place) => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        None => ("", None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if port_fits && check_host(host).is_ok() {
        return Ok(());
    }
    Err(format!(
        "--public-url `{}` is no address: write it like https://phones.example.com",
        url.escape_debug()
    ))
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
    fn a_public_host_is_a_name_or_an_address_and_nothing_else() {
        for host in ["pbx.example.com", "pbx", "192.0.2.7", "2001:db8::7", "3cx.example.com"] {
            assert!(check_host(host).is_ok(), "{host}");
        }
        let long = "a".repeat(64);
        for host in [
            "",
            "my pbx",
            "pbx:5060",
            "http://pbx",
            "pbx.",
            "-pbx",
            "192.0.2.700",
            "0.0.0.0",
            "[2001:db8::7]",
            &long,
        ] {
            assert!(check_host(host).is_err(), "{host}");
        }
        let file = Options { public_host: Some("my pbx".into()), ..Options::default() };
        let refused = resolve(Options::default(), file).err().unwrap();
        assert!(
            refused.contains("--public-host `my pbx`") && refused.contains("pbx.example.com"),
            "{refused}"
        );
    }

    #[test]
    fn a_public_url_has_a_scheme_and_a_host_and_no_path() {
        for url in ["https://phones.example.com", "http://127.0.0.1:8080/", "https://[2001:db8::7]:8443"] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in [
            "phones.example.com",
            "ftp://x.example",
            "https://",
            "https://a.example/path",
            "https://a.example:99999",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn two_options_that_name_the_same_port_are_both_named() {
        let both = |http: &str, sip: &str| {
            let options = Options { http: http.parse().ok(), sip: sip.parse().ok(), ..Options::default() };
            resolve(options, Options::default())
        };
        for (http, sip) in [
            ("127.0.0.1:5060", "127.0.0.1:5060"),
            ("0.0.0.0:5060", "127.0.0.1:5060"),
            ("127.0.0.1:1", "[::]:1"),
        ] {
            let refused = both(http, sip).err().unwrap();
            let named = format!("--http {http} and --sip {sip} name the same port");
            assert!(refused.contains(&named), "{refused}");
        }
        assert!(both("127.0.0.1:0", "127.0.0.1:0").is_ok(), "any free port is another one each time");
        assert!(both("127.0.0.1:5060", "10.0.0.7:5060").is_ok());
    }

    #[test]
    fn the_name_localhost_is_an_address_to_listen_on() {
        let want = Ok("127.0.0.1:8080".parse().unwrap());
        assert_eq!(address("localhost:8080"), want);
        assert_eq!(address("LOCALHOST:8080"), want);
        assert!(address("localhost").is_err() && address("pbx.example.com:8080").is_err());
        assert_eq!(parse_file("http = \"localhost:8080\"").ok().and_then(|file| file.http), want.ok());
    }

    #[test]
    fn a_range_of_ports_has_two_ends() {
        assert!(check_ports("40000-44999").is_ok());
        assert!(check_ports("40000").is_err() && check_ports("5-4").is_err());
    }
}
