//! What the program says when it is ready: what to open, what to type, where phones register.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use muster_cli::shell_word;

use crate::config::Config;
use crate::demo::{self, Account};
use crate::reach::{hosts, is_unspecified};

/// Prints it to stdout. `http` and `sip` are what is listened on, with the real ports.
pub fn print(config: &Config, http: SocketAddr, sip: SocketAddr, accounts: &[Account]) {
    print!("{}", text(config, http, sip, accounts));
    let _ = std::io::stdout().flush();
}

fn text(config: &Config, http: SocketAddr, sip: SocketAddr, accounts: &[Account]) -> String {
    let public = config.public_host.as_deref();
    // Nobody elsewhere can open what listens on loopback, by whatever name.
    let web_host = public.filter(|_| !http.ip().to_canonical().is_loopback());
    let (webs, phones) = (hosts(http, web_host), hosts(sip, public));
    let token = token_file(&config.data);
    // What is typed is typed on this machine.
    let here = if is_unspecified(http) { &webs[0] } else { &http.to_string() };
    let mut out = "\nMuster is running.\n\n".to_owned();
    for (at, web) in webs.iter().enumerate() {
        let (label, whose) = match (at, webs.len()) {
            (0, 1) => ("Open", ""),
            (0, _) => ("Open", "  on this machine"),
            _ => ("", "  on others"),
        };
        out.push_str(&format!("  {label:<8}  http://{web}/{whose}\n"));
    }
    out.push_str(&format!("  API       http://{here}/docs, with the token in {token}\n"));
    out.push_str(&format!("  Command   muster org list --url http://{here} --token-file {token}\n"));
    out.push_str(&format!("  Phones    register at {}, over UDP or TCP\n", phones.join(" or ")));
    if !accounts.is_empty() {
        let server = phones.first().map_or("", String::as_str);
        out.push_str(&format!("\nPhones to try (server {server}, domain {}):\n\n", demo::DOMAIN));
    }
    for Account { extension, who, secret } in accounts {
        let options = format!("--url http://{here} --token-file {token} --org {}", demo::SLUG);
        let secret = match secret {
            Some(secret) => format!("secret {secret}"),
            None => format!(
                "secret changed since; for a new one: muster user credentials {extension} --reset {options}"
            ),
        };
        out.push_str(&format!("  {who}, {secret}\n"));
    }
    out.push_str("\nCtrl-C ends it.\n");
    out
}

/// The file with the owner's token, as it can be typed in the folder that the server was started in.
pub fn token_file(data: &Path) -> String {
    shell_word(&data.join("owner.token").display().to_string())
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::config::ServeArgs;

    fn config(options: &[&str]) -> Config {
        let serve = <ServeArgs as clap::Args>::augment_args(clap::Command::new("serve"));
        let matches = serve.get_matches_from([&["serve"], options].concat());
        ServeArgs::from_arg_matches(&matches).unwrap().resolve().unwrap()
    }

    #[test]
    fn commands_name_the_folder_and_the_port_of_this_very_process() {
        let config = config(&["--demo", "--data", "my demo"]);
        let text = text(&config, "127.0.0.1:9090".parse().unwrap(), "127.0.0.1:5070".parse().unwrap(), &[]);
        let command = "muster org list --url http://127.0.0.1:9090 --token-file 'my demo/owner.token'\n";
        assert!(text.contains(command) && text.contains("Open      http://127.0.0.1:9090/\n"), "{text}");
        assert!(text.contains("register at 127.0.0.1:5070,"), "{text}");
    }

    #[test]
    fn a_page_on_loopback_is_not_told_by_the_name_that_others_know() {
        let open = |http: &str| {
            let config =
                config(&["--http", http, "--sip", "0.0.0.0:5060", "--public-host", "pbx.example.com"]);
            let text = text(&config, config.http, config.sip, &[]);
            assert!(text.contains("register at 127.0.0.1:5060 or pbx.example.com:5060,"), "{text}");
            text
        };
        let here = open("127.0.0.1:8080");
        assert!(here.contains("Open      http://127.0.0.1:8080/\n"), "{here}");
        assert!(!here.contains("http://pbx.example.com"), "{here}");
        let all = open("0.0.0.0:8080");
        assert!(all.contains("http://pbx.example.com:8080/  on others"), "{all}");
    }

    #[test]
    fn a_server_on_all_addresses_tells_some_that_can_be_opened() {
        let config = config(&["--http", "0.0.0.0:8080", "--sip", "[::]:5060"]);
        let text = text(&config, config.http, config.sip, &[]);
        assert!(!text.contains("0.0.0.0") && !text.contains("[::]"), "{text}");
        assert!(text.contains("Open      http://127.0.0.1:8080/"), "{text}");
    }
}
