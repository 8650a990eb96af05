//! The commands of [`crate::everything`] that make and change things other than people.

use muster_app::billing::NewLicence;
use muster_app::orders::{NewItem, NewOrder, Parcel};
use muster_app::organizations::{NewSite, NewToken};
use muster_app::ports::PortNews;
use muster_app::{AppError, Scope};
use muster_domain::billing::Licence;
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule, SmsSender};
use muster_domain::ids::UserId;
use muster_domain::locations::{EmergencyLocation, ShippingAddress};
use muster_domain::money::Count;
use muster_domain::orders::{ItemKind, Order, OrderState};
use muster_domain::organization::{PhoneNumber, Token};
use muster_domain::ports::PortOrder;
use muster_domain::stock::UnassignedExtension;
use muster_domain::tags::TagDefinition;
use muster_domain::types::{Name, UnixMillis};
use muster_domain::user::UserType;
use muster_domain::value::Value;

use crate::everything::Sequence;
use crate::money::{at, fields, item, number, number_item, parsed};

impl Sequence<'_> {
    pub fn make_site(&mut self, scope: &Scope) -> Result<(), AppError> {
        let name = parsed(&format!("Site {}", self.next()));
        self.app.create_site(scope, &NewSite { name, country: None, time_zone: None }).map(drop)
    }

    pub fn make_token(&mut self, scope: &Scope) -> Result<(), AppError> {
        let name = parsed(&format!("Token {}", self.next()));
        self.app.create_token(scope, &NewToken { name, role: "reader".into(), expires_at: None }).map(drop)
    }

    pub fn revoke_token(&mut self, scope: &Scope) -> Result<(), AppError> {
        let token = self.any::<Token>()?.id;
        self.app.revoke_token(scope, token).map(drop)
    }

    pub fn make_record(&mut self, scope: &Scope) -> Result<(), AppError> {
        let (app, made, who) = (self.app, self.next(), self.anybody()?);
        let named = ("name", Value::text(format!("Thing {made}")));
        let people = Value::List(vec![who.to_string().into()]);
        let done = match self.dice.below(8) {
            0 => app.create_record::<Group>(scope, &[named, ("members", people)]),
            1 => {
                let entries = Value::List(vec![format!("1=user:{who}").as_str().into()]);
                app.create_record::<Menu>(scope, &[named, ("entries", entries)])
            }
            2 => app.create_record::<FaxAccount>(scope, &[named, ("users", people)]),
            3 => app.create_record::<OnCallSchedule>(scope, &[named, ("members", people)]),
            4 => {
                let from = self.any::<PhoneNumber>()?.id;
                app.create_record::<SmsSender>(
                    scope,
                    &[named, ("number", Value::Id(from.0)), ("users", people)],
                )
            }
            5 => {
                let texts = [
                    ("country", "NZ"),
                    ("street", "Main"),
                    ("house_number", "1"),
                    ("city", "Wellington"),
                    ("postal_code", "6011"),
                ];
                let mut values = fields::<EmergencyLocation>(&texts);
                values.extend([named, ("owner", Value::Id(who.0))]);
                app.create_record::<EmergencyLocation>(scope, &values)
            }
            6 => app.create_record::<TagDefinition>(
                scope,
                &fields::<TagDefinition>(&[("name", &format!("k:{made}"))]),
            ),
            _ => {
                let number = number(500 + made % 40);
                let texts = [("kind", "user"), ("country", "US"), ("number", number.as_str())];
                app.create_record::<UnassignedExtension>(scope, &fields::<UnassignedExtension>(&texts))
            }
        };
        done.map(drop)
    }

    pub fn edit_record(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.anybody()?;
        let people = Value::List(vec![who.to_string().into()]);
        match self.dice.below(3) {
            0 => {
                let id = self.any::<Group>()?.id;
                self.app.edit_record::<Group>(scope, id.0, None, &[("members", people)]).map(drop)
            }
            1 => {
                let id = self.any::<FaxAccount>()?.id;
                self.app.edit_record::<FaxAccount>(scope, id.0, None, &[("users", people)]).map(drop)
            }
            _ => {
                let id = self.any::<PhoneNumber>()?.id;
                self.app
                    .edit_record::<PhoneNumber>(scope, id.0, None, &[("user", Value::Id(who.0))])
                    .map(drop)
            }
        }
    }

    pub fn remove_record(&mut self, scope: &Scope) -> Result<(), AppError> {
        match self.dice.below(5) {
            0 => {
                let id = self.any::<Group>()?.id;
                self.app.remove_record::<Group>(scope, id.0).map(drop)
            }
            1 => {
                let id = self.any::<Menu>()?.id;
                self.app.remove_record::<Menu>(scope, id.0).map(drop)
            }
            2 => {
                let id = self.any::<PhoneNumber>()?.id;
                self.app.remove_record::<PhoneNumber>(scope, id.0).map(drop)
            }
            3 => {
                let id = self.any::<EmergencyLocation>()?.id;
                self.app.remove_record::<EmergencyLocation>(scope, id.0).map(drop)
            }
            _ => {
                let id = self.any::<UnassignedExtension>()?.id;
                self.app.remove_record::<UnassignedExtension>(scope, id.0).map(drop)
            }
        }
    }

    pub fn order(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.anybody()?;
        let wanted = NewItem { user: Some(who), ..number_item(self.dice.below(60) as u32) };
        let items = match self.dice.below(4) {
            0 => vec![wanted],
            1 => vec![NewItem { quantity: 2, ..item(ItemKind::Number) }],
            2 => vec![wanted, self.phone(who)],
            _ => vec![NewItem { user_type: Some(UserType::User), quantity: 2, ..item(ItemKind::Licence) }],
        };
        let new = NewOrder { items, ..NewOrder::default() };
        let done = self.app.create_order(scope, &new)?;
        self.again(scope, &done, |app| app.create_order(scope, &new))
    }

    fn phone(&mut self, who: UserId) -> NewItem {
        let made = self.next();
        let address = self.world.address(&self.scope, &format!("Office {made}"));
        self.settled = self.head();
        let model: Option<Name> = Some(parsed("Yealink T54W"));
        NewItem { model, address: Some(address), user: Some(who), ..item(ItemKind::Phone) }
    }

    fn one_order(&mut self, is: impl Fn(OrderState) -> bool) -> Result<Order, AppError> {
        let open: Vec<Order> = self.seen().orders.into_iter().filter(|order| is(order.state)).collect();
        self.dice.pick(&open).cloned().ok_or(AppError::NotFound("order"))
    }

    pub fn confirm(&mut self, scope: &Scope) -> Result<(), AppError> {
        let order = self.one_order(|_| true)?.id;
        let digest = self.world.digest(&self.scope, order);
        if self.dice.below(4) == 0 {
            return self.app.submit_order(scope, order, &digest).map(drop);
        }
        let done = self.app.confirm_order(scope, order, &digest)?.done;
        self.again(scope, &done, |app| Ok(app.confirm_order(scope, order, &digest)?.done))
    }

    pub fn cancel(&mut self, scope: &Scope) -> Result<(), AppError> {
        let order = self.one_order(|_| true)?.id;
        self.app.cancel_order(scope, order, None).map(drop)
    }

    pub fn deliver(&mut self, scope: &Scope) -> Result<(), AppError> {
        if self.dice.below(2) == 0 {
            let who = self.anybody()?;
            let phone = self.phone(who);
            let order = self.world.order(&self.scope, vec![phone]);
            self.app.confirm_order(&self.scope, order, &self.world.digest(&self.scope, order))?;
            self.settled = self.head();
        }
        let order = self.one_order(|state| state == OrderState::Confirmed)?.id;
        match self.dice.below(2) {
            0 => self.app.ship_order(scope, order, &[], &Parcel::default()).map(drop),
            _ => self.app.receive_order(scope, order, &[]).map(drop),
        }
    }

    pub fn give_licence(&mut self, scope: &Scope) -> Result<(), AppError> {
        let new = NewLicence { user_type: UserType::User, quantity: Count(3) };
        self.app.give_licence(scope, &new).map(drop)
    }

    pub fn end_licence(&mut self, scope: &Scope) -> Result<(), AppError> {
        let licence = self.any::<Licence>()?.id;
        self.app.end_licence(scope, licence).map(drop)
    }

    pub fn port(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.anybody()?;
        let brought = number(200 + self.dice.below(12) as u32);
        let mut values = fields::<PortOrder>(&[("numbers", &brought)]);
        values.push(("user", Value::Id(who.0)));
        self.app.create_record::<PortOrder>(scope, &values).map(drop)
    }

    pub fn move_port(&mut self, scope: &Scope) -> Result<(), AppError> {
        let port = self.any::<PortOrder>()?.id;
        let news = match self.dice.below(5) {
            0 => PortNews::Submitted,
            1 => PortNews::Rejected(parsed("no such account")),
            2 => PortNews::Dated(at(2026, 6, 1, 9)),
            3 => PortNews::Activated,
            _ => PortNews::Cancelled,
        };
        self.app.move_port(scope, port, &news).map(drop)
    }

    pub fn choose(&mut self, scope: &Scope) -> Result<(), AppError> {
        let offer = ["Seats", "Seats", "Licences", "Pool"][self.dice.below(4)];
        self.app.choose_subscription(scope, offer).map(drop)
    }

    /// A month later, the cycle in which all of it was.
    pub fn close(&mut self, scope: &Scope) -> Result<(), AppError> {
        let bill = self.app.preview_invoice(&self.scope, None)?;
        let again = self.app.preview_invoice(&self.scope, None)?;
        assert_eq!(bill.lines, again.lines, "4: the same log gives another invoice");
        let now = self.seen().now;
        self.app.set_clock(UnixMillis(now.0 + 31 * 86_400_000));
        let closed = self.app.close_invoice(scope, None)?;
        let check = self.app.check_invoice(&self.scope, &closed.invoice.id.to_string())?;
        assert!(check.is_same(), "4: {check:?}");
        Ok(())
    }

    /// An address that no order names goes, another one stays.
    pub fn move_away(&mut self, scope: &Scope) -> Result<(), AppError> {
        if self.dice.below(2) == 0 {
            let made = self.next();
            self.world.address(&self.scope, &format!("Old office {made}"));
            self.settled = self.head();
        }
        let id = self.any::<ShippingAddress>()?.id;
        self.app.remove_record::<ShippingAddress>(scope, id.0).map(drop)
    }
}
