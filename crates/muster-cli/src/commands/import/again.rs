//! The command for the same file once more, with what was chosen, as a shell takes it.

use serde_json::Value;

use crate::args::{Activate, Fix, ImportArgs};
use crate::hints::shell_word;
use crate::value::{list_of, text_of};

/// A command without `muster` before it.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    /// `import FILE`, and how the file is to be read.
    read: String,
    match_by: Option<String>,
    existing: Option<String>,
    activate: Option<String>,
}

impl Again {
    pub fn of_args(args: &ImportArgs) -> Again {
        let mut read = format!("import {}", shell_word(&args.file.display().to_string()));
        let mut with = |name: &str, value: &str| read.push_str(&format!(" --{name} {}", shell_word(value)));
        if args.format != "auto" {
            with("format", &args.format);
        }
        if let Some(map) = &args.map {
            with("map", &map.display().to_string());
        }
        args.fix.iter().for_each(|fix| with("fix", &fix.typed()));
        if let Some(inactive) = args.inactive {
            with("inactive", &option_word(inactive.word()));
        }
        args.acknowledge.iter().for_each(|word| with("acknowledge", word));
        let texts = [("site", &args.site), ("connection", &args.connection)];
        for (name, value) in texts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            with(name, value);
        }
        let flags = [
            ("vertical", args.vertical),
            ("allow-shared-emails", args.allow_shared_emails),
            ("create-sites", args.create_sites),
            ("good-rows-only", args.good_rows_only),
        ];
        flags.iter().filter(|(_, on)| *on).for_each(|(name, _)| read.push_str(&format!(" --{name}")));
        Again {
            read,
            match_by: args.match_by.map(|by| by.word().to_owned()),
            existing: args.existing.map(|existing| existing.word().to_owned()),
            activate: Some(args.activate)
                .filter(|who| *who != Activate::File)
                .map(|who| who.word().to_owned()),
        }
    }

    /// As a job keeps what was chosen: it knows the mapping but not the file that it was in. Of which rows
    /// only the good ones were taken is not repeated.
    pub fn of_job(job: &Value, file: &str) -> Again {
        let options = &job["options"];
        let word = |name: &str| options[name].as_str().map(ToOwned::to_owned);
        let mut read = format!("import {}", shell_word(file));
        let mut with = |name: &str, value: &str| read.push_str(&format!(" --{name} {}", shell_word(value)));
        match (options["format"].as_str(), job["summary"]["format"].as_str()) {
            (Some(format), _) => with("format", format),
            (None, Some("mapped")) => with("map", "MAPPING.toml"),
            // Without a header it is known by its first row, which may be one that no format knows.
            (None, Some("ivozprovider")) => with("format", "ivozprovider"),
            _ => {}
        }
        for fix in list_of(options, "corrections") {
            let [column, found, value] = ["column", "found", "value"].map(|name| text_of(&fix[name]));
            with("fix", &Fix { column, found, value }.typed());
        }
        if let Some(inactive) = word("inactive") {
            with("inactive", &option_word(&inactive));
        }
        list_of(options, "acknowledge").iter().for_each(|word| with("acknowledge", &text_of(word)));
        for name in ["site", "connection"] {
            if let Some(value) = options[name].as_str() {
                with(name, value);
            }
        }
        for name in ["vertical", "allow_shared_emails", "create_sites"] {
            if options[name] == true {
                read.push_str(&format!(" --{}", option_word(name)));
            }
        }
        Again {
            read,
            match_by: word("match_by"),
            existing: word("existing"),
            activate: word("activate").filter(|who| who != Activate::File.word()),
        }
    }

    /// As it was.
    pub fn same(&self) -> String {
        let mut command = self.read.clone();
        let options = [("match", &self.match_by), ("existing", &self.existing), ("activate", &self.activate)];
        for (name, value) in options.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            command.push_str(&format!(" --{name} {value}"));
        }
        command
    }

    /// With everybody activated, who is there by now.
    pub fn everybody(&self) -> String {
        let by = self.match_by.as_deref().unwrap_or("extension");
        format!("{} --match {by} --activate all", self.read)
    }
}

/// `leave-out` of `leave_out`.
fn option_word(word: &str) -> String {
    word.replace('_', "-")
}
