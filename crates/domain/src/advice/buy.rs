//! The cheapest packages for an amount (R18), exactly.

use crate::amount::Credits;
use crate::catalog::Package;

/// How many of which package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basket {
    /// What it costs, in minor units.
    pub amount: i64,
    /// What it brings.
    pub credits: Credits,
    /// Ids of packages, each with its number, largest first.
    pub packages: Vec<(String, i64)>,
}

/// The cheapest packages that bring at least `need`; of equally cheap ones those that are larger.
/// None where nothing is for sale, or the sum is beyond all numbers.
#[must_use]
pub fn cheapest(packages: &[Package], need: Credits) -> Option<Basket> {
    if !need.is_positive() {
        return Some(Basket::default());
    }
    // Whole credits, rounded up: packages have no fractions.
    let need = need.0.checked_add(999)? / 1_000;
    let mut sorted: Vec<&Package> = packages.iter().filter(|package| package.credits > 0).collect();
    sorted.sort_by_key(|package| std::cmp::Reverse(package.credits));
    let mut search = Search { packages: sorted, counts: Vec::new(), best: None };
    search.go(0, need, 0);
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

/// Branch and bound over the counts of each package, largest package first. A catalogue's larger packages are never
/// dearer per credit, so that the price per credit of what is left to choose from only rises: the bound.
struct Search<'a> {
    packages: Vec<&'a Package>,
    counts: Vec<i64>,
    /// The cheapest so far: price and counts.
    best: Option<(i64, Vec<i64>)>,
}

impl Search<'_> {
    fn go(&mut self, place: usize, need: i64, price: i64) {
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
                    // Fewer of this package leave more to be had for no better a price.
                    break;
                }
                // One too many, perhaps: what it brings beyond the need is paid for as well.
                continue;
            }
            self.counts.push(count);
            self.go(place + 1, rest, step);
            self.counts.pop();
        }
    }

    /// How many of a package can be worth having: of a smaller one fewer than fill the largest exactly, since those
    /// would be the largest for no more money.
    fn useful(&self, place: usize) -> i64 {
        match (place, self.packages.first()) {
            (1.., Some(largest)) => largest.credits / gcd(largest.credits, self.packages[place].credits),
            _ => i64::MAX,
        }
    }

    /// Whether what is missing cannot be had, or not for less than what was found.
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
