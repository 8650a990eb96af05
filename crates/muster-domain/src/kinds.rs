//! The one list of the kinds of thing that a change log speaks of.
//!
//! A kind is added here, and a table for it in a migration; whatever goes through all kinds does so by
//! [`crate::for_kind!`] or by [`crate::kinds!`] and needs no change.

/// Calls a macro with all kinds: `Variant module::Type "word" "table",` each, after `[what was given]`.
///
/// They are in the order in which rows are written: what is referred to before what refers to it.
#[macro_export]
macro_rules! kinds {
    ([$($callback:tt)*] $($given:tt)*) => {
        $($callback)*! { [$($given)*]
            Organization organization::Organization "organization" "organizations",
            Site organization::Site "site" "sites",
            Connection organization::Connection "connection" "connections",
            Mailbox organization::Mailbox "mailbox" "mailboxes",
            User user::User "user" "users",
            Device organization::Device "device" "devices",
            Token organization::Token "token" "tokens",
            PhoneNumber organization::PhoneNumber "number" "numbers",
            EmergencyLocation locations::EmergencyLocation "emergency_location" "emergency_locations",
            ShippingAddress locations::ShippingAddress "shipping_address" "shipping_addresses",
            Group handling::Group "group" "groups",
            Menu handling::Menu "menu" "menus",
            FaxAccount handling::FaxAccount "fax_account" "fax_accounts",
            SmsSender handling::SmsSender "sms_sender" "sms_senders",
            OnCallSchedule handling::OnCallSchedule "on_call_schedule" "on_call_schedules",
            Role roles::Role "role" "roles",
            TagDefinition tags::TagDefinition "tag" "tags",
            SignIn signing::SignIn "sign_in" "sign_ins",
            Invite signing::Invite "invite" "invites",
            MailServer signing::MailServer "mail_server" "mail_servers",
            Subscription billing::Subscription "subscription" "subscriptions",
            PhoneModel stock::PhoneModel "phone_model" "phone_models",
            StockNumber stock::StockNumber "stock_number" "stock_numbers",
            UnassignedExtension stock::UnassignedExtension "unassigned_extension" "unassigned_extensions",
            Order orders::Order "order" "orders",
            OrderItem orders::OrderItem "order_item" "order_items",
            Licence billing::Licence "licence" "licences",
            Invoice billing::Invoice "invoice" "invoices",
            PortOrder ports::PortOrder "port_order" "port_orders",
        }
    };
}

/// Runs an expression with the type that a kind has: `for_kind!(kind, E => E::fields().len())`.
#[macro_export]
macro_rules! for_kind {
    ($kind:expr, $entity:ident => $body:expr) => {
        $crate::kinds! { [$crate::for_kind_arms] $kind, $entity, $body }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! for_kind_arms {
    ([$kind:expr, $entity:ident, $body:expr]
     $($variant:ident $module:ident :: $type:ident $word:literal $table:literal,)*) => {
        match $kind {
            $($crate::field::EntityKind::$variant => {
                type $entity = $crate::$module::$type;
                $body
            })*
        }
    };
}
