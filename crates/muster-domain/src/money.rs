//! Amounts: whole minor units (cents) of a currency, never fractions of one.

use smol_str::SmolStr;

use crate::types::FieldValue;
use crate::value::{FieldType, Reason, Value};

/// An amount in the minor unit of its currency: 1250 is 12.50 EUR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Minor(pub i64);

/// No price and no total is larger: sums of a hundred thousand of them still fit.
pub const MINOR_MAX: i64 = 1_000_000_000_000;

impl Minor {
    pub const ZERO: Minor = Minor(0);

    /// So many times this.
    pub fn times(self, n: u64) -> Minor {
        Minor(self.0.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX)))
    }

    /// The share of this for some days of a cycle's, to the nearest minor unit; half a unit goes up, away from
    /// zero.
    pub fn for_days(self, days: u32, of_days: u32) -> Minor {
        if days >= of_days {
            return self;
        }
        let (doubled, of) = (2 * i128::from(self.0) * i128::from(days), 2 * i128::from(of_days));
        let half = i128::from(of_days) * if doubled < 0 { -1 } else { 1 };
        Minor(i64::try_from((doubled + half) / of).unwrap_or(i64::MAX))
    }

    /// `12.50`: with two decimals, as the currencies here have them.
    pub fn decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", units / 100, units % 100)
    }
}

impl std::iter::Sum for Minor {
    fn sum<I: Iterator<Item = Minor>>(amounts: I) -> Minor {
        amounts.fold(Minor::ZERO, |sum, amount| Minor(sum.0.saturating_add(amount.0)))
    }
}

impl std::ops::Add for Minor {
    type Output = Minor;
    fn add(self, other: Minor) -> Minor {
        Minor(self.0.saturating_add(other.0))
    }
}

impl std::ops::Neg for Minor {
    type Output = Minor;
    fn neg(self) -> Minor {
        Minor(-self.0)
    }
}

impl FieldValue for Minor {
    const TYPE: FieldType = FieldType::Int;

    fn parse(text: &str) -> Result<Self, Reason> {
        let amount = text.trim().parse().map_err(|_| not_an_amount())?;
        Minor::from_value(&Value::Int(amount))
    }

    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        match value {
            Value::Int(n) if n.abs() <= MINOR_MAX => Ok(Minor(*n)),
            _ => Err(not_an_amount()),
        }
    }
}

fn not_an_amount() -> Reason {
    Reason::new("is not an amount", "write whole minor units, such as 1250 for 12.50")
}

/// A number of things, not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count(pub u64);

impl FieldValue for Count {
    const TYPE: FieldType = FieldType::Int;

    fn parse(text: &str) -> Result<Self, Reason> {
        let count = text.trim().parse().map_err(|_| not_a_count())?;
        Count::from_value(&Value::Int(count))
    }

    fn to_value(&self) -> Value {
        Value::Int(i64::try_from(self.0).unwrap_or(i64::MAX))
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        match value {
            Value::Int(n) => u64::try_from(*n).map(Count).map_err(|_| not_a_count()),
            _ => Err(not_a_count()),
        }
    }
}

fn not_a_count() -> Reason {
    Reason::new("is not a number of things", "write a whole number, 0 or more")
}

/// Three capital letters (ISO 4217), of a currency with two decimals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(SmolStr);

/// Currencies whose minor unit is not a hundredth: amounts in them would be shown wrongly.
const NOT_HUNDREDTHS: &[&str] = &[
    "BHD", "BIF", "CLF", "CLP", "DJF", "GNF", "IQD", "ISK", "JOD", "JPY", "KMF", "KRW", "KWD", "LYD", "OMR",
    "PYG", "RWF", "TND", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
];

impl Currency {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What amounts are in where nothing costs anything.
impl Default for Currency {
    fn default() -> Currency {
        Currency(SmolStr::new_static("USD"))
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FieldValue for Currency {
    const TYPE: FieldType = FieldType::Text;

    fn parse(text: &str) -> Result<Self, Reason> {
        let code = text.trim().to_ascii_uppercase();
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Reason::new("is not a currency", "write its three letters, such as EUR or USD"));
        }
        if NOT_HUNDREDTHS.contains(&code.as_str()) {
            return Err(Reason::new(
                "has no hundredths, and prices here are in hundredths",
                "choose a currency with two decimals",
            ));
        }
        Ok(Currency(code.into()))
    }

    fn to_value(&self) -> Value {
        Value::Text(self.0.clone())
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        Currency::parse(value.as_text().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_days_is_rounded_to_the_nearest_cent_and_a_half_goes_up() {
        let share = |price: i64, days, of| Minor(price).for_days(days, of).0;
        assert_eq!(share(1000, 15, 30), 500);
        // 10.00 * 10 / 31 = 3.2258…
        assert_eq!(share(1000, 10, 31), 323);
        // 0.05 * 15 / 30 = 0.025: half a cent.
        assert_eq!(share(5, 15, 30), 3);
        assert_eq!(share(-5, 15, 30), -3);
        assert_eq!(share(1999, 0, 30), 0);
        assert_eq!(share(1999, 30, 30), 1999);
        assert_eq!(Minor(123_456).decimal(), "1234.56");
        assert_eq!(Minor(-5).decimal(), "-0.05");
    }

    #[test]
    fn a_currency_has_three_letters_and_two_decimals() {
        assert_eq!(Currency::parse("eur").unwrap().as_str(), "EUR");
        assert!(Currency::parse("EURO").is_err());
        assert!(Currency::parse("JPY").unwrap_err().reason.contains("hundredths"));
    }
}
