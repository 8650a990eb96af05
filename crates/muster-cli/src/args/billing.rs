//! What is paid: subscriptions, orders, invoices.

use std::path::PathBuf;

#[derive(Clone, Debug, clap::Subcommand)]
pub enum SubscriptionCommand {
    /// The terms that hold for the organization, and how many use what they name
    Show,
    /// What the operator offers
    Offers,
    /// Put a subscription on offer, such as name=Business currency=EUR prices=user=1250,number=200
    Offer {
        /// Fields of it; a list has commas between its values
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
    /// Choose one of those on offer for the organization; it holds from now on
    Choose {
        /// Its name or its id
        which: String,
    },
    /// The licences of the organization
    Licences,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum InvoiceCommand {
    /// What the cycle that runs now would cost if nothing changed until its end
    Preview {
        /// Another cycle, such as 2026-11
        #[arg(long)]
        cycle: Option<String>,
        #[command(flatten)]
        files: InvoiceFiles,
    },
    /// The cycles that are closed
    List,
    /// One invoice and its lines
    Show {
        /// Its cycle, such as 2026-11, or its id
        which: String,
        #[command(flatten)]
        files: InvoiceFiles,
    },
    /// Close a cycle that is over: what it has cost is frozen
    Close {
        /// Which, such as 2026-11; the last one that is over if absent
        cycle: Option<String>,
    },
    /// Make a closed invoice again from the log and compare
    Check {
        /// Its cycle, such as 2026-11, or its id
        which: String,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub struct InvoiceFiles {
    /// Write it to a CSV file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write it to a page that can be printed, to a PDF too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum OrderCommand {
    /// All orders
    List {
        /// Only those whom this fits, such as state=reserved
        #[arg(long, value_name = "EXPR")]
        filter: Option<String>,
    },
    /// One order, its things, and what it costs now
    Show {
        /// Its id
        id: String,
    },
    /// Ask for something: it is priced, and its numbers are held; nothing is bought yet
    Create {
        /// A thing, such as "kind=licence,user_type=user,quantity=5" or "kind=phone,model=Yealink T54W,user=1001"
        #[arg(long = "item", required = true, value_name = "KEY=VALUE,…")]
        items: Vec<String>,
        /// Where phones are sent to, by its nickname
        #[arg(long)]
        address: Option<String>,
        /// What it is for
        #[arg(long)]
        note: Option<String>,
    },
    /// Buy it at the price that is shown
    Confirm {
        /// Its id
        id: String,
        /// The price digest that was seen: then nothing is asked
        #[arg(long, value_name = "DIGEST")]
        price_digest: Option<String>,
    },
    /// Leave it to somebody who may buy, at the price that is shown
    Submit {
        /// Its id
        id: String,
        /// The price digest that was seen: then nothing is asked
        #[arg(long, value_name = "DIGEST")]
        price_digest: Option<String>,
    },
    /// End it: what it holds is given back
    Cancel {
        /// Its id
        id: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Say that phones of it have been sent (the operator's); all that are still to be sent
    Ship {
        /// Its id
        id: String,
        /// Who brings them
        #[arg(long)]
        carrier: Option<String>,
        /// The carrier's number of the parcel
        #[arg(long)]
        tracking: Option<String>,
    },
    /// Say that phones of it have come; all that are on their way
    Receive {
        /// Its id
        id: String,
    },
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum PortCommand {
    /// All port orders
    List {
        /// Only those whom this fits, such as state=dated
        #[arg(long, value_name = "EXPR")]
        filter: Option<String>,
    },
    /// Hand one in, such as numbers=+351210000001 carrier=Elsewhere user=1001
    Add {
        /// Fields of it; a list has commas between its values
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
    /// Hand one that was rejected in again
    Submit {
        /// Its id
        id: String,
    },
    /// Say that the other side rejected it
    Reject {
        /// Its id
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Say the day that the other side named; nothing happens by itself on it
    Date {
        /// Its id
        id: String,
        /// Such as 2026-12-01T08:00:00Z
        at: String,
    },
    /// The numbers work here from now on, in place of the temporary one
    Activate {
        /// Its id
        id: String,
    },
    /// End it
    Cancel {
        /// Its id
        id: String,
    },
}
