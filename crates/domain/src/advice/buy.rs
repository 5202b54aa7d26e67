//! The cheapest packages for a number of credits (R18), exactly.

use crate::amount::Credits;
use crate::catalog::Package;

/// Packages and their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basket {
    /// Minor units.
    pub amount: i64,
    pub credits: Credits,
    /// Package ids with their number, largest package first.
    pub packages: Vec<(String, i64)>,
}

/// The cheapest packages with at least `need` credits; at equal price the larger ones. `None` if nothing is for sale or
/// the sum overflows.
#[must_use]
pub fn cheapest(packages: &[Package], need: Credits) -> Option<Basket> {
    if !need.is_positive() {
        return Some(Basket::default());
    }
    // Packages have whole credits, so round up.
    let need = need.0.checked_add(999)? / 1_000;
    let mut sorted: Vec<&Package> = packages.iter().filter(|package| package.credits > 0).collect();
    sorted.sort_by_key(|package| std::cmp::Reverse(package.credits));
    let mut search = Search { packages: sorted, counts: Vec::new(), best: None };
    search.visit(0, need, 0);
    let (_, counts) = search.best?;
    Some(basket(&search.packages, &counts))
}

fn basket(packages: &[&Package], counts: &[i64]) -> Basket {
    let mut basket = Basket::default();
    for (package, count) in packages.iter().zip(counts).filter(|(_, count)| **count > 0) {
        basket.amount += package.amount * count;
        basket.credits += Credits::whole(package.credits * count);
        basket.packages.push((package.id.clone(), *count));
    }
    basket
}

/// Branch and bound over the number of each package, largest package first. A larger package is never dearer per
/// credit, so the price per credit of later packages only rises: that is the bound.
struct Search<'a> {
    packages: Vec<&'a Package>,
    counts: Vec<i64>,
    /// Price and counts of the cheapest result so far.
    best: Option<(i64, Vec<i64>)>,
}

impl Search<'_> {
    fn visit(&mut self, place: usize, need: i64, price: i64) {
        if need <= 0 {
            if self.best.as_ref().is_none_or(|(best, _)| price < *best) {
                self.best = Some((price, self.counts.clone()));
            }
            return;
        }
        let Some(package) = self.packages.get(place).copied() else { return };
        let enough = (need - 1) / package.credits + 1;
        for count in (0..=enough.min(self.useful(place))).rev() {
            let Some(step) = package.amount.checked_mul(count).and_then(|step| step.checked_add(price)) else {
                continue;
            };
            let rest = need.saturating_sub(package.credits.saturating_mul(count)).max(0);
            if self.hopeless(place + 1, rest, step) {
                if rest > 0 {
                    // Fewer of this package leave more credits to buy at no better price.
                    break;
                }
                // One package less may do: credits beyond the need cost money too.
                continue;
            }
            self.counts.push(count);
            self.visit(place + 1, rest, step);
            self.counts.pop();
        }
    }

    /// The most of a package that can help. Enough of a smaller package to equal the largest one exactly would be the
    /// largest one, for no more money.
    fn useful(&self, place: usize) -> i64 {
        match (place, self.packages.first()) {
            (1.., Some(largest)) => largest.credits / gcd(largest.credits, self.packages[place].credits),
            _ => i64::MAX,
        }
    }

    /// True if the rest cannot be bought, or not below the best price.
    fn hopeless(&self, place: usize, rest: i64, price: i64) -> bool {
        let more = match self.packages.get(place) {
            _ if rest <= 0 => 0,
            Some(next) => {
                let (whole, each) = (i128::from(rest) * i128::from(next.amount), i128::from(next.credits));
                (whole + each - 1) / each
            }
            None => return true,
        };
        self.best.as_ref().is_some_and(|(best, _)| i128::from(price) + more >= i128::from(*best))
    }
}

const fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
